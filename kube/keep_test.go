package kube

import (
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/health"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/mcs"
	"fairlead.dev/fairlead/picture"
)

func westMember() *v1alpha1.Member {
	return &v1alpha1.Member{
		ObjectMeta: metav1.ObjectMeta{Namespace: hub.Namespace("west"), Name: "west", ResourceVersion: "9"},
		Spec:       v1alpha1.MemberSpec{Cluster: "west", Region: "eu"},
		Status: v1alpha1.MemberStatus{
			Marker: v1alpha1.Marker{Sequence: 7}, Beacons: []string{"10.9.0.1:15021"}, ServiceRanges: []string{"10.96.0.0/12"},
		},
	}
}

func eastVantage() picture.Vantage {
	return picture.Vantage{
		Cluster: fleet.Cluster{Name: "east"}, Families: []corev1.IPFamily{corev1.IPv4Protocol}, Health: health.DefaultPolicy(),
	}
}

// What a picture imports, written and read back, gives a Centre that never saw the hub the same imports.
func TestARestartWithoutTheHubShowsTheSame(t *testing.T) {
	now := time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)
	facts := func(fs ...picture.Fact) (changes []picture.Change) {
		for _, f := range fs {
			changes = append(changes, picture.Change{Key: picture.KeyOf(f), Fact: f})
		}
		return changes
	}
	svc, export := service("cart"), exported("cart")
	svc.Spec.Ports = []corev1.ServicePort{{Name: "http", Port: 80}}
	export.CreationTimestamp = metav1.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	records := mcs.Export(mcs.Source{Cluster: "west", Export: export, Service: svc, Slices: []*discoveryv1.EndpointSlice{endpointSlice("cart", "cart-1")}})
	if records.Record == nil {
		t.Fatalf("not exported: %+v", records.Conditions[0].Message)
	}
	own := facts(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}})
	before, _ := picture.Build(eastVantage(), picture.Prior{}, append(own, facts(westMember(), records.Record, records.Endpoints[0])...), now)
	was := before.Service(cart).Imported

	memory := Memory{
		Members: map[string]Acquaintance{"west": {Member: known(westMember())}},
		Missing: map[picture.Key]picture.Fact{picture.KeyOf(westMember()): known(westMember())},
	}
	var slices []discoveryv1.EndpointSlice
	for _, s := range was.Slices {
		slices = append(slices, *s)
	}
	memory.take([]corev1.Service{*was.Service}, slices, "east")
	after, _ := picture.Build(eastVantage(), memory.Prior("east"), own, now)
	is := after.Service(cart)
	if is == nil || is.Imported == nil {
		t.Fatal("nothing is imported after a restart")
	}
	has := standing{
		imported: &stoodImport{stood: stood{says: importDigest(ownImport(was.Object))}, status: importStatusDigest(was.Object)},
		service:  &stoodService{stood: stood{says: serviceDigest(was.Service)}, families: was.Service.Spec.IPFamilies},
		slices:   map[string]stood{},
	}
	for _, s := range was.Slices {
		has.slices[s.Name] = stood{says: sliceDigest(s)}
	}
	if actions, _ := diff(cart, is.Imported, has); len(actions) != 0 {
		t.Errorf("after a restart it writes %q", lines(actions))
	}
}

func TestTheRosterKeepsWhatLasts(t *testing.T) {
	r := NewRoster(nil, "fairlead-system", nil, slog.New(slog.DiscardHandler))
	pic, _ := picture.Build(eastVantage(), picture.Prior{}, []picture.Change{{Key: picture.KeyOf(westMember()), Fact: westMember()}}, time.Unix(1000, 0))
	r.Note(westMember())
	r.Use(pic, []picture.Key{{Kind: picture.KindMember, Path: "west"}})
	first := r.data()
	beat := westMember()
	beat.Status.Marker.Sequence++
	beat.ResourceVersion = "10"
	r.Note(beat)
	if again := r.data(); again["west"] != first["west"] {
		t.Error("a heartbeat changes what is kept")
	}
	var a Acquaintance
	if err := json.Unmarshal([]byte(first["west"]), &a); err != nil {
		t.Fatal(err)
	}
	if a.Member.Spec.Region != "eu" || len(a.Member.Status.Beacons) != 1 || a.Member.SourceCluster() != "west" {
		t.Errorf("kept is %+v", a.Member)
	}
	empty, _ := picture.Build(eastVantage(), picture.Prior{}, nil, time.Unix(1001, 0))
	r.Use(empty, []picture.Key{{Kind: picture.KindMember, Path: "west"}})
	if len(r.data()) != 0 {
		t.Error("a cluster that left is kept")
	}
}
