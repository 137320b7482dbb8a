// Package hub is the place where the members of a clusterset meet: each has a namespace there with its Member object and its
// records, everybody reads all of it, and nobody writes but in the own namespace.
//
// In goes an object of api/v1alpha1, out come events of a watch: a list of all there is, a Synced event, then each change. A hub is
// in nobody's path: while it is away, every call and every watch ends with an error, and each member goes on with what it knows.
//
// Memory is a hub within one process, for fairlead dev. It keeps what a Kubernetes API would keep to: objects are stored as JSON and
// nobody shares a pointer; every change has a resource version; a write is conditional on the version that was read (fencing, DESIGN
// §4); a watcher that lags is sent away to list again. What it does not have: history, field selection, more than one version.
//
// Package hub/remote is the hub that a real clusterset has: a Kubernetes API. Both are held to the same contract, which hub/hubtest
// tests.
//
// Start with Memory, then Client.
package hub

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"fairlead.dev/fairlead/api/v1alpha1"
)

// Stamps are annotations that tell of a write and not of the object: two objects that differ in nothing else are the same.
const (
	// AnnotationTerm stands on each record: the term of the writer that wrote it. Once a newer term has written the member's marker, an older
	// one is refused.
	AnnotationTerm = "fairlead.dev/term"
	// AnnotationReceived stands on each record: when its writer learnt of what it tells, in RFC 3339 with nanoseconds. It is there to measure by.
	AnnotationReceived = "fairlead.dev/received"
)

// What stands in a member's namespace on a hub that is a Kubernetes API, besides the Member and its records.
const (
	// LeaseName is the member's heartbeat. It carries AnnotationTerm and AnnotationSequence.
	LeaseName = "member"
	// AnnotationSequence is the sequence of the marker, while nothing else of it changes.
	AnnotationSequence = "fairlead.dev/sequence"
	// ServiceAccount is the member's identity on the hub.
	ServiceAccount = "member"
)

// The errors of a hub, to be told apart with errors.Is.
var (
	// ErrDown says that the hub cannot be reached. The call may be tried again.
	ErrDown = errors.New("the hub is down")
	// ErrExpired ends a watch that lagged behind: watch again, which lists again.
	ErrExpired = errors.New("the watch is too old: list again")
	// ErrConflict says that somebody else wrote the object in between.
	ErrConflict = errors.New("the object was changed by somebody else")
	// ErrFenced says that a newer term of this member writes now: the caller is no longer the leader and must stop.
	ErrFenced = errors.New("a newer term writes for this member")
	// ErrForbidden says that the caller may not write that: in another namespace than its own, or what the hub refuses.
	ErrForbidden = errors.New("the hub does not allow it")
	// ErrNotFound says that the object, or the member's namespace, does not exist.
	ErrNotFound = errors.New("not found")
)

// Object is a Member, a ServiceRecord or an EndpointRecord.
type Object interface {
	metav1.Object
	runtime.Object
	v1alpha1.FromCluster
}

// EventType says what an Event tells.
type EventType string

const (
	// Put says that the object is now like this.
	Put EventType = "put"
	// Deleted says that the object is gone; it is shown as it last was.
	Deleted EventType = "deleted"
	// Synced ends the list with which each watch begins: what was not in it does not exist, or is not watched.
	Synced EventType = "synced"
	// Unwatched says that the object is watched no longer, because the watcher wants to know nothing more of its namespace. Whether it
	// still exists is not said.
	Unwatched EventType = "unwatched"
)

// Event is one step of a watch. Object is nil for Synced. The hub may show the same object again, so nobody changes it.
type Event struct {
	Type   EventType
	Object Object
}

// Namespace returns the namespace of a cluster on the hub. It is made from a hash, because a cluster id may contain a dot and be longer
// than a namespace may.
func Namespace(cluster string) string {
	sum := sha256.Sum256([]byte(cluster))
	return "member-" + strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:10]))
}
