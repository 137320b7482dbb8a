package picture

import (
	"fmt"
	"io"
	"iter"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
	"fairlead.dev/fairlead/route"
)

// String returns the picture as text: one line for each cluster, service, name, endpoint group, server, route rule, status and rejection, in
// this order, each sorted. Equal pictures have equal texts.
func (p *Picture) String() string {
	var b strings.Builder
	_, _ = p.WriteTo(&b)
	return b.String()
}

// WriteTo writes what String returns.
func (p *Picture) WriteTo(w io.Writer) (n int64, err error) {
	for line := range p.Lines() {
		m, err := io.WriteString(w, line+"\n")
		if n += int64(m); err != nil {
			return n, err
		}
	}
	return n, nil
}

// Lines returns the lines of the text.
func (p *Picture) Lines() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, section := range p.sections() {
			for line := range section {
				if !yield(line) {
					return
				}
			}
		}
	}
}

// sections are the parts of the text, in order.
func (p *Picture) sections() []iter.Seq[string] {
	return []iter.Seq[string]{
		each(p.Members(), memberLines), each(p.Services(), serviceLines), each(p.Services(), nameLines),
		each(p.Groups(), groupLines), each(p.Servers(), serverLines), each(p.Hosts(), hostLines),
		each(p.Statuses(), statusLines), each(p.Rejections(), rejectionLines),
	}
}

// each turns values into lines.
func each[T any](values iter.Seq[T], lines func(T) []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for v := range values {
			for _, line := range lines(v) {
				if !yield(line) {
					return
				}
			}
		}
	}
}

func memberLines(m *Member) []string {
	line := fmt.Sprintf("cluster  %s %s network=%s %s", m.Name, m.Locality, orDefault(m.Network, "default"), m.Verdict)
	if m.Held > 0 {
		line += fmt.Sprintf(" held=%d", m.Held)
	}
	if m.Reason != "" {
		line += " # " + m.Reason
	}
	return []string{line}
}

func serviceLines(s *Service) []string {
	line := "service  " + s.Name.String() + " " + kindOf(s)
	for _, port := range s.Ports {
		line += " " + port.Port.String()
	}
	if len(s.IPs) > 0 {
		line += " ip=" + join(s.IPs, ",", netip.Addr.String)
	}
	line += " from=" + join(s.Exporters, ",", func(e mcs.Exporter) string { return e.Cluster })
	if len(s.Held) > 0 {
		line += " held=" + strings.Join(s.Held, ",")
	}
	for _, c := range s.Conflicts {
		line += " # " + c.Reason + ": " + c.Message
	}
	return []string{line}
}

func kindOf(s *Service) string {
	switch {
	case s.Imported == nil:
		return "not imported: no namespace " + s.Name.Namespace
	case s.Headless:
		return "Headless"
	}
	return "ClusterSetIP"
}

// nameLines tells what the name of a service resolves to; the names of single pods follow from its endpoints.
func nameLines(s *Service) []string {
	if s.Imported == nil {
		return nil
	}
	ips := s.IPs
	if s.Headless {
		ips = readyAddresses(s)
	}
	name := s.Name.Name + "." + s.Name.Namespace + ".svc.clusterset.local"
	if len(ips) == 0 {
		return []string{"name     " + name + " NXDOMAIN"}
	}
	return []string{"name     " + name + " " + join(ips, " ", netip.Addr.String)}
}

func readyAddresses(s *Service) (ips []netip.Addr) {
	for _, sl := range s.Slices {
		for _, e := range sl.Endpoints {
			if e.Ready {
				ips = append(ips, e.Address)
			}
		}
	}
	slices.SortFunc(ips, netip.Addr.Compare)
	return slices.Compact(ips)
}

func groupLines(g *fleet.Group) []string {
	line := "group    " + g.ID.String()
	if g.AppProtocol != "" {
		line += " " + g.AppProtocol
	}
	if len(g.Tiers) == 0 {
		line += " no endpoints"
	}
	for _, t := range g.Tiers {
		line += " " + t.Name + "[" + join(t.Places, "; ", placeText) + "]"
	}
	if len(g.Unreachable) > 0 {
		line += " # on another network: " + strings.Join(g.Unreachable, ",")
	}
	return []string{line}
}

func placeText(p fleet.Place) string {
	s := fmt.Sprintf("%s %s w=%d", p.Cluster, p.Locality, p.Weight)
	for _, t := range p.Targets {
		s += " " + t.Addr.String()
		if t.Health != fleet.Healthy {
			s += "(" + t.Health.String() + ")"
		}
	}
	return s
}

func serverLines(s *route.Server) []string {
	protocol := "HTTP"
	if s.TLS {
		protocol = "HTTPS"
	}
	return []string{fmt.Sprintf("server   %s %s on %s hostnames=%s", s.ID, protocol, join(s.Addresses, ",", netip.Addr.String),
		join(s.Listeners, ",", func(l route.Listener) string { return l.Hostname }))}
}

func hostLines(vh *route.VirtualHost) (lines []string) {
	for _, r := range vh.Rules {
		lines = append(lines, "route    "+vh.ID.String()+" "+r.Match.String()+" -> "+actionText(r)+" # "+r.Name)
	}
	if len(lines) == 0 {
		lines = append(lines, "route    "+vh.ID.String()+" nothing -> 404")
	}
	return lines
}

func actionText(r *route.Rule) string {
	switch {
	case r.Redirect != nil:
		return "redirect " + strconv.Itoa(r.Redirect.Code)
	case r.Respond != nil:
		return "respond " + strconv.Itoa(r.Respond.Code)
	case len(r.Backends) == 0:
		return "respond 500"
	}
	text := join(r.Backends, " ", backendText)
	for _, m := range r.Mirrors {
		text += " mirror=" + m.Group.String()
	}
	return text
}

func backendText(b route.Backend) string {
	name := b.Group.String()
	if b.Invalid {
		name = "invalid"
	}
	return fmt.Sprintf("%s*%d", name, b.Weight)
}

func statusLines(s *Status) (lines []string) {
	head := "status   " + s.Object.String()
	if len(s.Conditions) > 0 {
		lines = append(lines, head+" "+conditionsText(s.Conditions))
	}
	for _, l := range s.Listeners {
		lines = append(lines, fmt.Sprintf("%s listener=%s routes=%d %s", head, l.Name, l.AttachedRoutes, conditionsText(l.Conditions)))
	}
	for _, p := range s.Parents {
		parent := string(p.Parent.Name)
		if p.Parent.SectionName != nil {
			parent += "/" + string(*p.Parent.SectionName)
		}
		lines = append(lines, head+" parent="+parent+" "+conditionsText(p.Conditions))
	}
	return lines
}

// goodWhenFalse are the conditions whose False needs no explanation.
var goodWhenFalse = map[string]bool{"Conflict": true, "Conflicted": true, "PartiallyInvalid": true, "OverlappingTLSConfig": true}

// conditionsText prints conditions, and the messages of those that a person should read, each once.
func conditionsText(conditions []fleet.Condition) string {
	text := join(conditions, " ", fleet.Condition.String)
	var told []string
	for _, c := range conditions {
		good := (c.Status == fleet.True) != goodWhenFalse[c.Type]
		if !good && c.Message != "" && !slices.Contains(told, c.Message) {
			text += " # " + c.Message
			told = append(told, c.Message)
		}
	}
	return text
}

func rejectionLines(r *Rejection) []string {
	line := "rejected " + r.Object.String() + " # "
	if r.Where != "" {
		line += r.Where + ": "
	}
	return []string{line + r.Message}
}

// Diff returns the lines that only one of two pictures has, "- " before those of the old one and "+ " before those of the new one, in
// the order of the text.
func Diff(old, new *Picture) (lines []string) {
	was, is := map[string]bool{}, map[string]bool{}
	for line := range old.Lines() {
		was[line] = true
	}
	for line := range new.Lines() {
		is[line] = true
	}
	a, b := old.sections(), new.sections()
	for i := range a {
		for line := range a[i] {
			if !is[line] {
				lines = append(lines, "- "+line)
			}
		}
		for line := range b[i] {
			if !was[line] {
				lines = append(lines, "+ "+line)
			}
		}
	}
	return lines
}

func join[T any](items []T, sep string, text func(T) string) string {
	out := make([]string, len(items))
	for i, item := range items {
		out[i] = text(item)
	}
	return strings.Join(out, sep)
}

func orDefault(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
