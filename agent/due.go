package agent

import (
	"maps"
	"slices"
	"time"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
)

// outbound is a record on its way to the hub.
type outbound struct {
	hub.Object
	since time.Time // when the agent learnt of it; zero: not known
}

// due is what is to be done on the hub.
type due struct {
	write    []outbound
	withdraw []hub.Object
	books    books // what the marker accounts for once all is written
	takeover bool  // the marker is to be claimed before anything else
	more     bool  // there is more to withdraw than is due
}

// standing says why nothing is published.
type standing string

const (
	ready       standing = ""
	unsynced    standing = "the hub's list is not known"
	incomplete  standing = "the own cluster's objects are not known yet"
	noMember    standing = "there is no Member of this cluster on the hub"
	notApproved standing = "the Member of this cluster is pending: it waits to be approved on the hub"
)

// due returns what is to be done, in the order of names, or why nothing is. Pictures share what did not change, so a record that is the very one
// that was written needs no look.
func (o *outgoing) due() (due, standing) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.member != nil && o.member.Spec.Pending:
		return due{books: newBooks()}, notApproved
	case !o.synced:
		return due{}, unsynced
	case !o.complete:
		return due{}, incomplete
	case o.member == nil:
		return due{}, noMember
	}
	d := due{books: o.books.copy(), takeover: o.takeover && o.found > 0}
	for _, name := range slices.Sorted(maps.Keys(o.differ)) {
		want, has := o.wanted[name], o.hub[name]
		switch {
		case want != nil && o.wrote[name] != want && o.refused[name] != want:
			d.write = append(d.write, outbound{want, o.differ[name]})
		case want == nil && has != nil && len(d.withdraw) == maxWithdrawn:
			d.more = true
		case want == nil && has != nil:
			d.withdraw = append(d.withdraw, has)
		default:
			delete(o.differ, name)
		}
	}
	return d, ready
}

// done notes what a write or a deletion (nil) of a name has left on the hub.
func (o *outgoing) done(name string, obj hub.Object) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if obj == nil {
		delete(o.hub, name)
		delete(o.wrote, name)
		if o.wanted[name] == nil {
			delete(o.differ, name)
		}
		return
	}
	o.wrote[name], o.hub[name] = obj, obj
	if o.wanted[name] == obj {
		delete(o.differ, name)
	}
}

// refuse notes that the hub does not take a record. It is not accounted for until it or the Member changes.
func (o *outgoing) refuse(name string, obj hub.Object) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.wanted[name] == obj {
		o.refused[name] = obj
		o.books.enter(name, nil)
	}
}

// told notes the marker that the hub has now.
func (o *outgoing) told(marker v1alpha1.Marker) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.takeover = false
	if marker.Sequence > o.marker.Sequence {
		o.marker, o.found = marker, marker.Sequence
	}
}

// newest returns the newest marker, and whether the hub has it.
func (o *outgoing) newest() (v1alpha1.Marker, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.marker, o.found > 0 && o.found >= o.marker.Sequence && !o.takeover
}

// claim is the marker as the hub has it, to be written in another term.
func (o *outgoing) claim() v1alpha1.Marker {
	o.mu.Lock()
	defer o.mu.Unlock()
	marker := o.marker
	if o.member != nil {
		marker = *o.member.Status.Marker.DeepCopy()
	}
	marker.Sequence = max(marker.Sequence, o.marker.Sequence) + 1
	return marker
}
