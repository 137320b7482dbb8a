package membership

import (
	corev1 "k8s.io/api/core/v1"
)

// locality returns the region and the zone that all nodes agree on. A cluster over several zones has none; its endpoints name their
// own.
func locality(nodes []corev1.Node) (region, zone string) {
	return agreed(nodes, corev1.LabelTopologyRegion), agreed(nodes, corev1.LabelTopologyZone)
}

func agreed(nodes []corev1.Node, label string) string {
	if len(nodes) == 0 {
		return ""
	}
	first := nodes[0].Labels[label]
	for _, n := range nodes[1:] {
		if n.Labels[label] != first {
			return ""
		}
	}
	return first
}
