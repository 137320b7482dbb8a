package trace

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"fairlead.dev/fairlead/fleet"
)

// manyLost bounds the lost rules in the text; the data has them all.
const manyLost = 8

// String tells the way in a few aligned lines.
func (a *Answer) String() string {
	p := &page{}
	p.b.WriteString(a.Method + " " + a.URL + " from " + a.From + "\n")
	if a.Server != nil {
		p.line("server", a.Server.String())
	}
	if a.Host != "" {
		p.line("host", a.Host)
	}
	a.writeRules(p)
	p.lines("filter", a.Filters)
	for _, b := range a.Backends {
		word := b.Group + "  " + percent(b.Percent)
		if b.Chosen && len(a.Backends) > 1 {
			word += "  drawn"
		}
		p.line("backend", word)
	}
	if len(a.Backends) == 0 && a.Group != "" {
		p.line("backend", a.Group)
	}
	p.columns("tier", a.tierRows())
	if e := a.Endpoint; e != nil {
		p.line("endpoint", strings.TrimSpace(e.Address+" "+e.Hostname)+" in "+e.Cluster)
	}
	if a.Outcome != "" {
		p.line("answer", strings.TrimSpace(status(a.Status)+a.Outcome))
	}
	return p.b.String()
}

// String is the server in one line.
func (s *Server) String() string {
	out := s.Name
	if len(s.Addresses) > 0 && !s.TCP {
		out += " (" + strings.Join(s.Addresses, ", ") + ")"
	}
	if s.TCP {
		out += ", plain TCP"
	}
	if s.Listener != "" {
		out += ", listener " + s.Listener
	}
	if s.Certificate != "" {
		out += ", certificate " + s.Certificate
	}
	return out
}

func (a *Answer) writeRules(p *page) {
	if a.Rule != nil {
		p.line("rule", fmt.Sprintf("%s  %s  (rule %d of %d)", a.Rule.Name, a.Rule.Match, len(a.Lost)+1, a.Rules))
	}
	for i, l := range a.Lost {
		if i == manyLost {
			p.line("lost", fmt.Sprintf("and %d more", len(a.Lost)-manyLost))
			break
		}
		p.line("lost", l.Rule+"  "+l.Why)
	}
}

// tierRows are the columns: tier with share, place with its endpoints, why.
func (a *Answer) tierRows() (rows [][]string) {
	for i := range a.Tiers {
		t := &a.Tiers[i]
		for j := range t.Places {
			pl := &t.Places[j]
			name, why := "", ""
			if j == 0 {
				name, why = t.Name+" "+percent(float64(t.Percent)), t.Why
			}
			words := pl.Cluster + " " + fleet.Locality{Region: pl.Region, Zone: pl.Zone}.String()
			if len(t.Places) > 1 && t.Percent > 0 {
				words += " " + percent(pl.Percent)
			}
			rows = append(rows, []string{name, words + " " + pl.count(), why})
		}
	}
	return rows
}

// count says how many endpoints a place has, and what keeps some of them from taking traffic.
func (p *Place) count() string {
	out := plural(len(p.Endpoints), "endpoint")
	for _, why := range []string{"not ready", "draining", "lost"} {
		n := 0
		for i := range p.Endpoints {
			if p.Endpoints[i].Why == why {
				n++
			}
		}
		if n > 0 {
			out += fmt.Sprintf(", %d %s", n, why)
		}
	}
	return out
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

func status(code int) string {
	if code == 0 {
		return ""
	}
	return strconv.Itoa(code) + "  "
}

// percent is a share with one decimal where it needs one.
func percent(p float64) string {
	return strconv.FormatFloat(math.Round(p*10)/10, 'f', -1, 64) + " %"
}

func joinInts(ns []int) string {
	words := make([]string, len(ns))
	for i, n := range ns {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, ", ")
}

// page is text with a word at the left of each line, once for lines alike.
type page struct {
	b    strings.Builder
	last string
}

func (p *page) line(word, rest string) {
	if word == p.last {
		word = ""
	} else {
		p.last = word
	}
	fmt.Fprintf(&p.b, "  %-8s %s\n", word, strings.TrimRight(rest, " "))
}

func (p *page) lines(word string, all []string) {
	for _, s := range all {
		p.line(word, s)
	}
}

// columns writes rows with each column as wide as its widest cell.
func (p *page) columns(word string, rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], len(cell))
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			fmt.Fprintf(&b, "%-*s  ", widths[i], cell)
		}
		p.line(word, b.String())
	}
}
