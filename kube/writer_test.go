package kube

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/mcs"
	"fairlead.dev/fairlead/picture"
)

// server is an API server as far as a Writer needs one: versions, conditional writes, and IPs for Services. refuse may say no first.
type server struct {
	client.Client
	refuse func(verb string, obj client.Object) error

	mu      sync.Mutex
	version int
	objects map[string]client.Object
	writes  []string
}

func newServer() *server { return &server{objects: map[string]client.Object{}} }

func idOf(obj client.Object) string { return kindOf(obj) + " " + nameOf(obj).String() }

// write does one write under the lock, and counts it.
func (s *server) write(verb string, obj client.Object, do func(stands client.Object) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil {
		if err := s.refuse(verb, obj); err != nil {
			return err
		}
	}
	stands := s.objects[idOf(obj)]
	group := schema.GroupResource{Resource: kindOf(obj)}
	switch {
	case verb == "create" && stands != nil:
		return apierrors.NewAlreadyExists(group, obj.GetName())
	case verb != "create" && stands == nil:
		return apierrors.NewNotFound(group, obj.GetName())
	case verb != "create" && stands.GetResourceVersion() != obj.GetResourceVersion():
		return apierrors.NewConflict(group, obj.GetName(), nil)
	}
	s.writes = append(s.writes, verb+" "+idOf(obj))
	if err := do(stands); err != nil {
		return err
	}
	s.version++
	obj.SetResourceVersion(fmt.Sprint(s.version))
	if verb == "delete" {
		delete(s.objects, idOf(obj))
	} else {
		s.objects[idOf(obj)] = obj.DeepCopyObject().(client.Object)
	}
	return nil
}

func (s *server) Create(_ context.Context, obj client.Object, _ ...client.CreateOption) error {
	return s.write("create", obj, func(client.Object) error {
		if svc, ok := obj.(*corev1.Service); ok && svc.Spec.ClusterIP == "" {
			svc.Spec.ClusterIP = "10.1.0.7"
			svc.Spec.ClusterIPs = []string{"10.1.0.7"}
		}
		return nil
	})
}

func (s *server) Update(_ context.Context, obj client.Object, _ ...client.UpdateOption) error {
	return s.write("update", obj, func(stands client.Object) error {
		if svc, ok := obj.(*corev1.Service); ok {
			svc.Spec.ClusterIP, svc.Spec.ClusterIPs = stands.(*corev1.Service).Spec.ClusterIP, stands.(*corev1.Service).Spec.ClusterIPs
		}
		return nil
	})
}

func (s *server) Delete(_ context.Context, obj client.Object, _ ...client.DeleteOption) error {
	return s.write("delete", obj, func(client.Object) error { return nil })
}

func (s *server) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	into.SetNamespace(key.Namespace)
	into.SetName(key.Name)
	switch stands := s.objects[idOf(into)].(type) {
	case *corev1.Service:
		stands.DeepCopyInto(into.(*corev1.Service))
	case *discoveryv1.EndpointSlice:
		stands.DeepCopyInto(into.(*discoveryv1.EndpointSlice))
	case *mcsv1beta1.ServiceImport:
		stands.DeepCopyInto(into.(*mcsv1beta1.ServiceImport))
	default:
		return apierrors.NewNotFound(schema.GroupResource{Resource: kindOf(into)}, key.Name)
	}
	return nil
}

type statusServer struct {
	client.SubResourceWriter
	*server
}

func (s statusServer) Update(_ context.Context, obj client.Object, _ ...client.SubResourceUpdateOption) error {
	return s.write("status", obj, func(client.Object) error { return nil })
}

func (s statusServer) Create(context.Context, client.Object, client.Object, ...client.SubResourceCreateOption) error {
	panic("no status is created")
}

func (s *server) Status() client.SubResourceWriter { return statusServer{server: s} }

func (s *server) wrote() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	writes := slices.Clone(s.writes)
	s.writes = nil
	slices.Sort(writes)
	return writes
}

// desk is a Writer that leads, with a server, and a picture that imports shop/cart.
type desk struct {
	*Writer
	*server
	events []Event
}

func newDesk(t *testing.T, complete bool) *desk {
	t.Helper()
	d := &desk{server: newServer()}
	d.Writer = NewWriter(WriterOptions{
		Client: d.server, Objects: NewObjects(func([]picture.Change) {}), Complete: func() bool { return complete },
		Event: func(e Event) { d.events = append(d.events, e) }, Log: slog.New(slog.DiscardHandler),
	})
	return d
}

// imports lets the picture import shop/cart from west, with some endpoints; none: it is exported no more.
func (d *desk) imports(t *testing.T, addresses ...string) {
	t.Helper()
	facts := []picture.Fact{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, westMember()}
	if len(addresses) > 0 {
		svc, export, s := service("cart"), exported("cart"), endpointSlice("cart", "cart-1")
		svc.Spec.Ports = []corev1.ServicePort{{Name: "http", Port: 80}}
		export.CreationTimestamp = metav1.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		s.Endpoints = nil
		for _, a := range addresses {
			s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{Addresses: []string{a}})
		}
		records := mcs.Export(mcs.Source{Cluster: "west", Export: export, Service: svc, Slices: []*discoveryv1.EndpointSlice{s}})
		facts = append(facts, records.Record, records.Endpoints[0])
	}
	var changes []picture.Change
	for _, f := range facts {
		changes = append(changes, picture.Change{Key: picture.KeyOf(f), Fact: f})
	}
	pic, _ := picture.Build(eastVantage(), picture.Prior{}, changes, time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC))
	d.Use(pic, []picture.Key{{Kind: picture.KindService, Path: "shop/cart"}})
}

// work does what the workers would do for shop/cart.
func (d *desk) work(t *testing.T) (err error) {
	t.Helper()
	err = d.reconcile(t.Context(), cart)
	if e := d.carry(t.Context(), cart); err == nil {
		err = e
	}
	if err == nil {
		err = d.reconcile(t.Context(), cart)
	}
	return err
}

var derivedID = "Service shop/" + mcs.DerivedName("cart")

func TestAWriterWritesTheLeast(t *testing.T) {
	d := newDesk(t, true)
	d.imports(t, "10.2.0.1")
	if err := d.work(t); err != nil {
		t.Fatal(err)
	}
	made := d.wrote()
	if len(made) != 4 || !slices.Contains(made, "create "+derivedID) || !slices.Contains(made, "status ServiceImport shop/cart") {
		t.Errorf("wrote %q", made)
	}
	if err := d.work(t); err != nil {
		t.Fatal(err)
	}
	if again := d.wrote(); len(again) != 0 {
		t.Errorf("wrote again %q", again)
	}
	d.imports(t, "10.2.0.1", "10.2.0.2")
	if err := d.work(t); err != nil {
		t.Fatal(err)
	}
	if one := d.wrote(); len(one) != 1 || one[0][:20] != "update EndpointSlice" {
		t.Errorf("one changed endpoint wrote %q", one)
	}
	d.imports(t)
	if err := d.work(t); err != nil {
		t.Fatal(err)
	}
	if left := d.objects; len(left) != 0 {
		t.Errorf("left are %v", left)
	}
}

func TestAnImportThatWasThereBeforeIsLeftAlone(t *testing.T) {
	d := newDesk(t, true)
	theirs := &mcsv1beta1.ServiceImport{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart"}}
	if err := d.Create(t.Context(), theirs); err != nil { // and no event of it has come yet
		t.Fatal(err)
	}
	d.imports(t, "10.2.0.1")
	for range 3 {
		_ = d.work(t)
	}
	if len(d.objects) != 1 || d.objects["ServiceImport shop/cart"].GetResourceVersion() != theirs.ResourceVersion {
		t.Errorf("left are %v", d.objects)
	}
	if len(d.events) == 0 || d.events[0].Reason != "ForeignObject" {
		t.Errorf("told %+v", d.events)
	}
}

func TestAConflictIsLookedAt(t *testing.T) {
	d := newDesk(t, true)
	d.imports(t, "10.2.0.1")
	if err := d.work(t); err != nil {
		t.Fatal(err)
	}
	d.version = 1000
	for id, obj := range d.objects { // somebody edits everything, and no event of that has come yet
		obj.SetResourceVersion("1000")
		if s, ok := obj.(*discoveryv1.EndpointSlice); ok {
			s.Endpoints = nil
		}
		d.objects[id] = obj
	}
	d.imports(t, "10.2.0.9")
	if d.work(t) == nil {
		t.Fatal("a conflict is no failure")
	}
	if err := d.work(t); err != nil {
		t.Fatalf("after a look: %v", err)
	}
}

func TestStraysStayUntilEverythingIsKnown(t *testing.T) {
	for _, complete := range []bool{false, true} {
		d := newDesk(t, complete)
		stray := slice("x", "10.2.0.1")
		if err := d.Create(t.Context(), stray); err != nil {
			t.Fatal(err)
		}
		d.Objects.Put(stray)
		if err := d.work(t); err != nil || len(d.objects) != 1 {
			t.Fatal("something was deleted before there was a picture")
		}
		empty, _ := picture.Build(eastVantage(), picture.Prior{}, nil, time.Time{})
		d.Use(empty, nil)
		d.Writer.complete.Store(complete)
		if err := d.work(t); err != nil {
			t.Fatal(err)
		}
		if left := len(d.objects) == 1; left == complete {
			t.Errorf("complete %t: left %t", complete, left)
		}
	}
}

func TestARefusalIsToldAndTriedAgain(t *testing.T) {
	d := newDesk(t, true)
	d.refuse = func(verb string, obj client.Object) error {
		if _, ok := obj.(*corev1.Service); ok {
			return apierrors.NewInternalError(fmt.Errorf("failed to allocate a serviceIP: range is full"))
		}
		return nil
	}
	d.imports(t, "10.2.0.1")
	if d.work(t) == nil {
		t.Error("a refusal is no failure")
	}
	if has := d.Objects.view(cart); has.refused == "" || len(has.slices) != 1 {
		t.Errorf("refused %q, with %d slices", has.refused, len(has.slices))
	}
	d.refuse = nil
	if err := d.work(t); err != nil {
		t.Fatal(err)
	}
	if has := d.Objects.view(cart); has.refused != "" || has.service == nil {
		t.Errorf("refused %q", has.refused)
	}
	if len(d.events) != 1 || d.events[0].Reason != "ImportRefused" {
		t.Errorf("told %+v", d.events)
	}
}

func TestAnIPOfSomebodyElsesIsGivenUpInTheEnd(t *testing.T) {
	d := newDesk(t, true)
	svc := wanted().Service
	d.refuse = func(verb string, obj client.Object) error {
		if s, ok := obj.(*corev1.Service); ok && s.Spec.ClusterIP == "10.1.0.5" {
			return apierrors.NewInvalid(schema.GroupKind{Kind: "Service"}, s.Name, field.ErrorList{
				field.Invalid(field.NewPath("spec", "clusterIPs"), s.Spec.ClusterIPs, "failed to allocate IP 10.1.0.5: provided IP is already allocated"),
			})
		}
		return nil
	}
	a := action{create, svc.DeepCopy(), serviceDigest(svc)}
	if d.carryOut(t.Context(), cart, a) == nil || d.Objects.view(cart).refused != "" {
		t.Error("an IP that is let go of a moment late is no refusal, and not given up")
	}
	d.taken[cart] = time.Now().Add(-takenPause)
	a = action{create, svc.DeepCopy(), serviceDigest(svc)}
	if err := d.carryOut(t.Context(), cart, a); err != nil {
		t.Fatal(err)
	}
	if has := d.Objects.view(cart); has.service == nil || has.service.ips[0].String() != "10.1.0.7" {
		t.Errorf("the derived Service is %+v", has.service)
	}
	if len(d.events) != 1 || d.events[0].Reason != "IPReplaced" {
		t.Errorf("told %+v", d.events)
	}
}
