package xds

import (
	"iter"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
)

// Rendering is how one kind of client sees a Set. The package comment tells what each of them loses.
type Rendering string

// The three renderings.
const (
	// Plain is the Set as it is: for delta clients.
	Plain Rendering = "plain"
	// Whole has virtual hosts inside their route configurations: for Envoys that speak the state of the world, where there is no VHDS.
	Whole Rendering = "whole"
	// GRPC is for proxyless gRPC clients.
	GRPC Rendering = "grpc"
)

// Get returns a resource as the rendering has it, nil if there is none. Where it differs from the Set's it is made anew each time.
func (r Rendering) Get(s *Set, typeURL, name string) *Resource {
	switch r {
	case Whole:
		return wholeResource(s, typeURL, name)
	case GRPC:
		return grpcResource(s, typeURL, name)
	}
	return s.Get(typeURL, name)
}

// Names returns the names of all resources of a type, which is what a wildcard subscription gets.
func (r Rendering) Names(s *Set, typeURL string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if r == Whole && typeURL == HostType {
			return
		}
		if r == GRPC && typeURL != ClusterType && typeURL != EndpointsType {
			if typeURL == ListenerType {
				grpcTargets(s, yield)
			}
			return
		}
		for res := range s.All(typeURL) {
			if !yield(res.Name) {
				return
			}
		}
	}
}

// Affected calls yield with each resource of the rendering that a change of the Set may have changed.
func (r Rendering) Affected(c Changed, yield func(Changed)) {
	switch {
	case r == Plain:
		yield(c)
	case r == Whole && c.TypeURL == HostType:
		if server, _, ok := cutLast(c.Name, "/"); ok {
			yield(Changed{RouteType, server})
		}
	case r == Whole:
		yield(c)
	case c.TypeURL == EndpointsType:
		yield(c)
	case c.TypeURL == ClusterType:
		yield(c)
		if target := grpcTarget(c.Name); target != "" {
			yield(Changed{ListenerType, target})
		}
	}
}

// wholeResource puts the virtual hosts into a route configuration; everything else is the Set's own.
func wholeResource(s *Set, typeURL, name string) *Resource {
	if typeURL == HostType {
		return nil
	}
	shell := s.Get(typeURL, name)
	if typeURL != RouteType || shell == nil {
		return shell
	}
	c := &routev3.RouteConfiguration{}
	unpack(shell, c)
	c.Vhds = nil
	for host := range s.Under(HostType, name+"/") {
		if strings.Contains(host.Name[len(name)+1:], "/") {
			continue // another server's: its name only begins alike
		}
		v := &routev3.VirtualHost{}
		unpack(host, v)
		c.VirtualHosts = append(c.VirtualHosts, v)
	}
	return newResource(name, c)
}

// unpack reads what newResource wrote; that cannot fail but by our bug.
func unpack(r *Resource, into proto.Message) {
	if err := proto.Unmarshal(r.Body.Value, into); err != nil {
		panic("xds: " + err.Error())
	}
}
