package dev

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/internal/load"
)

// shop is a folder with clusters west and east (region us) and north (region eu): each has a web of its own behind its gateway; cart is
// exported by west and east, stock by west and north.
type shop struct {
	t   *testing.T
	dir string
	net int // the third octet of all addresses, so that tests do not meet
	out *lines
	f   *Fleet
}

func newShop(t *testing.T, net int) *shop {
	s := &shop{t: t, dir: t.TempDir(), net: net, out: new(lines)}
	s.cluster("west", "us", "us-a", 11, "cart", "stock")
	s.cluster("east", "us", "us-b", 12, "cart")
	s.cluster("north", "eu", "eu-a", 13, "stock")
	return s
}

// start starts the fleet.
func (s *shop) start() *shop {
	s.t.Helper()
	f, err := Start(s.t.Context(), Options{Dir: s.dir, Control: filepath.Join(s.t.TempDir(), "dev.sock"), Out: s.out})
	if err != nil {
		s.t.Fatal(err)
	}
	s.f = f
	s.t.Cleanup(f.Close)
	return s
}

func (s *shop) address(host int) string { return fmt.Sprintf("127.0.%d.%d", s.net, host) }

func (s *shop) cluster(name, region, zone string, host int, exports ...string) {
	s.write(name+"/cluster.yaml", fmt.Sprintf(`apiVersion: multicluster.x-k8s.io/v1alpha1
kind: ClusterProfile
metadata: {name: %s, namespace: fleet}
spec: {displayName: %[1]s, clusterManager: {name: fairlead}}
status:
  properties:
  - {name: topology.kubernetes.io/region, value: %s}
  - {name: topology.kubernetes.io/zone, value: %s}
  - {name: fairlead.dev/address, value: %s}
`, name, region, zone, s.address(host)))
	s.write(name+"/web.yaml", workload("web", 2, "1"))
	s.write(name+"/gateway.yaml", `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web, namespace: shop}
spec:
  gatewayClassName: fairlead
  listeners:
  - {name: http, port: 8080, protocol: HTTP}
`)
	s.route(name, 1, 0)
	for _, e := range exports {
		s.write(name+"/"+e+".yaml", workload(e, 2, "1"))
		s.write(name+"/"+e+"-export.yaml", fmt.Sprintf(`apiVersion: multicluster.x-k8s.io/v1beta1
kind: ServiceExport
metadata: {name: %s, namespace: shop}
`, e))
	}
}

// workload is a Deployment of echo pods with its Service.
func workload(name string, replicas int, version string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, namespace: shop}
spec:
  replicas: %[2]d
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s, version: "%[3]s"}}
    spec:
      containers:
      - {name: echo, image: "fairlead.dev/echo", ports: [{containerPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: %[1]s, namespace: shop}
spec:
  selector: {app: %[1]s}
  ports: [{name: http, port: 80, targetPort: 8080}]
`, name, replicas, version)
}

// route writes a cluster's HTTPRoute, in which /mixed goes to web and cart by weight.
func (s *shop) route(cluster string, web, cart int) {
	s.write(cluster+"/route.yaml", fmt.Sprintf(`apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop, namespace: shop}
spec:
  parentRefs: [{name: web}]
  hostnames: [shop.example]
  rules:
  - matches: [{path: {type: PathPrefix, value: /cart}}]
    backendRefs: [{group: multicluster.x-k8s.io, kind: ServiceImport, name: cart, port: 80}]
  - matches: [{path: {type: PathPrefix, value: /stock}}]
    backendRefs: [{group: multicluster.x-k8s.io, kind: ServiceImport, name: stock, port: 80}]
  - matches: [{path: {type: PathPrefix, value: /mixed}}]
    backendRefs:
    - {name: web, port: 80, weight: %d}
    - {group: multicluster.x-k8s.io, kind: ServiceImport, name: cart, port: 80, weight: %d}
  - backendRefs: [{name: web, port: 80}]
`, web, cart))
}

// write replaces a file at once, as editors do.
func (s *shop) write(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	temporary := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
	if err := os.WriteFile(temporary, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(temporary, path); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) remove(name string) {
	s.t.Helper()
	if err := os.RemoveAll(filepath.Join(s.dir, filepath.FromSlash(name))); err != nil {
		s.t.Fatal(err)
	}
}

// exporters returns who exports a service, as a cluster sees it.
func (s *shop) exporters(from, service string) string {
	svc := s.f.cluster(from).agent.Picture().Service(fleet.Name{Namespace: "shop", Name: service})
	if svc == nil {
		return ""
	}
	var names []string
	for _, e := range svc.Exporters {
		names = append(names, e.Cluster)
	}
	return strings.Join(names, " ")
}

func (s *shop) verdict(from, on string) fleet.Verdict {
	return s.f.cluster(from).agent.Picture().Member(on).Verdict
}

func (s *shop) eventually(what string, holds func() bool) time.Duration {
	s.t.Helper()
	began := time.Now()
	for time.Since(began) < 20*time.Second {
		if holds() {
			return time.Since(began)
		}
		time.Sleep(5 * time.Millisecond)
	}
	s.t.Fatalf("never: %s", what)
	return 0
}

// under runs load against a cluster's gateway while something is done, which begins half a second later, and lets no request fail.
func (s *shop) under(host int, path string, do func()) load.Result {
	s.t.Helper()
	o := load.Options{
		URL: "http://" + s.address(host) + ":8080" + path, Host: "shop.example", N: 2000 / slower, Rate: 400 / slower, Timeout: 20 * time.Second,
	}
	if testing.Short() {
		o.N = 800 / slower
	}
	var res load.Result
	var err error
	var running sync.WaitGroup
	running.Go(func() { res, err = load.Run(s.t.Context(), o) })
	time.Sleep(500 * time.Millisecond)
	do()
	running.Wait()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Log(res)
	if res.Failed > 0 || res.OK != o.N {
		s.t.Errorf("%d of %d requests failed:\n%s", o.N-res.OK, o.N, strings.Join(res.Errors, "\n"))
	}
	return res
}

// lines is a writer that may be read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
