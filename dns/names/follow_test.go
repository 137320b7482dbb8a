package names_test

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/dns"
	"fairlead.dev/fairlead/dns/names"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
)

// A table that follows pictures has the services that are imported, where their namespace is there (M9), and loses them again.
func TestFollow(t *testing.T) {
	table := dns.NewTable()
	centre := picture.NewCentre(picture.Vantage{Cluster: fleet.Cluster{Name: "east"}}, picture.Prior{})
	now := time.Unix(1.8e9, 0)
	step := func(want string, changes ...picture.Change) {
		t.Helper()
		now = now.Add(time.Second)
		pic, changed, _ := centre.Step(changes, now)
		table = names.Follow(table, pic, changed)
		if got := ask(table, "cart.shop.svc", "A"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	give := func(f picture.Fact) picture.Change { return picture.Change{Key: picture.KeyOf(f), Fact: f} }
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}
	member := &v1alpha1.Member{ObjectMeta: metav1.ObjectMeta{Name: "west"}, Spec: v1alpha1.MemberSpec{Cluster: "west"}}
	record := &v1alpha1.ServiceRecord{
		ObjectMeta: metav1.ObjectMeta{Name: "cart"},
		Spec: v1alpha1.ServiceRecordSpec{
			Cluster: "west", Namespace: "shop", Name: "cart", ExportedAt: metav1.NewTime(now.Add(-time.Hour)),
			Ports: []v1alpha1.ServicePort{{Name: "http", Port: 80, Protocol: corev1.ProtocolTCP}},
		},
	}
	step("NXDOMAIN ", give(member), give(record))
	step("NOERROR ", give(namespace))
	if s := table.Service(fleet.Name{Namespace: "shop", Name: "cart"}); s == nil || !slices.Equal(s.Ports, []fleet.Port{{Name: "http", Port: 80, Protocol: fleet.TCP}}) {
		t.Errorf("got %+v", s)
	}
	step("NXDOMAIN ", picture.Change{Key: picture.KeyOf(namespace)})
	if table.Len() != 0 {
		t.Errorf("%d services are left", table.Len())
	}
}
