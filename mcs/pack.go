package mcs

import (
	"encoding/binary"
	"sync"

	"github.com/klauspost/compress/zstd"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The bounds of a packed slice. What a member sends is bounded before it is read any further.
const (
	maxPacked    = 128 << 10 // an annotation holds it, for Restore; 1000 endpoints with random hostnames take 60 KiB
	maxUnpacked  = 8 << 20
	maxEndpoints = 1000
	maxPorts     = 250 // also of a service, and of one that was merged
	// maxPart bounds the metadata, each endpoint and each port: a few bytes of protobuf may stand for a hundred bytes of memory.
	maxPart = 4 << 10
)

// A compressor keeps nothing from one call to the next and may be used by many at once. Slices are small: higher levels make them
// hardly any smaller, and take more memory.
var compressor = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithWindowSize(1<<18), zstd.WithSingleSegment(true))
	if err != nil {
		panic("mcs: zstd encoder: " + err.Error())
	}
	return e
})

var decompressor = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxUnpacked), zstd.WithDecoderMaxWindow(maxUnpacked))
	if err != nil {
		panic("mcs: zstd decoder: " + err.Error())
	}
	return d
})

// Pack returns a slice as protobuf under zstd, without what means nothing outside its cluster: of its metadata only the names
// stay, of its endpoints the first address, conditions, hostname and zone. Equal slices pack equally, so that a record need not be
// rewritten when only its source's metadata changed.
func Pack(s *discoveryv1.EndpointSlice) []byte {
	plain, err := lean(s).Marshal()
	if err != nil {
		panic("mcs: marshal an endpoint slice: " + err.Error())
	}
	return compressor().EncodeAll(plain, nil)
}

// lean returns the part of a slice that other clusters may know.
func lean(s *discoveryv1.EndpointSlice) *discoveryv1.EndpointSlice {
	out := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.Namespace,
			Name:      s.Name,
			Labels:    map[string]string{discoveryv1.LabelServiceName: s.Labels[discoveryv1.LabelServiceName]},
		},
		AddressType: s.AddressType,
	}
	for _, e := range s.Endpoints {
		if len(e.Addresses) > 0 {
			out.Endpoints = append(out.Endpoints, discoveryv1.Endpoint{
				Addresses: e.Addresses[:1], Conditions: e.Conditions, Hostname: e.Hostname, Zone: e.Zone,
			})
		}
	}
	for _, p := range s.Ports {
		if p.Port != nil {
			out.Ports = append(out.Ports, p)
		}
	}
	return out
}

// unpack reads what Pack wrote. The reason is empty where the bytes are those of some EndpointSlice within the bounds.
func unpack(packed []byte) (s *discoveryv1.EndpointSlice, reason string) {
	if len(packed) > maxPacked {
		return nil, "spec.packed is larger than 128 KiB: split the EndpointSlice"
	}
	plain, err := decompressor().DecodeAll(packed, nil)
	if err != nil || len(plain) > maxUnpacked {
		return nil, "spec.packed is not zstd of at most 8 MiB: write it with mcs.Pack"
	}
	if reason := bounded(plain); reason != "" {
		return nil, reason
	}
	s = &discoveryv1.EndpointSlice{}
	if err := s.Unmarshal(plain); err != nil {
		return nil, "spec.packed does not hold an EndpointSlice in protobuf: write it with mcs.Pack"
	}
	return s, ""
}

// bounded walks the outermost fields of an EndpointSlice in protobuf, before memory is spent on what they hold.
func bounded(plain []byte) (reason string) {
	const metadata, endpoints, ports = 1, 2, 3
	count := map[uint64]int{}
	for len(plain) > 0 {
		key, n := binary.Uvarint(plain)
		if n <= 0 {
			return "spec.packed is cut off"
		}
		plain = plain[n:]
		value, n := binary.Uvarint(plain)
		const bytesType = 2
		if n <= 0 || key&7 != bytesType || value > uint64(len(plain)-n) {
			return "spec.packed is not an EndpointSlice in protobuf, or is cut off"
		}
		plain = plain[uint64(n)+value:]
		count[key>>3]++
		if value > maxPart {
			return "spec.packed holds an endpoint, a port or metadata of more than 4 KiB: leave out all that mcs.Pack leaves out"
		}
	}
	switch {
	case count[metadata] > 1:
		return "spec.packed holds metadata twice"
	case count[endpoints] > maxEndpoints:
		return "spec.packed holds more than 1000 endpoints: split the EndpointSlice"
	case count[ports] > maxPorts:
		return "spec.packed holds more than 250 ports: split the Service"
	}
	return ""
}
