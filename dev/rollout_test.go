package dev

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fairlead.dev/fairlead/folder"
)

// podsOf reads "a1 b2 -c1": pods by name and template, those that are leaving with a dash.
func podsOf(text string) []folder.Pod {
	var pods []folder.Pod
	for _, word := range strings.Fields(text) {
		name, leaving := strings.CutPrefix(word, "-")
		pods = append(pods, folder.Pod{
			Name: name[:1], TemplateHash: name[1:], Ordinal: int(name[0] - 'a'), Ready: !leaving, Serving: true, Terminating: leaving,
		})
	}
	return pods
}

func textOf(pods []folder.Pod) string {
	var words []string
	for _, p := range pods {
		dash := ""
		if p.Terminating {
			dash = "-"
		}
		words = append(words, dash+p.Name+p.TemplateHash)
	}
	return strings.Join(words, " ")
}

func TestRollout(t *testing.T) {
	for _, c := range []struct{ name, wanted, running, start, stop string }{
		{"nothing to do", "a1 b1", "a1 b1", "", ""},
		{"from nothing, all start", "a1 b1 c1", "", "a1 b1 c1", ""},
		{"growing, all that is missing starts", "a1 b1 c1", "a1", "b1 c1", ""},
		{"shrinking, all that is too much stops", "a1", "a1 b1 c1", "", "b1 c1"},
		{"to nothing, all stop", "", "a1 b1", "", "a1 b1"},
		{"a new template starts one", "a2 b2", "a1 b1", "a2", ""},
		{"then stops one", "a2 b2", "a1 b1 a2", "", "a1"},
		{"then waits until it is gone", "a2 b2", "b1 a2 -a1", "", ""},
		{"then starts the next", "a2 b2", "b1 a2", "b2", ""},
		{"and ends", "a2 b2", "a2 b1 b2", "", "b1"},
		{"a new template and more of it", "a2 b2 c2", "a1 b1", "a2", ""},
		{"a new template and fewer of it", "a2", "a1 b1 c1", "", "a1"},
		{"back to a template that is leaving, waits", "a1 b1", "a2 b1 -a1", "", ""},
		{"and starts it when that is gone", "a1 b1", "a2 b1", "a1", ""},
	} {
		start, stop := rollout(podsOf(c.wanted), podsOf(c.running))
		if textOf(start) != c.start || textOf(stop) != c.stop {
			t.Errorf("%s: wanted %q, running %q: start %q stop %q; want start %q stop %q",
				c.name, c.wanted, c.running, textOf(start), textOf(stop), c.start, c.stop)
		}
	}
}

// A rollout always ends in what is wanted, and never has fewer pods than the smaller of what was and what is wanted.
func TestRolloutEnds(t *testing.T) {
	words := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}), 0, 5, func(s string) string { return s })
	rapid.Check(t, func(t *rapid.T) {
		template := func(hash string) (pods []folder.Pod) {
			for _, name := range words.Draw(t, "names") {
				pods = append(pods, podsOf(name+hash)...)
			}
			return pods
		}
		running := template("1")
		wanted := template(rapid.SampledFrom([]string{"1", "2"}).Draw(t, "hash"))
		least := min(len(running), len(wanted))
		for steps := 0; ; steps++ {
			start, stop := rollout(wanted, running)
			if len(start)+len(stop) == 0 {
				if i := slices.IndexFunc(running, func(p folder.Pod) bool { return p.Terminating }); i >= 0 {
					running = slices.Delete(running, i, i+1)
					continue
				}
				break
			}
			running = append(running, start...)
			for i := range running {
				if slices.ContainsFunc(stop, running[i].Same) {
					running[i].Terminating = true
				}
			}
			alive := 0
			for _, p := range running {
				if !p.Terminating {
					alive++
				}
			}
			if alive < least {
				t.Fatalf("%d pods live, want at least %d", alive, least)
			}
			if steps > 50 {
				t.Fatalf("no end: wanted %q, running %q", textOf(wanted), textOf(running))
			}
		}
		if len(running) != len(wanted) {
			t.Fatalf("ended with %q, wanted %q", textOf(running), textOf(wanted))
		}
		for _, w := range wanted {
			if !slices.ContainsFunc(running, w.Same) {
				t.Fatalf("ended with %q, wanted %q", textOf(running), textOf(wanted))
			}
		}
	})
}
