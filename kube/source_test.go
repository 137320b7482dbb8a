package kube

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/mcs"
	"fairlead.dev/fairlead/picture"
)

// definition answers whether ServiceExports are defined.
type definition struct {
	client.Client
	err     error
	leaving bool
}

func (d *definition) Get(_ context.Context, _ client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	if d.leaving {
		now := metav1.Now()
		obj.SetDeletionTimestamp(&now)
	}
	return d.err
}

// known is what a Source has told, as it holds now.
type knowledge struct {
	*Source
	facts map[picture.Key]picture.Fact
	calls int
	crd   *definition
}

func newKnowledge() *knowledge {
	k := &knowledge{facts: map[picture.Key]picture.Fact{}, crd: &definition{}}
	k.Source = NewSource(SourceOptions{Client: k.crd, Log: slog.New(slog.DiscardHandler), Tell: func(changes []picture.Change) {
		k.calls++
		for _, ch := range changes {
			if ch.Fact == nil {
				delete(k.facts, ch.Key)
			} else {
				k.facts[ch.Key] = ch.Fact
			}
		}
	}})
	return k
}

func (k *knowledge) listAll(objects ...client.Object) {
	for _, kind := range Kinds(false) {
		var all []client.Object
		for _, o := range objects {
			if kindOf(o) == kind {
				all = append(all, o)
			}
		}
		k.Replace(kind, all)
	}
}

func (k *knowledge) keys() (out []string) {
	for key := range k.facts {
		out = append(out, key.String())
	}
	slices.Sort(out)
	return out
}

func (k *knowledge) expect(t *testing.T, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := k.keys(); !slices.Equal(got, want) {
		t.Errorf("facts are %q, want %q", got, want)
	}
}

// settleHolds decides about what is going, as the running Source does.
func (k *knowledge) settleHolds() {
	if alive, err := k.holds.alive(context.Background()); err == nil {
		k.holds.decide(alive, metav1.Now().Time)
	}
}

func service(name string) *corev1.Service {
	return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Spec: corev1.ServiceSpec{ClusterIP: "10.0.0.1"}}
}

func endpointSlice(service, name string) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: "shop", Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: service}},
		AddressType: discoveryv1.AddressTypeIPv4, Endpoints: []discoveryv1.Endpoint{{Addresses: []string{"10.2.0.1"}}},
	}
}

func exported(name string) *mcsv1beta1.ServiceExport {
	return &mcsv1beta1.ServiceExport{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
}

func TestTheFirstCallBringsEverything(t *testing.T) {
	k := newKnowledge()
	kinds := Kinds(false)
	for _, kind := range kinds[:len(kinds)-1] {
		k.Replace(kind, nil)
	}
	k.Put(service("cart"))
	k.Add([]picture.Change{{Key: picture.Key{Kind: "Derived", Path: "shop/cart"}, Fact: &picture.Derived{}}})
	if k.calls != 0 {
		t.Fatal("told before everything was listed")
	}
	k.Replace(kinds[len(kinds)-1], nil)
	k.expect(t, "Derived/shop/cart")
	if k.calls != 1 {
		t.Errorf("told in %d calls", k.calls)
	}
	select {
	case <-k.Synced():
	default:
		t.Error("not synced")
	}
}

func TestOnlyWhatIsExportedIsTold(t *testing.T) {
	k := newKnowledge()
	k.listAll(service("cart"), service("quiet"), endpointSlice("cart", "cart-1"), endpointSlice("quiet", "quiet-1"), exported("cart"))
	cartFacts := []string{"Service/shop/cart", "ServiceExport/shop/cart", "EndpointSlice/shop/cart/cart-1"}
	k.expect(t, cartFacts...)

	k.Put(exported("quiet"))
	k.expect(t, append(cartFacts, "Service/shop/quiet", "ServiceExport/shop/quiet", "EndpointSlice/shop/quiet/quiet-1")...)

	k.Delete(exported("quiet"))
	k.settleHolds()
	k.expect(t, cartFacts...)

	k.Delete(endpointSlice("quiet", "quiet-1"))
	k.Put(exported("quiet"))
	k.expect(t, append(cartFacts, "Service/shop/quiet", "ServiceExport/shop/quiet")...)
}

func TestASliceThatMovesToAnotherServiceLeavesTheFirst(t *testing.T) {
	k := newKnowledge()
	k.listAll(exported("cart"), endpointSlice("cart", "x"))
	k.Put(endpointSlice("other", "x"))
	k.expect(t, "ServiceExport/shop/cart")
	k.Put(exported("other"))
	k.expect(t, "ServiceExport/shop/cart", "ServiceExport/shop/other", "EndpointSlice/shop/other/x")
}

func TestOwnObjectsAreNoFacts(t *testing.T) {
	k := newKnowledge()
	own := service("fairlead-x")
	own.Labels = map[string]string{mcs.LabelManagedBy: mcs.ManagedBy}
	slice := endpointSlice("fairlead-x", "fairlead-x-1")
	slice.Labels[discoveryv1.LabelManagedBy] = mcs.ManagedBy
	k.listAll(exported("fairlead-x"), own, slice)
	k.expect(t, "ServiceExport/shop/fairlead-x")
}

func TestWhatIsNoNewsIsNotTold(t *testing.T) {
	k := newKnowledge()
	k.listAll(exported("cart"), service("cart"))
	before := k.calls
	again := exported("cart")
	again.ResourceVersion = "5"
	again.Status.Conditions = []metav1.Condition{{Type: "Valid"}}
	k.Put(again)
	svc := service("cart")
	svc.Annotations = map[string]string{"a": "b"}
	k.Put(svc)
	if k.calls != before {
		t.Error("a status and an annotation were told")
	}
}

func TestExportsThatGoWithTheirDefinitionAreHeld(t *testing.T) {
	gone := apierrors.NewNotFound(schema.GroupResource{Resource: "customresourcedefinitions"}, exportsCRD)
	for name, crd := range map[string]definition{"gone": {err: gone}, "being deleted": {leaving: true}} {
		t.Run(name, func(t *testing.T) {
			k := newKnowledge()
			k.listAll(exported("a"), exported("b"))
			k.crd.err, k.crd.leaving = crd.err, crd.leaving
			k.Delete(exported("a"))
			k.Delete(exported("b"))
			k.settleHolds()
			told := "Complaint/CustomResourceDefinition/" + exportsCRD + "/"
			k.expect(t, "ServiceExport/shop/a", "ServiceExport/shop/b", told)

			k.crd.err, k.crd.leaving = nil, false
			k.Replace(kindExport, []client.Object{exported("a")})
			k.settleHolds()
			k.expect(t, "ServiceExport/shop/a", "ServiceExport/shop/b", told)

			k.Put(exported("b"))
			k.expect(t, "ServiceExport/shop/a", "ServiceExport/shop/b")
			k.Delete(exported("b"))
			k.settleHolds()
			k.expect(t, "ServiceExport/shop/a")
		})
	}
}

func TestNobodyKnowsNobodyWithdraws(t *testing.T) {
	k := newKnowledge()
	k.listAll(exported("a"))
	k.crd.err = errors.New("connection refused")
	k.Delete(exported("a"))
	k.settleHolds()
	k.expect(t, "ServiceExport/shop/a")
	k.crd.err = nil
	k.settleHolds()
	k.expect(t)
}

func TestAListThatLacksMostIsNotBelievedAtOnce(t *testing.T) {
	var all []client.Object
	for i := range 50 {
		all = append(all, exported(fmt.Sprintf("s%d", i)))
	}
	k := newKnowledge()
	k.listAll(all...)
	k.Replace(kindExport, all[:20])
	k.settleHolds()
	if n := len(k.keys()); n != 51 { // and the complaint
		t.Errorf("%d facts after a list that lacks 30 of 50", n)
	}
	k.holds.decide(true, metav1.Now().Add(2*holdTime))
	if n := len(k.keys()); n != 20 {
		t.Errorf("%d facts after the hold", n)
	}

	k.Replace(kindExport, all[:15])
	k.settleHolds()
	if n := len(k.keys()); n != 15 {
		t.Errorf("%d facts after a list that lacks 5 of 20", n)
	}
}

// Whatever comes in whatever order, what was told is what a fresh Source tells of the same objects.
func TestASourceForgetsNothingAndInventsNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		k := newKnowledge()
		k.listAll()
		there := map[string]client.Object{}
		names := rapid.SampledFrom([]string{"a", "b", "c"})
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			service1, name := names.Draw(rt, "service"), names.Draw(rt, "name")
			obj := rapid.SampledFrom([]client.Object{service(service1), endpointSlice(service1, "slice-"+name), exported(service1)}).Draw(rt, "object")
			id := kindOf(obj) + "/" + obj.GetName()
			switch rapid.IntRange(0, 3).Draw(rt, "what") {
			case 0:
				if old, ok := there[id]; ok {
					delete(there, id)
					k.Delete(old)
				}
			case 1:
				var list []client.Object
				for _, o := range there {
					if kindOf(o) == kindOf(obj) {
						list = append(list, o)
					}
				}
				k.Replace(kindOf(obj), list)
			default:
				there[id] = obj
				k.Put(obj)
			}
			k.settleHolds()
		}
		fresh := newKnowledge()
		var all []client.Object
		for _, o := range there {
			all = append(all, o)
		}
		fresh.listAll(all...)
		if got, want := k.keys(), fresh.keys(); !slices.Equal(got, want) {
			rt.Fatalf("told %q, fresh %q", got, want)
		}
	})
}
