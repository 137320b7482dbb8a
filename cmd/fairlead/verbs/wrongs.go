package verbs

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"fairlead.dev/fairlead/control"
	"fairlead.dev/fairlead/fleet"
)

// section prints a title and lines, or nothing where there are none.
func section(w io.Writer, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", title)
	for _, line := range lines {
		fmt.Fprintln(w, "  "+line)
	}
}

func heldLines(s control.Status) (lines []string) {
	for _, c := range s.Clusters {
		if c.Vanished {
			lines = append(lines, fmt.Sprintf("%s: its folder is gone; its last state is kept", c.Name))
		}
		for _, v := range c.Verdicts {
			if v.Held > 0 {
				lines = append(lines, fmt.Sprintf("%s: %s, seen from %s; if they are meant to go: fairlead release %s",
					c.Name, plural(v.Held, "record"), v.From, c.Name))
			}
		}
	}
	for _, svc := range s.Services {
		if len(svc.Held) > 0 {
			lines = append(lines, fmt.Sprintf("service %s: records of %s", svc.Name, strings.Join(svc.Held, ", ")))
		}
	}
	return lines
}

func problemLines(problems []control.Problem) (lines []string) {
	for _, p := range problems {
		parts := slices.DeleteFunc([]string{p.Where, p.Object, p.Field, p.Message}, func(s string) bool { return s == "" })
		line := strings.Join(parts, ": ")
		if p.Where == "" && p.Cluster != "" {
			line = p.Cluster + ": " + line
		}
		lines = append(lines, line)
	}
	return lines
}

// rejectionLines tells what was not taken, except for what stands among the folder's problems already.
func rejectionLines(s control.Status) (lines []string) {
	told := map[string]bool{}
	for _, p := range s.Problems {
		told[p.Where] = true
	}
	for _, r := range s.Rejections {
		if r.Where == "" || !told[r.Where] {
			parts := slices.DeleteFunc([]string{r.Cluster, r.Where, r.Object, r.Message}, func(s string) bool { return s == "" })
			lines = append(lines, strings.Join(parts, ": "))
		}
	}
	return lines
}

func unreadyLines(all []control.Unready) (lines []string) {
	for _, u := range all {
		if u.Condition.Type == "Conflict" {
			continue // told by service
		}
		object := u.Object
		if u.Part != "" {
			object += " " + u.Part
		}
		lines = append(lines, fmt.Sprintf("%s: %s: %s: %s", u.Cluster, object, u.Condition, u.Condition.Message))
	}
	return lines
}

// nackLines tells what proxies refused, except for what stands among the addresses already.
func nackLines(s control.Status) (lines []string) {
	for _, c := range s.XDS {
		for _, n := range c.Nacked {
			told := slices.ContainsFunc(s.Listeners, func(p control.Problem) bool { return strings.Contains(n, p.Message) })
			if !told {
				lines = append(lines, fmt.Sprintf("%s: %s: %s", c.Cluster, c.Node, n))
			}
		}
	}
	return lines
}

func orphanLines(proxies []control.Proxy) (lines []string) {
	for _, p := range proxies {
		if !p.Connected {
			lines = append(lines, p.Cluster)
		}
	}
	return lines
}

// manyEndpoints bounds the endpoints in the text; the JSON has them all.
const manyEndpoints = 10

// unusableLines tells which endpoints a proxy found unusable by itself, or that say so of themselves. Those of clusters that are lost or
// drain are explained by the verdicts already.
func unusableLines(proxies []control.Proxy) (lines []string) {
	for _, p := range proxies {
		for _, e := range p.Unusable {
			if e.Why == fleet.LostTarget.String() || e.Why == fleet.Draining.String() {
				continue
			}
			lines = append(lines, fmt.Sprintf("%s: %s %s in %s: %s", p.Cluster, e.Group, e.Address, orDash(e.Cluster), e.Why))
		}
	}
	if n := len(lines) - manyEndpoints; n > 0 {
		lines = append(lines[:manyEndpoints], fmt.Sprintf("and %d more", n))
	}
	return lines
}

func conflictLines(services []control.Service) (lines []string) {
	for _, s := range services {
		for _, c := range s.Conflicts {
			lines = append(lines, s.Name+": "+c)
		}
	}
	return lines
}
