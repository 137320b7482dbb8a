package route

import (
	"fmt"
	"strings"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"fairlead.dev/fairlead/fleet"
)

// findConflicts marks the listeners that are not distinct: those that share a port with another protocol, and those that share
// port, protocol and hostname. None of them wins. Listeners with problems of their own are never served, so they conflict with nobody.
func findConflicts(all []*candidate) {
	for i, a := range all {
		for j, b := range all {
			if i == j || len(a.problems) > 0 || len(b.problems) > 0 || a.spec.Port != b.spec.Port {
				continue
			}
			switch {
			case a.spec.Protocol != b.spec.Protocol:
				a.clash(gatewayv1.ListenerReasonProtocolConflict, b)
			case a.hostname == b.hostname:
				a.clash(gatewayv1.ListenerReasonHostnameConflict, b)
			case a.spec.Protocol == gatewayv1.HTTPSProtocolType && (covers(a.hostname, b.hostname) || covers(b.hostname, a.hostname)):
				a.overlap = append(a.overlap, string(b.spec.Name))
			}
		}
	}
}

// clash notes a conflict. One of protocols weighs more than one of hostnames.
func (c *candidate) clash(reason gatewayv1.ListenerConditionReason, with *candidate) {
	if c.conflict != reason {
		if c.conflict == gatewayv1.ListenerReasonProtocolConflict {
			return
		}
		c.conflict, c.rivals = reason, nil
	}
	c.rivals = append(c.rivals, string(with.spec.Name))
}

// conflicted is the Conflicted condition.
func (c *candidate) conflicted() fleet.Condition {
	if c.conflict == "" {
		return condition(gatewayv1.ListenerConditionConflicted, fleet.False, gatewayv1.ListenerReasonNoConflicts, "")
	}
	return condition(gatewayv1.ListenerConditionConflicted, fleet.True, c.conflict, c.conflictMessage())
}

func (c *candidate) conflictMessage() string {
	rivals := strings.Join(c.rivals, ", ")
	if c.conflict == gatewayv1.ListenerReasonProtocolConflict {
		return fmt.Sprintf("Listener %s has protocol %s on port %d, where listener %s has another one; give one of them another port.",
			c.spec.Name, c.spec.Protocol, c.spec.Port, rivals)
	}
	return fmt.Sprintf("Listener %s has hostname %s on port %d, as has listener %s; change one of them.", c.spec.Name, c.hostname, c.spec.Port, rivals)
}

// overlapping is the OverlappingTLSConfig condition, which the API wants only where it is true.
func (c *candidate) overlapping() []fleet.Condition {
	if len(c.overlap) == 0 || !c.accepted() {
		return nil
	}
	return []fleet.Condition{condition(gatewayv1.ListenerConditionOverlappingTLSConfig, fleet.True, gatewayv1.ListenerReasonOverlappingHostnames,
		fmt.Sprintf("Hostname %s overlaps that of listener %s on port %d: clients may reuse a connection for both.",
			c.hostname, strings.Join(c.overlap, ", "), c.spec.Port))}
}
