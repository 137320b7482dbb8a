package route

import (
	"strconv"
	"strings"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"fairlead.dev/fairlead/fleet"
)

// content is what an HTTPRoute says, whatever it is attached to.
type content struct {
	// rules are those that can be used, in the order of the route. Redirects have no located port yet.
	rules []*Rule
	// whole is what makes the route unusable as a whole.
	whole problems
	// dropped are the numbers of the rules that cannot be used, and faults is why.
	dropped []int
	faults  problems
	// unresolved are references that lead nowhere.
	unresolved problems
}

func compileContent(v View, r *gatewayv1.HTTPRoute) *content {
	c := &content{whole: checkRoute(r)}
	rules := r.Spec.Rules
	if len(rules) == 0 {
		// The API's default: every path, and no backend, which is answered 500.
		rules = []gatewayv1.HTTPRouteRule{{}}
	}
	names := make(map[gatewayv1.SectionName]bool)
	for i := range rules {
		compiled, faults, unresolved := compileRule(v, r, i, &rules[i])
		if n := rules[i].Name; n != nil {
			if names[*n] {
				faults = append(faults, unsupported("name", "is %s, the name of an earlier rule; choose another one", *n)...)
			}
			names[*n] = true
		}
		c.unresolved = append(c.unresolved, unresolved.at("spec.rules", i)...)
		if len(faults) > 0 {
			c.dropped = append(c.dropped, i)
			c.faults = append(c.faults, faults.at("spec.rules", i)...)
			continue
		}
		c.rules = append(c.rules, compiled...)
	}
	return c
}

// checkRoute checks what no single rule is responsible for.
func checkRoute(r *gatewayv1.HTTPRoute) problems {
	ps := bounded("spec.rules", len(r.Spec.Rules), 16)
	ps = append(ps, bounded("spec.hostnames", len(r.Spec.Hostnames), 16)...)
	ps = append(ps, bounded("spec.parentRefs", len(r.Spec.ParentRefs), 32)...)
	for i, h := range r.Spec.Hostnames {
		ps = append(ps, checkHostname(string(h), true).at("spec.hostnames", i)...)
	}
	total := 0
	for i := range r.Spec.Rules {
		total += max(1, len(r.Spec.Rules[i].Matches))
	}
	if total > 128 {
		ps = append(ps, unsupported("spec.rules", "have %d matches together, and 128 are allowed; split the route", total)...)
	}
	return append(ps, checkDistinct(r)...)
}

// compileRule returns one Rule for each match. faults make the rule unusable.
func compileRule(v View, r *gatewayv1.HTTPRoute, number int, rule *gatewayv1.HTTPRouteRule) (rules []*Rule, faults, unresolved problems) {
	do := Rule{
		Route:   fleet.Ref{Kind: "HTTPRoute", Name: fleet.Name{Namespace: r.Namespace, Name: r.Name}},
		Section: string(deref(rule.Name, "")),
	}
	if rule.Name != nil {
		faults = checkSection("name", do.Section)
	}
	matches, bad := compileMatches(rule.Matches)
	faults = append(faults, bad...)
	bad, lost := compileFilters(v, r.Namespace, rule, &do)
	faults = append(faults, bad...)
	unresolved = lost
	do.Backends, bad, lost = compileBackends(v, r.Namespace, rule.BackendRefs)
	faults = append(faults, bad...)
	unresolved = append(unresolved, lost...)
	faults = append(faults, compileTimeouts(rule.Timeouts, &do)...)
	do.Retry, bad = compileRetry(rule.Retry)
	faults = append(faults, bad...)
	faults = append(faults, checkRule(rule)...)
	if do.Respond != nil {
		do.Redirect, do.Backends = nil, nil
	}
	prefix := do.Route.Name.String() + "/" + strconv.Itoa(number) + "/"
	for i, m := range matches {
		one := do
		one.Name, one.Match = prefix+strconv.Itoa(i), m
		rules = append(rules, &one)
	}
	return rules, faults, unresolved
}

// checkRule checks how the parts of a rule stand together.
func checkRule(rule *gatewayv1.HTTPRouteRule) problems {
	var ps problems
	for i := range rule.Filters {
		if rule.Filters[i].RequestRedirect != nil && len(rule.BackendRefs) > 0 {
			ps = append(ps, unsupported("backendRefs", "are set beside a RequestRedirect, which answers itself; remove one of them")...)
		}
	}
	if rule.SessionPersistence != nil {
		ps = append(ps, unsupported("sessionPersistence", "is not supported; remove it")...)
	}
	return ps
}

// rejection is the Accepted condition of a route that is wrong as a whole or has no rule left.
func (c *content) rejection() fleet.Condition {
	why := c.whole
	if len(why) == 0 {
		why = c.faults
	}
	return condition(gatewayv1.RouteConditionAccepted, fleet.False, why.reason(), why.message())
}

// partial returns the PartiallyInvalid condition of a route that is accepted without some of its rules.
func (c *content) partial() []fleet.Condition {
	if len(c.dropped) == 0 {
		return nil
	}
	numbers := make([]string, len(c.dropped))
	for i, n := range c.dropped {
		numbers[i] = strconv.Itoa(n)
	}
	// The API asks for a message that begins with these words.
	message := "Dropped Rule " + strings.Join(numbers, ", ") + ". " + c.faults.message()
	return []fleet.Condition{condition(gatewayv1.RouteConditionPartiallyInvalid, fleet.True, gatewayv1.RouteReasonUnsupportedValue, message)}
}

// resolved is the ResolvedRefs condition.
func (c *content) resolved() fleet.Condition {
	if len(c.unresolved) > 0 {
		return condition(gatewayv1.RouteConditionResolvedRefs, fleet.False, c.unresolved.reason(), c.unresolved.message())
	}
	return condition(gatewayv1.RouteConditionResolvedRefs, fleet.True, gatewayv1.RouteReasonResolvedRefs, "")
}
