package picture

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/health"
)

// ledger stands between the hub and the centre: a record that is no longer seen is not at once a record that is gone. It keeps account
// of what each member's records are, holds those whose absence is not explained, and lets go of the others (DESIGN: absence must be
// explained).
type ledger struct {
	own     string
	policy  health.Policy
	prior   Prior // Missing, Braked and Withdrawn are kept up to date here
	members map[string]*account
	restore []Change // what a Prior still held when the ledger was made
	wake    time.Time
}

// absence is a fact about one cluster: what is kept of it although it is not seen.
type absence struct {
	Held         int
	MemberUnseen bool
	Reason       string
}

const (
	kindAbsence Kind = "absence"
	kindHeld    Kind = "held"
)

func newLedger(own string, policy health.Policy, prior Prior) *ledger {
	l := &ledger{own: own, policy: policy, prior: prior, members: map[string]*account{}}
	for k, fact := range prior.Missing {
		l.restore = append(l.restore, Change{k, fact})
		a := l.account(fact.(v1alpha1.FromCluster).SourceCluster())
		if m, ok := fact.(*v1alpha1.Member); ok {
			a.member, a.unseen = m, true
		} else {
			a.missing[objectName(fact)] = k
		}
		a.dirty = true
	}
	return l
}

func (l *ledger) account(cluster string) *account {
	a := l.members[cluster]
	if a == nil {
		a = newAccount()
		l.members[cluster] = a
	}
	return a
}

// take notes a change of a fact, whose value in the centre was last, and says what the centre is to take over now, if anything. Records
// of the own cluster are not for the centre: they come from its own objects, which are fresher than their echo.
func (l *ledger) take(ch Change, last Fact) (fact Fact, now bool) {
	switch ch.Key.Kind {
	case "Member":
		return ch.Fact, l.takeMember(ch)
	case "ServiceRecord", "EndpointRecord":
		if recordCluster(ch.Key) == l.own {
			return nil, false
		}
		if ch.Fact == (Unwatched{}) {
			l.forget(ch.Key)
			return nil, true
		}
		return ch.Fact, l.takeRecord(ch, last)
	case "Observed":
		a := l.account(ch.Key.Path)
		o, ok := ch.Fact.(*Observed)
		if released := ok && o.Released; released != a.released {
			a.released, a.dirty = released, true
		}
	}
	return ch.Fact, true
}

func (l *ledger) takeMember(ch Change) bool {
	a := l.account(ch.Key.Path)
	a.dirty = true
	if m, ok := ch.Fact.(*v1alpha1.Member); ok {
		a.member, a.unseen = m, false
		if !older(m.Status.Marker, l.prior.Markers[ch.Key.Path]) {
			l.prior.Markers[ch.Key.Path] = m.Status.Marker
		}
		delete(l.prior.Missing, ch.Key)
		return true
	}
	if a.member == nil || a.member.Spec.Leaving || ch.Key.Path == l.own {
		a.member, a.unseen = nil, false
		delete(l.prior.Missing, ch.Key)
		delete(l.prior.Markers, ch.Key.Path)
		return true
	}
	a.unseen = true
	l.prior.Missing[ch.Key] = a.member
	return false
}

// older says whether a marker was written before another one.
func older(m, than v1alpha1.Marker) bool {
	return cmp.Or(cmp.Compare(m.Term, than.Term), cmp.Compare(m.Sequence, than.Sequence)) < 0
}

func (l *ledger) takeRecord(ch Change, last Fact) bool {
	a := l.account(recordCluster(ch.Key))
	a.dirty = true
	a.see(ch.Key, ch.Fact)
	if ch.Fact != nil {
		l.found(a, ch.Key)
		return true
	}
	if last != nil {
		a.missing[objectName(last)] = ch.Key
		l.prior.Missing[ch.Key] = last
	}
	return false
}

// found ends the absence of a record. Another version of the exporter may have called it otherwise.
func (l *ledger) found(a *account, k Key) {
	if was, held := l.prior.Missing[k]; held {
		delete(a.missing, objectName(was))
		delete(l.prior.Missing, k)
	}
}

func (l *ledger) forget(k Key) {
	a := l.account(recordCluster(k))
	a.dirty = true
	a.see(k, nil)
	l.found(a, k)
}

// settle decides about all absences that may have to be seen otherwise now, and returns the facts that follow: records to be let go, and
// for each member what is held.
func (l *ledger) settle(now time.Time) []Change {
	var changes []Change
	for _, ch := range l.restore {
		if _, still := l.prior.Missing[ch.Key]; still {
			changes = append(changes, ch)
		}
	}
	l.restore = nil
	for _, cluster := range slices.Sorted(maps.Keys(l.members)) {
		a := l.members[cluster]
		if a.dirty || (!a.due.IsZero() && !a.due.After(now)) {
			changes = append(changes, l.decide(cluster, a, now)...)
			a.dirty = false
		}
	}
	l.wake = time.Time{}
	for _, a := range l.members {
		l.wake = earlier(l.wake, a.due)
	}
	return changes
}

// decide asks health which of a member's missing records are to be let go.
func (l *ledger) decide(cluster string, a *account, now time.Time) (changes []Change) {
	in := health.AbsenceInput{
		Known: len(a.exports), Missing: slices.Sorted(maps.Keys(a.missing)), Endpoints: map[string]bool{},
		SeenExports: len(a.exports), SeenSlices: len(a.slices), Namespaces: map[string]string{}, Seen: a.seen(),
		Released: a.released, BrakedSince: l.prior.Braked[cluster], Recent: l.recent(cluster, now),
	}
	if a.member != nil {
		in.Leaving = a.member.Spec.Leaving
		// A marker from before the newest one comes from a hub that was set back, to a time before records which it now lacks too.
		if !a.unseen && !older(a.member.Status.Marker, l.prior.Markers[cluster]) {
			in.Marker = &a.member.Status.Marker
		}
	}
	going := withdrawing(in)
	for name, k := range a.missing {
		in.Namespaces[name], _, _ = strings.Cut(k.Path, "/")
		if k.Kind == "ServiceRecord" {
			in.Known++
			continue
		}
		header, _ := lastWord(k.Path)
		service, seen := a.exports[Key{"ServiceRecord", header}]
		in.Endpoints[name] = seen && !going[service]
	}
	res := health.Absence(l.policy, in, now)
	a.due = res.Wake
	if res.BrakedSince.IsZero() {
		delete(l.prior.Braked, cluster)
	} else {
		l.prior.Braked[cluster] = res.BrakedSince
	}
	services := 0
	for _, name := range res.Obeyed {
		k := a.missing[name]
		delete(a.missing, name)
		delete(l.prior.Missing, k)
		changes = append(changes, Change{k, nil})
		if k.Kind == "ServiceRecord" {
			services++
		}
	}
	switch {
	case services > 0 && !res.BrakedSince.IsZero():
		delete(l.prior.Withdrawn, cluster) // the brake has had its time, or the operator's word
	case services > 0:
		l.prior.Withdrawn[cluster] = append(slices.Clip(l.prior.Withdrawn[cluster]), Withdrawal{now, services})
	}
	return append(changes, l.show(cluster, a, res.Reason)...)
}

// recent counts the services that a cluster withdrew within the time for which the brake would hold them, and forgets the others.
func (l *ledger) recent(cluster string, now time.Time) (n int) {
	kept := l.prior.Withdrawn[cluster]
	for len(kept) > 0 && now.Sub(kept[0].At) >= l.policy.BrakeHold {
		kept = kept[1:]
	}
	if len(kept) == 0 {
		delete(l.prior.Withdrawn, cluster)
		return 0
	}
	l.prior.Withdrawn[cluster] = kept
	for _, w := range kept {
		n += w.Services
	}
	return n
}

// withdrawing returns the names of the records that the member says it withdraws, where that matters.
func withdrawing(in health.AbsenceInput) map[string]bool {
	if in.Marker == nil || len(in.Missing) == 0 {
		return nil
	}
	going := make(map[string]bool, len(in.Marker.Withdrawing))
	for _, name := range in.Marker.Withdrawing {
		going[name] = true
	}
	return going
}

// show returns the facts that tell what is held of a member.
func (l *ledger) show(cluster string, a *account, reason string) (changes []Change) {
	held := make(map[Key]struct{}, len(a.missing))
	for _, k := range a.missing {
		held[heldKey(k)] = struct{}{}
	}
	for k := range a.held {
		if _, still := held[k]; !still {
			changes = append(changes, Change{k, nil})
		}
	}
	for k := range held {
		if _, was := a.held[k]; !was {
			changes = append(changes, Change{k, true})
		}
	}
	a.held = held
	if len(held) == 0 && !a.unseen {
		return append(changes, Change{Key{kindAbsence, cluster}, nil})
	}
	if a.unseen {
		reason = "its Member object is missing from the hub, unexplained"
	}
	return append(changes, Change{Key{kindAbsence, cluster}, absence{len(held), a.unseen, reason}})
}

// heldKey turns the key of a record into held/namespace/service/cluster/….
func heldKey(record Key) Key { return Key{kindHeld, record.Path + "/" + string(record.Kind)} }
