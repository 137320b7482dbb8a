package membership

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/kube"
	"fairlead.dev/fairlead/manifest"
	"fairlead.dev/fairlead/mcs"
)

func TestClustersJoinAHub(t *testing.T) {
	l := enter(t)
	_, err := joinAs(t, l.west, l.east, "east")
	told(t, err, "west is no hub", "fairlead hub install --context west")

	install(t, l.west)
	install(t, l.west) // again: nothing changes
	mustJoin(t, l.west, l.west, "west")
	mustJoin(t, l.west, l.east, "east", func(o *JoinOptions) { o.Region, o.Zone, o.Namespaces = "eu", "eu-1", []string{"shop"} })
	if id, set := propertiesOf(t, l.east); id != "east" || set != "shop" {
		t.Errorf("east says that it is %q of %q", id, set)
	}
	if got := states(t, l.west); len(got) != 2 || got["east"] != Joining || got["west"] != Joining {
		t.Errorf("got %v", got)
	}

	asEast := credential(t, l.east)
	var all v1alpha1.MemberList
	eventually(t, "east reads all members", func() bool { return asEast.List(t.Context(), &all) == nil })
	if len(all.Items) != 2 {
		t.Errorf("east sees %d members", len(all.Items))
	}
	mark(t, asEast, "east")
	_, err = joinAs(t, l.west, l.east, "east")
	told(t, err, "east has joined already", "--again")
	mustJoin(t, l.west, l.east, "east", func(o *JoinOptions) { o.Again = true })
	if m := member(t, l.west, "east"); m.Spec.Region != "eu" || len(m.Spec.Namespaces) != 1 {
		t.Errorf("joined again, it forgot what it was: %+v", m.Spec)
	}

	_, err = joinAs(t, l.west, l.north, "east")
	told(t, err, "another cluster is a member as east", "fairlead leave east --hub-context west --force")
	_, err = joinAs(t, l.west, l.east, "orient")
	told(t, err, "a member already, as east", "fairlead leave east")
	_, err = joinAs(t, l.west, l.north, "North")
	told(t, err, "no cluster id")
	if _, set := propertiesOf(t, l.north); set != "" {
		t.Errorf("north was refused, and says that it is of %q", set)
	}
	told(t, Uninstall(t.Context(), l.west, "devel", false, nil), "west has members: east, west", "fairlead leave east")

	if _, err := Install(t.Context(), l.north, InstallOptions{ClusterSet: "other", Version: "devel", Manifest: manifest.HubOptions{Bare: true}}); err != nil {
		t.Fatal(err)
	}
	_, err = joinAs(t, l.north, l.east, "east")
	told(t, err, "another clusterset, shop", "fairlead leave east")
}

// mark writes a marker, as an agent would.
func mark(t *testing.T, h *Access, cluster string) {
	t.Helper()
	m := member(t, h, cluster)
	m.Status.Marker = v1alpha1.Marker{Term: 1, Sequence: m.Status.Marker.Sequence + 1}
	if err := h.Status().Update(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

func member(t *testing.T, h *Access, cluster string) *v1alpha1.Member {
	t.Helper()
	m := &v1alpha1.Member{}
	if err := h.Get(t.Context(), client.ObjectKey{Namespace: hub.Namespace(cluster), Name: cluster}, m); err != nil {
		t.Fatal(err)
	}
	return m
}

// record is one that a member would write.
func record(cluster string) *v1alpha1.ServiceRecord {
	return &v1alpha1.ServiceRecord{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: hub.Namespace(cluster), Name: "cart", Annotations: map[string]string{hub.AnnotationTerm: "1"},
			Labels: map[string]string{v1alpha1.LabelCluster: cluster, v1alpha1.LabelNamespace: "shop", v1alpha1.LabelService: "cart"},
		},
		Spec: v1alpha1.ServiceRecordSpec{Cluster: cluster, Namespace: "shop", Name: "cart", ExportedAt: metav1.Now()},
	}
}

func TestAnInvitedClusterIsApproved(t *testing.T) {
	l := enter(t)
	install(t, l.west)
	_, err := Invite(t.Context(), l.west, InviteOptions{Cluster: "east", TTL: time.Second, Version: "devel"})
	told(t, err, "cannot be good for 1s", "--ttl 1h")
	_, err = Invite(t.Context(), l.west, InviteOptions{Cluster: "east", TTL: time.Hour, Version: "devel"})
	if loopback(l.west.Config.Host) {
		told(t, err, "no other cluster finds it", "--server")
	}
	o := InviteOptions{Cluster: "east", TTL: time.Hour, Version: "devel", Server: l.west.Config.Host, Namespaces: []string{"shop"}}
	sent, err := Invite(t.Context(), l.west, o)
	if err != nil {
		t.Fatal(err)
	}
	if got := states(t, l.west); got["east"] != Invited {
		t.Errorf("got %v", got)
	}
	_, err = Approve(t.Context(), l.west, "east", "devel")
	told(t, err, "has not introduced itself")

	i, err := ParseInvitation(sent.String())
	if err != nil {
		t.Fatal(err)
	}
	done, err := Accept(t.Context(), l.east, AcceptOptions{Invitation: i, Version: "devel"})
	if err != nil || !done.Pending {
		t.Fatalf("got %+v, %v", done, err)
	}
	if got := states(t, l.west); got["east"] != Introduced {
		t.Errorf("got %v", got)
	}
	asEast := credential(t, l.east)
	if err := asEast.Create(t.Context(), record("east")); !apierrors.IsForbidden(err) {
		t.Errorf("a member that is not approved writes a record: %v", err)
	}
	if err := asEast.List(t.Context(), &v1alpha1.MemberList{}); !apierrors.IsForbidden(err) {
		t.Errorf("a member that is not approved reads the others: %v", err)
	}
	_, err = Accept(t.Context(), l.north, AcceptOptions{Invitation: i, Version: "devel"})
	told(t, err, "another cluster has used this invitation already")

	if _, err := Approve(t.Context(), l.west, "east", "devel"); err != nil {
		t.Fatal(err)
	}
	if m := member(t, l.west, "east"); m.Spec.Pending || m.Spec.ClusterUID == "" || m.Spec.ClusterUID != m.Status.ClusterUID || len(m.Spec.Namespaces) != 1 {
		t.Errorf("approved, it is %+v", m.Spec)
	}
	eventually(t, "the approved member writes a record", func() bool { return asEast.Create(t.Context(), record("east")) == nil })
	_, err = Approve(t.Context(), l.west, "east", "devel")
	told(t, err, "approved already")
	_, err = Invite(t.Context(), l.west, o)
	told(t, err, "east is a member already")
}

func TestALeavingMemberIsForgotten(t *testing.T) {
	l := enter(t)
	install(t, l.west)
	mustJoin(t, l.west, l.east, "east")
	mustJoin(t, l.west, l.north, "north")
	asEast := credential(t, l.east)
	eventually(t, "east writes a record", func() bool { return asEast.Create(t.Context(), record("east")) == nil })
	t.Cleanup(func() { _ = l.east.remove(context.Background(), keptObjects()...) })
	for _, obj := range holdings() {
		if err := l.east.Create(t.Context(), obj); err != nil {
			t.Fatal(err)
		}
	}

	o := LeaveOptions{Cluster: "east", Grace: 100 * time.Millisecond, Version: "devel"}
	_, err := Leave(t.Context(), l.west, nil, o)
	told(t, err, "east itself would keep its agent", "--force")
	_, err = Leave(t.Context(), l.west, l.north, o)
	told(t, err, "the context north is not east")

	revoked := make(chan time.Duration, 1)
	go func() { revoked <- refusedWithin(t, l.west, asEast) }()
	left, err := Leave(t.Context(), l.west, l.east, o)
	if err != nil || !left.Uninstalled {
		t.Fatalf("got %+v, %v", left, err)
	}
	t.Logf("refused %v after the tombstone", <-revoked)
	if _, there := states(t, l.west)["east"]; there {
		t.Error("east is a member still")
	}
	if _, set := propertiesOf(t, l.east); set != "" {
		t.Errorf("east says that it is of %q", set)
	}
	checkHoldings(t, l.east)
	if err := l.east.Get(t.Context(), client.ObjectKey{Namespace: manifest.Namespace, Name: manifest.HubSecret}, &corev1.Secret{}); !unserved(err) {
		t.Errorf("the credential is there still: %v", err)
	}
	_, err = Leave(t.Context(), l.west, l.east, o)
	told(t, err, `no member "east"`, "fairlead uninstall --context east")

	// A cluster that is dead leaves without a word of its own, and another one may have its name.
	if _, err := Leave(t.Context(), l.west, nil, LeaveOptions{Cluster: "north", Force: true, Version: "devel"}); err != nil {
		t.Fatal(err)
	}
	mustJoin(t, l.west, l.east, "north")
}

// refusedWithin returns how long after the tombstone a credential opens nothing any more.
func refusedWithin(t *testing.T, h, as *Access) time.Duration {
	var began time.Time
	err := until(t.Context(), 30*time.Second, func() (bool, error) {
		var m v1alpha1.Member
		if began.IsZero() {
			if err := h.Get(t.Context(), client.ObjectKey{Namespace: hub.Namespace("east"), Name: "east"}, &m); err != nil || !m.Spec.Leaving {
				return false, ignoreUnserved(err)
			}
			began = time.Now()
		}
		err := as.List(t.Context(), &v1alpha1.MemberList{})
		return apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err), nil
	})
	if err != nil {
		t.Errorf("the credential is not refused: %v", err)
	}
	return time.Since(began)
}

// holdings are objects of a cluster that leaves: what it imported, and what is somebody else's.
func holdings() []client.Object {
	in := func(name string, labels map[string]string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: "default", Name: name, Labels: labels}
	}
	ours := map[string]string{mcs.LabelManagedBy: mcs.ManagedBy, mcsv1beta1.LabelServiceName: "cart"}
	imported := mcsv1beta1.ServiceImportSpec{Type: mcsv1beta1.ClusterSetIP, Ports: []mcsv1beta1.ServicePort{{Port: 80, Protocol: corev1.ProtocolTCP}}}
	ports := corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}
	return append([]client.Object{
		&mcsv1beta1.ServiceImport{ObjectMeta: in("cart", ours), Spec: imported},
		&corev1.Service{ObjectMeta: in(mcs.DerivedName("cart"), ours), Spec: ports},
		&discoveryv1.EndpointSlice{ObjectMeta: in("cart-1", map[string]string{discoveryv1.LabelManagedBy: mcs.ManagedBy}), AddressType: discoveryv1.AddressTypeIPv4},
	}, keptObjects()...)
}

func keptObjects() []client.Object {
	in := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "default", Name: name} }
	return []client.Object{
		&mcsv1beta1.ServiceImport{ObjectMeta: in("foreign"), Spec: mcsv1beta1.ServiceImportSpec{Type: mcsv1beta1.Headless, Ports: []mcsv1beta1.ServicePort{}}},
		&corev1.Service{ObjectMeta: in("own"), Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}},
		&mcsv1beta1.ServiceExport{ObjectMeta: in("own")},
	}
}

func checkHoldings(t *testing.T, m *Access) {
	t.Helper()
	for i, obj := range holdings() {
		kept := i >= len(holdings())-len(keptObjects())
		if err := m.Get(t.Context(), client.ObjectKeyFromObject(obj), obj); kept != (err == nil) {
			t.Errorf("%T %s: kept should be %v: %v", obj, obj.GetName(), kept, err)
		}
	}
}

func TestALostHubIsMadeAgainFromItsMembers(t *testing.T) {
	l := enter(t)
	install(t, l.west)
	mustJoin(t, l.west, l.east, "east", func(o *JoinOptions) { o.Network, o.Namespaces = "lab", []string{"shop"} })
	mustJoin(t, l.west, l.north, "north")
	remember(t, l.east, member(t, l.west, "east"), member(t, l.west, "north"))
	if err := Drain(t.Context(), l.west, "east", true); err != nil {
		t.Fatal(err)
	}
	remember(t, l.north, member(t, l.west, "east"), member(t, l.west, "north"))

	// West is lost. North is the new hub, and east alone can be reached as a member.
	done, err := Rebuild(t.Context(), l.north, []*Access{l.north}, RebuildOptions{Server: l.north.Config.Host, Version: "devel", Manifest: manifest.HubOptions{Bare: true}})
	if err != nil {
		t.Fatal(err)
	}
	if done.ClusterSet != "shop" || len(done.Members) != 2 || done.Members[0].Entrusted || !done.Members[1].Entrusted {
		t.Errorf("got %+v", done)
	}
	if m := member(t, l.north, "east"); !m.Spec.Drain || m.Spec.Network != "lab" || len(m.Spec.Namespaces) != 1 || m.Spec.ClusterUID == "" {
		t.Errorf("east is %+v", m.Spec)
	}
	done, err = Rebuild(t.Context(), l.north, []*Access{l.east, l.north}, RebuildOptions{Server: l.north.Config.Host, Version: "devel", Manifest: manifest.HubOptions{Bare: true}})
	if err != nil || !done.Members[0].Entrusted {
		t.Fatalf("got %+v, %v", done, err)
	}
	asEast := credential(t, l.east)
	if asEast.Config.Host != l.north.Config.Host {
		t.Errorf("east goes to %s", asEast.Config.Host)
	}
	eventually(t, "east writes to the new hub", func() bool { return asEast.Create(t.Context(), record("east")) == nil })
	_, err = Rebuild(t.Context(), l.north, []*Access{l.west}, RebuildOptions{Version: "devel"})
	told(t, err, "west is no member of a clusterset", "--members")
}

// remember writes what an agent keeps for a restart.
func remember(t *testing.T, m *Access, members ...*v1alpha1.Member) {
	t.Helper()
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: manifest.Namespace, Name: manifest.MembersConfigMap}, Data: map[string]string{}}
	for _, known := range members {
		b, err := json.Marshal(kube.Acquaintance{Member: known})
		if err != nil {
			t.Fatal(err)
		}
		config.Data[known.Spec.Cluster] = string(b)
	}
	if err := m.Create(t.Context(), config); err != nil {
		t.Fatal(err)
	}
}

func TestOperatorsSteerMembers(t *testing.T) {
	l := enter(t)
	install(t, l.west)
	mustJoin(t, l.west, l.east, "east")
	mark(t, credentialWhenReady(t, l.east), "east")
	for _, on := range []bool{true, false} {
		if err := Drain(t.Context(), l.west, "east", on); err != nil {
			t.Fatal(err)
		}
		if got := member(t, l.west, "east").Spec.Drain; got != on {
			t.Errorf("drained: %v, want %v", got, on)
		}
	}
	if err := Release(t.Context(), l.west, "east"); err != nil {
		t.Fatal(err)
	}
	if at, err := time.Parse(time.RFC3339Nano, member(t, l.west, "east").Annotations[v1alpha1.AnnotationReleased]); err != nil || time.Since(at) > time.Minute {
		t.Errorf("released at %v, %v", at, err)
	}
	// A drained member that joins again is drained still.
	if err := Drain(t.Context(), l.west, "east", true); err != nil {
		t.Fatal(err)
	}
	mustJoin(t, l.west, l.east, "east", func(o *JoinOptions) { o.Again = true })
	if m := member(t, l.west, "east"); !m.Spec.Drain || m.Annotations[v1alpha1.AnnotationReleased] == "" {
		t.Errorf("joining again forgot the operator's word: %+v", m)
	}
	told(t, Drain(t.Context(), l.west, "south", true), `no member "south"`, "the members are east")
	told(t, Remove(t.Context(), l.east, UninstallOptions{}), "east is a member still", "fairlead leave east")
}

// credentialWhenReady waits until the permissions have come round.
func credentialWhenReady(t *testing.T, m *Access) *Access {
	t.Helper()
	h := credential(t, m)
	eventually(t, "the credential opens the hub", func() bool { return h.List(t.Context(), &v1alpha1.MemberList{}) == nil })
	return h
}
