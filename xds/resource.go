package xds

import (
	"crypto/sha256"
	"encoding/hex"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// Resource is one named and versioned xDS resource. It is never changed.
type Resource struct {
	Name string
	// Version is a hash of the content: equal content has an equal version, in every process.
	Version string
	// Body is the serialised message with its type URL.
	Body *anypb.Any
}

// newResource serialises a message deterministically.
func newResource(name string, m proto.Message) *Resource {
	body := pack(m)
	sum := sha256.Sum256(body.Value)
	return &Resource{Name: name, Version: hex.EncodeToString(sum[:8]), Body: body}
}

// pack serialises a message that this package made; one that cannot be serialised is our bug.
func pack(m proto.Message) *anypb.Any {
	body := new(anypb.Any)
	if err := anypb.MarshalFrom(body, m, proto.MarshalOptions{Deterministic: true}); err != nil {
		panic("xds: " + err.Error())
	}
	return body
}
