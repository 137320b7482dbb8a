package trace

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
)

var _ View = (*picture.Picture)(nil)

func TestText(t *testing.T) {
	for name, c := range map[string]struct {
		ask  Virtual
		want string
	}{
		"through TLS to the nearest tier": {Virtual{URL: "https://shop.example/cart/1"}, `
GET https://shop.example/cart/1 from west
  server   shop/web:8443 (127.0.0.11), listener https, certificate shop/shop-tls
  host     shop.example
  rule     shop/storefront/1/0  prefix /cart  (rule 2 of 7)
  lost     shop/storefront/0/0  the path /cart/1 is not of prefix /catalog
  backend  import/shop/cart:80  100 %
  tier     zone 70 %    west us/us-a 2 endpoints, 1 not ready
           region 30 %  east us/us-b 2 endpoints
           lost 0 %     north eu/eu-a 1 endpoint, 1 lost       lost
  endpoint 10.0.0.1:80 in west
`},
		"a redirect": {Virtual{URL: "http://shop.example:8080/old?x=1"}, `
GET http://shop.example:8080/old?x=1 from west
  server   shop/web:8080 (127.0.0.11), listener http
  host     shop.example
  rule     shop/storefront/2/0  prefix /old  (rule 3 of 7)
  lost     shop/storefront/0/0  the path /old is not of prefix /catalog
           shop/storefront/1/0  the path /old is not of prefix /cart
  answer   301  redirected to https://shop.example/old?x=1
`},
		"filters and weights, asked by address with a Host header": {
			Virtual{URL: "http://127.0.0.11:8080/v2/a", Header: http.Header{"Host": {"shop.example"}}}, `
GET http://127.0.0.11:8080/v2/a from west
  server   shop/web:8080 (127.0.0.11), listener http
  host     shop.example
  rule     shop/storefront/5/0  prefix /v2  (rule 6 of 7)
  lost     shop/storefront/0/0  the path /v2/a is not of prefix /catalog
           shop/storefront/1/0  the path /v2/a is not of prefix /cart
           shop/storefront/2/0  the path /v2/a is not of prefix /old
           shop/storefront/3/0  the path /v2/a is not of prefix /empty
           shop/storefront/4/0  the path /v2/a is not of prefix /broken
  filter   host := web.internal
           path /v2/a -> /a
           request: set x-version: 2
  backend  service/shop/web:80  33.3 %  drawn
           service/shop/web:80  66.7 %
  tier     zone 100 %  west us/us-a 1 endpoint
  endpoint 10.0.0.9:80 in west
`},
		"past all gateways, by clusterset IP": {Virtual{URL: "http://127.1.240.1/"}, `
GET http://127.1.240.1/ from west
  server   ip/127.1.240.1:80, plain TCP
  backend  import/shop/cart:80
  tier     zone 70 %    west us/us-a 2 endpoints, 1 not ready
           region 30 %  east us/us-b 2 endpoints
           lost 0 %     north eu/eu-a 1 endpoint, 1 lost       lost
  endpoint 10.0.0.1:80 in west
`},
		"past all gateways, by name": {Virtual{URL: "http://web.shop.svc.cluster.local/"}, `
GET http://web.shop.svc.cluster.local/ from west
  server   web.shop.svc.cluster.local:80, plain TCP
  backend  service/shop/web:80
  tier     zone 100 %  west us/us-a 1 endpoint
  endpoint 10.0.0.9:80 in west
`},
	} {
		t.Run(name, func(t *testing.T) {
			w := shop()
			if diff := cmp.Diff(strings.TrimPrefix(c.want, "\n"), Request(w, w.publish(), c.ask).String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Every way to end without an endpoint has its status and its sentence.
func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		method, url string
		header      http.Header
		status      int
		says        string
	}{
		{"GET", "shop.example/cart", nil, 0, "is not a URL that can be traced"},
		{"GET", "http:///cart", nil, 0, "names no host"},
		{"GET", "http://shop.example:81/", nil, 0, "there is shop/web:8080 at 127.0.0.11:8080 (http), shop/web:8443"},
		{"GET", "http://nobody.example/", nil, 404, "no route has the hostname nobody.example"},
		{"GET", "https://nobody.example/", nil, 0, `no listener serves the name "nobody.example"`},
		{"GET", "https://shop.example/", http.Header{"host": {"other.example"}}, 421, "another listener"},
		{"GET", "http://shop.example/a/../cart", nil, 400, "dot segment"},
		{"POST", "http://shop.example/", nil, 404, "no rule of shop.example matches"},
		{"GET", "http://shop.example/empty", nil, 503, "no endpoint takes traffic"},
		{"GET", "http://shop.example/broken", nil, 500, "could not be resolved"},
		{"GET", "http://cart.shop.svc.clusterset.local:81/", nil, 0, "import/shop/cart has no TCP port 81: it has 80"},
		{"GET", "http://nothing.shop.svc.clusterset.local/", nil, 0, "there is no service import/shop/nothing"},
		{"GET", "https://other.example/", nil, 204, "answers by itself"},
	} {
		w := shop()
		a := Request(w, w.publish(), Virtual{Method: c.method, URL: c.url, Header: c.header})
		if a.Status != c.status || !strings.Contains(a.Outcome, c.says) || a.Endpoint != nil {
			t.Errorf("%s %s: %d %q, want %d %q\n%s", c.method, c.url, a.Status, a.Outcome, c.status, c.says, a)
		}
	}
}

func TestNothingListens(t *testing.T) {
	w := shop()
	clear(w.servers)
	if a := Request(w, w.publish(), Virtual{URL: "http://shop.example/"}); !strings.Contains(a.Outcome, "no Gateway") {
		t.Error(a)
	}
}

func TestWhyTheOthersLost(t *testing.T) {
	w := shop()
	w.group(cart,
		tier("zone", place("west", "us-a", "10.0.0.1:80", fleet.Healthy, "10.0.0.2:80", fleet.Healthy, "10.0.0.3:80", fleet.Healthy,
			"10.0.0.4:80", fleet.Unready)),
		tier("region", place("east", "us-b", "10.1.0.1:80", fleet.Healthy)),
		tier("draining", place("south", "us-c", "10.3.0.1:80", fleet.Draining)),
	)
	a := Request(w, w.publish(), Virtual{URL: "http://shop.example/cart"})
	got := map[string]string{}
	for _, tier := range a.Tiers {
		for _, p := range tier.Places {
			for _, e := range p.Endpoints {
				got[e.Address] = e.Why
				if e.Chosen {
					got[e.Address] = "chosen"
				}
			}
		}
	}
	want := map[string]string{
		"10.0.0.1:80": "the draw fell on another", "10.0.0.2:80": "the draw fell on another", "10.0.0.3:80": "the draw fell on another",
		"10.0.0.4:80": "not ready", "10.1.0.1:80": "its tier is held back", "10.3.0.1:80": "draining",
	}
	want[a.Endpoint.Address] = "chosen"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if why := a.Tiers[1].Why; why != "held back: zone takes all" {
		t.Errorf("region: %q", why)
	}
	if why := a.Tiers[2].Why; why != "draining" {
		t.Errorf("draining: %q", why)
	}
}

func TestEqualQuestionsHaveEqualAnswers(t *testing.T) {
	w := shop()
	set := w.publish()
	reached := map[string]bool{}
	for seed := range uint64(50) {
		v := Virtual{URL: "http://shop.example/cart", Seed: seed}
		a, b := Request(w, set, v), Request(w, set, v)
		if diff := cmp.Diff(a, b); diff != "" {
			t.Fatal(diff)
		}
		reached[a.Endpoint.Address] = true
		text, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		back := new(Answer)
		if err := json.Unmarshal(text, back); err != nil || back.String() != a.String() {
			t.Fatalf("%v\n%s", err, back)
		}
	}
	if len(reached) != 3 {
		t.Errorf("50 seeds reach %v", reached)
	}
}
