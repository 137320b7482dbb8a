package kube

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
)

// verb is what is done to an object.
type verb string

const (
	create verb = "create"
	update verb = "update"
	status verb = "status"
	remove verb = "delete"
	// replace deletes and creates anew what cannot be changed in place.
	replace verb = "replace"
)

// action is one write. Its object belongs to whoever carries it out, and has the version that it is conditional on; of one that is deleted
// it has no more than name and version.
type action struct {
	verb   verb
	object client.Object
	want   digest
}

// diff returns the least writes that make what stands of a service be what is wanted, nil for nothing, in the order in which they are to be
// carried out, and what of somebody else's stands in the way.
//
// Nothing of ours stands under a ServiceImport that was foreign from the start: it belongs to another MCS controller. Under one that was ours,
// what stands is kept up to date: whoever took the label off meant no outage.
func diff(service fleet.Name, want *mcs.Imported, has standing) (actions []action, obstacle string) {
	if want == nil {
		return removals(service, has), ""
	}
	object := ownImport(want.Object)
	switch {
	case has.foreignImport && (has.theirs || has.service == nil && len(has.slices) == 0):
		return removals(service, has), "ServiceImport " + service.String() + " is not managed by " + mcs.ManagedBy +
			": delete it, or let its controller go, and the service is imported"
	case has.foreignImport:
		obstacle = "ServiceImport " + service.String() + " is no longer managed by " + mcs.ManagedBy + ": delete it, and it is written anew"
	case has.imported == nil:
		actions = append(actions, action{create, withoutStatus(object, ""), importDigest(object)})
	}
	if has.foreignService {
		obstacle = "Service " + service.Namespace + "/" + mcs.DerivedName(service.Name) + " is not managed by " + mcs.ManagedBy + ": delete it"
	} else {
		actions = append(actions, serviceActions(service, want.Service, has.service)...)
	}
	actions = append(actions, sliceActions(service, want.Slices, has.slices)...)
	if !has.foreignImport {
		actions = append(actions, importActions(object, has.imported)...)
	}
	return actions, obstacle
}

// ownImport returns a copy of the ServiceImport with the label by which it is known as ours.
func ownImport(si *mcsv1beta1.ServiceImport) *mcsv1beta1.ServiceImport {
	out := si.DeepCopy()
	out.Labels = maps.Clone(out.Labels)
	if out.Labels == nil {
		out.Labels = map[string]string{}
	}
	out.Labels[mcs.LabelManagedBy] = mcs.ManagedBy
	return out
}

// withoutStatus returns what is written of the object itself. An answer is read on top of what was asked for, so a status that was not
// written must not be in it.
func withoutStatus(si *mcsv1beta1.ServiceImport, version string) *mcsv1beta1.ServiceImport {
	out := si.DeepCopy()
	out.ResourceVersion, out.Status = version, mcsv1beta1.ServiceImportStatus{}
	return out
}

func removals(service fleet.Name, has standing) (actions []action) {
	if has.imported != nil && !has.imported.terminated {
		actions = append(actions, action{verb: remove, object: &mcsv1beta1.ServiceImport{ObjectMeta: at(service, service.Name, has.imported.version)}})
	}
	if has.service != nil && !has.service.terminated {
		actions = append(actions, removeService(service, has.service.version))
	}
	return append(actions, sliceActions(service, nil, has.slices)...)
}

func removeService(service fleet.Name, version string) action {
	return action{verb: remove, object: &corev1.Service{ObjectMeta: at(service, mcs.DerivedName(service.Name), version)}}
}

// importActions brings an existing ServiceImport up to date, and the status of any.
func importActions(object *mcsv1beta1.ServiceImport, has *stoodImport) (actions []action) {
	if has != nil && has.terminated {
		return nil
	}
	if has != nil && !has.fits(importDigest(object)) {
		actions = append(actions, action{update, withoutStatus(object, has.version), importDigest(object)})
	}
	want := importStatusDigest(object)
	if has == nil || has.status != want && has.askedStatus != want {
		actions = append(actions, action{status, object.DeepCopy(), want})
	}
	return actions
}

func serviceActions(service fleet.Name, want *corev1.Service, has *stoodService) []action {
	switch {
	case want == nil && has == nil, has != nil && has.terminated:
		return nil
	case want == nil:
		return []action{removeService(service, has.version)}
	case has == nil:
		return []action{{create, want.DeepCopy(), serviceDigest(want)}}
	}
	object, digest := want.DeepCopy(), serviceDigest(want)
	object.ResourceVersion = has.version
	families := want.Spec.IPFamilies
	switch headless := want.Spec.ClusterIP == corev1.ClusterIPNone; {
	case headless != has.headless, len(families) > 0 && len(has.families) > 0 && families[0] != has.families[0]:
		return []action{{replace, object, digest}}
	case has.fits(digest) && (len(families) == 0 || slices.Equal(families, has.families)):
		return nil
	}
	if want.Spec.ClusterIP != corev1.ClusterIPNone {
		object.Spec.ClusterIP, object.Spec.ClusterIPs = "", nil // they stay as they are
	}
	return []action{{update, object, digest}}
}

func sliceActions(service fleet.Name, want []*discoveryv1.EndpointSlice, has map[string]stood) (actions []action) {
	wanted := make(map[string]bool, len(want))
	for _, s := range want {
		wanted[s.Name] = true
		digest := sliceDigest(s)
		stands, there := has[s.Name]
		if there && stands.fits(digest) {
			continue
		}
		object, verb := *s, create // protobuf is read into an object anew: what it shares with the picture stays as it is
		if there {
			object.ResourceVersion, verb = stands.version, update
		}
		actions = append(actions, action{verb, &object, digest})
	}
	for _, name := range slices.Sorted(maps.Keys(has)) {
		if !wanted[name] {
			actions = append(actions, action{
				verb: remove, object: &discoveryv1.EndpointSlice{ObjectMeta: at(service, name, has[name].version)},
			})
		}
	}
	return actions
}

func at(service fleet.Name, name, version string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: service.Namespace, Name: name, ResourceVersion: version}
}

// since gives conditions their transition times: those that they had, where their status is the same, and otherwise now.
func since(conditions, had []metav1.Condition, now metav1.Time) {
	for i := range conditions {
		conditions[i].LastTransitionTime = now
		for _, h := range had {
			if h.Type == conditions[i].Type && h.Status == conditions[i].Status {
				conditions[i].LastTransitionTime = h.LastTransitionTime
			}
		}
	}
}
