package plan

import (
	"fmt"
	"strings"

	"fairlead.dev/fairlead/fleet"
)

// Verb is what happens in an Event.
type Verb string

// The things that can happen.
const (
	Lose    Verb = "lose"    // the cluster's data path goes dark and its control goes silent
	Find    Verb = "find"    // it answers again
	Drain   Verb = "drain"   // its operator takes all new traffic off it
	Restore Verb = "restore" // and lets it come back
	Release Verb = "release" // and believes it that most of its exports are to go
	HubDown Verb = "hub down"
	HubUp   Verb = "hub up"
	Delete  Verb = "delete" // an object of the cluster is deleted
	Apply   Verb = "apply"  // a file of objects is applied to the cluster
)

// Grammar is what ParseEvent understands, one form per line.
const Grammar = `lose CLUSTER
find CLUSTER
drain CLUSTER
restore CLUSTER
release CLUSTER
hub down
hub up
delete KIND NAMESPACE/NAME in CLUSTER
apply FILE to CLUSTER`

// Event is one thing that happens to a clusterset.
type Event struct {
	Verb    Verb
	Cluster string    // empty for the hub
	Object  fleet.Ref // of Delete
	File    string    // of Apply
}

// String returns the event as ParseEvent reads it.
func (e Event) String() string {
	switch e.Verb {
	case HubDown, HubUp:
		return string(e.Verb)
	case Delete:
		return fmt.Sprintf("delete %s in %s", e.Object, e.Cluster)
	case Apply:
		return fmt.Sprintf("apply %s to %s", e.File, e.Cluster)
	}
	return string(e.Verb) + " " + e.Cluster
}

// ParseEvent reads one line of Grammar. Its error is a sentence for whoever wrote the line.
func ParseEvent(s string) (Event, error) {
	words := strings.Fields(s)
	if len(words) == 0 {
		return Event{}, fmt.Errorf("nothing happens in %q", s)
	}
	verb, rest := Verb(words[0]), words[1:]
	switch verb {
	case Lose, Find, Drain, Restore, Release:
		if len(rest) == 1 {
			return Event{Verb: verb, Cluster: rest[0]}, nil
		}
	case "hub":
		if v := Verb(strings.Join(words, " ")); v == HubDown || v == HubUp {
			return Event{Verb: v}, nil
		}
	case Delete:
		if len(rest) == 4 && rest[2] == "in" {
			return Event{Verb: verb, Cluster: rest[3], Object: fleet.Ref{Kind: rest[0], Name: fleet.ParseName(rest[1])}}, nil
		}
	case Apply:
		if len(rest) == 3 && rest[1] == "to" {
			return Event{Verb: verb, Cluster: rest[2], File: rest[0]}, nil
		}
	default:
		return Event{}, fmt.Errorf("%q cannot happen: no event begins with %q", s, words[0])
	}
	return Event{}, fmt.Errorf("%q is not complete: write %s", s, strings.Join(forms(words[0]), " or "))
}

// forms returns the lines of Grammar that begin with a word.
func forms(word string) []string {
	var found []string
	for line := range strings.Lines(Grammar) {
		if strings.HasPrefix(line, word+" ") {
			found = append(found, "'"+strings.TrimSpace(line)+"'")
		}
	}
	return found
}

// Do lets an event happen and the clusterset settle. Delete and Apply concern objects, which only their reader can turn into
// facts: use Replace for them; here they change nothing, and neither does an event of an unknown cluster.
func (f *Fleet) Do(e Event) {
	m := f.member(e.Cluster)
	switch {
	case e.Verb == HubDown || e.Verb == HubUp:
		f.hubDown = e.Verb == HubDown
	case m == nil:
		return
	case e.Verb == Lose || e.Verb == Find:
		m.dark = e.Verb == Lose
	case e.Verb == Drain || e.Verb == Restore:
		m.drain = e.Verb == Drain
	case e.Verb == Release:
		m.released = true
	}
	f.settle()
}
