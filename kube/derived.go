package kube

import (
	"maps"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
)

// derive tells the centre what the API server made of the derived Service, if that is not what it was told last. The IPs of a Service that
// is gone are those that its ServiceImport still names, so that it comes back with them (M10).
func (o *Objects) derive(service fleet.Name, at *standing) {
	fact := at.derived(service)
	if reflect.DeepEqual(fact, at.told) {
		return
	}
	at.told = fact
	change := picture.Change{Key: picture.KeyOf(&picture.Derived{Service: service})}
	if fact != nil {
		change.Fact = fact
	}
	o.tell([]picture.Change{change})
}

func (at *standing) derived(service fleet.Name) *picture.Derived {
	fact := &picture.Derived{Service: service, Refused: at.refused}
	switch {
	case at.service != nil:
		fact.IPs, fact.Headless, fact.Families = at.service.ips, at.service.headless, at.service.families
	case at.imported != nil:
		fact.IPs = at.imported.ips
	}
	if at.service == nil && len(fact.IPs) == 0 && fact.Refused == "" {
		return nil
	}
	return fact
}

// refuse notes why the API server does not take the derived Service of a service; empty: it does.
func (o *Objects) refuse(service fleet.Name, why string) (news bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if at := o.services[service]; why == "" && at == nil {
		return false
	}
	at := o.at(service)
	news = at.refused != why
	at.refused = why
	o.derive(service, at)
	if at.empty() {
		delete(o.services, service)
	}
	return news
}

// wrote takes what the API server made of an object of ours that was just written, and what was asked for. It rouses nobody: whoever wrote
// knows.
func (o *Objects) wrote(service fleet.Name, obj client.Object, want digest, status bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	roused := o.roused
	o.roused = nil
	o.put(obj)
	o.roused = roused
	at := o.services[service]
	if at == nil {
		return
	}
	switch obj := obj.(type) {
	case *mcsv1beta1.ServiceImport:
		switch {
		case at.imported == nil || at.imported.version != obj.ResourceVersion:
		case status:
			at.imported.askedStatus = want
		default:
			at.imported.asked = want
		}
	case *corev1.Service:
		if at.service != nil && at.service.version == obj.ResourceVersion {
			at.service.asked = want
		}
	case *discoveryv1.EndpointSlice:
		if s, ok := at.slices[obj.Name]; ok && s.version == obj.ResourceVersion {
			s.asked = want
			at.slices[obj.Name] = s
		}
	}
}

// view returns a copy of what stands of a service, the zero standing where nothing does.
func (o *Objects) view(service fleet.Name) standing {
	o.mu.Lock()
	defer o.mu.Unlock()
	at := o.services[service]
	if at == nil {
		return standing{}
	}
	out := *at
	if at.imported != nil {
		imported := *at.imported
		out.imported = &imported
	}
	if at.service != nil {
		derived := *at.service
		out.service = &derived
	}
	out.slices = maps.Clone(at.slices)
	return out
}

// all returns the services of which anything stands.
func (o *Objects) all() []fleet.Name {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Collect(maps.Keys(o.services))
}

// leaving says whether a namespace is being deleted: its objects go by themselves.
func (o *Objects) leaving(namespace string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.terminating[namespace]
}

// rouse sets who is told of what may need a write; nil: nobody.
func (o *Objects) rouse(tell func(fleet.Name)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.roused = tell
}

// found takes an object as it was just read, whatever was known of it, and in whose way it stands if it is not ours.
func (o *Objects) found(service fleet.Name, obj client.Object) {
	o.mu.Lock()
	switch obj.(type) {
	case *corev1.Service:
		o.derived[nameOf(obj)] = service
	case *mcsv1beta1.ServiceImport:
		o.at(service).theirs = !isOwn(obj)
	}
	o.mu.Unlock()
	o.refresh(obj)
}
