package kube

import (
	"context"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
)

// SourceOptions is what a Source needs.
type SourceOptions struct {
	Client client.Client
	// Tell takes changes of facts, in order and one call at a time; it must not block. The first call brings everything.
	Tell func([]picture.Change)
	// Namespaces is told the names of all namespaces when they change, in a goroutine of its own; may be nil.
	Namespaces func([]string)
	// Event tells people what is held; may be nil.
	Event func(Event)
	// Gateways says that Gateways and routes are wanted too.
	Gateways bool
	Log      *slog.Logger
}

// Source is a Receiver that turns what stands in a cluster into facts: namespaces, ServiceExports, the Services and EndpointSlices that
// they name, and Gateways with their routes where these are wanted. Fairlead's own objects are no facts.
//
// What it keeps follows what is exported: other Services and slices lie packed on a shelf. It is safe for concurrent use.
type Source struct {
	SourceOptions
	synced chan struct{}
	roused chan struct{} // when the set of namespaces changed
	holds  *holds

	mu      sync.Mutex
	waiting map[string]bool // kinds that were not listed yet
	batch   []picture.Change
	told    map[picture.Key]picture.Fact
	needed  map[fleet.Name]*need         // Services that the picture must know
	because map[picture.Key][]fleet.Name // object -> what it needs
	shelf   shelf
	filed   map[fleet.Name]fleet.Name // EndpointSlice -> Service
	names   map[string]bool           // namespaces
}

// NewSource returns a Source that has seen nothing.
func NewSource(o SourceOptions) *Source {
	s := &Source{
		SourceOptions: o, synced: make(chan struct{}), roused: make(chan struct{}, 1),
		waiting: map[string]bool{}, told: map[picture.Key]picture.Fact{},
		needed: map[fleet.Name]*need{}, because: map[picture.Key][]fleet.Name{},
		shelf: shelf{}, filed: map[fleet.Name]fleet.Name{}, names: map[string]bool{},
	}
	for _, kind := range Kinds(o.Gateways) {
		s.waiting[kind] = true
	}
	s.holds = newHolds(s)
	return s
}

// Add tells facts that are not objects, in their order with those that are.
func (s *Source) Add(changes []picture.Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batch = append(s.batch, changes...)
	s.flush()
}

// Synced is closed once everything was told for the first time.
func (s *Source) Synced() <-chan struct{} { return s.synced }

// Run tells of namespaces, and decides about exports whose absence may be an accident, until ctx ends.
func (s *Source) Run(ctx context.Context) {
	var group sync.WaitGroup
	group.Go(func() { s.holds.run(ctx) })
	group.Go(func() { s.tellNamespaces(ctx) })
	group.Wait()
}

// namespacesPause lets namespaces that come or go together be told together: whoever selects by them begins anew.
const namespacesPause = 100 * time.Millisecond

func (s *Source) tellNamespaces(ctx context.Context) {
	for s.Namespaces != nil {
		select {
		case <-ctx.Done():
			return
		case <-s.roused:
		}
		if !sleep(ctx, namespacesPause) {
			return
		}
		s.Namespaces(s.NamespaceNames())
	}
}

// NamespaceNames returns the names of all namespaces, sorted.
func (s *Source) NamespaceNames() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.names))
}

// Replace implements Receiver.
func (s *Source) Replace(kind string, all []client.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replace(kind, all)
	delete(s.waiting, kind)
	s.flush()
}

// replace takes a list: what it lacks is gone.
func (s *Source) replace(kind string, all []client.Object) {
	listed := make(map[fleet.Name]bool, len(all))
	for _, obj := range all {
		listed[nameOf(obj)] = true
		s.put(obj)
	}
	if kind == kindSlice {
		for slice := range s.filed {
			if !listed[slice] {
				s.drop(kind, slice)
			}
		}
		return
	}
	for _, name := range s.known(kind) {
		if !listed[name] {
			s.drop(kind, name)
		}
	}
	if kind == kindExport {
		s.holds.listed(listed)
	}
}

// known returns the objects of a kind that were put, on the shelf or told; not of slices. Exports are for holds to decide about.
func (s *Source) known(kind string) (names []fleet.Name) {
	if kind == kindExport {
		return nil
	}
	for k := range s.told {
		if string(k.Kind) == kind {
			names = append(names, fleet.ParseName(k.Path))
		}
	}
	if kind == kindService {
		for name, at := range s.shelf {
			if at.service != nil {
				names = append(names, name)
			}
		}
	}
	return names
}

// Put implements Receiver.
func (s *Source) Put(obj client.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(obj)
	s.flush()
}

// Delete implements Receiver.
func (s *Source) Delete(obj client.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if kind := kindOf(obj); kind == kindExport {
		s.holds.deleted(nameOf(obj))
	} else {
		s.drop(kind, nameOf(obj))
	}
	s.flush()
}

func (s *Source) put(obj client.Object) {
	kind, name := kindOf(obj), nameOf(obj)
	if (kind == kindService || kind == kindSlice) && isOwn(obj) {
		s.drop(kind, name) // it may have been somebody else's before
		return
	}
	switch fact := factOf(obj).(type) {
	case nil:
	case *corev1.Namespace:
		s.tell(fact)
		if !s.names[fact.Name] {
			s.names[fact.Name] = true
			rouse(s.roused)
		}
	case *corev1.Service:
		s.file(name, fact)
	case *discoveryv1.EndpointSlice:
		service := fleet.Name{Namespace: name.Namespace, Name: fact.Labels[discoveryv1.LabelServiceName]}
		if was, ok := s.filed[name]; ok && was != service {
			s.drop(kind, name)
		}
		if service.Name != "" {
			s.filed[name] = service
			s.file(service, fact)
		}
	default:
		if kind == kindExport {
			s.holds.seen(name)
		}
		s.tell(fact)
		s.need(picture.KeyOf(fact), needs(fact))
	}
}

// drop forgets an object, as far as it is known.
func (s *Source) drop(kind string, name fleet.Name) {
	switch kind {
	case kindNamespace:
		delete(s.names, name.Name)
		rouse(s.roused)
		s.holds.letGo(name.Name)
	case kindService:
		s.shelf.dropService(name)
	case kindSlice:
		service, ok := s.filed[name]
		if !ok {
			return
		}
		delete(s.filed, name)
		s.shelf.dropSlice(service, name.Name)
		if n := s.needed[service]; n != nil {
			delete(n.slices, name.Name)
		}
		s.untell(sliceKey(service, name.Name))
		return
	}
	key := picture.Key{Kind: picture.Kind(kind), Path: name.String()}
	s.untell(key)
	s.need(key, nil)
}

func (s *Source) tell(fact picture.Fact) {
	key := picture.KeyOf(fact)
	if before, ok := s.told[key]; ok && reflect.DeepEqual(before, fact) {
		return
	}
	s.told[key] = fact
	s.batch = append(s.batch, picture.Change{Key: key, Fact: fact})
}

func (s *Source) untell(key picture.Key) {
	if _, ok := s.told[key]; ok {
		delete(s.told, key)
		s.batch = append(s.batch, picture.Change{Key: key})
	}
}

// flush tells what has gathered. The caller holds the lock, so that changes are told in their order.
func (s *Source) flush() {
	if len(s.waiting) > 0 {
		return
	}
	select {
	case <-s.synced:
		if len(s.batch) > 0 {
			s.Tell(s.batch)
		}
	default:
		s.Tell(s.batch)
		close(s.synced)
	}
	s.batch = nil
}

func nameOf(obj client.Object) fleet.Name {
	return fleet.Name{Namespace: obj.GetNamespace(), Name: obj.GetName()}
}

// rouse makes a channel of capacity one ready.
func rouse(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
