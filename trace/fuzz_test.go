package trace

import (
	"net/http"
	"strings"
	"testing"
)

// FuzzRequest traces anything that could be typed. Nothing panics, and every answer says how it ended.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{"http://shop.example:8080/cart?x=1", "https://shop.example/old", "http://127.0.0.11/", "http://[::1]:80/%2f",
		"http://cart.shop.svc.clusterset.local/", "https://:8443/", "://", "http://a b/"} {
		f.Add("GET", seed, "shop.example")
	}
	w := shop()
	set := w.publish()
	f.Fuzz(func(t *testing.T, method, url, host string) {
		a := Request(w, set, Virtual{Method: method, URL: url, Header: http.Header{"Host": {host}}})
		if a.Endpoint == nil && a.Outcome == "" {
			t.Errorf("it does not say how it ended: %s", a)
		}
		if !strings.HasSuffix(a.String(), "\n") {
			t.Errorf("no text: %q", a)
		}
	})
}
