package main

import (
	"context"
	"flag"
	"slices"
	"strings"
	"testing"

	"fairlead.dev/fairlead/hack/clusters/plan"
)

func TestEveryVerbIsInTheUsage(t *testing.T) {
	for name := range verbs {
		if !strings.Contains(usage, name) {
			t.Errorf("%s is not in usage.txt", name)
		}
	}
}

func TestFlagsStandAnywhere(t *testing.T) {
	for _, test := range []struct {
		args    []string
		command bool
		from    string
		rest    []string
	}{
		{[]string{"west", "--from", "east"}, false, "east", []string{"west"}},
		{[]string{"--from=east", "west", "north"}, false, "east", []string{"west", "north"}},
		{[]string{"west", "ls", "--from", "x"}, true, "", []string{"west", "ls", "--from", "x"}},
	} {
		flags := flag.NewFlagSet("", flag.ContinueOnError)
		from := flags.String("from", "", "")
		rest, err := parse(flags, test.args, test.command)
		if err != nil || *from != test.from || !slices.Equal(rest, test.rest) {
			t.Errorf("%v: from %q, rest %v, %v", test.args, *from, rest, err)
		}
	}
}

func TestPercent(t *testing.T) {
	for text, want := range map[string]float64{"1%": 0.01, "0.5": 0.5, "100%": 1} {
		if got, err := percent(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "x", "-1%", "101%", "2"} {
		if _, err := percent(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func TestAControlPlaneKeepsItsNumber(t *testing.T) {
	l := lab{state: t.TempDir()}
	if err := l.lock(context.Background(), l.bareDir("a")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if n, err := l.bareNumber("a", true); err != nil || n != 1 {
			t.Errorf("a: number %d, %v", n, err)
		}
	}
	if n, err := l.bareNumber("b", true); err != nil || n != 2 {
		t.Errorf("b: number %d, %v", n, err)
	}
	if _, err := l.bareNumber("c", false); err == nil {
		t.Error("c has a number")
	}
}

func TestAFleetIsExtendedButNotChanged(t *testing.T) {
	l := lab{state: t.TempDir()}
	three, _ := l.decide(planOptions(3, ""), "")
	if len(three.Clusters) != 3 || three.Network != "flat" || three.IP != "ipv4" {
		t.Fatalf("first: %+v", three.Options)
	}
	if f, err := l.decide(planOptions(2, ""), ""); err != nil || len(f.Clusters) != 3 {
		t.Errorf("two after three: %+v, %v", f.Options, err)
	}
	if _, err := l.decide(planOptions(3, "separate"), ""); err == nil {
		t.Error("another network was accepted")
	}
}

func planOptions(clusters int, network string) plan.Options {
	return plan.Options{Clusters: clusters, Nodes: 1, Network: network}
}
