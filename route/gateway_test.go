package route

import (
	"fmt"
	"testing"

	"fairlead.dev/fairlead/fleet"
)

const manyGateways = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec:
  gatewayClassName: fairlead
  listeners:
  - {name: a, port: 8080, protocol: HTTP, hostname: a.example}
  - {name: b, port: 8080, protocol: HTTP, hostname: b.example}
  - {name: c, port: 80, protocol: HTTP}
  - {name: d, port: 81, protocol: HTTP}
  - {name: e, port: 81, protocol: HTTP}
  - {name: f, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: missing}]}}
  - {name: g, port: 53, protocol: UDP}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: named}
spec:
  gatewayClassName: fairlead
  addresses: [{value: 127.0.0.5}, {value: '::ffff:127.0.0.6'}]
  listeners: [{name: a, port: 80, protocol: HTTP}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: theirs}
spec:
  gatewayClassName: other
  listeners: [{name: a, port: 80, protocol: HTTP}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: wrong}
spec:
  gatewayClassName: fairlead
  addresses: [{type: Hostname, value: shop.example}]
  listeners: [{name: a, port: 80, protocol: HTTP}]`

// A Gateway wants the ports of its valid listeners; a missing certificate does not cost it its place, because Secrets come and go.
func TestClaimsAreThoseOfValidListeners(t *testing.T) {
	w := build(t, []byte(manyGateways))
	for name, want := range map[string]string{
		"web":    "[127.0.0.11:80 127.0.0.11:443 127.0.0.11:8080]",
		"named":  "[127.0.0.5:80 127.0.0.6:80]",
		"theirs": "[]",
		"wrong":  "[]",
	} {
		if got := fmt.Sprint(Claims(w.gateways[fleet.Name{Namespace: "shop", Name: name}], defaults)); got != want {
			t.Errorf("claims of %s: got %s, want %s", name, got, want)
		}
	}
}

func TestAGatewayOfAnotherClassIsLeftAlone(t *testing.T) {
	w := build(t, []byte(manyGateways))
	if c := Gateway(w, w.gateways[fleet.Name{Namespace: "shop", Name: "theirs"}], defaults); c != nil {
		t.Errorf("got %+v", c)
	}
}

func TestAGatewayWithoutAnAddressIsNotProgrammed(t *testing.T) {
	w := build(t, []byte(manyGateways))
	c := Gateway(w, w.gateways[fleet.Name{Namespace: "shop", Name: "web"}], nil)
	if got := c.Conditions[1].String(); got != "Programmed=False/AddressNotAssigned" || len(c.Servers) > 0 {
		t.Errorf("got %s, %d servers", got, len(c.Servers))
	}
}

func TestARouteWaitsForItsGateway(t *testing.T) {
	w := build(t, []byte(shopObjects))
	clear(w.compiled)
	a := Attach(w, w.routes[0])
	if got := conditions(a.Parents[0].Conditions); got != "Accepted=Unknown/Pending ResolvedRefs=True/ResolvedRefs" {
		t.Error(got)
	}
}
