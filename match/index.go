package match

import "strings"

// pathIndex finds the routes that may match a path without asking each of them. The first match in the order of the virtual host
// wins, so each list holds positions in ascending order, and the best is the least position over all lists.
//
// Example: routes 0 "= /a", 1 "prefix /b", 2 "prefix /", 3 "~ /b.*". The path /b/c asks the lists elements["/b"] = [1],
// elements[""] = [2] and others = [3]; 1 is the least, if its headers and query match too.
type pathIndex struct {
	whole    map[string][]int32
	elements map[string][]int32
	others   []int32
}

func indexPaths(routes []*Route) pathIndex {
	x := pathIndex{whole: map[string][]int32{}, elements: map[string][]int32{}}
	for i, r := range routes {
		switch {
		case r.path.fold || r.path.kind == startOfPath || r.path.kind == pathRegex:
			x.others = append(x.others, int32(i))
		case r.path.kind == wholePath:
			x.whole[r.path.value] = append(x.whole[r.path.value], int32(i))
		default:
			x.elements[r.path.value] = append(x.elements[r.path.value], int32(i))
		}
	}
	return x
}

// Match returns the first route that matches, or nil. It does not allocate, unless a compared header has several values or a
// compared query parameter is escaped.
func (h *Host) Match(req *Request) *Route {
	best := int32(len(h.Routes))
	best = h.first(h.paths.whole[req.Path], req, best)
	for end := len(req.Path); end >= 0 && len(h.paths.elements) > 0; end = strings.LastIndexByte(req.Path[:max(end, 0)], '/') {
		best = h.first(h.paths.elements[req.Path[:end]], req, best)
		if end == 0 {
			break
		}
	}
	for _, i := range h.paths.others {
		if i >= best {
			break
		}
		if h.Routes[i].match(req) {
			best = i
			break
		}
	}
	if int(best) == len(h.Routes) {
		return nil
	}
	return h.Routes[best]
}

// first returns the first of the listed routes whose other conditions hold, if it comes before best.
func (h *Host) first(list []int32, req *Request, best int32) int32 {
	for _, i := range list {
		if i >= best {
			break
		}
		if h.Routes[i].matchKeys(req) {
			return i
		}
	}
	return best
}

// Miss says why a route that was tried is not the one.
type Miss struct {
	Route *Route
	Why   string
}

// Explain is Match by asking each route in turn, and tells why those before the answer lost. It returns what Match returns.
func (h *Host) Explain(req *Request) (*Route, []Miss) {
	var lost []Miss
	for _, r := range h.Routes {
		why := r.why(req)
		if why == "" {
			return r, lost
		}
		lost = append(lost, Miss{Route: r, Why: why})
	}
	return nil, lost
}
