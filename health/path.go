package health

import "fmt"

// path is what the probes say of the data path to one cluster.
type path uint8

const (
	// living paths answer, or are not probed at all.
	living path = iota
	// doubtful paths answer none of at least one prober's probes.
	doubtful
	// dead paths have missed enough probes in a row, every one by every prober.
	dead
)

// survey is the probes of one cluster, counted.
type survey struct {
	path
	probers  int
	paths    int
	blind    int    // probers that nothing answers
	draining string // the path that says it drains; empty: none. The least one of several.
}

func surveyOf(p Policy, probes []Probe) survey {
	answered := map[string]bool{} // by prober
	paths := map[string]bool{}
	s := survey{path: dead}
	for _, probe := range probes {
		answers := probe.Misses <= 0
		answered[probe.Prober] = answered[probe.Prober] || answers
		paths[probe.Path] = true
		if probe.Misses < max(1, p.Misses) {
			s.path = doubtful
		}
		if probe.Draining && (s.draining == "" || probe.Path < s.draining) {
			s.draining = probe.Path
		}
	}
	s.probers, s.paths = len(answered), len(paths)
	for _, ok := range answered {
		if !ok {
			s.blind++
		}
	}
	if s.blind == 0 {
		s.path = living
	}
	return s
}

// deadText reads like "3 probes in a row missed on both paths by both probers". It counts what is needed, not what was seen, so that
// it stays as it is while the misses grow.
func (s survey) deadText(p Policy) string {
	return fmt.Sprintf("%s in a row missed on %s by %s", count(max(1, p.Misses), "probe"), all(s.paths, "path"), all(s.probers, "prober"))
}

// doubtText reads like "no path answers one of 2 probers".
func (s survey) doubtText() string {
	if s.blind == s.probers {
		return "no path answers " + all(s.probers, "prober")
	}
	return fmt.Sprintf("no path answers %d of %d probers", s.blind, s.probers)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// all reads like "the only path", "both paths", "all 3 paths".
func all(n int, noun string) string {
	switch n {
	case 1:
		return "the only " + noun
	case 2:
		return "both " + noun + "s"
	}
	return fmt.Sprintf("all %d %ss", n, noun)
}
