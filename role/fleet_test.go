package role_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/manifest"
	"fairlead.dev/fairlead/mcs"
)

// TestAFleet lets the agents of two real clusters export, import, repair, restart and let go.
func TestAFleet(t *testing.T) {
	west, east := enter(t)
	whole := t // what outlives a part of the story
	west.agent(t, "one")
	eastAgent := east.agent(t, "one")
	for _, p := range []place{west, east} {
		p.namespace(t, "role-shop")
	}
	const ns = "role-shop"
	source := west.service(t, ns, "cart", "10.50.0.1", "10.50.0.2")
	west.create(t, export(ns, "cart"))

	var si mcsv1beta1.ServiceImport
	var carrier corev1.Service
	t.Run("an export is imported everywhere", func(t *testing.T) {
		for _, p := range []place{west, east} {
			eventually(t, "cart is imported in "+p.name, func() bool {
				si = mcsv1beta1.ServiceImport{}
				return p.has(t, ns, "cart", &si) && importReady(si) && len(si.Spec.IPs) == 1 && len(addresses(t, p, ns, "cart")) == 2
			})
		}
		if !east.has(t, ns, mcs.DerivedName("cart"), &carrier) || carrier.Spec.ClusterIP != si.Spec.IPs[0] {
			t.Errorf("the derived Service has %s, the ServiceImport %v", carrier.Spec.ClusterIP, si.Spec.IPs)
		}
		eventually(t, "the export says so", func() bool {
			var ex mcsv1beta1.ServiceExport
			return west.has(t, ns, "cart", &ex) && conditions(ex) == "Valid=True Ready=True Conflict=False"
		})
	})

	t.Run("endpoints follow", func(t *testing.T) {
		var took []time.Duration
		for i := range 20 {
			at := fmt.Sprintf("10.50.1.%d", i+1)
			began := time.Now()
			source.Endpoints = endpoints("10.50.0.1", at)
			if err := west.client.Update(t.Context(), source); err != nil {
				t.Fatal(err)
			}
			eventually(t, at+" is in east", func() bool { return slices.Contains(addresses(t, east, ns, "cart"), at) })
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		t.Logf("from west's API to east's: median %s, longest %s (seen by polling each 20 ms)", took[len(took)/2], took[len(took)-1])
	})

	t.Run("what somebody deletes comes back as it was", func(t *testing.T) {
		east.delete(t, &corev1.Service{ObjectMeta: carrier.ObjectMeta})
		eventually(t, "the derived Service is back with its IP", func() bool {
			var now corev1.Service
			return east.has(t, ns, carrier.Name, &now) && now.UID != carrier.UID && now.Spec.ClusterIP == carrier.Spec.ClusterIP
		})
		var old mcsv1beta1.ServiceImport
		east.has(t, ns, "cart", &old)
		east.delete(t, &mcsv1beta1.ServiceImport{ObjectMeta: old.ObjectMeta})
		eventually(t, "the ServiceImport is back", func() bool {
			now := mcsv1beta1.ServiceImport{}
			return east.has(t, ns, "cart", &now) && now.UID != old.UID && importReady(now) && slices.Equal(now.Spec.IPs, old.Spec.IPs)
		})
	})

	t.Run("what somebody edits is repaired", func(t *testing.T) {
		slice := imported(t, east, ns, "cart")[0]
		slice.Endpoints = nil
		slice.Labels["service.kubernetes.io/service-proxy-name"] = "nobody"
		if err := east.client.Update(t.Context(), &slice); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the slice is repaired", func() bool {
			all := imported(t, east, ns, "cart")
			return len(all) == 1 && len(all[0].Endpoints) == 2 && all[0].Labels["service.kubernetes.io/service-proxy-name"] == ""
		})
	})

	t.Run("what belongs to others is left alone", func(t *testing.T) {
		theirs := &mcsv1beta1.ServiceImport{
			ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "theirs"},
			Spec:       mcsv1beta1.ServiceImportSpec{Type: mcsv1beta1.ClusterSetIP, Ports: []mcsv1beta1.ServicePort{{Port: 1}}},
		}
		east.create(t, theirs)
		west.service(t, ns, "theirs", "10.50.0.9")
		west.create(t, export(ns, "theirs"))
		eventually(t, "west imports it", func() bool { return west.has(t, ns, "theirs", &mcsv1beta1.ServiceImport{}) })
		always(t, "east's is as it was", func() bool {
			var now mcsv1beta1.ServiceImport
			return east.has(t, ns, "theirs", &now) && now.ResourceVersion == theirs.ResourceVersion && len(imported(t, east, ns, "theirs")) == 0
		})
		east.delete(t, theirs)
		eventually(t, "ours takes its place", func() bool {
			var now mcsv1beta1.ServiceImport
			return east.has(t, ns, "theirs", &now) && importReady(now)
		})
	})

	t.Run("an idle fleet writes no objects", func(t *testing.T) {
		settle(t, east, ns)
		before := versions(t, east, ns)
		always(t, "nothing is written", func() bool { return slices.Equal(versions(t, east, ns), before) })
	})

	t.Run("a restart without the hub loses nothing", func(t *testing.T) {
		eastAgent.stop()
		point(t, east, "https://127.0.0.1:1")
		settle(t, east, ns)
		before := versions(t, east, ns)
		eastAgent = east.agent(whole, "two")
		always(t, "everything stands", func() bool { return slices.Equal(versions(t, east, ns), before) })

		point(t, east, west.access.Config.Host)
		source.Endpoints = endpoints("10.50.2.1")
		if err := west.client.Update(t.Context(), source); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the hub is back", func() bool { return slices.Equal(addresses(t, east, ns, "cart"), []string{"10.50.2.1"}) })
	})

	t.Run("another replica takes over", func(t *testing.T) {
		east.agent(whole, "three")
		eastAgent.stop()
		source.Endpoints = endpoints("10.50.3.1")
		if err := west.client.Update(t.Context(), source); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the other one writes", func() bool { return slices.Equal(addresses(t, east, ns, "cart"), []string{"10.50.3.1"}) })
	})

	t.Run("namespaces come and go", func(t *testing.T) {
		west.namespace(t, "role-late")
		west.service(t, "role-late", "cart", "10.50.4.1")
		west.create(t, export("role-late", "cart"))
		eventually(t, "west has it", func() bool { return west.has(t, "role-late", "cart", &mcsv1beta1.ServiceImport{}) })
		east.namespace(t, "role-late")
		eventually(t, "east has it too", func() bool { return len(addresses(t, east, "role-late", "cart")) == 1 })
		east.delete(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "role-late"}})
		eventually(t, "east's is gone", func() bool { return !east.has(t, "", "role-late", &corev1.Namespace{}) })
	})

	t.Run("what is no longer exported goes", func(t *testing.T) {
		west.delete(t, export(ns, "cart"))
		for _, p := range []place{west, east} {
			eventually(t, "nothing of cart is left in "+p.name, func() bool {
				return !p.has(t, ns, "cart", &mcsv1beta1.ServiceImport{}) && !p.has(t, ns, mcs.DerivedName("cart"), &corev1.Service{}) &&
					len(imported(t, p, ns, "cart")) == 0
			})
		}
	})
}

// point makes the Secret of a member lead to another address.
func point(t *testing.T, p place, server string) {
	t.Helper()
	var s corev1.Secret
	if !p.has(t, manifest.Namespace, manifest.HubSecret, &s) {
		t.Fatal("there is no Secret")
	}
	config, err := clientcmd.Load(s.Data[manifest.KeyKubeconfig])
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range config.Clusters {
		c.Server = server
	}
	if s.Data[manifest.KeyKubeconfig], err = clientcmd.Write(*config); err != nil {
		t.Fatal(err)
	}
	if err := p.client.Update(t.Context(), &s); err != nil {
		t.Fatal(err)
	}
}

// settle waits until nothing is written any more.
func settle(t *testing.T, p place, namespace string) {
	t.Helper()
	before, since := versions(t, p, namespace), time.Now()
	eventually(t, "calm", func() bool {
		if now := versions(t, p, namespace); !slices.Equal(now, before) {
			before, since = now, time.Now()
		}
		return time.Since(since) > time.Second
	})
}

// versions are those of everything that an agent may write in a namespace.
func versions(t *testing.T, p place, namespace string) (out []string) {
	t.Helper()
	for _, list := range []client.ObjectList{
		&corev1.ServiceList{}, &discoveryv1.EndpointSliceList{}, &mcsv1beta1.ServiceImportList{}, &mcsv1beta1.ServiceExportList{},
	} {
		if err := p.client.List(t.Context(), list, client.InNamespace(namespace)); err != nil {
			t.Fatal(err)
		}
		switch l := list.(type) {
		case *corev1.ServiceList:
			for _, o := range l.Items {
				out = append(out, "Service "+o.Name+" "+o.ResourceVersion)
			}
		case *discoveryv1.EndpointSliceList:
			for _, o := range l.Items {
				out = append(out, "EndpointSlice "+o.Name+" "+o.ResourceVersion)
			}
		case *mcsv1beta1.ServiceImportList:
			for _, o := range l.Items {
				out = append(out, "ServiceImport "+o.Name+" "+o.ResourceVersion)
			}
		case *mcsv1beta1.ServiceExportList:
			for _, o := range l.Items {
				out = append(out, "ServiceExport "+o.Name+" "+o.ResourceVersion)
			}
		}
	}
	return out
}

func imported(t *testing.T, p place, namespace, service string) []discoveryv1.EndpointSlice {
	t.Helper()
	var l discoveryv1.EndpointSliceList
	if err := p.client.List(t.Context(), &l, client.InNamespace(namespace), client.MatchingLabels{mcsv1beta1.LabelServiceName: service}); err != nil {
		t.Fatal(err)
	}
	return l.Items
}

func addresses(t *testing.T, p place, namespace, service string) (out []string) {
	t.Helper()
	for _, s := range imported(t, p, namespace, service) {
		for _, e := range s.Endpoints {
			out = append(out, e.Addresses...)
		}
	}
	return out
}

func importReady(si mcsv1beta1.ServiceImport) bool {
	return slices.ContainsFunc(si.Status.Conditions, func(c metav1.Condition) bool { return c.Type == "Ready" && c.Status == metav1.ConditionTrue })
}

func conditions(ex mcsv1beta1.ServiceExport) string {
	text := ""
	for _, kind := range []string{"Valid", "Ready", "Conflict"} {
		for _, c := range ex.Status.Conditions {
			if c.Type == kind {
				text += " " + kind + "=" + string(c.Status)
			}
		}
	}
	return text[min(1, len(text)):]
}
