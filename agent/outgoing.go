package agent

import (
	"maps"
	"slices"
	"sync"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/picture"
)

// outgoing is what the agent knows of its own records: what the picture exports, what the hub has, and which may differ. What it costs
// follows from what changed, not from how much is exported.
type outgoing struct {
	signal chan struct{}

	mu       sync.Mutex
	complete bool                  // the own cluster's objects are all known
	synced   bool                  // the hub's list is known
	names    map[string][]string   // export -> the names of its records
	wanted   map[string]hub.Object // what the picture exports, by object name
	totals   picture.Totals        // counts wanted
	hub      map[string]hub.Object // own records as the hub has them, by object name
	wrote    map[string]hub.Object // what was last written under a name: the picture's own value
	differ   map[string]struct{}   // names that may have to be written or deleted
	marker   v1alpha1.Marker       // the newest that was written or found
	found    int64                 // sequence of the marker that the hub has, as far as known; 0: none
}

func newOutgoing() *outgoing {
	return &outgoing{
		signal: make(chan struct{}, 1), names: map[string][]string{}, wanted: map[string]hub.Object{},
		hub: map[string]hub.Object{}, wrote: map[string]hub.Object{}, differ: map[string]struct{}{},
	}
}

func (o *outgoing) wake() { signal(o.signal) }

// follow takes the exports that changed in a picture. complete says that the picture knows all objects of the own cluster: until then
// nothing is published, lest an agent that knows nothing yet withdraws everything.
func (o *outgoing) follow(pic *picture.Picture, changed []picture.Key, complete bool) {
	o.mu.Lock()
	news := complete && !o.complete
	o.complete = o.complete || complete
	for _, k := range changed {
		if k.Kind == picture.KindExport {
			o.export(pic, k)
			news = true
		}
	}
	o.totals = pic.ExportTotals()
	o.mu.Unlock()
	if news {
		o.wake()
	}
}

func (o *outgoing) export(pic *picture.Picture, k picture.Key) {
	before := o.names[k.Path]
	delete(o.names, k.Path)
	for _, obj := range recordsOf(pic.Export(fleet.ParseName(k.Path))) {
		name := obj.GetName()
		o.names[k.Path] = append(o.names[k.Path], name)
		o.wanted[name] = obj
		o.differ[name] = struct{}{}
	}
	for _, name := range before {
		if !slices.Contains(o.names[k.Path], name) {
			delete(o.wanted, name)
			o.differ[name] = struct{}{}
		}
	}
}

func recordsOf(ex *picture.Export) (records []hub.Object) {
	if ex == nil {
		return nil
	}
	records = append(records, ex.Record)
	for _, er := range ex.Endpoints {
		records = append(records, er)
	}
	return records
}

// sync takes a new list of the own records. Nothing is taken for written any more: all is compared again.
func (o *outgoing) sync(mine map[string]hub.Object) {
	o.mu.Lock()
	o.hub, o.wrote, o.synced = mine, map[string]hub.Object{}, true
	for name := range mine {
		o.differ[name] = struct{}{}
	}
	for name := range o.wanted {
		o.differ[name] = struct{}{}
	}
	o.mu.Unlock()
	o.wake()
}

func (o *outgoing) unsync() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.synced, o.found = false, 0
}

// seen takes the own Member. Its marker goes on from where another writer left it.
func (o *outgoing) seen(m *v1alpha1.Member) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.found = max(o.found, m.Status.Marker.Sequence)
	if m.Status.Marker.Sequence > o.marker.Sequence {
		o.marker = m.Status.Marker
	}
}

// put notes a record that the hub has. One that the picture does not export is somebody's mistake, or on its way out.
func (o *outgoing) put(obj hub.Object) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hub[obj.GetName()] = obj
	if _, ok := o.wanted[obj.GetName()]; !ok {
		o.differ[obj.GetName()] = struct{}{}
	}
}

// deleted notes that a record is gone. If the agent did not ask for that, it writes it anew.
func (o *outgoing) deleted(name string) {
	o.mu.Lock()
	delete(o.hub, name)
	delete(o.wrote, name)
	o.differ[name] = struct{}{}
	o.mu.Unlock()
	o.wake()
}

func (o *outgoing) said() Said {
	o.mu.Lock()
	defer o.mu.Unlock()
	return Said{Term: o.marker.Term, Sequence: o.marker.Sequence}
}

// due returns what is to be written and what is to be deleted, in the order of names, and the totals that the marker then tells. ready is
// false while the hub's state or the own objects are not known. Pictures share what did not change, so a record that is the very one
// that was written needs no look.
func (o *outgoing) due() (write, withdraw []hub.Object, totals picture.Totals, ready bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.synced || !o.complete {
		return nil, nil, o.totals, false
	}
	for _, name := range slices.Sorted(maps.Keys(o.differ)) {
		want, ok := o.wanted[name]
		has := o.hub[name]
		switch {
		case ok && o.wrote[name] != want:
			write = append(write, want)
		case !ok && has != nil:
			withdraw = append(withdraw, has)
		default:
			delete(o.differ, name)
		}
	}
	return write, withdraw, o.totals, true
}

// done notes what a write or a deletion (nil) of a name has left on the hub.
func (o *outgoing) done(name string, obj hub.Object) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if obj == nil {
		delete(o.hub, name)
		delete(o.wrote, name)
		return
	}
	o.wrote[name], o.hub[name] = obj, obj
}
