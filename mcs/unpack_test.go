package mcs_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/zstd"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
)

func TestPackLeavesOutWhatIsLocal(t *testing.T) {
	s := slice("cart-a", "10.1.0.1")
	bare := mcs.Pack(s)
	s.UID, s.ResourceVersion, s.Generation = "uid", "7", 3
	s.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "x"}}
	s.OwnerReferences = []metav1.OwnerReference{{Name: "cart"}}
	s.Labels["foreign"], s.Annotations = "x", map[string]string{"foreign": "x"}
	e := &s.Endpoints[0]
	e.NodeName, e.TargetRef = ptr("node-1"), &corev1.ObjectReference{Kind: "Pod", Name: "cart-0"}
	e.DeprecatedTopology = map[string]string{"a": "b"}
	e.Hints = &discoveryv1.EndpointHints{ForZones: []discoveryv1.ForZone{{Name: "us-1"}}}
	e.Addresses = append(e.Addresses, "10.1.0.9")
	if !bytes.Equal(bare, mcs.Pack(s)) {
		t.Error("the packed slice depends on what means nothing elsewhere")
	}
}

func TestPackIsSmall(t *testing.T) {
	var addresses []string
	for i := range 100 {
		addresses = append(addresses, fmt.Sprintf("10.1.0.%d", i+1))
	}
	s := slice("cart-a", addresses...)
	if n := len(mcs.Pack(s)); n > 600 {
		t.Errorf("100 endpoints take %d bytes", n)
	}
}

func TestPackAndUnpackTogether(t *testing.T) {
	s := slice("cart-a", "127.0.0.1", "10.1.0.2")
	s.Endpoints[1].Hostname = ptr("cart-1")
	want := mcs.SliceOf("west", s)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			got, reason := mcs.Unpack(endpointRecord(s), dev)
			if reason != "" {
				t.Error(reason)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateComparable(fleet.Endpoint{}.Address)); diff != "" {
				t.Error(diff)
			}
		})
	}
	all.Wait()
}

func compress(t testing.TB, plain []byte) []byte {
	t.Helper()
	e, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return e.EncodeAll(plain, nil)
}

func TestUnpackRefuses(t *testing.T) {
	for name, row := range map[string]struct {
		slice  func(*discoveryv1.EndpointSlice)
		record func(*v1alpha1.EndpointRecord)
		want   string
	}{
		"a cluster that is no name":         {record: func(r *v1alpha1.EndpointRecord) { r.Spec.Cluster = "a b" }, want: "spec.cluster"},
		"a service that is no name":         {record: func(r *v1alpha1.EndpointRecord) { r.Spec.Service = "../x" }, want: "spec.service"},
		"a slice that is no name":           {record: func(r *v1alpha1.EndpointRecord) { r.Spec.Slice = "A" }, want: "spec.slice"},
		"another namespace":                 {record: func(r *v1alpha1.EndpointRecord) { r.Spec.Namespace = "bank" }, want: "spec.namespace"},
		"another service":                   {record: func(r *v1alpha1.EndpointRecord) { r.Spec.Service = "bank" }, want: "spec.service"},
		"another slice":                     {record: func(r *v1alpha1.EndpointRecord) { r.Spec.Slice = "bank" }, want: "spec.slice"},
		"names instead of addresses":        {slice: func(s *discoveryv1.EndpointSlice) { s.AddressType = "FQDN" }, want: "addressType"},
		"port 0":                            {slice: func(s *discoveryv1.EndpointSlice) { s.Ports[0].Port = ptr(int32(0)) }, want: "ports[0]"},
		"a port below 0":                    {slice: func(s *discoveryv1.EndpointSlice) { s.Ports[0].Port = ptr(int32(-1)) }, want: "ports[0]"},
		"a port name twice":                 {slice: func(s *discoveryv1.EndpointSlice) { s.Ports = append(s.Ports, s.Ports[0]) }, want: "used twice"},
		"an unknown protocol":               {slice: func(s *discoveryv1.EndpointSlice) { s.Ports[0].Protocol = ptr(corev1.Protocol("X")) }, want: "protocol"},
		"too many endpoints":                {slice: many, want: "more than 1000 endpoints"},
		"too many ports":                    {slice: func(s *discoveryv1.EndpointSlice) { s.Ports = make([]discoveryv1.EndpointPort, 251); setPorts(s) }, want: "more than 250 ports"},
		"no bytes":                          {record: func(r *v1alpha1.EndpointRecord) { r.Spec.Packed = nil }, want: "must be equal"},
		"bytes that are not compressed":     {record: func(r *v1alpha1.EndpointRecord) { r.Spec.Packed = []byte("hello") }, want: "zstd"},
		"more than 128 KiB":                 {record: func(r *v1alpha1.EndpointRecord) { r.Spec.Packed = make([]byte, 128<<10+1) }, want: "128 KiB"},
		"more than 8 MiB behind few bytes":  {record: func(r *v1alpha1.EndpointRecord) { r.Spec.Packed = compress(t, make([]byte, 9<<20)) }, want: "8 MiB"},
		"more than 8 MiB in several frames": {record: func(r *v1alpha1.EndpointRecord) { r.Spec.Packed = bytes.Repeat(compress(t, make([]byte, 1<<20)), 9) }, want: "8 MiB"},
		"something else, compressed":        {record: func(r *v1alpha1.EndpointRecord) { r.Spec.Packed = compress(t, []byte("hello")) }, want: "protobuf"},
		"empty endpoints without end": {record: func(r *v1alpha1.EndpointRecord) {
			r.Spec.Packed = compress(t, bytes.Repeat([]byte{2<<3 | 2, 0}, 4<<20))
		}, want: "more than 1000 endpoints"},
		"one endpoint without end": {record: func(r *v1alpha1.EndpointRecord) {
			r.Spec.Packed = compress(t, append([]byte{2<<3 | 2, 0x80, 0x80, 0x01}, bytes.Repeat([]byte{1<<3 | 2, 0}, 8<<10)...))
		}, want: "4 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			s := slice("cart-a", "10.1.0.1")
			if row.slice != nil {
				row.slice(s)
			}
			r := endpointRecord(s)
			if row.record != nil {
				row.record(r)
			}
			got, reason := mcs.Unpack(r, dev)
			if got != nil || !strings.Contains(reason, row.want) || reason == "" {
				t.Errorf("got %v, %q; want %q in the reason", got, reason, row.want)
			}
			if len(reason) > 400 {
				t.Errorf("a reason of %d bytes", len(reason))
			}
		})
	}
}

// One bad endpoint is left out and told, and the others are used.
func TestUnpackLeavesOutWhatIsNoEndpoint(t *testing.T) {
	address := func(a string) func(*discoveryv1.Endpoint) {
		return func(e *discoveryv1.Endpoint) { e.Addresses = []string{a} }
	}
	for name, row := range map[string]struct {
		edit func(*discoveryv1.Endpoint)
		ipv6 bool
		want string // part of the reason; empty: used
	}{
		"a pod":                                       {edit: address("10.1.0.1")},
		"an IPv6 pod":                                 {edit: address("fd00::1"), ipv6: true},
		"an address that is none":                     {edit: address("10.1"), want: "endpoints[0]"},
		"no address":                                  {edit: func(e *discoveryv1.Endpoint) { e.Addresses = nil }},
		"the unspecified address":                     {edit: address("0.0.0.0"), want: "unspecified"},
		"a multicast address":                         {edit: address("224.0.0.1"), want: "multicast"},
		"the metadata service":                        {edit: address("169.254.169.254"), want: "link-local"},
		"that of Amazon over IPv6":                    {edit: address("fd00:ec2::254"), ipv6: true, want: "metadata"},
		"that of Azure":                               {edit: address("168.63.129.16"), want: "metadata"},
		"the broadcast address":                       {edit: address("255.255.255.255"), want: "broadcast"},
		"the other family":                            {edit: address("fd00::1"), want: "addressType"},
		"IPv4 in IPv6":                                {edit: address("::ffff:10.0.0.1"), ipv6: true, want: "addressType"},
		"an address with a zone":                      {edit: address("fd00::1%eth0"), ipv6: true, want: "zone"},
		"a link-local IPv6 address":                   {edit: address("fe80::1"), ipv6: true, want: "link-local"},
		"loopback":                                    {edit: address("127.0.0.1"), want: "loopback"},
		"IPv6 loopback":                               {edit: address("::1"), ipv6: true, want: "loopback"},
		"a service of the own cluster":                {edit: address("10.96.0.1"), want: "10.96.0.0/12, the range of service IPs of cluster east"},
		"a service of a third cluster":                {edit: address("10.200.0.1"), want: "10.200.0.0/16, the range of service IPs of cluster north"},
		"a pod where a third cluster claims services": {edit: address("10.200.7.1")},
		"a hostname of two labels":                    {edit: func(e *discoveryv1.Endpoint) { e.Hostname = ptr("a.b") }, want: "hostname"},
		"a zone of spaces":                            {edit: func(e *discoveryv1.Endpoint) { e.Zone = ptr("a b") }, want: "zone"},
	} {
		t.Run(name, func(t *testing.T) {
			s := slice("cart-a", "10.1.0.2", "10.1.0.3")
			if row.ipv6 {
				s = slice("cart-a", "fd00::2", "fd00::3")
				s.AddressType = discoveryv1.AddressTypeIPv6
			}
			row.edit(&s.Endpoints[0])
			got, reason := mcs.Unpack(endpointRecord(s), mcs.Ground{
				Services: []mcs.ServiceRange{{Prefix: netip.MustParsePrefix("10.96.0.0/12"), Cluster: "east"}},
				Claimed:  []mcs.ServiceRange{{Prefix: netip.MustParsePrefix("10.200.0.0/16"), Cluster: "north"}},
				Pods:     []netip.Prefix{netip.MustParsePrefix("10.200.7.0/24")},
			})
			want := 2
			if row.want != "" || len(s.Endpoints[0].Addresses) == 0 {
				want = 1
			}
			if got == nil || len(got.Endpoints) != want || (row.want == "") != (reason == "") || !strings.Contains(reason, row.want) {
				t.Errorf("got %+v, %q; want %d endpoints and %q in the reason", got, reason, want, row.want)
			}
			if want == 1 && got != nil && got.Endpoints[0].Address.String() != s.Endpoints[1].Addresses[0] {
				t.Errorf("the wrong one was left out: %+v", got.Endpoints)
			}
		})
	}
}

func TestUnpackTellsOfManyBadEndpointsInOneSentence(t *testing.T) {
	s := slice("cart-a", "10.1.0.1", "0.0.0.0", "224.0.0.1", "10.1")
	got, reason := mcs.Unpack(endpointRecord(s), mcs.Ground{})
	if want := "endpoints[1] of the packed slice: address 0.0.0.0 is the unspecified address; left out: 3 of 4 endpoints"; reason != want || len(got.Endpoints) != 1 {
		t.Errorf("got %+v, %q, want %q", got, reason, want)
	}
}

func many(s *discoveryv1.EndpointSlice) {
	for range 1000 {
		s.Endpoints = append(s.Endpoints, s.Endpoints[0])
	}
}

func setPorts(s *discoveryv1.EndpointSlice) {
	for i := range s.Ports {
		s.Ports[i] = discoveryv1.EndpointPort{Name: ptr(fmt.Sprintf("p%d", i)), Port: ptr(int32(i + 1))}
	}
}

// FuzzUnpack feeds bytes to Unpack, raw and compressed. What comes through must satisfy what the rest of the centre relies on.
func FuzzUnpack(f *testing.F) {
	s := slice("cart-a", "10.1.0.1", "10.1.0.2")
	plain, err := s.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(mcs.Pack(s), false)
	f.Add(plain, true)
	f.Add([]byte{}, false)
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte, plain bool) {
		if plain {
			b = encoder.EncodeAll(b, nil)
		}
		r := endpointRecord(s)
		r.Spec.Packed = b
		got, reason := mcs.Unpack(r, mcs.Ground{})
		if got == nil && reason == "" {
			t.Fatal("neither a slice nor a reason")
		}
		if got == nil {
			return
		}
		if got.Service != cart || got.Cluster != "west" || got.Name != "cart-a" || len(got.Endpoints) > 1000 {
			t.Fatalf("came through: %+v", got)
		}
		for _, e := range got.Endpoints {
			a := e.Address
			if !a.IsValid() || a.IsUnspecified() || a.IsMulticast() || a.IsLinkLocalUnicast() || a.IsLoopback() || a.Is6() != got.IPv6 || len(e.ForZones) > 0 {
				t.Fatalf("came through: %+v", e)
			}
		}
		for _, p := range got.Ports {
			if p.Port == 0 || p.Protocol == "" {
				t.Fatalf("came through: %+v", p)
			}
		}
	})
}

func BenchmarkPack(b *testing.B) {
	var addresses []string
	for i := range 100 {
		addresses = append(addresses, fmt.Sprintf("10.1.%d.%d", i%7, i+1))
	}
	r := endpointRecord(slice("cart-a", addresses...))
	b.Run("pack", func(b *testing.B) {
		s := slice("cart-a", addresses...)
		b.ReportAllocs()
		for b.Loop() {
			mcs.Pack(s)
		}
	})
	b.Run("unpack", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, reason := mcs.Unpack(r, dev); reason != "" {
				b.Fatal(reason)
			}
		}
	})
}
