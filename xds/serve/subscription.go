package serve

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"fairlead.dev/fairlead/xds"
)

// subscription is what one client wants and has of one type. It belongs to its stream's goroutine.
type subscription struct {
	typeURL  string
	wildcard bool
	names    map[string]bool
	// known is what the client was sent, or said that it has; nil is a resource of which it knows that there is none.
	known map[string]*xds.Resource
	// present counts those of known that exist.
	present int
	// asked are names that the client waits for. dirty are names that may have changed, gone those that were found to be gone.
	asked, dirty, gone map[string]bool
	// owed says that the client is to have an answer even if there is nothing to tell.
	owed bool
	// awaiting are the responses that are not answered yet, oldest first.
	awaiting []response
}

// response is one response under way.
type response struct {
	nonce string
	names []string
}

func newSubscription(typeURL string) *subscription {
	return &subscription{
		typeURL: typeURL,
		names:   map[string]bool{},
		known:   map[string]*xds.Resource{},
		asked:   map[string]bool{},
		dirty:   map[string]bool{},
		gone:    map[string]bool{},
	}
}

// wants says whether the client follows a name. A virtual host is also followed by whoever subscribes to its route configuration: Envoy
// does so, with the part of the name before the last slash.
func (s *subscription) wants(name string) bool {
	if s.wildcard || s.names[name] {
		return true
	}
	i := strings.LastIndex(name, "/")
	return s.typeURL == xds.HostType && i > 0 && s.names[name[:i]]
}

// learn notes that the client has a resource now, or with nil, that it knows of there being none.
func (s *subscription) learn(name string, res *xds.Resource) {
	s.unlearn(name)
	s.known[name] = res
	if res != nil {
		s.present++
	}
}

func (s *subscription) unlearn(name string) {
	if s.known[name] != nil {
		s.present--
	}
	delete(s.known, name)
}

func (s *subscription) blocked() bool { return len(s.awaiting) > 0 }

// behind says whether there is something that the client has not been told of.
func (s *subscription) behind() bool { return s.owed || len(s.asked)+len(s.dirty)+len(s.gone) > 0 }

// follow subscribes to names, or to everything with "*".
func (s *subscription) follow(r xds.Rendering, set *xds.Set, names []string) {
	for _, name := range names {
		if name == "*" {
			s.followAll(r, set)
			continue
		}
		s.names[name] = true
		if !s.followServer(set, name) {
			s.asked[name] = true
		}
	}
}

func (s *subscription) followAll(r xds.Rendering, set *xds.Set) {
	s.wildcard, s.owed = true, true
	for name := range r.Names(set, s.typeURL) {
		s.asked[name] = true
	}
	// What the client holds from an earlier stream may be gone by now.
	for name := range s.known {
		s.asked[name] = true
	}
}

// followServer asks for all virtual hosts of a server, if the name is one's.
func (s *subscription) followServer(set *xds.Set, name string) bool {
	if s.typeURL != xds.HostType || set.Get(xds.RouteType, name) == nil {
		return false
	}
	s.owed = true
	for host := range set.Under(xds.HostType, name+"/") {
		s.asked[host.Name] = true
	}
	return true
}

// forget drops names that the client no longer follows.
func (s *subscription) forget() {
	for name := range s.known {
		if !s.wants(name) {
			s.unlearn(name)
		}
	}
	for _, set := range []map[string]bool{s.asked, s.dirty, s.gone} {
		maps.DeleteFunc(set, func(name string, _ bool) bool { return !s.wants(name) })
	}
}

// due takes what can be told now out of asked and, unless changes are to wait, out of dirty: resources that the client lacks or
// has in another version, and asked names that do not exist. Names that the client has and that are gone wait in gone.
func (s *subscription) due(hold bool, get func(name string) *xds.Resource) (put []*xds.Resource, absent []string) {
	names := maps.Keys(s.asked)
	if !hold {
		names = join(names, maps.Keys(s.dirty))
	}
	for _, name := range slices.Compact(slices.Sorted(names)) {
		res, asked := get(name), s.asked[name]
		old, told := s.known[name]
		switch {
		case !s.wants(name):
		case res == nil && old != nil:
			s.gone[name] = true
		case res == nil && asked && !told:
			absent = append(absent, name)
			s.learn(name, nil)
		case res != nil && (old == nil || old.Version != res.Version):
			put = append(put, res)
			s.learn(name, res)
		}
		delete(s.asked, name)
		delete(s.dirty, name)
	}
	return put, absent
}

// withdrawn takes the names out of gone that are still gone.
func (s *subscription) withdrawn(get func(name string) *xds.Resource) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(s.gone)) {
		if get(name) == nil {
			names = append(names, name)
			s.unlearn(name)
		}
	}
	clear(s.gone)
	return names
}

// answered takes the response with this nonce, and those before it, out of what is awaited.
func (s *subscription) answered(nonce string) (response, bool) {
	i := slices.IndexFunc(s.awaiting, func(r response) bool { return r.nonce == nonce })
	if i < 0 {
		return response{}, false
	}
	r := s.awaiting[i]
	s.awaiting = s.awaiting[i+1:]
	return r, true
}

func join[T any](seqs ...iter.Seq[T]) iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, seq := range seqs {
			for v := range seq {
				if !yield(v) {
					return
				}
			}
		}
	}
}
