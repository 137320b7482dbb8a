package mcs

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/api/v1alpha1"
)

// The texts by which properties are compared and shown. Unequal properties have unequal texts.

// portsText lists the ports of a Service in an order that does not depend on the Service's.
func portsText(s v1alpha1.ServiceRecordSpec) string {
	texts := make([]string, 0, len(s.Ports))
	for _, p := range s.Ports {
		number := fmt.Sprintf("%d/%s", p.Port, protocolOf(p))
		if p.Name != "" {
			number = p.Name + ":" + number
		}
		texts = append(texts, portText(number, orElse(p.AppProtocol, "")))
	}
	if len(texts) == 0 {
		return "none"
	}
	slices.Sort(texts)
	return strings.Join(texts, " ")
}

func portText(number, appProtocol string) string {
	if appProtocol == "" {
		return number
	}
	return number + "(" + appProtocol + ")"
}

func affinityText(s v1alpha1.ServiceRecordSpec) string       { return string(affinityOf(s)) }
func internalPolicyText(s v1alpha1.ServiceRecordSpec) string { return string(internalPolicyOf(s)) }
func typeText(s v1alpha1.ServiceRecordSpec) string           { return string(typeOf(s.Headless)) }
func labelsText(s v1alpha1.ServiceRecordSpec) string         { return pairs(s.ExportedLabels) }
func annotationsText(s v1alpha1.ServiceRecordSpec) string    { return pairs(s.ExportedAnnotations) }

func affinityConfigText(s v1alpha1.ServiceRecordSpec) string {
	if affinityOf(s) == corev1.ServiceAffinityNone {
		// Where there is no affinity there is nothing to configure; that there is none is a conflict of its own.
		return ""
	}
	return fmt.Sprintf("%d s", timeoutOf(s))
}

func distributionText(s v1alpha1.ServiceRecordSpec) string {
	if d := distributionOf(s); d != "" {
		return d
	}
	return "not set"
}

func familiesText(families []corev1.IPFamily) string {
	texts := make([]string, 0, len(families))
	for _, f := range families {
		texts = append(texts, string(f))
	}
	return strings.Join(texts, ",")
}

func typeOf(headless bool) mcsv1beta1.ServiceImportType {
	if headless {
		return mcsv1beta1.Headless
	}
	return mcsv1beta1.ClusterSetIP
}

// pairs lists a map as {a="b", c="d"}. An empty map is {}.
func pairs(m map[string]string) string {
	texts := make([]string, 0, len(m))
	for _, k := range sortedKeys(m) {
		texts = append(texts, fmt.Sprintf("%s=%q", k, m[k]))
	}
	return "{" + strings.Join(texts, ", ") + "}"
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
