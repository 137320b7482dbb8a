package route

import (
	"cmp"
	"slices"
)

// Host puts the rules for one hostname in the order in which they match: the first that matches answers.
//
// parts are those whose hostname covers this one, in any order; see Covering. Of them, those of the listener that owns the
// hostname count (see Owner), the others are left out. A hostname of a listener needs its virtual host even without any part, so that its
// requests do not fall through to another listener's wildcard.
//
// The order is that of the API. First, by the route's own hostname that led here: exact ones before wildcards, the longer before the
// shorter, routes without a hostname last. Then, by the match: an exact path, then a regular expression, then a prefix; of these, the
// longer; then one with a method; then the more headers; then the more query parameters. Then the oldest route, the alphabet of
// namespace and name, and the order within the route. The API leaves the place of regular expressions open. They stand
// before prefixes, because behind them a rule for the prefix "/" would hide them all.
func Host(id HostID, listener string, parts []Part) *VirtualHost {
	var all []placed
	for i := range parts {
		p := &parts[i]
		if p.Listener != listener || !covers(p.Host.Hostname, id.Hostname) {
			continue
		}
		for k, r := range p.Rules {
			all = append(all, placed{part: p, rule: r, index: k})
		}
	}
	slices.SortFunc(all, comparePlaced)
	host := &VirtualHost{ID: id, Listener: listener}
	seen := make(map[string]bool, len(all))
	for _, p := range all {
		// A route that leads here by several hostnames gives the same rules by each; the first place counts.
		if !seen[p.rule.Name] {
			seen[p.rule.Name] = true
			host.Rules = append(host.Rules, p.rule)
		}
	}
	return host
}

// placed is a rule with all that its place depends on.
type placed struct {
	part  *Part
	rule  *Rule
	index int
}

func comparePlaced(a, b placed) int {
	if c := CompareHostnames(a.part.Hostname, b.part.Hostname); c != 0 {
		return c
	}
	if c := compareMatches(&a.rule.Match, &b.rule.Match); c != 0 {
		return c
	}
	if c := a.part.Created.Compare(b.part.Created); c != 0 {
		return c
	}
	if a.part.Route != b.part.Route {
		return cmp.Compare(a.part.Route.String(), b.part.Route.String())
	}
	return cmp.Or(
		cmp.Compare(a.index, b.index),
		CompareHostnames(a.part.Host.Hostname, b.part.Host.Hostname),
	)
}

func compareMatches(a, b *Match) int {
	return cmp.Or(
		cmp.Compare(pathRank(a.Path), pathRank(b.Path)),
		cmp.Compare(len(b.Value), len(a.Value)),
		cmp.Compare(methodRank(a), methodRank(b)),
		cmp.Compare(len(b.Headers), len(a.Headers)),
		cmp.Compare(len(b.Query), len(a.Query)),
	)
}

func pathRank(p PathMatch) int {
	switch p {
	case Exact:
		return 0
	case Regex:
		return 1
	}
	return 2
}

func methodRank(m *Match) int {
	if m.Method != "" {
		return 0
	}
	return 1
}
