package folder

import (
	"bytes"
	"maps"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Whatever a file holds, reading it does not panic, is the same each time, and tells every problem with a line of that file.
func FuzzManifest(f *testing.F) {
	for _, s := range []string{
		shop, good, "", "---", "--- {}\n...\nx", "%YAML 1.2\n---\n" + good, "kind: List\napiVersion: v1\nitems: &a\n- *a\n", "\xef\xbb\xbf" + good,
		"a: &a [*a]\nkind: Service\napiVersion: v1\nmetadata: {labels: &b {<<: *b}}\n", "\t", "- [", "\r0", "a: b\r\n\r\rc: [\u2028\u2029", "? {a: b}\n: c", "kind: ServiceList\nitems: [null]",
		"apiVersion: v1\nkind: Service\nspec: {ports: [{port: 0x50, targetPort: 1.5}]}", "{\"kind\":\n\"Service\", \"apiVersion\": \"v1\"}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		last := bytes.Count(text, []byte("\n")) + 1
		entries := parse("west/x.yaml", text)
		again := parse("west/x.yaml", text)
		if len(entries) != len(again) {
			t.Fatalf("got %d entries, then %d", len(entries), len(again))
		}
		for i, e := range entries {
			if (e.object == nil) != (len(e.problems) > 0) || e.line < 1 || e.line > last {
				t.Errorf("line %d of %d: object %v, problems %v", e.line, last, e.object, e.problems)
			}
			for _, p := range e.problems {
				if p.Line < 1 || p.Line > last || p.File != "west/x.yaml" || p.Message == "" {
					t.Errorf("lost its place: %s", p)
				}
			}
			if !slices.Equal(e.problems, again[i].problems) {
				t.Errorf("got %v, then %v", e.problems, again[i].problems)
			}
		}
		set, _ := Read(files(map[string]string{"west/x.yaml": string(text)}))
		for _, c := range set.Clusters {
			pods, _ := Workloads(c)
			c.Facts(pods)
		}
	})
}

// Equal files give equal sets, whatever was read before, and merging a set into itself changes nothing.
func TestReadIsDeterministic(t *testing.T) {
	texts := []string{
		shop, good, service("cart", "80"), service("cart", "0"), service("web", "81"), named("west"), named("East"), "[", "", "# none",
	}
	gen := rapid.MapOfN(
		rapid.SampledFrom([]string{"a/x.yaml", "a/y.yaml", "a/deep/z.yaml", "b/x.yaml", "b/y.json", "c/x.yml", "x.yaml"}),
		rapid.SampledFrom(texts), 0, 7)
	rapid.Check(t, func(t *rapid.T) {
		one, two := gen.Draw(t, "one"), gen.Draw(t, "two")
		set, problems := Read(files(two))
		r := &reader{}
		r.read(files(one))
		again, problemsAgain := r.read(files(maps.Clone(two)))
		if !reflect.DeepEqual(set.Clusters, again.Clusters) {
			t.Fatalf("read differently after something else: %s, then %s", objects(set), objects(again))
		}
		if !slices.Equal(problems, problemsAgain) {
			t.Fatalf("got\n%s\nthen\n%s", told(problems), told(problemsAgain))
		}
		first, _ := Merge(nil, set)
		merged, found := Merge(first, set)
		if !merged.equal(first) || !slices.Equal(found, problems) {
			t.Fatalf("merging a set into itself changed it: %s, then %s\n%s", objects(first), objects(merged), told(found))
		}
	})
}
