package kube

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
)

// put takes one object as it stands now: ours is noted, unless it is older than what was noted last; of somebody else's it counts only that it
// stands in the way. The caller holds the lock.
func (o *Objects) put(obj client.Object) {
	switch obj := obj.(type) {
	case *corev1.Namespace:
		o.putNamespace(obj)
	case *mcsv1beta1.ServiceImport:
		o.putImport(obj)
	case *corev1.Service:
		o.putService(obj)
	case *discoveryv1.EndpointSlice:
		o.putSlice(obj)
	}
}

func (o *Objects) putNamespace(ns *corev1.Namespace) {
	if ns.DeletionTimestamp != nil {
		o.terminating[ns.Name] = true
	} else {
		delete(o.terminating, ns.Name)
	}
}

func (o *Objects) putImport(si *mcsv1beta1.ServiceImport) {
	name := nameOf(si)
	at := o.at(name)
	if !isOwn(si) {
		was := at.imported != nil || !at.foreignImport
		at.imported, at.foreignImport = nil, true
		o.changed(name, at, was)
		return
	}
	now := &stoodImport{
		stood: stood{version: si.ResourceVersion, says: importDigest(si), terminated: si.DeletionTimestamp != nil},
		uid:   si.UID, status: importStatusDigest(si), ips: addresses(si.Spec.IPs),
	}
	for _, c := range si.Status.Conditions {
		now.conditions = append(now.conditions, metav1.Condition{Type: c.Type, Status: c.Status, LastTransitionTime: c.LastTransitionTime})
	}
	was := at.imported
	if was != nil && !newer(was.version, now.version) {
		return
	}
	same := was != nil && was.says == now.says && was.status == now.status && was.terminated == now.terminated
	if was != nil && was.says == now.says {
		now.asked = was.asked
	}
	if was != nil && was.status == now.status {
		now.askedStatus = was.askedStatus
	}
	at.imported, at.foreignImport, at.theirs = now, false, false
	o.changed(name, at, !same)
}

func (o *Objects) putService(svc *corev1.Service) {
	name := nameOf(svc)
	service := fleet.Name{Namespace: svc.Namespace, Name: svc.Labels[mcsv1beta1.LabelServiceName]}
	if own := isOwn(svc) && mcs.DerivedName(service.Name) == svc.Name; !own {
		// Whose service a foreign one stands in the way of is known once ours was refused for it.
		if of, known := o.derived[name]; known {
			at := o.at(of)
			was := !at.foreignService
			at.service, at.foreignService = nil, true
			o.changed(of, at, was)
		}
		return
	}
	o.derived[name] = service
	at := o.at(service)
	now := &stoodService{
		stood:    stood{version: svc.ResourceVersion, says: serviceDigest(svc), terminated: svc.DeletionTimestamp != nil},
		headless: svc.Spec.ClusterIP == corev1.ClusterIPNone, ips: addresses(svc.Spec.ClusterIPs), families: svc.Spec.IPFamilies,
	}
	was := at.service
	if was != nil && !newer(was.version, now.version) {
		return
	}
	same := was != nil && was.says == now.says && was.terminated == now.terminated &&
		was.headless == now.headless && slices.Equal(was.ips, now.ips) && slices.Equal(was.families, now.families)
	if was != nil && was.says == now.says {
		now.asked = was.asked
	}
	at.service, at.foreignService = now, false
	o.changed(service, at, !same)
}

func (o *Objects) putSlice(s *discoveryv1.EndpointSlice) {
	name := nameOf(s)
	service := fleet.Name{Namespace: s.Namespace, Name: s.Labels[mcsv1beta1.LabelServiceName]}
	before, known := o.slices[name]
	if known && (!isOwn(s) || before != service) {
		if !newer(o.services[before].slices[name.Name].version, s.ResourceVersion) {
			return
		}
		o.dropSlice(name, before)
	}
	if !isOwn(s) || service.Name == "" {
		return
	}
	at := o.at(service)
	now := stood{version: s.ResourceVersion, says: sliceDigest(s)}
	was, stands := at.slices[s.Name]
	if stands && !newer(was.version, now.version) {
		return
	}
	if stands && was.says == now.says {
		now.asked = was.asked
	}
	o.slices[name] = service
	if at.slices == nil {
		at.slices = map[string]stood{}
	}
	at.slices[s.Name] = now
	o.changed(service, at, !stands || was.says != now.says)
}

func (o *Objects) dropImport(service fleet.Name) {
	at := o.services[service]
	at.imported, at.foreignImport = nil, false
	o.changed(service, at, true)
}

func (o *Objects) dropService(name, service fleet.Name) {
	delete(o.derived, name)
	at := o.services[service]
	at.service, at.foreignService = nil, false
	o.changed(service, at, true)
}

func (o *Objects) dropSlice(name, service fleet.Name) {
	delete(o.slices, name)
	at := o.services[service]
	delete(at.slices, name.Name)
	o.changed(service, at, true)
}
