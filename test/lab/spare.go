package lab

import (
	"context"
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
)

// Spare returns addresses of the pod range of the cluster's first node, from its upper end, which no pod gets as long as the node runs fewer
// than 150. Packets to them go to that node and no further.
func (c *Cluster) Spare(ctx context.Context, n int) ([]string, error) {
	var nodes corev1.NodeList
	if err := c.List(ctx, &nodes); err != nil {
		return nil, fmt.Errorf("list the nodes of %s: %w", c.Name, err)
	}
	if len(nodes.Items) == 0 {
		return nil, fmt.Errorf("cluster %s has no nodes", c.Name)
	}
	pods, err := netip.ParsePrefix(nodes.Items[0].Spec.PodCIDR)
	if err != nil {
		return nil, fmt.Errorf("pod range of node %s: %w", nodes.Items[0].Name, err)
	}
	bytes := pods.Addr().AsSlice()
	var all []string
	for i := range n {
		bytes[len(bytes)-1] = byte(200 + i)
		address, _ := netip.AddrFromSlice(bytes)
		all = append(all, address.String())
	}
	return all, nil
}
