// Package zone reads the names of the clusterset from the API of the cluster that it runs in.
//
// In go the ServiceImports and the EndpointSlices of headless imports, by two watches; out comes a dns.Table with each change (New's
// use). It needs nothing else: no hub, no agent, and once it has synced not even the API server, because what is known stays known
// until the API says otherwise. Before both watches have synced it hands on nothing, so that a name is never denied that was only
// not read yet.
//
// It keeps what names depend on and drops the objects themselves. Slices of services that have a clusterset IP are not even watched:
// no name depends on them, and they are most of what changes.
//
// Start with New and Run. The bookkeeping is in this file, the watches are in watch.go.
package zone

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"fairlead.dev/fairlead/dns"
	"fairlead.dev/fairlead/fleet"
)

// Zone is the names of one cluster's API. Its methods may be called from any goroutine.
type Zone struct {
	use func(*dns.Table)

	mu sync.Mutex
	// imports are without their slices; those of one service are in slices by their own names.
	imports map[fleet.Name]*dns.Service
	slices  map[fleet.Name]map[string]*fleet.Slice
	// service is under which service a slice is kept.
	service map[fleet.Name]fleet.Name
	table   *dns.Table
	// seen are the kinds that have been listed.
	seen map[kind]bool
}

// kind is one of the two kinds that are watched.
type kind string

const (
	imports   kind = "ServiceImport"
	endpoints kind = "EndpointSlice"
)

// New returns a zone that knows nothing yet. It calls use, one call at a time, with each new table from when both kinds have been
// listed; use must not block.
func New(use func(*dns.Table)) *Zone {
	return &Zone{
		use:     use,
		imports: map[fleet.Name]*dns.Service{},
		slices:  map[fleet.Name]map[string]*fleet.Slice{},
		service: map[fleet.Name]fleet.Name{},
		table:   dns.NewTable(),
		seen:    map[kind]bool{},
	}
}

// Missing returns the kinds that have not been listed yet; none once the zone is complete.
func (z *Zone) Missing() (kinds []string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, k := range []kind{imports, endpoints} {
		if !z.seen[k] {
			kinds = append(kinds, string(k))
		}
	}
	return kinds
}

// Len returns how many services have names.
func (z *Zone) Len() int {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.table.Len()
}

// change makes one change and hands on what follows from it.
func (z *Zone) change(edit func(touch func(fleet.Name))) {
	z.mu.Lock()
	defer z.mu.Unlock()
	touched := map[fleet.Name]bool{}
	edit(func(n fleet.Name) { touched[n] = true })
	var now []*dns.Service
	var gone []fleet.Name
	for n := range touched {
		if s := z.of(n); s != nil {
			now = append(now, s)
		} else {
			gone = append(gone, n)
		}
	}
	if len(touched) > 0 {
		z.table = z.table.With(now, gone)
	}
	if z.seen[imports] && z.seen[endpoints] {
		z.use(z.table)
	}
}

// of returns a service with its slices as they are now, nil if it is not imported.
func (z *Zone) of(n fleet.Name) *dns.Service {
	s := z.imports[n]
	if s == nil || !s.Headless || len(z.slices[n]) == 0 {
		return s
	}
	whole := *s
	whole.Slices = slices.SortedFunc(maps.Values(z.slices[n]), func(a, b *fleet.Slice) int { return cmp.Compare(a.Name, b.Name) })
	return &whole
}

// put keeps a slice, or forgets it where it is nil, and tells which services it touches: a slice can change hands.
func (z *Zone) put(n fleet.Name, s *fleet.Slice, touch func(fleet.Name)) {
	if before, ok := z.service[n]; ok {
		delete(z.slices[before], n.Name)
		if len(z.slices[before]) == 0 {
			delete(z.slices, before)
		}
		delete(z.service, n)
		touch(before)
	}
	if s == nil {
		return
	}
	if z.slices[s.Service] == nil {
		z.slices[s.Service] = map[string]*fleet.Slice{}
	}
	z.slices[s.Service][n.Name] = s
	z.service[n] = s.Service
	touch(s.Service)
}
