// Package stub makes a cluster's own resolver ask Fairlead for the names of the clusterset: a server block in its Corefile.
//
// Read, Add and Remove are pure: text in, text out. They know just enough of a Corefile to tell who serves which zone, change nothing
// but their own block, which stands between two marker comments, and refuse what they do not understand or what somebody else has
// decided. Cluster is the edge that finds the Corefile's ConfigMap and edits it: CoreDNS as kubeadm and most others lay it out,
// distributions that import further blocks from a ConfigMap coredns-custom, and the node-local cache.
package stub

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"fairlead.dev/fairlead/dns"
)

// The lines around the block that is ours. What stands between them is Fairlead's.
const (
	begin = "# fairlead.dev: the names of the clusterset. Kept by Fairlead; fairlead dns disable takes it out."
	end   = "# fairlead.dev: end"
)

// zone is the zone without its last dot.
var zone = strings.TrimSuffix(dns.Zone, ".")

// ErrTaken says that the zone is served by something else already.
var ErrTaken = errors.New("served by something else")

// Listening is where the server blocks of a Corefile listen. A block beside them has to do likewise: a CoreDNS that may not open another
// port takes up nothing of a file that names one.
type Listening struct {
	// Port is the port with its colon, as it is written behind a zone; empty where none is written.
	Port string
	// Bind is the statement that says on which addresses; empty: on all.
	Bind string
}

// Block returns the server block that forwards the zone to Fairlead's servers.
//
// Answers are cached no longer than they live, and are used beyond that only where Fairlead does not answer.
func Block(to netip.Addr, at Listening) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s {\n    errors\n", zone, at.Port)
	if at.Bind != "" {
		fmt.Fprintf(&b, "    %s\n", at.Bind)
	}
	fmt.Fprintf(&b, "    cache 5 {\n        serve_stale 1h verify\n    }\n    loadbalance\n    forward . %s\n}\n", to)
	return b.String()
}

// Corefile is what is known of a Corefile.
type Corefile struct {
	// Ours says that our block is there; To is where it forwards to.
	Ours bool
	To   netip.Addr
	// Taken says who else serves the zone; empty: nobody.
	Taken string
	// Reloads says that a change is taken up without a restart.
	Reloads bool
	// Imports are the patterns of files whose blocks are part of it.
	Imports []string
	// At is where its first block listens, or a CoreDNS whose Corefile has none.
	At Listening
}

// Read tells what stands in a Corefile.
func Read(text string) (Corefile, error) {
	rest, own, err := cut(text)
	if err != nil {
		return Corefile{}, err
	}
	blocks, imports, err := parse(rest)
	if err != nil {
		return Corefile{}, err
	}
	at, err := listening(blocks)
	if err != nil {
		return Corefile{}, err
	}
	c := Corefile{Ours: own != "", Imports: imports, At: at}
	for _, b := range blocks {
		c.Reloads = c.Reloads || b.has("reload")
		if by := b.serves(zone); by != "" && c.Taken == "" {
			c.Taken = by
		}
	}
	if ours, _, err := parse(own); err == nil && len(ours) == 1 {
		if words := ours[0].find("forward"); len(words) == 3 {
			c.To, _ = netip.ParseAddr(words[2])
		}
	}
	return c, nil
}

// Add returns the Corefile with our block in it, the same text where it is there already. It is an error, ErrTaken, where the zone is
// served by something else.
func Add(text string, to netip.Addr, at Listening) (string, error) {
	c, err := Read(text)
	if err != nil {
		return "", err
	}
	if c.Taken != "" {
		return "", fmt.Errorf("%s is %w: %s", zone, ErrTaken, c.Taken)
	}
	marked := begin + "\n" + Block(to, at) + end + "\n"
	rest, own, err := cut(text)
	switch {
	case err != nil:
		return "", err
	case own != "":
		return strings.Replace(text, own, marked, 1), nil
	case rest != "" && !strings.HasSuffix(rest, "\n"):
		rest += "\n"
	}
	return rest + marked, nil
}

// Remove returns the Corefile without our block, and whether it was there. Everything else stays as it is.
func Remove(text string) (string, bool, error) {
	rest, own, err := cut(text)
	return rest, own != "", err
}

// cut parts a text in our block, with its markers and line ends, and the rest.
func cut(text string) (rest, own string, err error) {
	lines := slices.Collect(strings.Lines(text))
	is := func(mark string) func(string) bool {
		return func(line string) bool { return strings.TrimSpace(line) == mark }
	}
	from, to := slices.IndexFunc(lines, is(begin)), slices.IndexFunc(lines, is(end))
	switch {
	case from < 0 && to < 0:
		return text, "", nil
	case from < 0 || to < from || slices.ContainsFunc(lines[from+1:], is(begin)) || slices.ContainsFunc(lines[to+1:], is(end)):
		return "", "", fmt.Errorf("the lines %q and %q do not stand around one block: take them out by hand", begin, end)
	}
	own = strings.Join(lines[from:to+1], "")
	return strings.Join(lines[:from], "") + strings.Join(lines[to+1:], ""), own, nil
}
