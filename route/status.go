package route

import (
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"fairlead.dev/fairlead/fleet"
)

// status is the status of a listener, given whether its Gateway is accepted and has addresses.
func (c *candidate) status(gateway, addresses bool) ListenerStatus {
	conditions := []fleet.Condition{c.acceptance(), c.programmed(gateway, addresses), c.resolved(), c.conflicted()}
	return ListenerStatus{
		Name:           c.spec.Name,
		SupportedKinds: supportedKinds(c.spec),
		Conditions:     append(conditions, c.overlapping()...),
	}
}

// complaint says why a listener cannot serve.
func (c *candidate) complaint() string {
	switch {
	case len(c.problems) > 0:
		return c.problems.message()
	case c.conflict != "":
		return c.conflictMessage()
	}
	return c.unresolved.message()
}

func (c *candidate) acceptance() fleet.Condition {
	switch {
	case len(c.problems) > 0:
		return condition(gatewayv1.ListenerConditionAccepted, fleet.False, c.problems.reason(), c.problems.message())
	case c.conflict != "":
		return condition(gatewayv1.ListenerConditionAccepted, fleet.False, c.conflict, c.conflictMessage())
	}
	return condition(gatewayv1.ListenerConditionAccepted, fleet.True, gatewayv1.ListenerReasonAccepted, "")
}

func (c *candidate) programmed(gateway, addresses bool) fleet.Condition {
	no := func(reason gatewayv1.ListenerConditionReason, message string) fleet.Condition {
		return condition(gatewayv1.ListenerConditionProgrammed, fleet.False, reason, message)
	}
	switch {
	case c.conflict != "":
		return no(c.conflict, c.conflictMessage())
	case !c.accepted():
		return no(gatewayv1.ListenerReasonInvalid, "The listener is not accepted.")
	case !c.serves():
		return no(gatewayv1.ListenerReasonInvalid, c.unresolved.message())
	case !gateway:
		return no(gatewayv1.ListenerReasonPending, "The Gateway is not accepted.")
	case !addresses:
		return no(gatewayv1.ListenerReasonPending, "The Gateway has no address to listen on.")
	case c.taken != "":
		return no(gatewayv1.ListenerReasonPending, c.taken+".")
	}
	return condition(gatewayv1.ListenerConditionProgrammed, fleet.True, gatewayv1.ListenerReasonProgrammed, "")
}

func (c *candidate) resolved() fleet.Condition {
	if len(c.unresolved) > 0 {
		return condition(gatewayv1.ListenerConditionResolvedRefs, fleet.False, c.unresolved.reason(), c.unresolved.message())
	}
	return condition(gatewayv1.ListenerConditionResolvedRefs, fleet.True, gatewayv1.ListenerReasonResolvedRefs, "")
}
