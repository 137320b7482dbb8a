package role_test

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/manifest"
	"fairlead.dev/fairlead/mcs"
)

// TestMishaps lets people make the mistakes that they make.
func TestMishaps(t *testing.T) {
	west, east := enter(t)
	whole := t // what outlives a part of the story
	west.agent(t, "one")
	eastAgent := east.agent(t, "one")
	const ns = "role-mishap"
	for _, p := range []place{west, east} {
		p.namespace(t, ns)
	}
	for _, name := range []string{"cart", "till"} {
		west.service(t, ns, name, "10.50.0.1")
		west.create(t, export(ns, name))
		eventually(t, name+" is imported", func() bool {
			var si mcsv1beta1.ServiceImport
			return east.has(t, ns, name, &si) && importReady(si) && len(addresses(t, east, ns, name)) == 1
		})
	}

	t.Run("somebody takes the IP of a deleted derived Service", func(t *testing.T) {
		var carrier, now corev1.Service
		var si mcsv1beta1.ServiceImport
		east.has(t, ns, mcs.DerivedName("cart"), &carrier)
		eastAgent.stop()
		east.delete(t, &corev1.Service{ObjectMeta: carrier.ObjectMeta})
		thief := &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "thief"},
			Spec:       corev1.ServiceSpec{ClusterIP: carrier.Spec.ClusterIP, Ports: []corev1.ServicePort{{Port: 1}}},
		}
		eventually(t, "the IP is free", func() bool { return east.client.Create(t.Context(), thief) == nil })
		eastAgent = east.agent(whole, "two")
		eventually(t, "the import has another IP", func() bool {
			return east.has(t, ns, carrier.Name, &now) && now.Spec.ClusterIP != carrier.Spec.ClusterIP &&
				east.has(t, ns, "cart", &si) && slices.Equal(si.Spec.IPs, now.Spec.ClusterIPs)
		})
	})

	t.Run("a service becomes headless", func(t *testing.T) {
		var svc corev1.Service
		west.has(t, ns, "till", &svc)
		west.delete(t, &corev1.Service{ObjectMeta: svc.ObjectMeta})
		west.create(t, &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "till"},
			Spec:       corev1.ServiceSpec{ClusterIP: corev1.ClusterIPNone, Ports: svc.Spec.Ports},
		})
		for _, p := range []place{west, east} {
			eventually(t, "till is headless in "+p.name, func() bool {
				si, now := mcsv1beta1.ServiceImport{}, corev1.Service{}
				return p.has(t, ns, "till", &si) && si.Spec.Type == mcsv1beta1.Headless && len(si.Spec.IPs) == 0 && importReady(si) &&
					p.has(t, ns, mcs.DerivedName("till"), &now) && now.Spec.ClusterIP == corev1.ClusterIPNone
			})
		}
	})

	t.Run("an export without a Service is told", func(t *testing.T) {
		west.create(t, export(ns, "nothing"))
		eventually(t, "it is not valid", func() bool {
			var ex mcsv1beta1.ServiceExport
			return west.has(t, ns, "nothing", &ex) && conditions(ex) == "Valid=False"
		})
		west.delete(t, export(ns, "nothing"))
	})

	t.Run("somebody deletes the definition of ServiceExports", func(t *testing.T) {
		settle(t, east, ns)
		before := versions(t, east, ns)
		crd := definition(t)
		if err := west.access.Delete(t.Context(), &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: crd.Name}}); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the exports are gone", func() bool {
			return west.client.List(t.Context(), &mcsv1beta1.ServiceExportList{}) != nil
		})
		always(t, "nothing is withdrawn", func() bool { return slices.Equal(versions(t, east, ns), before) })

		eventually(t, "the definition is back", func() bool { return west.access.Create(t.Context(), definition(t)) == nil })
		eventually(t, "cart is exported again", func() bool { return west.client.Create(t.Context(), export(ns, "cart")) == nil })
		west.create(t, export(ns, "till"))
		west.service(t, ns, "new", "10.50.0.7")
		west.create(t, export(ns, "new"))
		eventually(t, "new exports are imported", func() bool { return len(addresses(t, east, ns, "new")) == 1 })
		west.delete(t, export(ns, "cart"))
		eventually(t, "cart is withdrawn", func() bool { return !east.has(t, ns, "cart", &mcsv1beta1.ServiceImport{}) })
		if !east.has(t, ns, "till", &mcsv1beta1.ServiceImport{}) {
			t.Error("till was withdrawn")
		}
	})
}

// definition is that of ServiceExports, as it is installed.
func definition(t *testing.T) *apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	for _, crd := range manifest.MemberCRDs() {
		if crd.GetName() == "serviceexports.multicluster.x-k8s.io" {
			return crd
		}
	}
	t.Fatal("there is no such definition")
	return nil
}
