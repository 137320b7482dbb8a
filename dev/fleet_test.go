package dev

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"fairlead.dev/fairlead/control"
	"fairlead.dev/fairlead/fleet"
)

func TestAVanishedFolderIsHeldAndDeletedExportsAreObeyed(t *testing.T) {
	s := newShop(t, 42).start()
	s.eventually("all see both exporters", func() bool { return s.exporters("north", "cart") == "east west" })

	s.remove("east")
	s.eventually("the status shows that the folder vanished", func() bool {
		status := s.f.Status()
		return status.Clusters[0].Vanished && len(status.Problems) > 0
	})
	time.Sleep(300 * time.Millisecond)
	if got := s.exporters("north", "cart"); got != "east west" {
		t.Fatalf("a vanished folder was obeyed: exporters are %q", got)
	}
	if !strings.Contains(s.out.String(), "nothing explains") {
		t.Errorf("it was not told: %q", s.out)
	}

	s.cluster("east", "us", "us-b", 12, "cart")
	s.eventually("the folder is back", func() bool { return !s.f.Status().Clusters[0].Vanished })
	s.remove("east/cart-export.yaml")
	took := s.eventually("a deleted export is obeyed", func() bool { return s.exporters("north", "cart") == "west" })
	t.Logf("obeyed after %s", took)
}

func TestWhileTheHubIsDownLocalChangesApply(t *testing.T) {
	s := newShop(t, 43).start()
	if err := s.f.Hub(false); err != nil {
		t.Fatal(err)
	}
	s.eventually("the hub is away", func() bool { return !s.f.Status().HubUp && !s.f.cluster("west").agent.HubUp() })
	s.write("west/web.yaml", workload("web", 3, "1"))
	s.eventually("a third pod is an endpoint", func() bool { return s.endpoints("west", "service/shop/web:80") == 3 })
	if err := s.f.Drain("east", true); err != nil {
		t.Fatal(err)
	}
	s.eventually("the beacons carry the word to drain", func() bool { return s.verdict("west", "east") == fleet.DrainingCluster })
	if err := s.f.Hub(true); err != nil {
		t.Fatal(err)
	}
	s.eventually("the hub is back", func() bool { return s.f.cluster("west").agent.HubUp() })
	if err := s.f.Drain("east", false); err != nil {
		t.Fatal(err)
	}
	s.eventually("east is restored", func() bool { return s.verdict("west", "east") == fleet.Serving })
}

// endpoints counts the ready endpoints of a group.
func (s *shop) endpoints(from, group string) (n int) {
	s.t.Helper()
	id, err := fleet.ParseGroupID(group)
	if err != nil {
		s.t.Fatal(err)
	}
	g := s.f.cluster(from).agent.Picture().Group(id)
	if g == nil {
		return 0
	}
	for _, tier := range g.Tiers {
		for _, p := range tier.Places {
			for _, target := range p.Targets {
				if target.Health == fleet.Healthy {
					n++
				}
			}
		}
	}
	return n
}

func TestAClusterJoinsAndLeavesWhileTheOthersRun(t *testing.T) {
	s := newShop(t, 44).start()
	s.cluster("south", "eu", "eu-b", 14, "cart")
	s.eventually("south exports", func() bool { return s.exporters("west", "cart") == "east south west" })
	s.eventually("south is probed", func() bool { return s.verdict("west", "south") == fleet.Serving })

	// Another name for the cluster in the same folder: the old member leaves, a new one joins.
	s.write("south/property.yaml", `apiVersion: about.k8s.io/v1beta1
kind: ClusterProperty
metadata: {name: cluster.clusterset.k8s.io}
spec: {value: far-south}
`)
	s.eventually("the renamed cluster exports instead", func() bool { return s.exporters("west", "cart") == "east far-south west" })
}

func TestABrokenFileIsToldAndItsLastStateServes(t *testing.T) {
	s := newShop(t, 45).start()
	s.write("west/cart.yaml", strings.Replace(workload("cart", 2, "1"), "port: 80,", "port: 99999,", 1))
	s.eventually("the problem is in the status", func() bool {
		for _, p := range s.f.Status().Problems {
			if p.Cluster == "west" && strings.HasPrefix(p.Where, "west/cart.yaml:") && strings.Contains(p.Message, "99999") {
				return true
			}
		}
		return false
	})
	if got := s.exporters("east", "cart"); got != "east west" {
		t.Errorf("exporters are %q", got)
	}
	if !strings.Contains(s.out.String(), "west/cart.yaml:") {
		t.Errorf("it was not told: %q", s.out)
	}
	s.write("west/cart.yaml", workload("cart", 2, "1"))
	s.eventually("it is mended", func() bool { return len(s.f.Status().Problems) == 0 })
}

func TestAPortInUseIsToldWithItsRemedy(t *testing.T) {
	s := newShop(t, 46)
	busy, err := net.Listen("tcp", s.address(11)+":8080")
	if err != nil {
		t.Skip("this machine has no loopback addresses of its own for clusters")
	}
	defer busy.Close()
	s.start()
	s.eventually("it is in the status", func() bool {
		for _, p := range s.f.Status().Listeners {
			if p.Cluster == "west" && strings.Contains(p.Message, "gateway shop/web of west cannot listen on "+s.address(11)+":8080") &&
				strings.Contains(p.Message, "spec.listeners[].port") {
				return true
			}
		}
		return false
	})
	var b strings.Builder
	s.f.Announce(&b)
	if !strings.Contains(b.String(), "cannot listen") {
		t.Errorf("it is not announced:\n%s", b.String())
	}
}

func TestAnotherDevAtTheSameSocketIsRefused(t *testing.T) {
	s := newShop(t, 47).start()
	_, err := Start(t.Context(), Options{Dir: s.dir, Control: s.f.options.Control})
	if err == nil || !strings.Contains(err.Error(), "another fairlead dev answers") {
		t.Errorf("error is %v", err)
	}
}

func TestAFolderWithoutClustersIsRefused(t *testing.T) {
	_, err := Start(t.Context(), Options{Dir: t.TempDir(), Control: filepath.Join(t.TempDir(), "dev.sock")})
	if err == nil || !strings.Contains(err.Error(), "holds no cluster") {
		t.Errorf("error is %v", err)
	}
	_, err = Start(t.Context(), Options{Dir: filepath.Join(t.TempDir(), "none"), Control: filepath.Join(t.TempDir(), "dev.sock")})
	if err == nil {
		t.Error("a folder that is not there was taken")
	}
}

func TestAnUnknownClusterIsAnsweredWithThoseThereAre(t *testing.T) {
	s := newShop(t, 48).start()
	client := control.Dial(s.f.options.Control)
	err := client.Drain(t.Context(), "wset")
	known, ok := err.(*control.Error)
	if !ok || known.Message != `there is no cluster "wset"` || known.Hint != "the clusters are: east, north, west" {
		t.Errorf("error is %#v", err)
	}
	clusters, err := client.Clusters(t.Context())
	if err != nil || len(clusters) != 3 || len(clusters[0].Verdicts) != 3 {
		t.Errorf("clusters: %+v, %v", clusters, err)
	}
	text, err := client.Picture(t.Context(), "west")
	if err != nil || !strings.Contains(text, "shop/cart") {
		t.Errorf("picture: %v\n%s", err, text)
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	s := newShop(t, 49)
	f, err := Start(t.Context(), Options{Dir: s.dir, Control: filepath.Join(t.TempDir(), "dev.sock")})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Lose("west"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	f.Close()
	s.eventually("all goroutines have ended", func() bool { return runtime.NumGoroutine() <= before+2 })
}

func TestANameLeadsToAnAddressThatAnswers(t *testing.T) {
	s := newShop(t, 37).start()
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.address(13)+":8053")
	}}
	addresses, err := resolver.LookupHost(t.Context(), "cart.shop.svc.clusterset.local.")
	if err != nil || len(addresses) != 1 {
		t.Fatalf("lookup: %v, %v", addresses, err)
	}
	res, err := http.Get("http://" + addresses[0] + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := res.Header.Get("x-echo-cluster"); got != "west" && got != "east" {
		t.Errorf("%s answered, want west or east", got)
	}
}

func TestOnOneAddressEveryClusterHasPortsOfItsOwn(t *testing.T) {
	s := newShop(t, 38)
	for _, c := range []string{"west", "east", "north"} {
		s.write(c+"/gateway.yaml", `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web, namespace: shop}
spec:
  gatewayClassName: fairlead
  listeners:
  - {name: http, port: 18480, protocol: HTTP}
`)
	}
	f, err := Start(t.Context(), Options{Dir: s.dir, Control: filepath.Join(t.TempDir(), "dev.sock"), PortPerCluster: true})
	if err != nil {
		t.Fatal(err)
	}
	s.f = f
	t.Cleanup(f.Close)
	for port, want := range map[string]string{"18480": "west", "18580": "east", "18680": "north"} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+port+"/", nil)
		req.Host = "shop.example"
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		_ = res.Body.Close()
		if got := res.Header.Get("x-echo-cluster"); got != want {
			t.Errorf("port %s was answered by %q, want %s", port, got, want)
		}
	}
	var b strings.Builder
	f.Announce(&b)
	if !strings.Contains(b.String(), "http://127.0.0.1:18580") {
		t.Errorf("the ports are not announced:\n%s", b.String())
	}
}

func TestRunTellsWhatToTryAndEndsWithItsContext(t *testing.T) {
	s := newShop(t, 39)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, Options{Dir: s.dir, Control: filepath.Join(t.TempDir(), "dev.sock"), Out: s.out})
	}()
	s.eventually("it says what to try", func() bool {
		return strings.Contains(s.out.String(), "curl -H 'Host: shop.example' http://"+s.address(11)+":8080/cart")
	})
	for _, want := range []string{"3 clusters from", "us/us-b", "http://" + s.address(11) + ":8080", "dig @" + s.address(11) + " -p 8053 +short cart.shop", "fairlead drain --control"} {
		if !strings.Contains(s.out.String(), want) {
			t.Errorf("%q is missing from:\n%s", want, s.out)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestAClusterThatMovesStartsAnew(t *testing.T) {
	s := newShop(t, 40).start()
	s.cluster("east", "eu", "eu-b", 12, "cart")
	s.eventually("west sees east elsewhere", func() bool {
		m := s.f.cluster("west").agent.Picture().Member("east")
		return m != nil && m.Region == "eu"
	})
	s.eventually("east is there and exports", func() bool {
		k := s.f.cluster("east")
		return k != nil && k.vantage.Region == "eu" && k.agent.Picture() != nil && s.exporters("east", "cart") == "east west"
	})
}
