package zone

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
	mcsclient "sigs.k8s.io/mcs-api/pkg/client/clientset/versioned/typed/apis/v1beta1"

	"fairlead.dev/fairlead/dns"
	"fairlead.dev/fairlead/fleet"
)

// Against a real API server: what is written is served, what changes follows, what is deleted goes.
func TestARealAPI(t *testing.T) {
	kubeconfig := os.Getenv("FAIRLEAD_TEST_KUBECONFIG")
	if kubeconfig == "" {
		t.Skip("FAIRLEAD_TEST_KUBECONFIG is not set: make e2e runs this")
	}
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: kubeconfig}, &clientcmd.ConfigOverrides{}).ClientConfig()
	must(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	core, err := kubernetes.NewForConfig(config)
	must(t, err)
	mcs, err := mcsclient.NewForConfig(config)
	must(t, err)
	if _, err := mcs.ServiceImports(metav1.NamespaceDefault).List(ctx, metav1.ListOptions{Limit: 1}); err != nil {
		t.Skipf("the cluster does not serve ServiceImports: %v", err)
	}
	ns, err := core.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "zone-"}}, metav1.CreateOptions{})
	must(t, err)
	defer func() { _ = core.CoreV1().Namespaces().Delete(context.Background(), ns.Name, metav1.DeleteOptions{}) }()

	tables := make(chan *dns.Table, 1000)
	z := New(func(now *dns.Table) { tables <- now })
	go func() { _ = z.Run(ctx, config, slog.New(slog.DiscardHandler)) }()
	until := func(what string, done func(*dns.Table) bool) {
		t.Helper()
		for {
			select {
			case now := <-tables:
				if done(now) {
					return
				}
			case <-ctx.Done():
				t.Fatalf("never: %s", what)
			}
		}
	}
	until("the zone is read", func(*dns.Table) bool { return len(z.Missing()) == 0 })

	name := fleet.Name{Namespace: ns.Name, Name: "db"}
	db, err := mcs.ServiceImports(ns.Name).Create(ctx, &mcsv1beta1.ServiceImport{
		ObjectMeta: metav1.ObjectMeta{Name: "db"},
		Spec:       mcsv1beta1.ServiceImportSpec{Type: mcsv1beta1.Headless, Ports: []mcsv1beta1.ServicePort{{Name: "sql", Port: 5432}}},
	}, metav1.CreateOptions{})
	must(t, err)
	until("the import is there", func(now *dns.Table) bool { return now.Service(name) != nil })
	slice, err := core.DiscoveryV1().EndpointSlices(ns.Name).Create(ctx, imported("10.1.0.4", "10.1.0.5"), metav1.CreateOptions{})
	must(t, err)
	until("its endpoints are there", has(name, "10.1.0.4", "10.1.0.5"))
	slice.Endpoints = slice.Endpoints[1:]
	_, err = core.DiscoveryV1().EndpointSlices(ns.Name).Update(ctx, slice, metav1.UpdateOptions{})
	must(t, err)
	until("one of them is gone", has(name, "10.1.0.5"))
	must(t, core.DiscoveryV1().EndpointSlices(ns.Name).Delete(ctx, slice.Name, metav1.DeleteOptions{}))
	until("all are gone", has(name))
	must(t, mcs.ServiceImports(ns.Name).Delete(ctx, db.Name, metav1.DeleteOptions{}))
	until("the import is gone", func(now *dns.Table) bool { return now.Service(name) == nil })
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func has(name fleet.Name, want ...string) func(*dns.Table) bool {
	return func(now *dns.Table) bool {
		var got []string
		for _, s := range now.Service(name).Slices {
			for _, e := range s.Endpoints {
				got = append(got, e.Address.String())
			}
		}
		return slices.Equal(got, want)
	}
}

func imported(addresses ...string) *discoveryv1.EndpointSlice {
	s := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Name: "db-west", Labels: map[string]string{
			mcsv1beta1.LabelServiceName: "db", mcsv1beta1.LabelSourceCluster: "west", corev1.IsHeadlessService: "",
			discoveryv1.LabelManagedBy: "zone-test",
		}},
		AddressType: discoveryv1.AddressTypeIPv4,
	}
	for _, a := range addresses {
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{Addresses: []string{netip.MustParseAddr(a).String()}})
	}
	return s
}

// BenchmarkEvent is what one changed slice costs, with a table of many services.
func BenchmarkEvent(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			z := New(func(*dns.Table) {})
			is, es := store{z, imports}, store{z, endpoints}
			var list []any
			for i := range n {
				list = append(list, &mcsv1beta1.ServiceImport{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: fmt.Sprint("s", i)}})
			}
			list = append(list, &mcsv1beta1.ServiceImport{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "db"}, Spec: mcsv1beta1.ServiceImportSpec{Type: mcsv1beta1.Headless}})
			_ = is.Replace(list, "1")
			_ = es.Replace(nil, "1")
			s := imported("10.1.0.4", "10.1.0.5")
			s.Namespace = "shop"
			b.ReportAllocs()
			for b.Loop() {
				_ = es.Update(s)
			}
		})
	}
}
