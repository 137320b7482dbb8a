package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/mcs"
	"fairlead.dev/fairlead/test/lab"
)

func TestADerivedServiceThatIsDeletedComesBackWithItsIP(t *testing.T) {
	s := tell(t)
	s.west.offers("cart", 1)
	s.west.exports("cart")
	before := s.east.address("cart")
	service, err := s.east.derived(t.Context(), "cart")
	if err != nil {
		t.Fatal(err)
	}
	s.east.removes(service)
	took := s.eventually("it is back", func(ctx context.Context) error {
		again, err := s.east.derived(ctx, "cart")
		switch {
		case err != nil:
			return err
		case again.UID == service.UID:
			return fmt.Errorf("it is not gone yet")
		case again.Spec.ClusterIP != before:
			t.Fatalf("its IP was %s and is %s", before, again.Spec.ClusterIP)
		}
		return nil
	})
	t.Logf("it is back after %s", took)
	if after := s.east.address("cart"); after != before {
		t.Errorf("the clusterset IP moved from %s to %s", before, after)
	}
}

func TestEditsOfWhatFairleadOwnsAreRepaired(t *testing.T) {
	s := tell(t)
	s.west.offers("cart", 2)
	s.west.exports("cart")
	const want = "ClusterSetIP http:80/TCP from west 2/2"
	s.east.sees("cart", want)
	ip := s.east.address("cart")

	imported, err := s.east.imported(t.Context(), "cart")
	if err != nil {
		t.Fatal(err)
	}
	edit(s.east, imported, func(i *mcsv1beta1.ServiceImport) { i.Spec.Ports[0].Port = 81; i.Spec.IPs = nil })
	s.east.sees("cart", want)

	list, err := s.east.slices(t.Context(), "cart")
	if err != nil || len(list) != 1 {
		t.Fatalf("%d slices: %v", len(list), err)
	}
	edit(s.east, &list[0], func(slice *discoveryv1.EndpointSlice) { slice.Endpoints = nil })
	s.east.sees("cart", want)
	s.east.removes(&list[0])
	s.east.sees("cart", want)

	s.east.removes(imported)
	s.east.sees("cart", want)
	if again := s.east.address("cart"); again != ip {
		t.Errorf("the clusterset IP moved from %s to %s", ip, again)
	}

	derived, err := s.east.derived(t.Context(), "cart")
	if err != nil {
		t.Fatal(err)
	}
	edit(s.east, derived, func(service *corev1.Service) { service.Spec.Ports[0].Port = 81 })
	s.eventually("the derived Service is repaired", func(ctx context.Context) error {
		service, err := s.east.derived(ctx, "cart")
		if err == nil && service.Spec.Ports[0].Port != 80 {
			err = fmt.Errorf("its port is %d", service.Spec.Ports[0].Port)
		}
		return err
	})
}

func TestObjectsOfOthersAreLeftAlone(t *testing.T) {
	s := tell(t)
	foreign := &mcsv1beta1.ServiceImport{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "cart", Labels: map[string]string{"app.kubernetes.io/managed-by": "somebody-else"}},
		Spec:       mcsv1beta1.ServiceImportSpec{Type: mcsv1beta1.Headless, Ports: []mcsv1beta1.ServicePort{{Port: 1234}}},
	}
	service := lab.Service(s.namespace, mcs.DerivedName("stock"))
	slice := lab.Slice(s.namespace, service.Name, "somebody-elses", s.east.addresses(1)...)
	s.east.makes(foreign, service, slice)
	var before []string
	for _, obj := range []clientObject{foreign, service, slice} {
		before = append(before, string(obj.GetUID()), obj.GetResourceVersion())
	}
	for _, name := range []string{"cart", "stock"} {
		s.west.offers(name, 1)
		s.west.exports(name)
		s.north.sees(name, "ClusterSetIP http:80/TCP from west 1/1")
	}
	s.holds(3*time.Second, "what somebody else made stays as it is", func(ctx context.Context) error {
		var now []string
		for _, obj := range []clientObject{foreign, service, slice} {
			if err := s.east.Get(ctx, clientKey(obj), obj); err != nil {
				return err
			}
			now = append(now, string(obj.GetUID()), obj.GetResourceVersion())
		}
		if strings.Join(now, " ") != strings.Join(before, " ") {
			return fmt.Errorf("it was changed: %s, now %s", before, now)
		}
		return nil
	})
}

func TestHeadlessSlicesAreMarkedSoThatKubeProxySkipsThem(t *testing.T) {
	s := tell(t)
	s.west.offers("db", 1, func(service *corev1.Service) { service.Spec.ClusterIP = corev1.ClusterIPNone })
	s.west.exports("db")
	s.east.sees("db", "Headless http:80/TCP from west 1/1")
	list, err := s.east.slices(t.Context(), "db")
	if err != nil || len(list) != 1 {
		t.Fatalf("%d slices: %v", len(list), err)
	}
	if _, marked := list[0].Labels[corev1.IsHeadlessService]; !marked {
		t.Errorf("the slice has no label %s: %v", corev1.IsHeadlessService, list[0].Labels)
	}
}

func TestAnImportHasOnlyWhatMeansSomethingHere(t *testing.T) {
	s := tell(t)
	s.west.runs("cart", 1)
	export := lab.Export(s.namespace, "cart")
	export.Labels, export.Spec.ExportedLabels = map[string]string{"secret": "label"}, map[string]string{"team": "red"}
	export.Annotations, export.Spec.ExportedAnnotations = map[string]string{"secret": "note"}, map[string]string{"shop.example/note": "one"}
	s.west.makes(export)
	s.east.sees("cart", "ClusterSetIP http:80/TCP from west 1/1")
	i, err := s.east.imported(t.Context(), "cart")
	if err != nil {
		t.Fatal(err)
	}
	if i.Labels["team"] != "red" || i.Annotations["shop.example/note"] != "one" || i.Labels["secret"] != "" || i.Annotations["secret"] != "" {
		t.Errorf("labels %v, annotations %v", i.Labels, i.Annotations)
	}
	list, err := s.east.slices(t.Context(), "cart")
	if err != nil || len(list) != 1 || len(list[0].Endpoints) != 1 {
		t.Fatalf("%d slices: %v", len(list), err)
	}
	if e := list[0].Endpoints[0]; e.NodeName != nil || e.TargetRef != nil || len(list[0].OwnerReferences) != 0 {
		t.Errorf("the slice has what means nothing here: %v", list[0])
	}
}

func TestOldClientsSeeImportsToo(t *testing.T) {
	s := tell(t)
	s.west.offers("cart", 1)
	s.west.exports("cart")
	ip := s.east.address("cart")
	old, err := s.east.importedOld(t.Context(), "cart")
	if err != nil || len(old.Spec.IPs) != 1 || old.Spec.IPs[0] != ip {
		t.Errorf("v1alpha1 shows %v, %v", old, err)
	}
}
