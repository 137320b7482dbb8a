// Package picture puts the centre together: facts in, one picture out.
//
// A Centre holds the facts that one vantage knows and answers each Step with a new Picture. A picture is immutable, sorted and
// printable; it also holds what was rejected and why. The centre works per key: a changed fact recomputes only the keys that read
// it, and a full Build from the same facts and prior gives the identical picture.
//
// Start with Step. Which key is computed from what is in keys.go, the bookkeeping of who read what in memo.go, the text in text.go.
package picture

import (
	"iter"
	"strings"

	iradix "github.com/hashicorp/go-immutable-radix/v2"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/route"
)

// Picture is one vantage's view at one moment. It never changes and may be read from any goroutine.
type Picture struct {
	vantage Vantage
	values  *iradix.Tree[any]
	exports Totals
}

// Totals counts what the own cluster exports, as its marker tells it.
type Totals struct{ Exports, Slices int }

// The kinds of the values that a picture shows; Step returns their keys when they change.
const (
	KindMember    Kind = "member"
	KindService   Kind = "service"
	KindGroup     Kind = "group"
	KindServer    Kind = "server"
	KindHost      Kind = "host"
	KindExport    Kind = "export"
	KindStatus    Kind = "status"
	KindRejection Kind = "rejection"
)

// Vantage returns from where the picture is seen.
func (p *Picture) Vantage() Vantage { return p.vantage }

// ExportTotals counts what the own cluster exports.
func (p *Picture) ExportTotals() Totals { return p.exports }

// Members returns the clusters of the clusterset by name, the own one among them.
func (p *Picture) Members() iter.Seq[*Member] { return all[*Member](p, KindMember, "") }

// Member returns one cluster, nil if it is unknown.
func (p *Picture) Member(name string) *Member { return one[*Member](p, KindMember, name) }

// Services returns the services of the clusterset by namespace and name.
func (p *Picture) Services() iter.Seq[*Service] { return all[*Service](p, KindService, "") }

// ServicesIn returns those of one namespace.
func (p *Picture) ServicesIn(namespace string) iter.Seq[*Service] {
	return all[*Service](p, KindService, namespace+"/")
}

// Service returns one service of the clusterset, nil if nobody exports it.
func (p *Picture) Service(n fleet.Name) *Service { return one[*Service](p, KindService, n.String()) }

// Groups returns the endpoint groups by their ids.
func (p *Picture) Groups() iter.Seq[*fleet.Group] { return all[*fleet.Group](p, KindGroup, "") }

// Group returns one endpoint group or nil.
func (p *Picture) Group(id fleet.GroupID) *fleet.Group {
	return one[*fleet.Group](p, KindGroup, id.String())
}

// Servers returns what the own cluster's Gateways open.
func (p *Picture) Servers() iter.Seq[*route.Server] { return all[*route.Server](p, KindServer, "") }

// Server returns one of them or nil.
func (p *Picture) Server(id route.ServerID) *route.Server {
	return one[*route.Server](p, KindServer, id.String())
}

// Hosts returns the virtual hosts of all servers.
func (p *Picture) Hosts() iter.Seq[*route.VirtualHost] {
	return all[*route.VirtualHost](p, KindHost, "")
}

// Host returns one virtual host or nil.
func (p *Picture) Host(id route.HostID) *route.VirtualHost {
	return one[*route.VirtualHost](p, KindHost, id.String())
}

// Exports returns what the own cluster exports.
func (p *Picture) Exports() iter.Seq[*Export] { return all[*Export](p, KindExport, "") }

// Export returns what the own cluster exports under one name, or nil.
func (p *Picture) Export(n fleet.Name) *Export { return one[*Export](p, KindExport, n.String()) }

// Statuses returns what is to be reported of the own cluster's objects.
func (p *Picture) Statuses() iter.Seq[*Status] { return all[*Status](p, KindStatus, "") }

// Status returns what is to be reported of one object, or nil.
func (p *Picture) Status(r fleet.Ref) *Status {
	return one[*Status](p, KindStatus, r.Kind+"/"+r.Name.String())
}

// Rejections returns what was not taken and why.
func (p *Picture) Rejections() iter.Seq[*Rejection] { return all[*Rejection](p, KindRejection, "") }

func one[T any](p *Picture, kind Kind, path string) (value T) {
	if v, ok := p.values.Get([]byte(Key{kind, path}.String())); ok {
		return v.(T)
	}
	return value
}

func all[T any](p *Picture, kind Kind, prefix string) iter.Seq[T] {
	return func(yield func(T) bool) {
		walk(p.values, Key{kind, prefix}.String(), func(_ string, v any) bool { return yield(v.(T)) })
	}
}

// walk calls fn for each value whose key starts with prefix, in order, until fn says stop.
func walk(tree *iradix.Tree[any], prefix string, fn func(key string, v any) bool) {
	it := tree.Root().Iterator()
	it.SeekPrefix([]byte(prefix))
	for k, v, ok := it.Next(); ok; k, v, ok = it.Next() {
		if !fn(string(k), v) {
			return
		}
	}
}

// parseKey reads what Key.String wrote.
func parseKey(s string) Key {
	kind, path, _ := strings.Cut(s, "/")
	return Key{Kind(kind), path}
}
