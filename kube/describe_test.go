package kube

import (
	"net/netip"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/fleet"
)

func TestNeighboursAreJoined(t *testing.T) {
	for _, c := range []struct{ in, out []string }{
		{nil, nil},
		{[]string{"10.0.1.0/24"}, []string{"10.0.1.0/24"}},
		{[]string{"10.0.1.0/24", "10.0.0.0/24"}, []string{"10.0.0.0/23"}},
		{[]string{"10.0.1.0/24", "10.0.2.0/24"}, []string{"10.0.1.0/24", "10.0.2.0/24"}},
		{[]string{"10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"}, []string{"10.0.0.0/22"}},
		{[]string{"10.0.0.0/16", "10.0.3.0/24"}, []string{"10.0.0.0/16"}},
		{[]string{"fd00::/64", "10.0.0.0/24", "10.0.0.0/24"}, []string{"10.0.0.0/24", "fd00::/64"}},
	} {
		var got []string
		for _, p := range joined(prefixes(c.in)) {
			got = append(got, p.String())
		}
		if !slices.Equal(got, c.out) {
			t.Errorf("%v joined is %v, want %v", c.in, got, c.out)
		}
	}
}

func TestJoinedCoversTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		one := rapid.Custom(func(rt *rapid.T) netip.Prefix {
			b := rapid.ByteMax(31).Draw(rt, "byte")
			return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, b}), rapid.IntRange(27, 32).Draw(rt, "bits")).Masked()
		})
		all := rapid.SliceOfN(one, 0, 12).Draw(rt, "prefixes")
		covers := func(ps []netip.Prefix, a netip.Addr) bool {
			return slices.ContainsFunc(ps, func(p netip.Prefix) bool { return p.Contains(a) })
		}
		out := joined(slices.Clone(all))
		for i := range 40 {
			a := netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})
			if covers(all, a) != covers(out, a) {
				rt.Fatalf("%v became %v: %s", all, out, a)
			}
		}
	})
}

func TestNodesTellWhereTheyAgree(t *testing.T) {
	node := func(region, zone, cidr string) corev1.Node {
		return corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{corev1.LabelTopologyRegion: region, corev1.LabelTopologyZone: zone}},
			Spec:       corev1.NodeSpec{PodCIDRs: []string{cidr}},
		}
	}
	var d Description
	d.nodes([]corev1.Node{node("eu", "eu-1", "10.0.0.0/24"), node("eu", "eu-2", "10.0.1.0/24")})
	if d.Region != "eu" || d.Zone != "" || len(d.PodRanges) != 1 {
		t.Errorf("description is %+v", d)
	}
}

func TestPeersAreThoseOfTheService(t *testing.T) {
	heard := 0
	p := NewPeers(fleet.Name{Namespace: "fairlead-system", Name: "fairlead-agents"}, func() { heard++ })
	pods := func(endpoints ...discoveryv1.Endpoint) client.Object {
		return &discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: "fairlead-system", Name: "x", Labels: map[string]string{discoveryv1.LabelServiceName: "fairlead-agents"},
			},
			Endpoints: endpoints,
		}
	}
	at := func(address string, serving bool) discoveryv1.Endpoint {
		return discoveryv1.Endpoint{Addresses: []string{address}, Conditions: discoveryv1.EndpointConditions{Ready: new(true), Serving: &serving}}
	}
	p.Put(pods(at("10.0.0.2", true), at("10.0.0.1", false)))
	p.Put(endpointSlice("cart", "x"))
	if got := p.Beacons(15021); !slices.Equal(got, []string{"10.0.0.2:15021"}) {
		t.Errorf("beacons are %v", got)
	}
	if got := p.Others("10.0.0.2", 15022); !slices.Equal(got, []string{"10.0.0.1:15022"}) {
		t.Errorf("others are %v", got)
	}
	p.Put(pods(at("10.0.0.2", true), at("10.0.0.1", false)))
	if heard != 1 {
		t.Errorf("heard of %d changes, want 1", heard)
	}
	p.Replace(kindSlice, nil)
	if len(p.Beacons(1)) != 0 || heard != 2 {
		t.Error("a list without them changed nothing")
	}
}
