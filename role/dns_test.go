package role

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	mdns "github.com/miekg/dns"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/dns"
	"fairlead.dev/fairlead/kube/zone"
)

// lists is an API server that lists two kinds and lets them be watched. Until it is open it refuses.
type lists struct {
	open    chan struct{}
	imports any
	slices  any
	added   chan any // a ServiceImport that comes later
}

func (l *lists) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case <-l.open:
	default:
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	answer, added := l.imports, l.added
	if strings.Contains(r.URL.Path, "endpointslices") {
		if r.URL.Query().Get("labelSelector") != zone.Selector {
			http.Error(w, "not these", http.StatusForbidden)
			return
		}
		answer, added = l.slices, nil
	}
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.URL.Query().Get("sendInitialEvents") != "":
		w.WriteHeader(http.StatusUnprocessableEntity)
		_ = json.NewEncoder(w).Encode(metav1.Status{Status: metav1.StatusFailure, Reason: metav1.StatusReasonInvalid, Code: 422})
	case r.URL.Query().Get("watch") == "":
		_ = json.NewEncoder(w).Encode(answer)
	default:
		w.(http.Flusher).Flush()
		for {
			select {
			case <-r.Context().Done():
				return
			case o := <-added:
				_ = json.NewEncoder(w).Encode(map[string]any{"type": "ADDED", "object": o})
				w.(http.Flusher).Flush()
			}
		}
	}
}

func serviceImport(name string, kind mcsv1beta1.ServiceImportType, ips ...string) mcsv1beta1.ServiceImport {
	return mcsv1beta1.ServiceImport{
		TypeMeta:   metav1.TypeMeta{APIVersion: "multicluster.x-k8s.io/v1beta1", Kind: "ServiceImport"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, ResourceVersion: "7"},
		Spec:       mcsv1beta1.ServiceImportSpec{Type: kind, IPs: ips},
	}
}

func shopAPI() *lists {
	meta := metav1.ListMeta{ResourceVersion: "5"}
	return &lists{
		open: make(chan struct{}), added: make(chan any),
		imports: mcsv1beta1.ServiceImportList{
			TypeMeta: metav1.TypeMeta{APIVersion: "multicluster.x-k8s.io/v1beta1", Kind: "ServiceImportList"}, ListMeta: meta,
			Items: []mcsv1beta1.ServiceImport{serviceImport("cart", mcsv1beta1.ClusterSetIP, "10.96.7.7"), serviceImport("db", mcsv1beta1.Headless)},
		},
		slices: discoveryv1.EndpointSliceList{
			TypeMeta: metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSliceList"}, ListMeta: meta,
			Items: []discoveryv1.EndpointSlice{{
				ObjectMeta:  metav1.ObjectMeta{Namespace: "shop", Name: "db-1", Labels: map[string]string{mcsv1beta1.LabelServiceName: "db", mcsv1beta1.LabelSourceCluster: "west"}},
				AddressType: discoveryv1.AddressTypeIPv4, Endpoints: []discoveryv1.Endpoint{{Addresses: []string{"10.1.0.9"}}},
			}},
		},
	}
}

// freePort returns an address that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func lookup(t *testing.T, server, name string) string {
	t.Helper()
	m := new(mdns.Msg)
	m.SetQuestion(name+"."+dns.Zone, mdns.TypeA)
	answer, err := mdns.Exchange(m, server)
	if err != nil {
		return err.Error()
	}
	text := mdns.RcodeToString[answer.Rcode]
	for _, rr := range answer.Answer {
		text += " " + rr.(*mdns.A).A.String()
	}
	return text
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// The role denies nothing before it has read the cluster's objects, answers from then on, and goes on when the API server is away.
func TestDNSGoesOnWithoutItsAPIServer(t *testing.T) {
	api := shopAPI()
	server := httptest.NewServer(api)
	defer server.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	listen, health := freePort(t), freePort(t)
	ended := make(chan error, 1)
	go func() {
		ended <- DNS(ctx, DNSOptions{Config: &rest.Config{Host: server.URL, Timeout: time.Second}, Listen: listen, Health: health, Log: slog.New(slog.DiscardHandler)})
	}()
	eventually(t, "it answers", func() bool { return lookup(t, listen, "cart.shop.svc") == "SERVFAIL" })
	if code, body := get(t, "http://"+health+"/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "ServiceImport, EndpointSlice") {
		t.Errorf("got %d %s", code, body)
	}
	if code, _ := get(t, "http://"+health+"/healthz"); code != http.StatusOK {
		t.Errorf("got %d", code)
	}
	close(api.open)
	eventually(t, "it is ready", func() bool { code, _ := get(t, "http://"+health+"/readyz"); return code == http.StatusOK })
	api.added <- serviceImport("late", mcsv1beta1.ClusterSetIP, "10.96.7.8")
	eventually(t, "it hears of a new service", func() bool { return lookup(t, listen, "late.shop.svc") == "NOERROR 10.96.7.8" })
	server.CloseClientConnections()
	server.Listener.Close()
	time.Sleep(100 * time.Millisecond)
	for name, want := range map[string]string{
		"cart.shop.svc": "NOERROR 10.96.7.7", "late.shop.svc": "NOERROR 10.96.7.8", "db.shop.svc": "NOERROR 10.1.0.9", "10-1-0-9.west.db.shop.svc": "NOERROR 10.1.0.9", "no.shop.svc": "NXDOMAIN",
	} {
		if got := lookup(t, listen, name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	if code, _ := get(t, "http://"+health+"/readyz"); code != http.StatusOK {
		t.Errorf("without an API server: got %d", code)
	}
	_, metrics := get(t, "http://"+health+"/metrics")
	for _, line := range []string{"fairlead_dns_services 3\n", "fairlead_dns_synced 1\n", `fairlead_dns_answers_total{code="NXDOMAIN",transport="udp"} `} {
		if !strings.Contains(metrics, line) {
			t.Errorf("the metrics lack %q", line)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := lookup(t, listen, "cart.shop.svc"); strings.HasPrefix(got, "NOERROR") {
		t.Error("it answers after its end")
	}
}

func TestDNSTellsWhatItCannotOpen(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	log := slog.New(slog.DiscardHandler)
	for _, o := range []DNSOptions{
		{Listen: taken.Addr().String(), Health: "127.0.0.1:0", Log: log}, {Listen: "127.0.0.1:0", Health: taken.Addr().String(), Log: log},
	} {
		o.Config = &rest.Config{Host: "http://127.0.0.1:1"}
		if err := DNS(context.Background(), o); err == nil || !strings.Contains(err.Error(), fmt.Sprint(taken.Addr().(*net.TCPAddr).Port)) {
			t.Errorf("got %v", err)
		}
	}
}
