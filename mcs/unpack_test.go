package mcs_test

import (
	"bytes"
	"fmt"
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
			got, reason := mcs.Unpack(endpointRecord(s))
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
		"a cluster that is no name":  {record: func(r *v1alpha1.EndpointRecord) { r.Spec.Cluster = "a b" }, want: "spec.cluster"},
		"a service that is no name":  {record: func(r *v1alpha1.EndpointRecord) { r.Spec.Service = "../x" }, want: "spec.service"},
		"a slice that is no name":    {record: func(r *v1alpha1.EndpointRecord) { r.Spec.Slice = "A" }, want: "spec.slice"},
		"another namespace":          {record: func(r *v1alpha1.EndpointRecord) { r.Spec.Namespace = "bank" }, want: "spec.namespace"},
		"another service":            {record: func(r *v1alpha1.EndpointRecord) { r.Spec.Service = "bank" }, want: "spec.service"},
		"another slice":              {record: func(r *v1alpha1.EndpointRecord) { r.Spec.Slice = "bank" }, want: "spec.slice"},
		"names instead of addresses": {slice: func(s *discoveryv1.EndpointSlice) { s.AddressType = "FQDN" }, want: "addressType"},
		"an address that is none":    {slice: func(s *discoveryv1.EndpointSlice) { s.Endpoints[0].Addresses[0] = "10.1" }, want: "endpoints[0]"},
		"the unspecified address":    {slice: func(s *discoveryv1.EndpointSlice) { s.Endpoints[0].Addresses[0] = "0.0.0.0" }, want: "unspecified"},
		"a multicast address":        {slice: func(s *discoveryv1.EndpointSlice) { s.Endpoints[0].Addresses[0] = "224.0.0.1" }, want: "multicast"},
		"the metadata service":       {slice: func(s *discoveryv1.EndpointSlice) { s.Endpoints[0].Addresses[0] = "169.254.169.254" }, want: "link-local"},
		"the broadcast address":      {slice: func(s *discoveryv1.EndpointSlice) { s.Endpoints[0].Addresses[0] = "255.255.255.255" }, want: "broadcast"},
		"the other family":           {slice: func(s *discoveryv1.EndpointSlice) { s.Endpoints[0].Addresses[0] = "fd00::1" }, want: "addressType"},
		"IPv4 in IPv6": {slice: func(s *discoveryv1.EndpointSlice) {
			s.AddressType, s.Endpoints[0].Addresses[0] = "IPv6", "::ffff:10.0.0.1"
		}, want: "addressType"},
		"an address with a zone": {slice: func(s *discoveryv1.EndpointSlice) {
			s.AddressType, s.Endpoints[0].Addresses[0] = "IPv6", "fd00::1%eth0"
		}, want: "zone"},
		"a link-local IPv6 address":         {slice: func(s *discoveryv1.EndpointSlice) { s.AddressType, s.Endpoints[0].Addresses[0] = "IPv6", "fe80::1" }, want: "link-local"},
		"a hostname of two labels":          {slice: func(s *discoveryv1.EndpointSlice) { s.Endpoints[0].Hostname = ptr("a.b") }, want: "hostname"},
		"a zone of spaces":                  {slice: func(s *discoveryv1.EndpointSlice) { s.Endpoints[0].Zone = ptr("a b") }, want: "zone"},
		"port 0":                            {slice: func(s *discoveryv1.EndpointSlice) { s.Ports[0].Port = ptr(int32(0)) }, want: "ports[0]"},
		"a port below 0":                    {slice: func(s *discoveryv1.EndpointSlice) { s.Ports[0].Port = ptr(int32(-1)) }, want: "ports[0]"},
		"a port name twice":                 {slice: func(s *discoveryv1.EndpointSlice) { s.Ports = append(s.Ports, s.Ports[0]) }, want: "used twice"},
		"an unknown protocol":               {slice: func(s *discoveryv1.EndpointSlice) { s.Ports[0].Protocol = ptr(corev1.Protocol("X")) }, want: "protocol"},
		"too many endpoints":                {slice: many, want: "more than 1000 endpoints"},
		"too many ports":                    {slice: func(s *discoveryv1.EndpointSlice) { s.Ports = make([]discoveryv1.EndpointPort, 101); setPorts(s) }, want: "more than 100 ports"},
		"no bytes":                          {record: func(r *v1alpha1.EndpointRecord) { r.Spec.Packed = nil }, want: "must be equal"},
		"bytes that are not compressed":     {record: func(r *v1alpha1.EndpointRecord) { r.Spec.Packed = []byte("hello") }, want: "zstd"},
		"more than 1 MiB":                   {record: func(r *v1alpha1.EndpointRecord) { r.Spec.Packed = make([]byte, 1<<20+1) }, want: "1 MiB"},
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
			got, reason := mcs.Unpack(r)
			if got != nil || !strings.Contains(reason, row.want) || reason == "" {
				t.Errorf("got %v, %q; want %q in the reason", got, reason, row.want)
			}
			if len(reason) > 400 {
				t.Errorf("a reason of %d bytes", len(reason))
			}
		})
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
		got, reason := mcs.Unpack(r)
		if (got == nil) != (reason != "") {
			t.Fatalf("a slice or a reason, not %v and %q", got, reason)
		}
		if got == nil {
			return
		}
		if got.Service != cart || got.Cluster != "west" || got.Name != "cart-a" || len(got.Endpoints) > 1000 {
			t.Fatalf("came through: %+v", got)
		}
		for _, e := range got.Endpoints {
			a := e.Address
			if !a.IsValid() || a.IsUnspecified() || a.IsMulticast() || a.IsLinkLocalUnicast() || a.Is6() != got.IPv6 || len(e.ForZones) > 0 {
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
			if _, reason := mcs.Unpack(r); reason != "" {
				b.Fatal(reason)
			}
		}
	})
}
