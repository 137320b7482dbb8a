package membership

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/manifest"
)

// lifetime is how long a credential lives that nobody renews. The agent renews it long before.
const lifetime = 24 * time.Hour

// door is where a member's pods reach the hub's API, and how they know it.
type door struct {
	server, name string
	ca           []byte
}

// door returns the way to this hub: the server that the operator named, or the one that the operator's own kubeconfig has. A cluster that
// is the hub itself has one that always works.
func (a *Access) door(ctx context.Context, server string, itself bool) (door, error) {
	config := rest.CopyConfig(a.Config)
	if err := rest.LoadTLSFiles(config); err != nil {
		return door{}, fmt.Errorf("read the certificates of %s: %w", a.Context, err)
	}
	d := door{server: config.Host, name: config.ServerName, ca: config.CAData}
	switch {
	case server != "":
		d.server = server
	case loopback(config.Host) && itself:
		d.server, d.name, d.ca = "https://kubernetes.default.svc", "", nil
	case loopback(config.Host):
		return door{}, &Refusal{
			What:   fmt.Sprintf("the context %s reaches the hub at %s, where no other cluster finds it", a.Context, config.Host),
			Remedy: "name the URL of the hub's API as pods reach it: --server https://HUB:6443",
		}
	}
	if u, err := url.Parse(d.server); err != nil || u.Scheme != "https" || u.Host == "" {
		return door{}, &Refusal{What: fmt.Sprintf("%q is no https URL", d.server), Remedy: "write for example --server https://hub.example:6443"}
	}
	if len(d.ca) == 0 && (config.Insecure || d.server != config.Host) {
		ca, err := a.rootCA(ctx)
		if err != nil {
			return door{}, err
		}
		d.ca = ca
	}
	return d, nil
}

// rootCA returns the certificates by which pods of this cluster know its API.
func (a *Access) rootCA(ctx context.Context) ([]byte, error) {
	var m corev1.ConfigMap
	if err := a.Get(ctx, client.ObjectKey{Namespace: "kube-system", Name: "kube-root-ca.crt"}, &m); err != nil {
		return nil, fmt.Errorf("read the root certificates of %s: %w", a.Context, err)
	}
	return []byte(m.Data["ca.crt"]), nil
}

// loopback says whether a server's address means something on this machine only.
func loopback(server string) bool {
	host := server
	if u, err := url.Parse(server); err == nil && u.Host != "" {
		host = u.Hostname()
	} else if h, _, err := net.SplitHostPort(server); err == nil {
		host = h
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && (ip.IsLoopback() || ip.IsUnspecified())
}

// issue makes a credential of a member that stands on the hub.
func (a *Access) issue(ctx context.Context, r *Roll, cluster string, d door, ttl time.Duration) (Invitation, error) {
	account := &corev1.ServiceAccount{}
	account.Namespace, account.Name = hub.Namespace(cluster), manifest.MemberAccount
	seconds := int64(ttl.Seconds())
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
	if err := a.SubResource("token").Create(ctx, account, request); err != nil {
		return Invitation{}, fmt.Errorf("ask %s for a token of %s: %w", a.Context, cluster, a.explain(err))
	}
	return Invitation{
		Cluster: cluster, ClusterSet: r.ClusterSet, Namespace: account.Namespace, Version: r.Version,
		Server: d.server, TLSServerName: d.name, CA: d.ca,
		Token: request.Status.Token, Expires: request.Status.ExpirationTimestamp.Time,
	}, nil
}
