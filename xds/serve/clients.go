package serve

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	statuspb "google.golang.org/genproto/googleapis/rpc/status"

	"fairlead.dev/fairlead/xds"
)

// The protocols that a client may speak.
const (
	Delta = "delta"
	World = "state of the world"
)

// Client is what the server knows of one connected client.
type Client struct {
	Node      string        `json:"node"`
	Agent     string        `json:"agent,omitempty"`
	Protocol  string        `json:"protocol"`
	Rendering xds.Rendering `json:"rendering"`
	Since     time.Time     `json:"since"`
	// Current says that the client has answered all that the newest update has for it.
	Current bool     `json:"current"`
	Types   []Report `json:"types,omitempty"`
}

// Report is how far a client has got with one type.
type Report struct {
	TypeURL string `json:"type"`
	// Resources counts those that the client follows and that exist.
	Resources int `json:"resources"`
	// Sent and Acked count responses; a refused one is answered, but not acked. Waiting are those not answered yet.
	Sent    int `json:"sent"`
	Acked   int `json:"acked"`
	Refused int `json:"refused"`
	Waiting int `json:"waiting"`
	// Refusals are the resources that the client does not take as they were last sent.
	Refusals []Refusal `json:"refusals,omitempty"`
}

// Refusal is a NACK of one resource. Name is empty where the client named none.
type Refusal struct {
	Name   string `json:"name,omitempty"`
	Reason string `json:"reason"`
}

// Clients lists the connected clients by node.
func (s *Server) Clients() []Client {
	s.mu.Lock()
	sessions, count := slices.Collect(maps.Keys(s.sessions)), s.count
	s.mu.Unlock()
	out := make([]Client, len(sessions))
	for i, session := range sessions {
		out[i] = session.client(count)
	}
	slices.SortFunc(out, func(a, b Client) int { return cmp.Or(cmp.Compare(a.Node, b.Node), a.Since.Compare(b.Since)) })
	return out
}

func (s *session) client(count uint64) Client {
	c := Client{
		Node:      s.node.GetId(),
		Agent:     s.node.GetUserAgentName(),
		Protocol:  s.protocol,
		Rendering: s.rendering,
		Since:     s.since,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.Current = s.sentAll && s.through >= count
	for _, typeURL := range slices.Sorted(maps.Keys(s.reports)) {
		r := *s.reports[typeURL]
		c.Current = c.Current && r.Waiting == 0
		r.Refusals = slices.Clone(r.Refusals)
		c.Types = append(c.Types, r)
	}
	return c
}

func (s *session) report(sub *subscription) *Report {
	r := s.reports[sub.typeURL]
	if r == nil {
		r = &Report{TypeURL: sub.typeURL}
		s.reports[sub.typeURL] = r
	}
	r.Waiting, r.Resources = len(sub.awaiting), sub.present
	return r
}

// noteFlush notes whether all of an update is sent.
func (s *session) noteFlush(count uint64) {
	behind := len(s.subscriptions) == 0
	for _, sub := range s.subscriptions {
		behind = behind || sub.behind()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.through, s.sentAll = count, !behind
}

func (s *session) noteSent(sub *subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.report(sub)
	r.Sent++
}

// answer takes an ACK, or with an error a NACK, and says whether it belongs to a response under way. What a response held and its NACK
// does not name was taken.
func (s *session) answer(sub *subscription, nonce string, nack *statuspb.Status) bool {
	response, ok := sub.answered(nonce)
	if !ok {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.report(sub)
	settled := make(map[string]bool, len(response.names)+1)
	settled[""] = true
	for _, name := range response.names {
		settled[name] = true
	}
	r.Refusals = slices.DeleteFunc(r.Refusals, func(f Refusal) bool { return settled[f.Name] })
	if nack == nil {
		r.Acked++
		return true
	}
	r.Refused++
	r.Refusals = append(r.Refusals, refusals(nack.GetMessage(), settled)...)
	return true
}

// longest bounds the text that is kept of one NACK: it is a client's, and may be anything.
const longest = 8 << 10

// refusals reads a NACK of one line per resource, "name: reason". What names no resource of the response is told without a name.
func refusals(message string, sent map[string]bool) []Refusal {
	if len(message) > longest {
		message = message[:longest] + "…"
	}
	var out []Refusal
	var rest []string
	for line := range strings.Lines(message) {
		line = strings.TrimSpace(line)
		if name, reason, ok := cutName(line, sent); ok {
			out = append(out, Refusal{Name: name, Reason: reason})
		} else if line != "" {
			rest = append(rest, line)
		}
	}
	if len(rest) > 0 || len(out) == 0 {
		out = append(out, Refusal{Reason: strings.Join(rest, "; ")})
	}
	return out
}

// cutName finds a resource's name before ": "; the name may hold colons itself.
func cutName(line string, sent map[string]bool) (name, reason string, ok bool) {
	for i := 0; ; {
		j := strings.Index(line[i:], ": ")
		if j < 0 {
			return "", "", false
		}
		if i += j; i > 0 && sent[line[:i]] {
			return line[:i], line[i+2:], true
		}
		i += 2
	}
}
