package route

import (
	"fmt"
	"slices"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"fairlead.dev/fairlead/fleet"
)

// Attach compiles an HTTPRoute: its rules for each server and hostname that it is attached to, and its status for each parent that
// is a Gateway of the class ClassName. Other parents are somebody else's and get no status.
//
// Rules that cannot be used are dropped and told in PartiallyInvalid; a route without a usable rule is not accepted. References
// that lead nowhere are told in ResolvedRefs, and their share of the requests is answered 500.
func Attach(v View, r *gatewayv1.HTTPRoute) *Attachment {
	at := &attacher{view: v, route: r, content: compileContent(v, r), out: &Attachment{}}
	for i := range r.Spec.ParentRefs {
		at.parent(i, &r.Spec.ParentRefs[i])
	}
	if len(r.Spec.ParentRefs) == 0 {
		at.out.Unattached = []string{"spec.parentRefs: is empty, so the route is attached to nothing; name a Gateway."}
	}
	return at.out
}

// attacher is one call of Attach.
type attacher struct {
	view    View
	route   *gatewayv1.HTTPRoute
	content *content
	out     *Attachment
	// located are the rules as each server needs them.
	located map[ServerID][]*Rule
}

// parent attaches the route to one of its parents.
func (at *attacher) parent(i int, ref *gatewayv1.ParentReference) {
	if deref(ref.Group, gatewayv1.GroupName) != gatewayv1.GroupName || deref(ref.Kind, "Gateway") != "Gateway" {
		return
	}
	name := fleet.Name{Namespace: string(deref(ref.Namespace, gatewayv1.Namespace(at.route.Namespace))), Name: string(ref.Name)}
	gw, compiled := at.view.Gateway(name)
	if gw == nil {
		at.out.Unattached = append(at.out.Unattached,
			fmt.Sprintf("spec.parentRefs[%d]: there is no Gateway %s; create it, or name another one.", i, name))
		return
	}
	if gw.Spec.GatewayClassName != ClassName {
		return
	}
	status := ParentStatus{Parent: *ref}
	accepted := at.accept(i, ref, gw, compiled)
	status.Conditions = append(status.Conditions, accepted, at.content.resolved())
	if accepted.Status == fleet.True {
		status.Conditions = append(status.Conditions, at.content.partial()...)
	}
	at.out.Parents = append(at.out.Parents, status)
}

// accept attaches the route to those listeners of a Gateway that take it, and returns the Accepted condition. What keeps the parent
// from taking the route is told before what is wrong with the rules.
func (at *attacher) accept(i int, ref *gatewayv1.ParentReference, gw *gatewayv1.Gateway, compiled *Compiled) fleet.Condition {
	name := fleet.Name{Namespace: gw.Namespace, Name: gw.Name}
	if len(at.content.whole) > 0 {
		return at.content.rejection()
	}
	if compiled == nil {
		return condition(gatewayv1.RouteConditionAccepted, fleet.Unknown, gatewayv1.RouteReasonPending,
			fmt.Sprintf("Gateway %s is not compiled yet.", name))
	}
	doors, refusal := at.doors(ref, gw)
	if len(doors) == 0 {
		refusal = refusal.at("spec.parentRefs", i)
		return condition(gatewayv1.RouteConditionAccepted, fleet.False, refusal.reason(), refusal.message())
	}
	if len(at.content.rules) == 0 {
		return at.content.rejection()
	}
	served := false
	for _, d := range doors {
		served = at.attach(name, d, compiled) || served
	}
	message := ""
	if !served {
		message = fmt.Sprintf("Accepted, but nothing is served: Gateway %s has not programmed the listener.", name)
	}
	return condition(gatewayv1.RouteConditionAccepted, fleet.True, gatewayv1.RouteReasonAccepted, message)
}

// attach adds the route's parts for one listener, and says whether the listener is programmed.
func (at *attacher) attach(gw fleet.Name, d door, compiled *Compiled) bool {
	id := ListenerID{Gateway: gw, Listener: string(d.listener.Name)}
	if slices.Contains(at.out.Attached, id) {
		// Another parentRef has led here already.
		return compiled.server(d.listener) != nil
	}
	at.out.Attached = append(at.out.Attached, id)
	server := compiled.server(d.listener)
	if server == nil {
		return false
	}
	for _, m := range d.meetings {
		if owner, _ := Owner(server.Listeners, m.host); owner.Name != id.Listener {
			continue
		}
		at.out.Parts = append(at.out.Parts, Part{
			Host:     HostID{Server: server.ID, Hostname: m.host},
			Listener: id.Listener,
			Hostname: m.wrote,
			Route:    fleet.Name{Namespace: at.route.Namespace, Name: at.route.Name},
			Created:  at.route.CreationTimestamp.Time,
			Rules:    at.rules(server),
		})
	}
	return true
}

// rules returns the route's rules with their redirects located on a server.
func (at *attacher) rules(s *Server) []*Rule {
	if rules, ok := at.located[s.ID]; ok {
		return rules
	}
	rules := slices.Clone(at.content.rules)
	for i, r := range rules {
		if r.Redirect != nil {
			located := *r
			located.Redirect = r.Redirect.locate(s)
			rules[i] = &located
		}
	}
	if at.located == nil {
		at.located = make(map[ServerID][]*Rule)
	}
	at.located[s.ID] = rules
	return rules
}

// server returns the server that opens a listener; nil where the listener is not programmed.
func (c *Compiled) server(l *gatewayv1.Listener) *Server {
	for _, s := range c.Servers {
		if s.ID.Port != uint16(l.Port) {
			continue
		}
		for i := range s.Listeners {
			if s.Listeners[i].Name == string(l.Name) {
				return s
			}
		}
	}
	return nil
}
