package folder

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// setDefaults fills in what an API server would.
func setDefaults(m Manifest) {
	switch m := m.(type) {
	case *corev1.Namespace:
		setKey(&m.Labels, corev1.LabelMetadataName, m.Name)
	case *corev1.Service:
		defaultService(&m.Spec)
	case *corev1.Secret:
		for k, v := range m.StringData {
			setKey(&m.Data, k, []byte(v))
		}
		m.StringData = nil
		setText(&m.Type, corev1.SecretTypeOpaque)
	case *discoveryv1.EndpointSlice:
		for i := range m.Ports {
			setPointer(&m.Ports[i].Protocol, corev1.ProtocolTCP)
			setPointer(&m.Ports[i].Name, "")
		}
	case *appsv1.Deployment:
		setPointer(&m.Spec.Replicas, 1)
		defaultContainers(&m.Spec.Template.Spec)
	case *appsv1.StatefulSet:
		setPointer(&m.Spec.Replicas, 1)
		defaultContainers(&m.Spec.Template.Spec)
	case *gatewayv1.Gateway:
		defaultGateway(&m.Spec)
	case *gatewayv1.HTTPRoute:
		defaultRoute(&m.Spec)
	}
}

func defaultService(s *corev1.ServiceSpec) {
	setText(&s.Type, corev1.ServiceTypeClusterIP)
	setText(&s.SessionAffinity, corev1.ServiceAffinityNone)
	if s.SessionAffinity == corev1.ServiceAffinityClientIP {
		setPointer(&s.SessionAffinityConfig, corev1.SessionAffinityConfig{})
		setPointer(&s.SessionAffinityConfig.ClientIP, corev1.ClientIPConfig{})
		setPointer(&s.SessionAffinityConfig.ClientIP.TimeoutSeconds, corev1.DefaultClientIPServiceAffinitySeconds)
	}
	for i := range s.Ports {
		p := &s.Ports[i]
		setText(&p.Protocol, corev1.ProtocolTCP)
		if p.TargetPort == (intstr.IntOrString{}) {
			p.TargetPort = intstr.FromInt32(p.Port)
		}
	}
	if s.Type == corev1.ServiceTypeExternalName {
		return
	}
	setPointer(&s.InternalTrafficPolicy, corev1.ServiceInternalTrafficPolicyCluster)
	if len(s.IPFamilies) == 0 {
		s.IPFamilies = []corev1.IPFamily{corev1.IPv4Protocol}
		if s.IPFamilyPolicy != nil && *s.IPFamilyPolicy == corev1.IPFamilyPolicyRequireDualStack {
			s.IPFamilies = append(s.IPFamilies, corev1.IPv6Protocol)
		}
	}
	policy := corev1.IPFamilyPolicySingleStack
	if len(s.IPFamilies) > 1 {
		policy = corev1.IPFamilyPolicyRequireDualStack
	}
	setPointer(&s.IPFamilyPolicy, policy)
}

func defaultContainers(p *corev1.PodSpec) {
	for i := range p.Containers {
		for j := range p.Containers[i].Ports {
			setText(&p.Containers[i].Ports[j].Protocol, corev1.ProtocolTCP)
		}
	}
}

func defaultGateway(g *gatewayv1.GatewaySpec) {
	for i := range g.Addresses {
		setPointer(&g.Addresses[i].Type, gatewayv1.IPAddressType)
	}
	for i := range g.Listeners {
		l := &g.Listeners[i]
		setPointer(&l.AllowedRoutes, gatewayv1.AllowedRoutes{})
		setPointer(&l.AllowedRoutes.Namespaces, gatewayv1.RouteNamespaces{})
		setPointer(&l.AllowedRoutes.Namespaces.From, gatewayv1.NamespacesFromSame)
		for j := range l.AllowedRoutes.Kinds {
			setPointer(&l.AllowedRoutes.Kinds[j].Group, gatewayv1.GroupName)
		}
		if l.TLS != nil {
			setPointer(&l.TLS.Mode, gatewayv1.TLSModeTerminate)
			for j := range l.TLS.CertificateRefs {
				setPointer(&l.TLS.CertificateRefs[j].Group, "")
				setPointer(&l.TLS.CertificateRefs[j].Kind, "Secret")
			}
		}
	}
}

func defaultRoute(r *gatewayv1.HTTPRouteSpec) {
	for i := range r.ParentRefs {
		setPointer(&r.ParentRefs[i].Group, gatewayv1.GroupName)
		setPointer(&r.ParentRefs[i].Kind, "Gateway")
	}
	if len(r.Rules) == 0 {
		r.Rules = []gatewayv1.HTTPRouteRule{{}}
	}
	for i := range r.Rules {
		rule := &r.Rules[i]
		if len(rule.Matches) == 0 {
			rule.Matches = []gatewayv1.HTTPRouteMatch{{}}
		}
		for j := range rule.Matches {
			defaultMatch(&rule.Matches[j])
		}
		for j := range rule.BackendRefs {
			b := &rule.BackendRefs[j]
			defaultBackend(&b.BackendObjectReference)
			setPointer(&b.Weight, 1)
			defaultFilters(b.Filters)
		}
		defaultFilters(rule.Filters)
	}
}

func defaultMatch(m *gatewayv1.HTTPRouteMatch) {
	setPointer(&m.Path, gatewayv1.HTTPPathMatch{})
	setPointer(&m.Path.Type, gatewayv1.PathMatchPathPrefix)
	setPointer(&m.Path.Value, "/")
	for i := range m.Headers {
		setPointer(&m.Headers[i].Type, gatewayv1.HeaderMatchExact)
	}
	for i := range m.QueryParams {
		setPointer(&m.QueryParams[i].Type, gatewayv1.QueryParamMatchExact)
	}
}

func defaultBackend(b *gatewayv1.BackendObjectReference) {
	setPointer(&b.Group, "")
	setPointer(&b.Kind, "Service")
}

func defaultFilters(filters []gatewayv1.HTTPRouteFilter) {
	for i := range filters {
		f := &filters[i]
		if f.RequestRedirect != nil {
			setPointer(&f.RequestRedirect.StatusCode, 302)
		}
		if f.RequestMirror != nil {
			defaultBackend(&f.RequestMirror.BackendRef)
			if f.RequestMirror.Fraction != nil {
				setPointer(&f.RequestMirror.Fraction.Denominator, 100)
			}
		}
		if f.CORS != nil && f.CORS.MaxAge == 0 {
			f.CORS.MaxAge = 5
		}
	}
}

func setPointer[T any](p **T, v T) {
	if *p == nil {
		*p = &v
	}
}

func setText[T ~string](s *T, v T) {
	if *s == "" {
		*s = v
	}
}

func setKey[V any](m *map[string]V, key string, v V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[key] = v
}
