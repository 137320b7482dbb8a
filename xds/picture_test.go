package xds_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/health"
	"fairlead.dev/fairlead/picture"
	"fairlead.dev/fairlead/route"
	"fairlead.dev/fairlead/xds"
)

var _ xds.Source = (*picture.Picture)(nil)

// facts are a gateway in front of a service with one ready endpoint.
func facts() (changes []picture.Change) {
	port, ready, name := int32(8080), true, "http"
	protocol := corev1.ProtocolTCP
	meta := metav1.ObjectMeta{Namespace: "shop", Name: "web"}
	group := gatewayv1.Group(gatewayv1.GroupName)
	prefix, slash, backend := gatewayv1.PathMatchPathPrefix, "/", gatewayv1.PortNumber(80)
	for _, f := range []picture.Fact{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}},
		&corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeClusterIP, ClusterIP: "10.9.0.1",
			Ports: []corev1.ServicePort{{Name: name, Protocol: protocol, Port: 80}},
		}},
		&discoveryv1.EndpointSlice{
			ObjectMeta:  metav1.ObjectMeta{Namespace: "shop", Name: "web-1", Labels: map[string]string{discoveryv1.LabelServiceName: "web"}},
			AddressType: discoveryv1.AddressTypeIPv4,
			Ports:       []discoveryv1.EndpointPort{{Name: &name, Protocol: &protocol, Port: &port}},
			Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{"10.0.0.1"}, Conditions: discoveryv1.EndpointConditions{Ready: &ready}}},
		},
		&gatewayv1.Gateway{ObjectMeta: meta, Spec: gatewayv1.GatewaySpec{
			GatewayClassName: route.ClassName,
			Listeners:        []gatewayv1.Listener{{Name: "http", Port: 8080, Protocol: gatewayv1.HTTPProtocolType}},
		}},
		&gatewayv1.HTTPRoute{ObjectMeta: meta, Spec: gatewayv1.HTTPRouteSpec{
			CommonRouteSpec: gatewayv1.CommonRouteSpec{ParentRefs: []gatewayv1.ParentReference{{Group: &group, Name: "web"}}},
			Hostnames:       []gatewayv1.Hostname{"shop.example"},
			Rules: []gatewayv1.HTTPRouteRule{{
				Matches:     []gatewayv1.HTTPRouteMatch{{Path: &gatewayv1.HTTPPathMatch{Type: &prefix, Value: &slash}}},
				BackendRefs: []gatewayv1.HTTPBackendRef{{BackendRef: gatewayv1.BackendRef{BackendObjectReference: gatewayv1.BackendObjectReference{Name: "web", Port: &backend}}}},
			}},
		}},
	} {
		changes = append(changes, picture.Change{Key: picture.KeyOf(f), Fact: f})
	}
	return changes
}

func TestAPictureOfManifestsBecomesResources(t *testing.T) {
	vantage := picture.Vantage{
		Cluster:   fleet.Cluster{Name: "west"},
		Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.11")},
		Health:    health.DefaultPolicy(),
	}
	centre := picture.NewCentre(vantage, picture.Prior{})
	pic, changed, _ := centre.Step(facts(), time.Now())

	followed, built := xds.NewStore(xds.Options{}), xds.NewStore(xds.Options{})
	followed.Apply(pic, changed)
	built.Apply(pic, xds.Keys(pic))
	for typeURL, want := range map[string][]string{
		xds.ListenerType:  {"shop/web:8080"},
		xds.RouteType:     {"shop/web:8080"},
		xds.HostType:      {"shop/web:8080/*", "shop/web:8080/shop.example"}, // "*" says 404
		xds.ClusterType:   {"service/shop/web:80"},
		xds.EndpointsType: {"service/shop/web:80"},
		xds.SecretType:    nil,
	} {
		for what, s := range map[string]*xds.Store{"followed": followed, "built": built} {
			if diff := cmp.Diff(want, names(s, typeURL)); diff != "" {
				t.Errorf("%s, %s:\n%s", what, typeURL, diff)
			}
		}
	}
}

func names(s *xds.Store, typeURL string) (out []string) {
	for r := range s.Set().All(typeURL) {
		out = append(out, r.Name)
	}
	slices.Sort(out)
	return out
}
