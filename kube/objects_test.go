package kube

import (
	"net/netip"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
	"fairlead.dev/fairlead/picture"
)

// stage is Objects, with what they told.
type stage struct {
	*Objects
	derived map[fleet.Name]*picture.Derived
	roused  []string
}

func newStage() *stage {
	s := &stage{derived: map[fleet.Name]*picture.Derived{}}
	s.Objects = NewObjects(func(changes []picture.Change) {
		for _, ch := range changes {
			name := fleet.ParseName(ch.Key.Path)
			if delete(s.derived, name); ch.Fact != nil {
				s.derived[name] = ch.Fact.(*picture.Derived)
			}
		}
	})
	s.rouse(func(name fleet.Name) { s.roused = append(s.roused, name.String()) })
	return s
}

func (s *stage) wasRoused() bool {
	defer func() { s.roused = nil }()
	return len(s.roused) > 0
}

func at1[T client.Object](version string, obj T) T {
	obj.SetResourceVersion(version)
	return obj
}

func ourService(ips ...string) *corev1.Service {
	s := wanted().Service
	s.Spec.ClusterIPs, s.Spec.ClusterIP = ips, ips[0]
	return s
}

func ourImport(ips ...string) *mcsv1beta1.ServiceImport {
	si := ownImport(wanted().Object)
	si.Spec.IPs = ips
	return si
}

func TestTheEchoOfAWriteIsNoNews(t *testing.T) {
	s := newStage()
	written := at1("5", slice("a", "10.50.0.1"))
	s.wrote(cart, written, sliceDigest(written), false)
	if s.wasRoused() {
		t.Error("a write roused its own writer")
	}
	s.Put(at1("5", slice("a", "10.50.0.1")))
	s.Put(at1("4", slice("a", "10.50.0.9"))) // an echo of what was there before
	if s.wasRoused() || s.view(cart).slices["a"].version != "5" {
		t.Error("an echo was taken for news")
	}
	s.Put(at1("6", slice("a", "10.50.0.1")))
	if s.wasRoused() {
		t.Error("a new version that says the same roused the writer")
	}
	s.Put(at1("7", slice("a")))
	if !s.wasRoused() {
		t.Error("an edit did not rouse the writer")
	}
	s.Delete(at1("6", slice("a")))
	if s.wasRoused() {
		t.Error("a deletion from before the last write was taken for one of now")
	}
	s.Delete(at1("8", slice("a")))
	if !s.wasRoused() || len(s.all()) != 0 {
		t.Error("a deletion was not noticed")
	}
}

func TestAListIsBelievedWhateverItsVersions(t *testing.T) {
	s := newStage()
	s.Put(at1("100", slice("a", "10.50.0.1")))
	s.Put(at1("101", slice("b", "10.50.0.1")))
	s.Replace(kindSlice, []client.Object{at1("7", slice("a", "10.50.0.2"))})
	has := s.view(cart).slices
	if len(has) != 1 || has["a"].version != "7" {
		t.Errorf("after a list of a restored API server: %v", has)
	}
}

func TestWhatTheAPIServerGaveIsToldAndOutlastsTheService(t *testing.T) {
	s := newStage()
	ip := netip.MustParseAddr("10.1.0.5")
	s.Put(at1("1", ourService("10.1.0.5")))
	if d := s.derived[cart]; d == nil || !slices.Equal(d.IPs, []netip.Addr{ip}) || d.Headless || len(d.Families) != 1 {
		t.Fatalf("derived is %+v", d)
	}
	s.Put(at1("2", ourImport("10.1.0.5")))
	s.Delete(at1("3", ourService("10.1.0.5")))
	if d := s.derived[cart]; d == nil || !slices.Equal(d.IPs, []netip.Addr{ip}) || len(d.Families) != 0 {
		t.Fatalf("derived of a deleted Service is %+v, want its IP", d)
	}
	s.Delete(at1("4", ourImport("10.1.0.5")))
	if d := s.derived[cart]; d != nil {
		t.Errorf("derived of nothing is %+v", d)
	}
}

func TestARefusalIsToldUntilItIsOver(t *testing.T) {
	s := newStage()
	if !s.refuse(cart, "the range is full") || s.refuse(cart, "the range is full") {
		t.Error("a refusal is news once")
	}
	if d := s.derived[cart]; d == nil || d.Refused == "" {
		t.Errorf("derived is %+v", d)
	}
	s.refuse(cart, "")
	if len(s.derived) != 0 || len(s.all()) != 0 {
		t.Error("something is left of a refusal that is over")
	}
}

func TestALabelDecidesWhoseItIs(t *testing.T) {
	s := newStage()
	theirs := wanted().Object
	s.Put(at1("1", theirs.DeepCopy()))
	if has := s.view(cart); !has.foreignImport || has.imported != nil {
		t.Errorf("a foreign import is %+v", has)
	}
	s.Put(at1("2", ourImport()))
	if has := s.view(cart); has.foreignImport || has.imported == nil {
		t.Errorf("our import is %+v", has)
	}
	s.Put(at1("3", slice("a")))
	moved := slice("a")
	moved.Labels[mcsv1beta1.LabelServiceName] = "other"
	s.roused = nil
	s.Put(at1("4", moved))
	if !slices.Contains(s.roused, "shop/cart") || !slices.Contains(s.roused, "shop/other") {
		t.Errorf("a slice whose label was edited roused %q", s.roused)
	}
	lost := slice("a")
	delete(lost.Labels, discoveryv1.LabelManagedBy)
	s.Put(at1("5", lost))
	if has := s.view(fleet.Name{Namespace: "shop", Name: "other"}); len(has.slices) != 0 {
		t.Error("a slice without our label counts as ours")
	}
	svc := ourService("10.1.0.5")
	s.Put(at1("6", svc))
	plain := svc.DeepCopy()
	delete(plain.Labels, mcs.LabelManagedBy)
	s.Put(at1("7", plain))
	if has := s.view(cart); !has.foreignService || has.service != nil {
		t.Errorf("a Service without our label is %+v", has)
	}
}

func TestANamespaceOnItsWayOutIsKnown(t *testing.T) {
	s := newStage()
	now := metav1.Now()
	s.Put(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop", DeletionTimestamp: &now}})
	if !s.leaving("shop") {
		t.Error("shop is being deleted")
	}
	s.Replace(kindNamespace, nil)
	if s.leaving("shop") {
		t.Error("shop is gone")
	}
}
