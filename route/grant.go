package route

import (
	"fmt"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/fleet"
)

// target is an object that is referred to.
type target struct {
	group, kind string
	fleet.Name
}

const importGroup = mcsv1beta1.GroupName

// granted says whether objects of a Gateway API kind in a namespace may refer to a target: within one namespace always, across
// namespaces where a ReferenceGrant in the target's namespace says so.
func granted(v View, fromKind, fromNamespace string, to target) bool {
	if fromNamespace == to.Namespace {
		return true
	}
	for _, g := range v.Grants(to.Namespace) {
		if grantsFrom(g, fromKind, fromNamespace) && grantsTo(g, to) {
			return true
		}
	}
	return false
}

func grantsFrom(g *gatewayv1.ReferenceGrant, kind, namespace string) bool {
	for _, f := range g.Spec.From {
		if f.Group == gatewayv1.GroupName && string(f.Kind) == kind && string(f.Namespace) == namespace {
			return true
		}
	}
	return false
}

func grantsTo(g *gatewayv1.ReferenceGrant, to target) bool {
	for _, t := range g.Spec.To {
		if string(t.Group) == to.group && string(t.Kind) == to.kind && (t.Name == nil || *t.Name == "" || string(*t.Name) == to.Name.Name) {
			return true
		}
	}
	return false
}

// grantRemedy says which grant would allow a reference.
func grantRemedy(fromKind, fromNamespace string, to target) string {
	return fmt.Sprintf("add a ReferenceGrant in namespace %s from %s in namespace %s to %s", to.Namespace, fromKind, fromNamespace, to.kind)
}
