package route

import (
	"fmt"
	"strings"
	"testing"
)

const shopObjects = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec:
  gatewayClassName: fairlead
  listeners:
  - {name: http, port: 80, protocol: HTTP}
  - {name: shop, port: 80, protocol: HTTP, hostname: shop.example}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80}]}
---
apiVersion: multicluster.x-k8s.io/v1beta1
kind: ServiceImport
metadata: {name: cart}
spec: {type: ClusterSetIP, ports: [{port: 80, protocol: TCP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec:
  parentRefs: [{name: web}]
  hostnames: [shop.example]
  rules:
  - matches: [{path: {value: /cart}}, {path: {value: /basket}, headers: [{name: x-beta, value: "1"}]}]
    filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-shop, value: "1"}]}}]
    backendRefs: [{group: multicluster.x-k8s.io, kind: ServiceImport, name: cart, port: 80}]
  - matches: [{path: {value: /old}}]
    filters: [{type: RequestRedirect, requestRedirect: {scheme: https}}]
  - backendRefs: [{name: web, port: 80, weight: 9}, {group: multicluster.x-k8s.io, kind: ServiceImport, name: cart, port: 80}]`

// BenchmarkAttach compiles one route of three rules; beside how many others it stands makes no difference.
func BenchmarkAttach(b *testing.B) {
	for _, others := range []int{0, 1000} {
		b.Run(fmt.Sprintf("others=%d", others), func(b *testing.B) {
			text := []byte(shopObjects)
			w := build(b, text)
			shop := w.routes[0]
			for i := range others {
				r := shop.DeepCopy()
				r.Name = fmt.Sprintf("other-%d", i)
				w.routes = append(w.routes, r)
			}
			b.ReportAllocs()
			for b.Loop() {
				Attach(w, shop)
			}
		})
	}
}

// BenchmarkHost orders the rules of one hostname of many routes.
func BenchmarkHost(b *testing.B) {
	w := build(b, []byte(strings.Replace(shopObjects, "hostnames: [shop.example]", "hostnames: [shop.example, '*.example']", 1)))
	var parts []Part
	for i := range 100 {
		r := w.routes[0].DeepCopy()
		r.Name = fmt.Sprintf("route-%d", i)
		parts = append(parts, Attach(w, r).Parts...)
	}
	id := parts[0].Host
	b.ReportAllocs()
	for b.Loop() {
		Host(id, parts[0].Listener, parts)
	}
}
