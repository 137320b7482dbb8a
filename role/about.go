package role

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"time"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/kube"
)

// describe looks now and then whether the cluster is still what it was.
func (m *member) describe(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(describePause):
		}
		if about, err := kube.Describe(ctx, m.Config, m.client, m.Namespace); err == nil {
			m.about.Store(&about)
		}
	}
}

// status is what the cluster says of itself on the hub.
func (m *member) status() v1alpha1.MemberStatus {
	about := m.about.Load()
	return v1alpha1.MemberStatus{
		ClusterUID: about.UID, Kubernetes: about.Kubernetes, Agent: m.Version, Region: about.Region, Zone: about.Zone,
		ServiceRanges: texts(about.ServiceRanges), PodRanges: texts(about.PodRanges),
	}
}

func texts(prefixes []netip.Prefix) (out []string) {
	for _, p := range prefixes {
		out = append(out, p.String())
	}
	return out
}

// beacons are those of all replicas, or the own one for as long as the cluster names none.
func (m *member) beacons() []string {
	port := portOf(m.Beacon)
	if all := m.peers.Beacons(port); len(all) > 0 || m.PodIP == "" {
		return all
	}
	return []string{net.JoinHostPort(m.PodIP, strconv.Itoa(port))}
}

func (m *member) others() []string { return m.peers.Others(m.PodIP, portOf(m.Peers)) }

func portOf(address string) int {
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		return 0
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return port
}
