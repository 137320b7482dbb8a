package kube

import (
	"net/netip"
	"strconv"
	"sync"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
)

// Objects is a Receiver that keeps account of Fairlead's own objects in a cluster, by the service that they stand for. Of each it keeps
// the version and a digest, not the object, so that ten thousand imports cost little.
//
// What a Writer wrote is noted at once, so that the echo of it is no news, and what comes late is not taken for new. It is safe for
// concurrent use.
type Objects struct {
	tell func([]picture.Change) // takes Derived facts

	mu          sync.Mutex
	roused      func(service fleet.Name) // is told what may need a write; nil: nobody leads
	services    map[fleet.Name]*standing
	derived     map[fleet.Name]fleet.Name // derived Service -> service
	slices      map[fleet.Name]fleet.Name // EndpointSlice -> service
	terminating map[string]bool           // namespaces
}

// stood is one object as it stands: its version, what it says, and what was asked for when it was last written. An API server that drops
// a field makes the last two differ; asking for the same again would go on for ever.
type stood struct {
	version    string
	says       digest
	asked      digest
	terminated bool // it is being deleted, and something waits for that
}

// fits says whether the object needs no write to say what is wanted.
func (s *stood) fits(want digest) bool { return s.says == want || s.asked == want }

// standing is what stands of one service.
type standing struct {
	imported *stoodImport
	service  *stoodService
	slices   map[string]stood
	// foreign says what stands in the way: an object of somebody else's under a name that ours would have.
	foreignImport, foreignService bool
	// theirs says that the foreign ServiceImport was there when ours was to be created.
	theirs bool
	// refused is why the API server does not take the derived Service; empty: it does.
	refused string
	told    *picture.Derived
}

type stoodImport struct {
	stood
	uid                 types.UID
	status, askedStatus digest
	ips                 []netip.Addr
	conditions          []metav1.Condition // without messages: what transition times depend on
}

type stoodService struct {
	stood
	headless bool
	ips      []netip.Addr
	families []corev1.IPFamily
}

// NewObjects returns Objects that have seen nothing. tell takes Derived facts; it must not block.
func NewObjects(tell func([]picture.Change)) *Objects {
	return &Objects{
		tell: tell, services: map[fleet.Name]*standing{},
		derived: map[fleet.Name]fleet.Name{}, slices: map[fleet.Name]fleet.Name{}, terminating: map[string]bool{},
	}
}

// Replace implements Receiver.
func (o *Objects) Replace(kind string, all []client.Object) {
	o.mu.Lock()
	defer o.mu.Unlock()
	listed := make(map[fleet.Name]bool, len(all))
	for _, obj := range all {
		listed[nameOf(obj)] = true
		o.outdate(obj)
		o.put(obj)
	}
	switch kind {
	case kindImport:
		for service, at := range o.services {
			if (at.imported != nil || at.foreignImport) && !listed[service] {
				o.dropImport(service)
			}
		}
	case kindService:
		for name, service := range o.derived {
			if !listed[name] {
				o.dropService(name, service)
			}
		}
	case kindSlice:
		for name, service := range o.slices {
			if !listed[name] {
				o.dropSlice(name, service)
			}
		}
	case kindNamespace:
		for name := range o.terminating {
			if !listed[fleet.Name{Name: name}] {
				delete(o.terminating, name)
			}
		}
	}
}

// Put implements Receiver.
func (o *Objects) Put(obj client.Object) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.put(obj)
}

// Delete implements Receiver.
func (o *Objects) Delete(obj client.Object) {
	o.mu.Lock()
	defer o.mu.Unlock()
	name := nameOf(obj)
	switch obj.(type) {
	case *corev1.Namespace:
		delete(o.terminating, name.Name)
	case *mcsv1beta1.ServiceImport:
		if at := o.services[name]; at != nil && (at.imported == nil || newer(at.imported.version, obj.GetResourceVersion())) {
			o.dropImport(name)
		}
	case *corev1.Service:
		if service, ok := o.derived[name]; ok {
			if at := o.services[service]; at.service == nil || newer(at.service.version, obj.GetResourceVersion()) {
				o.dropService(name, service)
			}
		}
	case *discoveryv1.EndpointSlice:
		if service, ok := o.slices[name]; ok && newer(o.services[service].slices[name.Name].version, obj.GetResourceVersion()) {
			o.dropSlice(name, service)
		}
	}
}

// refresh takes an object as it was just read, or written, whatever was known of it.
func (o *Objects) refresh(obj client.Object) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.outdate(obj)
	o.put(obj)
}

// gone notes that an object of ours was found to be gone, or deleted by us.
func (o *Objects) gone(obj client.Object) {
	o.mu.Lock()
	defer o.mu.Unlock()
	name := nameOf(obj)
	switch obj.(type) {
	case *mcsv1beta1.ServiceImport:
		if o.services[name] != nil {
			o.dropImport(name)
		}
	case *corev1.Service:
		if service, ok := o.derived[name]; ok {
			o.dropService(name, service)
		}
	case *discoveryv1.EndpointSlice:
		if service, ok := o.slices[name]; ok {
			o.dropSlice(name, service)
		}
	}
}

// outdate forgets the version of an object: what comes next is taken as it is. A list after an interruption may be that of an API server
// whose versions began anew.
func (o *Objects) outdate(obj client.Object) {
	name := nameOf(obj)
	switch obj.(type) {
	case *mcsv1beta1.ServiceImport:
		if at := o.services[name]; at != nil && at.imported != nil {
			at.imported.version = ""
		}
	case *corev1.Service:
		if at := o.services[o.derived[name]]; at != nil && at.service != nil {
			at.service.version = ""
		}
	case *discoveryv1.EndpointSlice:
		if at := o.services[o.slices[name]]; at != nil {
			if s, ok := at.slices[name.Name]; ok {
				s.version = ""
				at.slices[name.Name] = s
			}
		}
	}
}

func (o *Objects) at(service fleet.Name) *standing {
	at := o.services[service]
	if at == nil {
		at = &standing{}
		o.services[service] = at
	}
	return at
}

// changed tells what follows from a change: the Derived fact, and that a write may be needed. The caller holds the lock, so that facts are
// told in their order.
func (o *Objects) changed(service fleet.Name, at *standing, news bool) {
	if !news {
		return
	}
	o.derive(service, at)
	if at.empty() {
		delete(o.services, service)
	}
	if o.roused != nil {
		o.roused(service)
	}
}

func (at *standing) empty() bool {
	return at.imported == nil && at.service == nil && len(at.slices) == 0 && !at.foreignImport && !at.foreignService && at.refused == ""
}

// addresses reads those that are addresses; None is not.
func addresses(texts []string) (ips []netip.Addr) {
	for _, text := range texts {
		if ip, err := netip.ParseAddr(text); err == nil {
			ips = append(ips, ip)
		}
	}
	return ips
}

// newer says whether a version comes after another, as versions of one kind do that are numbers. Of others, what came last is the newest.
func newer(old, is string) bool {
	a, errA := strconv.ParseUint(old, 10, 64)
	b, errB := strconv.ParseUint(is, 10, 64)
	return errA != nil || errB != nil || b > a
}
