package route

import (
	"strings"
	"testing"
	"time"
)

func TestDurationsAreThoseOfGEP2257(t *testing.T) {
	good := map[string]time.Duration{
		"0h": 0, "0s": 0, "0h0m0s": 0, "1h": time.Hour, "30m": 30 * time.Minute, "10s": 10 * time.Second,
		"500ms": 500 * time.Millisecond, "2h30m": 150 * time.Minute, "150m": 150 * time.Minute, "7230s": 7230 * time.Second,
		"1h30m10s": 5410 * time.Second, "10s30m1h": 5410 * time.Second, "100ms200ms300ms": 600 * time.Millisecond,
		"01h": time.Hour, "99999h99999h99999h99999h": 4 * 99999 * time.Hour,
	}
	for text, want := range good {
		if got, ps := parseDuration(text); got != want || len(ps) > 0 {
			t.Errorf("parseDuration(%q) = %v, %v; want %v", text, got, ps, want)
		}
	}
	for _, text := range []string{"", "0", "1", "1m1", "1d", "1h30m10s20ms50h", "999999h", "1.5h", "-15m", "1us", " 1s"} {
		if got, ps := parseDuration(text); len(ps) == 0 {
			t.Errorf("parseDuration(%q) = %v; want a problem", text, got)
		}
	}
}

func TestRegularExpressionsAreBoundedRE2(t *testing.T) {
	for _, good := range []string{"", "/cart/[0-9]+", "a|b", "(?i)x"} {
		if ps := checkRegex(good); len(ps) > 0 {
			t.Errorf("checkRegex(%q): %v", good, ps)
		}
	}
	for _, bad := range []string{"(", "a)(b", `\Qopen`, `(a)\1`, "(?=a)", "(((a{100}){100}){100})", strings.Repeat("a", longestRegex+1)} {
		if len(checkRegex(bad)) == 0 {
			t.Errorf("checkRegex(%.20q): want a problem", bad)
		}
	}
}

func TestHostnamesCompareBySpecificity(t *testing.T) {
	order := []string{"a.eu.shop.com", "eu.shop.com", "shop.com", "*.eu.shop.com", "*.shop.com", "*.com", "*"}
	for i, a := range order {
		for k, b := range order {
			if got := CompareHostnames(a, b); got < 0 != (i < k) || got == 0 != (i == k) {
				t.Errorf("CompareHostnames(%q, %q) = %d", a, b, got)
			}
		}
	}
}

func TestCovering(t *testing.T) {
	for host, want := range map[string]string{
		"eu.shop.com": "eu.shop.com *.shop.com *.com *",
		"*.shop.com":  "*.shop.com *.com *",
		"localhost":   "localhost *",
		"*":           "*",
	} {
		if got := strings.Join(Covering(host), " "); got != want {
			t.Errorf("Covering(%q) = %s; want %s", host, got, want)
		}
	}
}

func TestListsAreBounded(t *testing.T) {
	text := "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: long, namespace: shop}\nspec:\n  parentRefs: [{name: web}]\n  rules:\n" +
		strings.Repeat("  - {}\n", 17) +
		"\n---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: web, namespace: shop}\nspec: {gatewayClassName: fairlead, listeners: [{name: http, port: 80, protocol: HTTP}]}"
	w := build(t, []byte(text))
	a := Attach(w, w.routes[0])
	if got := conditions(a.Parents[0].Conditions); got != "Accepted=False/UnsupportedValue ResolvedRefs=True/ResolvedRefs" {
		t.Error(got)
	}
	if got, want := a.Parents[0].Conditions[0].Message, "spec.rules: has 17 entries, and 16 are allowed; shorten it."; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
