package route

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"fairlead.dev/fairlead/fleet"
)

// print is the text of everything that a world compiles to: a line for each Gateway, listener, server, route, parent and rule, with the
// messages of conditions beneath them.
func (w *world) print() string {
	var b strings.Builder
	attached := map[ListenerID]int{}
	var parts []Part
	var routes strings.Builder
	for _, r := range w.routes {
		a := Attach(w, r)
		printRoute(&routes, nameOf(r), a)
		parts = append(parts, a.Parts...)
		for _, l := range a.Attached {
			attached[l]++
		}
	}
	for _, n := range slices.SortedFunc(maps.Keys(w.compiled), fleet.Name.Compare) {
		printGateway(&b, n, w.compiled[n], attached)
	}
	b.WriteString(routes.String())
	for _, n := range slices.SortedFunc(maps.Keys(w.compiled), fleet.Name.Compare) {
		for _, s := range w.compiled[n].Servers {
			printHosts(&b, s, parts)
		}
	}
	return b.String()
}

func printGateway(b *strings.Builder, n fleet.Name, c *Compiled, attached map[ListenerID]int) {
	fmt.Fprintf(b, "gateway %s %v %s\n", n, c.Addresses, conditions(c.Conditions))
	messages(b, c.Conditions)
	for _, l := range c.Listeners {
		kinds := make([]string, len(l.SupportedKinds))
		for i, k := range l.SupportedKinds {
			kinds[i] = string(k.Kind)
		}
		fmt.Fprintf(b, "  listener %s %v attached=%d %s\n", l.Name, kinds, attached[ListenerID{n, string(l.Name)}], conditions(l.Conditions))
		messages(b, l.Conditions)
	}
	for _, s := range c.Servers {
		scheme := "http"
		if s.TLS {
			scheme = "https"
		}
		fmt.Fprintf(b, "  server %s %s %v", s.ID, scheme, s.Addresses)
		for _, l := range s.Listeners {
			fmt.Fprintf(b, " %s=%s", l.Name, l.Hostname)
			for _, cert := range l.Certificates {
				fmt.Fprintf(b, "(%s)", cert.Secret)
			}
		}
		b.WriteString("\n")
	}
}

func printRoute(b *strings.Builder, n fleet.Name, a *Attachment) {
	fmt.Fprintf(b, "route %s\n", n)
	for _, p := range a.Parents {
		fmt.Fprintf(b, "  parent %s", p.Parent.Name)
		if p.Parent.SectionName != nil {
			fmt.Fprintf(b, "/%s", *p.Parent.SectionName)
		}
		if p.Parent.Port != nil {
			fmt.Fprintf(b, ":%d", *p.Parent.Port)
		}
		fmt.Fprintf(b, " %s\n", conditions(p.Conditions))
		messages(b, p.Conditions)
	}
	for _, u := range a.Unattached {
		fmt.Fprintf(b, "  unattached: %s\n", u)
	}
}

// printHosts prints the virtual hosts of a server as an engine would make them: one for each hostname of a part or a listener.
func printHosts(b *strings.Builder, s *Server, parts []Part) {
	hosts := map[string]bool{}
	for _, l := range s.Listeners {
		hosts[l.Hostname] = true
	}
	var own []Part
	for _, p := range parts {
		if p.Host.Server == s.ID {
			hosts[p.Host.Hostname] = true
			own = append(own, p)
		}
	}
	for _, h := range slices.SortedFunc(maps.Keys(hosts), CompareHostnames) {
		owner, _ := Owner(s.Listeners, h)
		vh := Host(HostID{s.ID, h}, owner.Name, own)
		fmt.Fprintf(b, "host %s (%s)\n", vh.ID, vh.Listener)
		for _, r := range vh.Rules {
			fmt.Fprintf(b, "  %s: %v -> %s\n", r.Name, r.Match, actionText(r))
		}
	}
}

func conditions(cs []fleet.Condition) string {
	said := make([]string, len(cs))
	for i, c := range cs {
		said[i] = c.String()
	}
	return strings.Join(said, " ")
}

// messages prints each message once.
func messages(b *strings.Builder, cs []fleet.Condition) {
	var seen []string
	for _, c := range cs {
		if c.Message != "" && !slices.Contains(seen, c.Message) {
			seen = append(seen, c.Message)
			fmt.Fprintf(b, "    ! %s\n", c.Message)
		}
	}
}

func actionText(r *Rule) string {
	var said []string
	switch {
	case r.Redirect != nil:
		said = append(said, redirectText(r.Redirect))
	case r.Respond != nil:
		said = append(said, fmt.Sprintf("respond %d", r.Respond.Code))
	case len(r.Backends) == 0:
		said = append(said, "500")
	}
	for _, b := range r.Backends {
		name := b.Group.String()
		if b.Invalid {
			name = "invalid"
		}
		said = append(said, fmt.Sprintf("%s*%d%s%s", name, b.Weight, editText("request", b.RequestHeaders), editText("response", b.ResponseHeaders)))
	}
	if r.Section != "" {
		said = append(said, "section="+r.Section)
	}
	if w := r.Rewrite; w != nil {
		said = append(said, "rewrite"+hostText(w.Hostname)+pathText(w.Path))
	}
	said = append(said, strings.TrimSpace(editText("request", r.RequestHeaders)+editText("response", r.ResponseHeaders)))
	for _, m := range r.Mirrors {
		said = append(said, fmt.Sprintf("mirror %s %d/%d", m.Group, m.Numerator, m.Denominator))
	}
	if r.CORS != nil {
		said = append(said, fmt.Sprintf("cors %+v", *r.CORS))
	}
	if r.RequestTimeout != 0 || r.BackendTimeout != 0 {
		said = append(said, fmt.Sprintf("timeouts %s/%s", r.RequestTimeout, r.BackendTimeout))
	}
	if r.Retry != nil {
		said = append(said, fmt.Sprintf("retry %+v", *r.Retry))
	}
	return strings.Join(slices.DeleteFunc(said, func(s string) bool { return s == "" }), " ")
}

func redirectText(r *Redirect) string {
	s := fmt.Sprintf("redirect %d", r.Code)
	if r.Scheme != "" {
		s += " " + r.Scheme
	}
	s += hostText(r.Hostname)
	if r.Port != 0 {
		s += fmt.Sprintf(" :%d", r.Port)
	}
	return s + pathText(r.Path)
}

func hostText(h string) string {
	if h == "" {
		return ""
	}
	return " host=" + h
}

func pathText(p *PathEdit) string {
	switch {
	case p == nil:
		return ""
	case p.Prefix:
		return fmt.Sprintf(" prefix=%q", p.Value)
	}
	return fmt.Sprintf(" path=%q", p.Value)
}

func editText(what string, e HeaderEdit) string {
	var said []string
	for _, h := range e.Set {
		said = append(said, h.Name+"="+h.Value)
	}
	for _, h := range e.Add {
		said = append(said, h.Name+"+="+h.Value)
	}
	for _, n := range e.Remove {
		said = append(said, "-"+n)
	}
	if len(said) == 0 {
		return ""
	}
	return fmt.Sprintf(" %s(%s)", what, strings.Join(said, ","))
}
