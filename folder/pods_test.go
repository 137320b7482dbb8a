package folder

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"pgregory.net/rapid"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
)

const shop = `apiVersion: multicluster.x-k8s.io/v1alpha1
kind: ClusterProfile
metadata:
  name: west
  labels: {topology.kubernetes.io/zone: us-a, tier: gold}
status:
  properties:
  - {name: topology.kubernetes.io/region, value: us}
  - {name: fairlead.dev/network, value: lan}
  - {name: fairlead.dev/address, value: 127.0.0.11}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: cart}}
  template:
    metadata: {labels: {app: cart}}
    spec:
      containers:
      - name: echo
        image: fairlead.dev/echo:v1
        args: [--slow]
        ports: [{name: http, containerPort: 9090}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: ledger, namespace: shop}
spec:
  serviceName: ledger
  selector: {matchLabels: {app: ledger}}
  template:
    metadata: {labels: {app: ledger}}
    spec: {containers: [{name: echo, image: fairlead.dev/echo}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: other, namespace: shop}
spec:
  selector: {matchLabels: {app: other}}
  template:
    metadata: {labels: {app: other}}
    spec: {containers: [{name: x, image: fairlead.dev/echoes}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: idle, namespace: shop}
spec:
  replicas: 0
  selector: {matchLabels: {app: cart}}
  template:
    metadata: {labels: {app: cart}}
    spec: {containers: [{name: x, image: fairlead.dev/echo}]}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop, labels: {team: a}}
spec:
  selector: {app: cart}
  ports:
  - {name: web, port: 80, targetPort: http, appProtocol: kubernetes.io/h2c}
  - {name: gone, port: 81, targetPort: nowhere}
---
apiVersion: v1
kind: Service
metadata: {name: ledger, namespace: shop}
spec: {clusterIP: None, selector: {app: ledger}, ports: [{port: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: nobody, namespace: pay}
spec: {selector: {app: cart}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: elsewhere, namespace: shop}
spec: {ports: [{port: 80}]}
`

func west(t *testing.T) *Cluster {
	t.Helper()
	set, problems := Read(files(map[string]string{"west/shop.yaml": shop}))
	if len(problems) > 0 || len(set.Clusters) != 1 {
		t.Fatalf("got %v\n%s", set.Clusters, told(problems))
	}
	return set.Clusters[0]
}

func TestProfile(t *testing.T) {
	c := west(t)
	if c.Name != "west" || c.Locality != (fleet.Locality{Region: "us", Zone: "us-a"}) || c.Network != "lan" || c.Labels["tier"] != "gold" || len(c.Labels) != 1 {
		t.Errorf("got %+v", c.Cluster)
	}
	v := c.Vantage()
	if v.Addresses[0] != netip.MustParseAddr("127.0.0.11") || v.ServiceRanges[0] != netip.MustParsePrefix("127.11.240.0/20") {
		t.Errorf("got %+v", v)
	}
}

func TestWorkloads(t *testing.T) {
	pods, problems := Workloads(west(t))
	var got []string
	for _, p := range pods {
		got = append(got, fmt.Sprintf("%s/%s %s %v %s.%s %d %s %v", p.Namespace, p.Name, p.Workload, p.Ports, p.Hostname, p.Subdomain, p.Ordinal, p.Zone, p.Args))
		if !netip.MustParsePrefix("127.11.0.0/17").Contains(p.Address) || !p.Ready || !p.Serving || p.Terminating {
			t.Errorf("got %+v", p)
		}
	}
	hash := pods[0].TemplateHash[:5]
	want := []string{
		"shop/cart-" + hash + "-0 Deployment shop/cart [{http TCP 9090 0}] . 0 us-a [--slow]",
		"shop/cart-" + hash + "-1 Deployment shop/cart [{http TCP 9090 0}] . 1 us-a [--slow]",
		"shop/ledger-0 StatefulSet shop/ledger [{ TCP 8080 0}] ledger-0.ledger 0 us-a []",
	}
	if !slices.Equal(got, want) || len(problems) > 0 {
		t.Errorf("got\n%s\n%s", strings.Join(got, "\n"), told(problems))
	}
}

func TestTooManyReplicas(t *testing.T) {
	set, _ := Read(files(map[string]string{"west/shop.yaml": strings.Replace(shop, "replicas: 2", "replicas: 2000", 1)}))
	pods, problems := Workloads(set.Clusters[0])
	if want := "west/shop.yaml:16: Deployment shop/cart: spec.replicas: 2000 is more than the 100 that are run here: the first 100 run\n"; told(problems) != want {
		t.Errorf("got %s", told(problems))
	}
	if len(pods) != 101 {
		t.Errorf("got %d pods", len(pods))
	}
}

// A pod's address is its own: it changes with the template, stays while the pod runs, and nobody else gets it.
func TestAddresses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		within := netip.MustParsePrefix(rapid.SampledFrom([]string{"127.9.0.0/17", "127.9.3.0/25", "127.9.3.0/28"}).Draw(t, "range"))
		gen := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) Pod {
			return Pod{Namespace: "shop", Name: rapid.StringMatching(`[a-z]{1,3}-[0-9]`).Draw(t, "name"), TemplateHash: rapid.StringMatching(`[ab]`).Draw(t, "hash")}
		}), 0, 30, func(p Pod) string { return p.Name + p.TemplateHash })
		running := gen.Draw(t, "running")
		place(running, nil, within)
		running = slices.DeleteFunc(running, func(p Pod) bool { return !p.Address.IsValid() })
		pods := gen.Draw(t, "pods")
		homeless := place(pods, running, within)
		seen := map[netip.Addr]Pod{}
		for _, r := range running {
			seen[r.Address] = r
		}
		for _, p := range pods {
			if !p.Address.IsValid() {
				homeless--
				continue
			}
			last := p.Address.As4()[3]
			if !within.Contains(p.Address) || last == 0 || last == 255 {
				t.Fatalf("%s is no address for a pod", p.Address)
			}
			if other, taken := seen[p.Address]; taken && !p.Same(other) {
				t.Fatalf("%s and %s share %s", p.Name, other.Name, p.Address)
			}
			seen[p.Address] = p
		}
		for _, r := range running {
			for _, p := range pods {
				if p.Same(r) && p.Address != r.Address {
					t.Fatalf("%s moved from %s to %s while it runs", p.Name, r.Address, p.Address)
				}
			}
		}
		if homeless != 0 {
			t.Fatalf("%d pods without an address are not accounted for", homeless)
		}
	})
}

func TestRanges(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.11":  "127.11.0.0/17 127.11.240.0/20",
		"127.0.41.12": "127.12.41.0/25 127.12.41.128/25",
		"10.1.2.3":    "127.3.0.0/17 127.3.240.0/20",
		"127.0.0.0":   "127.1.0.0/17 127.1.240.0/20",
		"::1":         "127.1.0.0/17 127.1.240.0/20",
	} {
		c := &Cluster{Address: netip.MustParseAddr(address)}
		if got := c.PodRange().String() + " " + c.ServiceRange().String(); got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
}

// lines prints slices without their addresses.
func lines(list []*discoveryv1.EndpointSlice) string {
	var b strings.Builder
	for _, s := range list {
		fmt.Fprintf(&b, "%s/%s", s.Namespace, s.Labels[discoveryv1.LabelServiceName])
		for _, p := range s.Ports {
			fmt.Fprintf(&b, " %s:%d/%s", *p.Name, *p.Port, *p.Protocol)
		}
		for _, e := range s.Endpoints {
			fmt.Fprintf(&b, " %t,%t,%t", *e.Conditions.Ready, *e.Conditions.Serving, *e.Conditions.Terminating)
			if e.Hostname != nil {
				b.WriteString("@" + *e.Hostname)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestEndpointSlices(t *testing.T) {
	c := west(t)
	pods, _ := Workloads(c)
	services := slices.Collect(All[*corev1.Service](c))
	want := `pay/nobody
shop/cart web:9090/TCP true,true,false true,true,false
shop/ledger :8080/TCP true,true,false@ledger-0
`
	list := EndpointSlices(services, pods)
	if got := lines(list); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	cart := list[1]
	if cart.Labels["team"] != "a" || cart.Labels[discoveryv1.LabelManagedBy] != Controller || *cart.Endpoints[0].Zone != "us-a" ||
		*cart.Ports[0].AppProtocol != "kubernetes.io/h2c" || cart.Endpoints[0].TargetRef.Name != pods[0].Name {
		t.Errorf("got %+v", cart)
	}
	if _, headless := list[2].Labels[corev1.IsHeadlessService]; !headless {
		t.Errorf("got %+v", list[2].Labels)
	}

	pods[0].Ready = false
	pods[1].Terminating = true
	want = strings.Replace(want, "true,true,false true,true,false", "false,true,false false,true,true", 1)
	if got := lines(EndpointSlices(services, pods)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}

	pods[1].Terminating = false
	pods[0].Ready = true
	pods[1].Ports[0].Bound = 40000
	if got := lines(EndpointSlices(services, pods)); !strings.Contains(got, "web:9090/TCP true,true,false\n") || !strings.Contains(got, "web:40000/TCP true,true,false\n") {
		t.Errorf("pods with unequal ports share a slice:\n%s", got)
	}
}

func TestSlicesAreBounded(t *testing.T) {
	s := &corev1.Service{Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "x"}, IPFamilies: []corev1.IPFamily{corev1.IPv4Protocol}}}
	var pods []Pod
	for i := range 250 {
		pods = append(pods, Pod{Name: fmt.Sprintf("x-%03d", i), Labels: s.Spec.Selector, Address: netip.AddrFrom4([4]byte{127, 9, 1, byte(i)})})
	}
	var sizes []int
	names := map[string]bool{}
	for _, slice := range EndpointSlices([]*corev1.Service{s}, pods) {
		sizes = append(sizes, len(slice.Endpoints))
		names[slice.Name] = true
	}
	if !slices.Equal(sizes, []int{100, 100, 50}) || len(names) != 3 {
		t.Errorf("got %v %v", sizes, names)
	}
}

func TestFacts(t *testing.T) {
	c := west(t)
	pods, _ := Workloads(c)
	var got []string
	for _, f := range c.Facts(pods) {
		key := picture.KeyOf(f).String()
		if s, ok := f.(*discoveryv1.EndpointSlice); ok {
			key = "EndpointSlice of " + s.Labels[discoveryv1.LabelServiceName]
		}
		got = append(got, key)
	}
	want := []string{
		"EndpointSlice of nobody", "EndpointSlice of cart", "EndpointSlice of ledger",
		"Namespace/default", "Namespace/pay", "Namespace/shop",
		"Service/pay/nobody", "Service/shop/cart", "Service/shop/elsewhere", "Service/shop/ledger",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
