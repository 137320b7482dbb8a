// Package check finds what breaks fleets, before a cluster joins and after: address ranges that overlap, paths between pods that lose
// large packets or hide who calls, NetworkPolicies in the way, another controller for the same API, versions, clocks, permissions,
// and a resolver that does not know the clusterset.
//
// In go facts, out come findings. Judge is pure, and each finding is one function of the facts: what is, why it breaks what, and a
// remedy. Gather is the edge that reads the facts from the APIs of the cluster and the hub; Walk sends pods of our own image, for as long
// as it takes, that try the paths to the other clusters and to the hub; Probe is what runs in such a pod. Whatever could not be read is a
// finding too, never silence.
//
// Start with Facts and Judge.
package check

import (
	"cmp"
	"slices"
)

// Level is how bad a finding is.
type Level string

// The levels. A fleet with FAIL does not work, or will not; WARN is for a person to weigh.
const (
	OK   Level = "OK"
	WARN Level = "WARN"
	FAIL Level = "FAIL"
)

// Finding is one thing that was looked at.
type Finding struct {
	Level Level `json:"level"`
	// Check is what was looked at, a word that stays the same: kubernetes, ranges, controllers, …
	Check string `json:"check"`
	// What is the case, why that matters, and what helps. An OK needs only the first.
	What   string `json:"what"`
	Why    string `json:"why,omitempty"`
	Remedy string `json:"remedy,omitempty"`
}

// String returns one line.
func (f Finding) String() string {
	line := string(f.Level) + "\t" + f.Check + "\t" + f.What
	if f.Why != "" {
		line += ": " + f.Why
	}
	if f.Remedy != "" {
		line += "; " + f.Remedy
	}
	return line
}

// checks are in the order in which a person wants to read them.
var checks = []func(*Facts) []Finding{
	unread, versions, crds, controllers, foreignImports, permissions, membership, clocks, ranges, policies, exportPolicies, resolvers, walked, paths,
}

// Judge returns what there is to say of some facts, in a stable order.
func Judge(f *Facts) (all []Finding) {
	for _, check := range checks {
		all = append(all, check(f)...)
	}
	return all
}

// Worst returns the worst level among findings.
func Worst(findings []Finding) Level {
	order := []Level{OK, WARN, FAIL}
	worst := OK
	for _, f := range findings {
		if cmp.Compare(slices.Index(order, f.Level), slices.Index(order, worst)) > 0 {
			worst = f.Level
		}
	}
	return worst
}

// one returns a finding as a list.
func one(level Level, check, what, why, remedy string) []Finding {
	return []Finding{{Level: level, Check: check, What: what, Why: why, Remedy: remedy}}
}

func good(check, what string) []Finding { return one(OK, check, what, "", "") }

// unread tells what could not be read, and is therefore not judged.
func unread(f *Facts) (all []Finding) {
	for _, u := range f.Unread {
		all = append(all, one(WARN, "unread", u.What+" could not be read", u.Err, "what hangs on it is not judged")...)
	}
	return all
}
