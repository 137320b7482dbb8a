package match_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"pgregory.net/rapid"

	"fairlead.dev/fairlead/match"
)

func vhost(t testing.TB, domain string) *match.Host {
	t.Helper()
	h, err := match.CompileHost(&routev3.VirtualHost{Name: "s/" + domain, Domains: []string{domain}})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestFind(t *testing.T) {
	var s *match.Hosts
	if s.Find("a") != nil || s.Len() != 0 {
		t.Error("an empty set finds something")
	}
	for _, d := range []string{"shop.example", "*.example", "*.b.example", "*", "::1"} {
		s = s.With(vhost(t, d))
	}
	for host, want := range map[string]string{
		"shop.example": "shop.example", "SHOP.Example:8080": "shop.example", "shop.example.": "shop.example", "a.example": "*.example",
		"x.a.example": "*.example", "a.b.example": "*.b.example", "b.example": "*.example", "example": "*", "": "*", "[::1]:80": "::1",
		".example": "*", strings.Repeat("a", 300) + ".example": "*",
	} {
		if h := s.Find(host); h == nil || h.Domains[0] != want {
			t.Errorf("%q: %v, want %s", host, h, want)
		}
	}
	fewer := s.Without("s/*").Without("s/none")
	if fewer.Find("other") != nil || fewer.Len() != 4 || s.Find("other") == nil {
		t.Error("Without must change the new set alone")
	}
}

// TestFindIsTheMostSpecific: the answer is what sorting all domains by specificity gives.
func TestFindIsTheMostSpecific(t *testing.T) {
	label := rapid.SampledFrom([]string{"a", "b", "c"})
	hostname := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(label, 1, 4).Draw(t, "labels"), ".")
	})
	rapid.Check(t, func(t *rapid.T) {
		var s *match.Hosts
		have := map[string]bool{}
		for range rapid.IntRange(0, 12).Draw(t, "n") {
			d := hostname.Draw(t, "domain")
			if rapid.Bool().Draw(t, "wild") {
				d = "*." + d
			}
			if rapid.IntRange(0, 9).Draw(t, "any") == 0 {
				d = "*"
			}
			h, err := match.CompileHost(&routev3.VirtualHost{Name: "s/" + d, Domains: []string{d}})
			if err != nil {
				t.Fatal(err)
			}
			if rapid.IntRange(0, 3).Draw(t, "remove") == 0 {
				s, have[d] = s.Without(h.Name), false
			} else {
				s, have[d] = s.With(h), true
			}
		}
		asked := hostname.Draw(t, "asked")
		var covering []string
		for d, there := range have {
			if there && (d == asked || d == "*" || d[0] == '*' && strings.HasSuffix(asked, d[1:])) {
				covering = append(covering, d)
			}
		}
		slices.SortFunc(covering, func(x, y string) int {
			if (x[0] == '*') != (y[0] == '*') {
				return map[bool]int{true: 1, false: -1}[x[0] == '*']
			}
			return len(y) - len(x)
		})
		got := s.Find(asked)
		if len(covering) == 0 && got != nil || len(covering) > 0 && (got == nil || got.Domains[0] != covering[0]) {
			t.Fatalf("%s: %v, covered by %v", asked, got, covering)
		}
	})
}

// BenchmarkOneHostChanges: the cost of one virtual host's change must not grow with their number.
func BenchmarkOneHostChanges(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		var s *match.Hosts
		for i := range n {
			s = s.With(vhost(b, fmt.Sprintf("shop-%d.example", i)))
		}
		vh := &routev3.VirtualHost{Name: "s/shop-50.example", Domains: []string{"shop-50.example"}, Routes: routes(b, `{"match":{"prefix":"/"}}`)}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h, err := match.CompileHost(vh)
				if err != nil {
					b.Fatal(err)
				}
				s = s.With(h)
			}
		})
	}
}

func BenchmarkFind(b *testing.B) {
	var s *match.Hosts
	for i := range 10_000 {
		s = s.With(vhost(b, fmt.Sprintf("shop-%d.example", i)))
	}
	s = s.With(vhost(b, "*.wild.example"))
	for _, host := range []string{"shop-7777.example:8080", "a.b.wild.example"} {
		b.Run(host, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if s.Find(host) == nil {
					b.Fatal("not found")
				}
			}
		})
	}
}
