package e2e

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/test/lab"
)

// TestAMembersCredentialOpensOnlyItsOwnNamespace: everything else is refused by the hub itself.
func TestAMembersCredentialOpensOnlyItsOwnNamespace(t *testing.T) {
	s := tell(t, "east")
	own, foreign := hub.Namespace("east"), hub.Namespace("north")
	as, err := s.west.As(t.Context(), own, "member")
	if err != nil {
		t.Fatal(err)
	}
	east, north := &lab.Mock{Cluster: "east", Hub: as}, &lab.Mock{Cluster: "north", Hub: as}
	record := func(m *lab.Mock, namespace string) client.Object {
		r := m.Records(lab.Service(s.namespace, "cart"), time.Now())[0]
		r.SetNamespace(namespace)
		r.SetAnnotations(map[string]string{hub.AnnotationTerm: "1000000"})
		return r
	}
	stale := record(east, own)
	stale.SetAnnotations(map[string]string{hub.AnnotationTerm: "0"})
	for what, obj := range map[string]client.Object{
		"a record in another member's namespace":   record(north, foreign),
		"its own record in another's namespace":    record(east, foreign),
		"another's record in its own namespace":    record(north, own),
		"a record of a writer that was superseded": stale,
		"a Member":         &v1alpha1.Member{ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: "friend"}, Spec: v1alpha1.MemberSpec{Cluster: "friend"}},
		"a namespace":      lab.Namespace(s.namespace),
		"a ServiceAccount": &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: "friend"}},
	} {
		if err := as.Create(t.Context(), obj); !apierrors.IsForbidden(err) && !apierrors.IsInvalid(err) {
			t.Errorf("east could write %s: %v", what, err)
		}
	}
	for what, list := range map[string]client.ObjectList{
		"secrets": &corev1.SecretList{}, "pods": &corev1.PodList{}, "config maps": &corev1.ConfigMapList{},
	} {
		if err := as.List(t.Context(), list); !apierrors.IsForbidden(err) {
			t.Errorf("east could read %s: %v", what, err)
		}
	}
	edit := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"namespaces":["kube-system"]}}`))
	member := &v1alpha1.Member{ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: "east"}}
	if err := as.Patch(t.Context(), member, edit); !apierrors.IsForbidden(err) && !apierrors.IsInvalid(err) {
		t.Errorf("east could grant itself a namespace: %v", err)
	}
	if err := as.List(t.Context(), &v1alpha1.ServiceRecordList{}); err != nil {
		t.Errorf("east cannot read what it imports: %v", err)
	}
}

// TestAddressesThatAreNobodysPodsAreLeftOut has a member that exports addresses which mean something else here.
func TestAddressesThatAreNobodysPodsAreLeftOut(t *testing.T) {
	s := tell(t)
	hostile := s.mocks("hostile")
	good := s.west.addresses(1)[0]
	slice := lab.Slice(s.namespace, "cart", "cart-1", good, "127.0.0.1", "169.254.169.254", "0.0.0.0", "224.0.0.1", s.clusterIP(s.north))
	hostile.tells(hostile.Records(lab.Service(s.namespace, "cart"), time.Now(), slice)...)
	s.east.sees("cart", "ClusterSetIP http:80/TCP from "+hostile.Cluster+" 1/1")
	list, err := s.east.slices(t.Context(), "cart")
	if err != nil || len(list) != 1 || list[0].Endpoints[0].Addresses[0] != good {
		t.Fatalf("slices %v: %v", list, err)
	}
}

// clusterIP returns the address of the API server's Service, which each cluster has.
func (s *story) clusterIP(p *place) string {
	s.Helper()
	service := lab.Service("default", "kubernetes")
	if err := p.Get(s.Context(), clientKey(service), service); err != nil {
		s.Fatal(err)
	}
	return service.Spec.ClusterIP
}

// TestBrokenRecordsAreRefusedAndTheRestIsUnharmed writes them past the hub's admission, as an operator could.
func TestBrokenRecordsAreRefusedAndTheRestIsUnharmed(t *testing.T) {
	s := tell(t)
	hostile := s.mocks("hostile")
	slice := func(service string) *discoveryv1.EndpointSlice {
		return lab.Slice(s.namespace, service, service+"-1", s.west.addresses(1)...)
	}
	good := hostile.Records(lab.Service(s.namespace, "good"), time.Now(), slice("good"))
	bomb := hostile.Records(lab.Service(s.namespace, "bomb"), time.Now(), slice("bomb"))
	bomb[1].(*v1alpha1.EndpointRecord).Spec.Packed = zeros(t, 512<<20)
	ports := hostile.Records(lab.Service(s.namespace, "ports"), time.Now())[0].(*v1alpha1.ServiceRecord)
	for n := range int32(10_000) {
		ports.Spec.Ports = append(ports.Spec.Ports, v1alpha1.ServicePort{Name: fmt.Sprintf("p%d", n), Protocol: corev1.ProtocolTCP, Port: 1000 + n})
	}
	impostor := (&lab.Mock{Cluster: "east"}).Records(lab.Service(s.namespace, "impostor"), time.Now(), slice("impostor"))
	for _, r := range impostor {
		r.SetNamespace(hub.Namespace(hostile.Cluster))
	}
	for _, obj := range append(append(bomb, impostor...), ports) {
		if err := hostile.Hub.Create(t.Context(), obj); err != nil {
			t.Logf("the hub itself refuses %s: %v", obj.GetName(), firstLine(err))
		}
	}
	hostile.tells(good...)
	s.north.sees("good", "ClusterSetIP http:80/TCP from "+hostile.Cluster+" 1/1")
	s.holds(2*time.Second, "nothing of what is broken is imported", func(ctx context.Context) error {
		for _, name := range []string{"ports", "impostor"} {
			if err := s.north.mustShow(ctx, name, nothing); err != nil {
				return err
			}
		}
		if got := s.north.shows(ctx, "bomb"); strings.HasSuffix(got, "1/1") {
			return fmt.Errorf("the bomb was taken: %s", got)
		}
		return nil
	})
	s.west.offers("after", 1)
	s.west.exports("after")
	s.north.sees("after", "ClusterSetIP http:80/TCP from west 1/1")
}

func TestANamespaceThatAMemberMayNotExportIsRefused(t *testing.T) {
	s := tell(t)
	limited := s.mocks("limited", "another-namespace")
	slice := lab.Slice(s.namespace, "cart", "cart-1", s.west.addresses(1)...)
	limited.tells(limited.Records(lab.Service(s.namespace, "cart"), time.Now(), slice)...)
	s.holds(3*time.Second, "nobody imports it", func(ctx context.Context) error { return s.north.mustShow(ctx, "cart", nothing) })
}

// TestABackdatedExportTakesNothingOver: a member that joins and says that its export is the oldest of all does not decide.
func TestABackdatedExportTakesNothingOver(t *testing.T) {
	s := tell(t)
	s.west.offers("cart", 1)
	s.west.exports("cart")
	s.north.sees("cart", "ClusterSetIP http:80/TCP from west 1/1")
	time.Sleep(1100 * time.Millisecond)
	hostile := s.mocks("hostile")
	service := lab.Service(s.namespace, "cart")
	service.Spec.ClusterIP = corev1.ClusterIPNone
	slice := lab.Slice(s.namespace, "cart", "cart-1", s.west.addresses(3)[2])
	hostile.tells(hostile.Records(service, time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC), slice)...)
	s.west.says("cart", mcsv1beta1.ServiceExportConditionConflict, "True TypeConflict")
	if got := s.north.shows(t.Context(), "cart"); !strings.HasPrefix(got, "ClusterSetIP http:80/TCP from ") {
		t.Errorf("a backdated export made it %q", got)
	}
}

// zeros returns so many zeros, packed.
func zeros(t *testing.T, n int) []byte {
	t.Helper()
	var packed bytes.Buffer
	w, err := zstd.NewWriter(&packed)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 1<<20)
	for range n >> 20 {
		if _, err := w.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line[:min(len(line), 200)]
}
