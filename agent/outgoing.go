package agent

import (
	"slices"
	"sync"
	"time"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/picture"
)

// maxWithdrawn bounds how many records are withdrawn at once, because the marker names them all. The others follow.
const maxWithdrawn = 10000

// outgoing is what the agent knows of its own records: what the picture exports, what the hub has, and which may differ. What it costs
// follows from what changed, not from how much is exported.
type outgoing struct {
	signal chan struct{}

	mu       sync.Mutex
	complete bool                  // the own cluster's objects are all known
	synced   bool                  // the hub's list is known
	member   *v1alpha1.Member      // the own Member as the hub has it; nil: it is not there, as far as known
	names    map[string][]string   // export -> the names of its records
	wanted   map[string]hub.Object // what the picture exports, by object name
	refused  map[string]hub.Object // what the hub did not take, by object name: until it or the Member changes, or it is tried again
	books    books                 // account for wanted, without what is refused
	hub      map[string]hub.Object // own records as the hub has them, by object name
	wrote    map[string]hub.Object // what was last written under a name: the picture's own value
	differ   map[string]time.Time  // names that may have to be written or deleted, and since when, if that is known
	marker   v1alpha1.Marker       // the newest that was written or found
	found    int64                 // sequence of the marker that the hub has, as far as known; 0: none
	takeover bool                  // the marker is still that of another writer
}

func newOutgoing() *outgoing {
	return &outgoing{
		signal: make(chan struct{}, 1), names: map[string][]string{}, wanted: map[string]hub.Object{}, refused: map[string]hub.Object{},
		books: newBooks(), hub: map[string]hub.Object{}, wrote: map[string]hub.Object{}, differ: map[string]time.Time{},
	}
}

func (o *outgoing) wake() { signal(o.signal) }

// follow takes the exports that changed in a picture, because of what was learnt since some moment. complete says that the picture knows all objects of
// the own cluster: until then nothing is published, lest an agent that knows nothing yet withdraws everything.
func (o *outgoing) follow(pic *picture.Picture, changed []picture.Key, since time.Time, complete bool) {
	o.mu.Lock()
	news := complete && !o.complete
	o.complete = o.complete || complete
	for _, k := range changed {
		if k.Kind == picture.KindExport {
			o.export(pic, k, since)
			news = true
		}
	}
	o.mu.Unlock()
	if news {
		o.wake()
	}
}

func (o *outgoing) export(pic *picture.Picture, k picture.Key, since time.Time) {
	before := o.names[k.Path]
	delete(o.names, k.Path)
	for _, obj := range recordsOf(pic.Export(fleet.ParseName(k.Path))) {
		name := obj.GetName()
		o.names[k.Path] = append(o.names[k.Path], name)
		if o.wanted[name] != obj {
			delete(o.refused, name)
			o.want(name, obj, since)
		}
	}
	for _, name := range before {
		if !slices.Contains(o.names[k.Path], name) {
			delete(o.refused, name)
			o.want(name, nil, since)
		}
	}
}

// want notes what is to be on the hub under a name; nil: nothing.
func (o *outgoing) want(name string, obj hub.Object, since time.Time) {
	if obj == nil {
		delete(o.wanted, name)
	} else {
		o.wanted[name] = obj
	}
	o.books.enter(name, obj)
	if _, already := o.differ[name]; !already {
		o.differ[name] = since
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

// sync takes a new list of the own records.
func (o *outgoing) sync(mine map[string]hub.Object) {
	o.mu.Lock()
	o.hub, o.synced = mine, true
	o.anew()
	o.mu.Unlock()
	o.wake()
}

// lead begins to write, perhaps after another writer.
func (o *outgoing) lead() {
	o.mu.Lock()
	o.takeover = true
	o.anew()
	o.mu.Unlock()
	o.wake()
}

// anew takes nothing for written any more: all is compared again. The caller holds the lock.
func (o *outgoing) anew() {
	clear(o.wrote)
	o.forgive()
	for name := range o.hub {
		o.look(name)
	}
	for name := range o.wanted {
		o.look(name)
	}
}

// forgive takes nothing for refused any more. The caller holds the lock.
func (o *outgoing) forgive() {
	for name := range o.refused {
		o.books.enter(name, o.wanted[name])
		o.look(name)
	}
	clear(o.refused)
}

// reconsider has what was refused tried again: what stood against it may be no more, or was never so.
func (o *outgoing) reconsider() {
	o.mu.Lock()
	o.forgive()
	o.mu.Unlock()
	o.wake()
}

// refusals counts what is refused.
func (o *outgoing) refusals() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.refused)
}

// look notes that a name may differ, since nobody knows when.
func (o *outgoing) look(name string) {
	if _, already := o.differ[name]; !already {
		o.differ[name] = time.Time{}
	}
}

func (o *outgoing) unsync() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.synced, o.found = false, 0
}

// seen takes the own Member. Its marker goes on from where another writer left it. One that was approved just now, or has come back, or grants
// something else, is a reason to compare all again.
func (o *outgoing) seen(m *v1alpha1.Member) {
	o.mu.Lock()
	before := o.member
	o.member = m
	o.found = m.Status.Marker.Sequence
	if m.Status.Marker.Sequence > o.marker.Sequence {
		o.marker = m.Status.Marker
	}
	anew := before == nil || before.UID != m.UID || before.Spec.Pending != m.Spec.Pending || !slices.Equal(before.Spec.Namespaces, m.Spec.Namespaces)
	if anew {
		o.anew()
	}
	o.mu.Unlock()
	if anew {
		o.wake()
	}
}

// unseen notes that the own Member is not there.
func (o *outgoing) unseen() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.member, o.found = nil, 0
}

// put notes a record that the hub has. One that is not what was written there last is somebody's mistake, or on its way out.
func (o *outgoing) put(obj hub.Object) {
	o.mu.Lock()
	name := obj.GetName()
	o.hub[name] = obj
	wrote := o.wrote[name]
	foreign := wrote == nil || o.wanted[name] == nil || !hub.Same(wrote, obj)
	if foreign {
		delete(o.wrote, name)
		o.look(name)
	}
	o.mu.Unlock()
	if foreign {
		o.wake()
	}
}

// deleted notes that a record is gone. If the agent did not ask for that, it writes it anew.
func (o *outgoing) deleted(name string) {
	o.mu.Lock()
	delete(o.hub, name)
	delete(o.wrote, name)
	o.look(name)
	o.mu.Unlock()
	o.wake()
}

func (o *outgoing) said() Said {
	o.mu.Lock()
	defer o.mu.Unlock()
	return Said{Term: o.marker.Term, Sequence: o.marker.Sequence}
}
