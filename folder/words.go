package folder

import (
	"reflect"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// words are the values of the types that an API server checks against a list.
var words = map[reflect.Type][]string{
	reflect.TypeFor[corev1.Protocol]():                     {"TCP", "UDP", "SCTP"},
	reflect.TypeFor[corev1.ServiceType]():                  {"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"},
	reflect.TypeFor[corev1.ServiceAffinity]():              {"ClientIP", "None"},
	reflect.TypeFor[corev1.ServiceInternalTrafficPolicy](): {"Cluster", "Local"},
	reflect.TypeFor[corev1.ServiceExternalTrafficPolicy](): {"Cluster", "Local"},
	reflect.TypeFor[corev1.IPFamily]():                     {"IPv4", "IPv6"},
	reflect.TypeFor[corev1.IPFamilyPolicy]():               {"SingleStack", "PreferDualStack", "RequireDualStack"},
	reflect.TypeFor[discoveryv1.AddressType]():             {"IPv4", "IPv6"},
	reflect.TypeFor[metav1.LabelSelectorOperator]():        {"In", "NotIn", "Exists", "DoesNotExist"},
	reflect.TypeFor[gatewayv1.PathMatchType]():             {"Exact", "PathPrefix", "RegularExpression"},
	reflect.TypeFor[gatewayv1.HeaderMatchType]():           {"Exact", "RegularExpression"},
	reflect.TypeFor[gatewayv1.QueryParamMatchType]():       {"Exact", "RegularExpression"},
	reflect.TypeFor[gatewayv1.HTTPMethod](): {
		"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
	},
	reflect.TypeFor[gatewayv1.HTTPMethodWithWildcard](): {
		"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "*",
	},
	reflect.TypeFor[gatewayv1.HTTPRouteFilterType](): {
		"RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror", "RequestRedirect", "URLRewrite", "ExtensionRef", "CORS",
	},
	reflect.TypeFor[gatewayv1.HTTPPathModifierType](): {"ReplaceFullPath", "ReplacePrefixMatch"},
	reflect.TypeFor[gatewayv1.FromNamespaces]():       {"All", "Selector", "Same", "None"},
	reflect.TypeFor[gatewayv1.TLSModeType]():          {"Terminate", "Passthrough"},
}

var duration = regexp.MustCompile(`^([0-9]{1,5}(h|m|s|ms)){1,4}$`)

// refuseText says what is wrong with a text of a type, or nothing.
func refuseText(t reflect.Type, text string) string {
	if allowed, ok := words[t]; ok && !contains(allowed, text) {
		if text == "" && (t == reflect.TypeFor[corev1.Protocol]() || t == reflect.TypeFor[corev1.ServiceType]()) {
			return "" // the default
		}
		return clip(text) + " is not known, " + didYouMean(text, allowed)
	}
	switch t {
	case reflect.TypeFor[gatewayv1.Duration]():
		if !duration.MatchString(text) {
			return clip(text) + " is not a duration, write for example 10s or 1m30s"
		}
	case reflect.TypeFor[gatewayv1.Hostname](), reflect.TypeFor[gatewayv1.PreciseHostname]():
		precise := t == reflect.TypeFor[gatewayv1.PreciseHostname]()
		if rest, wild := strings.CutPrefix(text, "*."); wild && precise || refuseSubdomain(rest) != "" {
			return clip(text) + " is not a hostname, write for example shop.example"
		}
	case reflect.TypeFor[gatewayv1.ObjectName]():
		if text == "" || len(text) > 253 {
			return "must be the name of an object"
		}
	}
	return ""
}
