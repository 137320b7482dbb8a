package scenario_test

import (
	"testing"

	"fairlead.dev/fairlead/internal/scenario"
)

func TestConsole(t *testing.T) {
	steps := scenario.Console("Text.\n\n    $ not this\n\n```console\n$ one two\nout\n\nmore\n$ silent\n```\n\n```yaml\n$ nor this\n```\n")
	if len(steps) != 2 || steps[0].Command != "one two" || len(steps[0].Want) != 3 || steps[1].Command != "silent" || steps[1].Want != nil {
		t.Errorf("got %+v", steps)
	}
}

func TestShows(t *testing.T) {
	for _, tc := range []struct {
		name, output string
		want         []string
		shows        bool
	}{
		{"equal", "a b\nc\n", []string{"a b", "c"}, true},
		{"other line", "a b\nd\n", []string{"a b", "c"}, false},
		{"line too many", "a\nb\n", []string{"a"}, false},
		{"line missing", "a\n", []string{"a", "b"}, false},
		{"blank lines", "a\n\n  b  \n", []string{"a", "b"}, true},
		{"part of a line", "took 12 ms\n", []string{"took … ms"}, true},
		{"some lines", "a\nx\ny\nb\n", []string{"a", "…", "b"}, true},
		{"no lines", "a\nb\n", []string{"a", "…", "b"}, true},
		{"the rest", "a\nx\ny\n", []string{"a", "…"}, true},
		{"not the rest", "x\ny\n", []string{"a", "…"}, false},
		{"anything", "x\n", nil, true},
		{"no pattern", "a+b\n", []string{"a.b"}, false},
	} {
		if got := (scenario.Step{Want: tc.want}).Shows(tc.output); got != tc.shows {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.shows)
		}
	}
}
