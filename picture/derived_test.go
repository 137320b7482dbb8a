package picture

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fairlead.dev/fairlead/mcs"
)

func stands(headless bool, ips ...string) *Derived {
	d := &Derived{Service: cartName, Headless: headless, Families: []corev1.IPFamily{corev1.IPv4Protocol}}
	for _, ip := range ips {
		d.IPs = append(d.IPs, netip.MustParseAddr(ip))
	}
	return d
}

// readyOf returns the condition of the import with its message, and its IPs.
func readyOf(pic *Picture) (condition string, ips string) {
	o := pic.Service(cartName).Imported.Object
	c := o.Status.Conditions[0]
	return string(c.Status) + "/" + c.Reason + ": " + c.Message, strings.Join(o.Spec.IPs, ",")
}

func expectReady(t *testing.T, when string, pic *Picture, want, ips string) {
	t.Helper()
	if got, gotIPs := readyOf(pic); !strings.HasPrefix(got, want) || gotIPs != ips {
		t.Errorf("%s: %s with IPs %q, want %s with %q", when, got, gotIPs, want, ips)
	}
}

func TestTheClustersetIPIsThatOfTheDerivedService(t *testing.T) {
	c := NewCentre(realWest(), Prior{})
	pic, _, _ := c.Step(append(cartFrom("east", 1, "10.2.0.1"), is(namespace("shop")), is(memberObject("east", "us", "us-b", 1, 1))), start)
	expectReady(t, "before there is a Service", pic, "False/Pending: Service "+mcs.DerivedName("cart")+", which carries the import, is not there yet", "")
	if got := pic.Service(cartName).Imported.Service.Spec.ClusterIPs; len(got) > 0 {
		t.Errorf("an IP of our own is asked for: %v", got)
	}

	pic, _, _ = c.Step([]Change{is(&Derived{Service: cartName, Refused: "the range is full"})}, start)
	expectReady(t, "refused", pic, "False/Pending: the API server refuses Service "+mcs.DerivedName("cart")+", which carries the import: the range is full", "")

	pic, _, _ = c.Step([]Change{is(stands(false, "10.96.0.7"))}, start)
	expectReady(t, "allocated", pic, "True/Ready", "10.96.0.7")

	pic, _, _ = c.Step([]Change{gone(stands(false))}, start)
	expectReady(t, "deleted by mistake", pic, "False/Pending", "10.96.0.7")
	if got := pic.Service(cartName).Imported.Service.Spec.ClusterIP; got != "10.96.0.7" {
		t.Errorf("it is to come back with %q", got)
	}

	pic, _, _ = c.Step([]Change{is(&Derived{Service: cartName, IPs: stands(false, "10.96.0.7").IPs})}, start)
	expectReady(t, "deleted by mistake, and known by its import", pic, "False/Pending", "10.96.0.7")

	pic, _, _ = c.Step([]Change{is(&Derived{Service: cartName})}, start)
	expectReady(t, "its IP was taken", pic, "False/Pending", "")
	pic, _, _ = c.Step([]Change{is(stands(false, "10.96.0.8"))}, start)
	expectReady(t, "it has another one", pic, "True/Ready", "10.96.0.8")
}

// Headless or not: what stands is not replaced while an exporter is of that kind.
func TestAFlipOfTheTypeWaitsForTheLastExporterOfTheOldType(t *testing.T) {
	c := NewCentre(realWest(), Prior{})
	east, north := cartFrom("east", 1, "10.2.0.1"), cartFrom("north", 9, "10.3.0.1")
	members := []Change{is(memberObject("east", "us", "us-b", 1, 1)), is(memberObject("north", "us", "us-c", 1, 1))}
	headless := svc("shop", "cart", 80)
	headless.Spec.ClusterIP = corev1.ClusterIPNone
	north[0] = is(remote("north", headless, serviceExport("shop", "cart", 9))[0])

	c.Step(append(append(members, east...), is(namespace("shop"))), start)
	c.Step([]Change{is(stands(false, "10.96.0.7"))}, start)
	pic, _, _ := c.Step(north, start)
	expectReady(t, "the older export is headless", pic, "True/Ready: imported from east and north; it stays ClusterSetIP while east exports that type", "10.96.0.7")
	if s := pic.Service(cartName); s.Headless || s.Imported.Service.Spec.ClusterIP != "10.96.0.7" || len(s.Conflicts) != 1 {
		t.Errorf("headless %v, service %v, conflicts %v", s.Headless, s.Imported.Service.Spec, s.Conflicts)
	}

	m := memberObject("east", "us", "us-b", 0, 0)
	m.Status.Marker.Sequence = 2
	pic, _, _ = c.Step([]Change{{east[0].Key, nil}, {east[1].Key, nil}, is(m)}, start)
	expectReady(t, "the last of the old type went", pic, "False/Pending: Service "+mcs.DerivedName("cart")+", which carries the import, is being replaced: its type has changed", "")
	if s := pic.Service(cartName); !s.Headless || s.Imported.Service.Spec.ClusterIP != corev1.ClusterIPNone {
		t.Errorf("headless %v, service %v", s.Headless, s.Imported.Service.Spec)
	}
	pic, _, _ = c.Step([]Change{is(stands(true))}, start)
	expectReady(t, "replaced", pic, "True/Ready: imported from north", "")
}

func TestNothingIsImportedIntoANamespaceThatEnds(t *testing.T) {
	for name, end := range map[string]func(*corev1.Namespace){
		"deleted": func(n *corev1.Namespace) { n.DeletionTimestamp = &metav1.Time{Time: start.Add(time.Second)} },
		"ending":  func(n *corev1.Namespace) { n.Status.Phase = corev1.NamespaceTerminating },
	} {
		c := NewCentre(realWest(), Prior{})
		pic, _, _ := c.Step(append(cartFrom("east", 1, "10.2.0.1"), is(namespace("shop")), is(memberObject("east", "us", "us-b", 1, 1))), start)
		if pic.Service(cartName).Imported == nil {
			t.Fatal("not imported")
		}
		ns := namespace("shop")
		end(ns)
		if pic, _, _ = c.Step([]Change{is(ns)}, start); pic.Service(cartName).Imported != nil {
			t.Errorf("%s: still imported", name)
		}
	}
}
