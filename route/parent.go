package route

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// checkDistinct checks that parentRefs to one object set the same optional fields, to different values.
func checkDistinct(r *gatewayv1.HTTPRoute) problems {
	var ps problems
	refs := r.Spec.ParentRefs
	for i := range refs {
		if deref(refs[i].SectionName, "") != "" {
			ps = append(ps, checkSection("sectionName", string(*refs[i].SectionName)).at("spec.parentRefs", i)...)
		}
		if refs[i].Port != nil {
			ps = append(ps, checkPort("port", *refs[i].Port).at("spec.parentRefs", i)...)
		}
		for j := range i {
			if !sameParent(&refs[i], &refs[j], r.Namespace) {
				continue
			}
			ps = append(ps, checkPair(section(&refs[i]), section(&refs[j]), j).at("spec.parentRefs", i)...)
		}
	}
	return ps
}

// checkPair compares what two parentRefs to one object select; other is the number of the earlier one.
func checkPair(a, b sectionKey, other int) problems {
	switch {
	case a == b:
		return unsupported("", "selects the same as parentRefs[%d]; remove it, or name another sectionName or port", other)
	case (a.name == "") != (b.name == "") || (a.port == 0) != (b.port == 0):
		return unsupported("", "names the same Gateway as parentRefs[%d]; set the same of sectionName and port in both", other)
	}
	return nil
}

func sameParent(a, b *gatewayv1.ParentReference, namespace string) bool {
	return a.Name == b.Name &&
		deref(a.Group, gatewayv1.GroupName) == deref(b.Group, gatewayv1.GroupName) &&
		deref(a.Kind, "Gateway") == deref(b.Kind, "Gateway") &&
		deref(a.Namespace, gatewayv1.Namespace(namespace)) == deref(b.Namespace, gatewayv1.Namespace(namespace))
}

// sectionKey is what a parentRef selects of its parent.
type sectionKey struct {
	name gatewayv1.SectionName
	port int32
}

func section(ref *gatewayv1.ParentReference) sectionKey {
	return sectionKey{name: deref(ref.SectionName, ""), port: deref(ref.Port, 0)}
}

// choose returns the listeners that a parentRef selects by name and port.
func choose(ref *gatewayv1.ParentReference, gw *gatewayv1.Gateway) []*gatewayv1.Listener {
	key := section(ref)
	var chosen []*gatewayv1.Listener
	for i := range gw.Spec.Listeners {
		l := &gw.Spec.Listeners[i]
		if (key.name == "" || key.name == l.Name) && (key.port == 0 || key.port == l.Port) {
			chosen = append(chosen, l)
		}
	}
	return chosen
}

// door is a listener that takes the route, with the hostnames on which they meet.
type door struct {
	listener *gatewayv1.Listener
	meetings []meeting
}

// doors returns the listeners that a parentRef leads to and that take the route. Where there are none, the problem says why, as
// far as the route got.
func (at *attacher) doors(ref *gatewayv1.ParentReference, gw *gatewayv1.Gateway) ([]door, problems) {
	chosen := choose(ref, gw)
	if len(chosen) == 0 {
		return nil, because(gatewayv1.RouteReasonNoMatchingParent, chooser(ref),
			"selects no listener of Gateway %s/%s, which has %s; name one of them", gw.Namespace, gw.Name, describeListeners(gw))
	}
	open, why := at.admitted(gw, chosen)
	if len(open) == 0 {
		return nil, because(gatewayv1.RouteReasonNotAllowedByListeners, "",
			"leads to Gateway %s/%s, which does not take this route: %s; change allowedRoutes there", gw.Namespace, gw.Name, strings.Join(why, ", "))
	}
	var doors []door
	for _, l := range open {
		if m := meet(listenerHostname(l), at.route.Spec.Hostnames); len(m) > 0 {
			doors = append(doors, door{l, m})
		}
	}
	if len(doors) == 0 {
		return nil, because(gatewayv1.RouteReasonNoMatchingListenerHostname, "",
			"leads to Gateway %s/%s, whose listeners have %s, and none of spec.hostnames is among these; change one side",
			gw.Namespace, gw.Name, describeHostnames(open))
	}
	return doors, nil
}

// chooser is the field of a parentRef that found no listener.
func chooser(ref *gatewayv1.ParentReference) string {
	switch key := section(ref); {
	case key.name != "":
		return "sectionName"
	case key.port != 0:
		return "port"
	}
	return "name"
}

func describeListeners(gw *gatewayv1.Gateway) string {
	if len(gw.Spec.Listeners) == 0 {
		return "none"
	}
	said := make([]string, len(gw.Spec.Listeners))
	for i, l := range gw.Spec.Listeners {
		said[i] = string(l.Name) + " on port " + strconv.Itoa(int(l.Port))
	}
	return strings.Join(said, ", ")
}

func describeHostnames(listeners []*gatewayv1.Listener) string {
	said := make([]string, len(listeners))
	for i, l := range listeners {
		said[i] = listenerHostname(l)
	}
	slices.SortFunc(said, CompareHostnames)
	return strings.Join(slices.Compact(said), ", ")
}

// admitted returns the listeners that take HTTPRoutes from the route's namespace, and why the others do not.
func (at *attacher) admitted(gw *gatewayv1.Gateway, chosen []*gatewayv1.Listener) (open []*gatewayv1.Listener, why []string) {
	for _, l := range chosen {
		switch {
		case !slices.ContainsFunc(supportedKinds(l), isHTTPRoute):
			why = append(why, fmt.Sprintf("listener %s does not allow the kind HTTPRoute", l.Name))
		case !at.allowed(gw, l):
			why = append(why, fmt.Sprintf("listener %s does not allow routes from namespace %s", l.Name, at.route.Namespace))
		default:
			open = append(open, l)
		}
	}
	return open, why
}

// allowed says whether a listener's allowedRoutes take routes from the route's namespace.
func (at *attacher) allowed(gw *gatewayv1.Gateway, l *gatewayv1.Listener) bool {
	from, selector := allowedNamespaces(l)
	switch from {
	case gatewayv1.NamespacesFromAll:
		return true
	case gatewayv1.NamespacesFromSame:
		return at.route.Namespace == gw.Namespace
	case gatewayv1.NamespacesFromSelector:
		s, err := metav1.LabelSelectorAsSelector(selector)
		return err == nil && s.Matches(at.namespaceLabels())
	}
	return false
}

// namespaceLabels are the labels of the route's namespace, with the one that an API server always sets.
func (at *attacher) namespaceLabels() labels.Set {
	const nameLabel = "kubernetes.io/metadata.name"
	own, _ := at.view.Namespace(at.route.Namespace)
	set := labels.Set{nameLabel: at.route.Namespace}
	for k, v := range own {
		set[k] = v
	}
	return set
}

// allowedNamespaces reads a listener's allowedRoutes.namespaces with its defaults.
func allowedNamespaces(l *gatewayv1.Listener) (gatewayv1.FromNamespaces, *metav1.LabelSelector) {
	if l.AllowedRoutes == nil || l.AllowedRoutes.Namespaces == nil {
		return gatewayv1.NamespacesFromSame, nil
	}
	n := l.AllowedRoutes.Namespaces
	return deref(n.From, gatewayv1.NamespacesFromSame), n.Selector
}
