package health

import (
	"fmt"
	"strings"
	"time"

	"fairlead.dev/fairlead/api/v1alpha1"
)

// AbsenceInput is what an importer knows of the records of one member, when some that it had are no longer seen.
type AbsenceInput struct {
	// Known counts the ServiceRecords that were known before, the missing ones among them.
	Known int
	// Missing names the records that are no longer seen.
	Missing []string
	// Endpoints tells which of Missing are EndpointRecords, and of each whether its ServiceRecord stays: it is still seen, and the marker
	// does not name it as being withdrawn. Without it every record
	// counts as a service. Endpoints that come and go in a service that stays are never braked, whatever their number: traffic
	// would go to pods that are no more. Those of a missing service share its fate, and only the service is counted.
	Endpoints map[string]bool
	// SeenExports and SeenSlices count the ServiceRecords and the EndpointRecords that are seen now.
	SeenExports, SeenSlices int
	// Namespaces tells of each missing record the namespace of its service, and Seen what is seen of each namespace of which records are
	// known. An importer sees some namespaces of a member only. They matter where the marker accounts for namespaces.
	Namespaces map[string]string
	Seen       map[string]v1alpha1.Account
	// Marker is the member's own account; nil, or never written: not seen.
	Marker *v1alpha1.Marker
	// Leaving says that the member has said goodbye, Released that the operator lets a braked withdrawal go on.
	Leaving, Released bool
	// BrakedSince is what the last AbsenceResult said.
	BrakedSince time.Time
	// Recent counts the ServiceRecords that were let go within the last Policy.BrakeHold, without a brake: whoever deletes many names them
	// one by one.
	Recent int
}

// AbsenceResult divides the missing records, in their order, into those that are kept and those that are let go. Both may share
// memory with AbsenceInput.Missing.
type AbsenceResult struct {
	Held, Obeyed []string
	// Reason is a sentence for people; empty where nothing is missing.
	Reason string
	// BrakedSince is when a mass withdrawal was first seen; zero without one. It is part of what the caller remembers.
	BrakedSince time.Time
	// Wake is when to look again although nothing changed; zero: never.
	Wake time.Time
}

// Absence tells records that were withdrawn from records that are merely not seen: after a relist, the loss of a CRD, a restored
// backup, a hub namespace deleted by mistake.
//
// An absence is explained, and obeyed at once, when the member leaves, when its marker names the record as being withdrawn, or when
// the marker accounts for just what is seen of the record's namespace: as many, and the very same. (An older marker has totals only.) What
// is not explained is held, without end. Where explained services, or those whose withdrawal
// the marker announces, are with those let go recently more than Policy.BrakeMin and more than Policy.BrakeShare of those known, they are
// held too, until Policy.BrakeHold has passed or the operator has released them: that everything goes at once is more often a mistake
// than meant. A member that leaves is not braked.
//
// It costs as much as there are names missing and being withdrawn, however many records there are.
func Absence(p Policy, in AbsenceInput, now time.Time) AbsenceResult {
	if len(in.Missing) == 0 {
		return AbsenceResult{}
	}
	if in.Leaving {
		return AbsenceResult{Obeyed: in.Missing, Reason: fmt.Sprintf("%s gone: the member leaves", records(len(in.Missing)))}
	}
	explained, unexplained := explain(in)
	out := AbsenceResult{Held: unexplained, Obeyed: explained}
	var reasons []string
	if len(explained) > 0 {
		reasons = append(reasons, records(len(explained))+" withdrawn")
	}
	if mass := withdrawn(explained, in); p.brakes(mass, in) {
		out.BrakedSince = brakedSince(in, now)
		if until := out.BrakedSince.Add(p.BrakeHold); !in.Released && now.Before(until) {
			out.Held, out.Obeyed, out.Wake = braked(explained, in), unbraked(explained, in), until
			reasons[0] += fmt.Sprintf(", %d services of %d at once: held for %s, or until released", mass, known(in), p.BrakeHold)
		}
	}
	if len(unexplained) > 0 {
		reasons = append(reasons, records(len(unexplained))+" missing without an explanation, held: "+unexplainedBecause(unexplained, in))
	}
	out.Reason = strings.Join(reasons, "; ")
	return out
}

// withdrawn counts the services that go: those that have gone, and those that the marker says will. Deletions come one after another, and
// the first must not be let go because it is alone. Endpoints of services that stay are not a part of it.
func withdrawn(explained []string, in AbsenceInput) int {
	n := services(explained, in)
	if len(unbraked(explained, in)) < len(explained) && len(in.Marker.Withdrawing) > 0 {
		n = max(n, min(in.Known-staying(in), len(in.Marker.Withdrawing)))
	}
	if n > 0 {
		n += in.Recent
	}
	return n
}

// services counts the services among names.
func services(names []string, in AbsenceInput) (n int) {
	for _, name := range names {
		if _, endpoints := in.Endpoints[name]; !endpoints {
			n++
		}
	}
	return n
}

// braked returns what is missing and kept while the brake holds, and unbraked what is let go all the same: endpoints of services that
// stay.
func braked(explained []string, in AbsenceInput) (held []string) {
	free := make(map[string]bool)
	for _, name := range unbraked(explained, in) {
		free[name] = true
	}
	for _, name := range in.Missing {
		if !free[name] {
			held = append(held, name)
		}
	}
	return held
}

func unbraked(explained []string, in AbsenceInput) (free []string) {
	for _, name := range explained {
		if in.Endpoints[name] {
			free = append(free, name)
		}
	}
	return free
}

// brakes says whether so many explained absences of services are a mass withdrawal.
func (p Policy) brakes(mass int, in AbsenceInput) bool {
	return mass > p.BrakeMin && float64(mass) > p.BrakeShare*float64(known(in))
}

func known(in AbsenceInput) int { return max(in.Known, services(in.Missing, in)) + in.Recent }

// brakedSince is when the mass withdrawal was first seen. The caller keeps it while the withdrawal lasts, so that asking again after it was
// let go, and before the records are forgotten, does not hold them anew.
func brakedSince(in AbsenceInput, now time.Time) time.Time {
	if in.BrakedSince.IsZero() || in.BrakedSince.After(now) {
		return now
	}
	return in.BrakedSince
}

// records reads like "1 record is" or "3 records are".
func records(n int) string {
	if n == 1 {
		return "1 record is"
	}
	return fmt.Sprintf("%d records are", n)
}
