// Package folder reads a clusterset from a folder: each sub-folder is one cluster, each file in it (*.yaml, *.yml, *.json, also in
// nested folders) holds Kubernetes manifests of upstream kinds.
//
// In go files, out comes a Set: the clusters with their typed objects, and a Problem (file, line, object, field, remedy) for
// everything that cannot be taken. One bad object never blocks the rest. Merge adds what came before: an object whose text is broken
// keeps its last good state, and a cluster that is suddenly gone is held, not obeyed. Watch does both whenever a file changes.
//
// The folder also stands in for the controllers that a cluster would have: Workloads expands Deployments and StatefulSets of the
// image fairlead.dev/echo into pods, EndpointSlices finds the endpoints of Services, and Facts gives what the centre reads.
//
// What an API server would refuse is refused here, and what it would default is defaulted. Kinds that have no meaning for traffic
// between clusters (ConfigMap, Role, …) are left alone.
//
// Start with Read. How a document is decoded is in decode.go, what is checked in check*.go, how clusters get their names and
// addresses in assemble.go.
package folder

import (
	"cmp"
	"fmt"
	"iter"
	"net/netip"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
)

// Set is the clusterset that a folder holds. It is never changed once it was returned.
type Set struct {
	// Clusters are sorted by folder.
	Clusters []*Cluster

	folders []*source
	found   []Problem // what is wrong with single documents
}

// Cluster returns the cluster of that name, or nil.
func (s *Set) Cluster(name string) *Cluster {
	for _, c := range s.Clusters {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Cluster is one sub-folder.
type Cluster struct {
	// Folder is the name of the sub-folder.
	Folder string
	fleet.Cluster
	// Address is where its gateways, DNS server and beacons listen: what its ClusterProfile says, or the next free one from
	// 127.0.0.11 on.
	Address netip.Addr
	// Objects are sorted by file and line.
	Objects []Object
	// Vanished says that the folder is gone or has no manifest any more, which nothing explains: this is its last state.
	Vanished bool

	assigned bool // the address was given here
}

// Manifest is a typed object: *corev1.Service, *gatewayv1.HTTPRoute and so on. Kinds that are served in several versions come in
// the newest.
type Manifest interface {
	metav1.Object
	runtime.Object
}

// Object is a manifest and where it stands.
type Object struct {
	Manifest
	File string // slash-separated, below the clusterset's folder
	Line int
	// Kept says that the text is broken now, and that this is the last good state.
	Kept bool

	id    string // the document's place: file and number
	lines map[string]int
}

// Ref returns the kind and name of the object.
func (o Object) Ref() fleet.Ref { return refOf(o.Manifest) }

func refOf(m Manifest) fleet.Ref {
	return fleet.Ref{
		Kind: m.GetObjectKind().GroupVersionKind().Kind,
		Name: fleet.Name{Namespace: m.GetNamespace(), Name: m.GetName()},
	}
}

// where returns file:line.
func (o Object) where() string { return Problem{File: o.File, Line: o.Line}.Where() }

// problem returns what is wrong with a field of the object, at the line of that field.
func (o Object) problem(field, format string, args ...any) Problem {
	return Problem{
		Folder: folderOf(o.File), File: o.File, Line: lineOf(o.lines, field, o.Line),
		Object: o.Ref(), Field: field, Message: fmt.Sprintf(format, args...),
	}
}

// All returns the objects of one type, in order.
func All[T Manifest](c *Cluster) iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, o := range c.Objects {
			if m, ok := o.Manifest.(T); ok && !yield(m) {
				return
			}
		}
	}
}

// Problem is something that cannot be taken as it stands, with a remedy in its message.
type Problem struct {
	Folder string // of the cluster; empty for what belongs to none
	File   string
	Line   int       // from 1; 0 where the whole file or folder is meant
	Object fleet.Ref // as far as it could be read
	Field  string    // such as spec.ports[0].port; empty for the whole object
	// Message says what is wrong and what to write instead.
	Message string
}

// String returns file:line: object: field: message, without what is not known.
func (p Problem) String() string {
	parts := []string{p.Where()}
	if p.Object.Kind != "" {
		parts = append(parts, strings.TrimSpace(p.Object.String()))
	}
	if p.Field != "" {
		parts = append(parts, p.Field)
	}
	return strings.Join(append(parts, p.Message), ": ")
}

// Where returns file:line, or the file where no line is known.
func (p Problem) Where() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Complaint returns the problem as a fact for the cluster's centre.
func (p Problem) Complaint() *picture.Complaint {
	message := p.Message
	if p.Field != "" {
		message = p.Field + ": " + message
	}
	return &picture.Complaint{Object: p.Object, Where: p.Where(), Message: message}
}

// Compare orders problems by place.
func (p Problem) Compare(o Problem) int {
	return cmp.Or(
		cmp.Compare(p.File, o.File), cmp.Compare(p.Line, o.Line), p.Object.Compare(o.Object),
		cmp.Compare(p.Field, o.Field), cmp.Compare(p.Message, o.Message),
	)
}

func folderOf(file string) string {
	folder, _, _ := strings.Cut(file, "/")
	return folder
}

// compare orders objects by place.
func (o Object) compare(p Object) int {
	return cmp.Or(cmp.Compare(o.File, p.File), cmp.Compare(o.Line, p.Line))
}
