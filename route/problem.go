package route

import (
	"fmt"
	"strconv"
	"strings"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"fairlead.dev/fairlead/fleet"
)

// problem is one thing that the author of an object should change: the field, what is wrong with it, and the remedy.
type problem struct {
	field  string // as in spec.rules[0].backendRefs[1].port
	reason string // of the condition that tells it
	text   string // a sentence without its field and full stop
}

func (p problem) String() string { return p.field + ": " + p.text + "." }

// problems are in the order of the object. Checks build them with fields relative to what they look at, and their callers put
// the outer part in front with under and at, so that an object without mistakes costs no formatting.
type problems []problem

// unsupported is a value that the API does not know or does not allow there.
func unsupported(field, format string, args ...any) problems {
	return because(string(gatewayv1.RouteReasonUnsupportedValue), field, format, args...)
}

// because is one problem with a reason of its own.
func because[R ~string](reason R, field, format string, args ...any) problems {
	return problems{{field: field, reason: string(reason), text: fmt.Sprintf(format, args...)}}
}

// under puts a field in front of all fields.
func (ps problems) under(field string) problems {
	for i := range ps {
		switch rest := ps[i].field; {
		case rest == "":
			ps[i].field = field
		case rest[0] == '[':
			ps[i].field = field + rest
		default:
			ps[i].field = field + "." + rest
		}
	}
	return ps
}

// at puts an element of a list in front of all fields.
func (ps problems) at(list string, i int) problems {
	if len(ps) == 0 {
		return nil
	}
	return ps.under(list + "[" + strconv.Itoa(i) + "]")
}

// reason is that of the first problem; the message tells them all.
func (ps problems) reason() string { return ps[0].reason }

// shown is how many problems one message tells.
const shown = 8

// message is a sentence for each problem.
func (ps problems) message() string {
	said := make([]string, 0, min(len(ps), shown)+1)
	for _, p := range ps[:min(len(ps), shown)] {
		said = append(said, p.String())
	}
	if more := len(ps) - shown; more > 0 {
		said = append(said, fmt.Sprintf("And %d more.", more))
	}
	return strings.Join(said, " ")
}

// bounded checks the length of a list against the API's maximum.
func bounded(field string, n, most int) problems {
	if n <= most {
		return nil
	}
	return unsupported(field, "has %d entries, and %d are allowed; shorten it", n, most)
}

func condition[T, R ~string](kind T, status fleet.Status, reason R, message string) fleet.Condition {
	return fleet.Condition{Type: string(kind), Status: status, Reason: string(reason), Message: clip(message)}
}

// longestMessage bounds a condition's message in bytes; an API server allows 32768.
const longestMessage = 4096

// clip shortens a message, which may quote anything that a user wrote.
func clip(message string) string {
	if len(message) > longestMessage {
		message = message[:longestMessage] + "…"
	}
	return strings.ToValidUTF8(message, "")
}

// deref reads an optional field.
func deref[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
