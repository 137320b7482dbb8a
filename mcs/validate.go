package mcs

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"fairlead.dev/fairlead/api/v1alpha1"
)

// ValidateRecord returns the reason for refusing a ServiceRecord, a sentence that names the field and what to do, or nothing. A
// record that it lets through has all that a Service would be allowed to have, and can be merged and imported.
func ValidateRecord(r *v1alpha1.ServiceRecord) string {
	spec := r.Spec
	for _, check := range []func(v1alpha1.ServiceRecordSpec) string{
		func(s v1alpha1.ServiceRecordSpec) string {
			return validateNames(s.Cluster, s.Namespace, s.Name, "spec.name")
		},
		validateAge, validatePorts, validateFamilies, validateAffinity, validatePolicies, validateMetadata,
	} {
		if reason := check(spec); reason != "" {
			return reason
		}
	}
	return ""
}

// validateNames checks what identifies a record. A cluster id is a DNS label, or two joined by a dot (M2), and is short enough for
// the label that EndpointSlices carry it in (M16).
func validateNames(cluster, namespace, service, serviceField string) string {
	if len(cluster) > validation.LabelValueMaxLength {
		return fmt.Sprintf("spec.cluster %q is longer than %d characters, which is what a label holds: use a shorter cluster id",
			clip(cluster), validation.LabelValueMaxLength)
	}
	name, context, dotted := strings.Cut(cluster, ".")
	complaints := validation.IsDNS1123Label(name)
	if dotted {
		complaints = append(complaints, validation.IsDNS1123Label(context)...)
	}
	if len(complaints) > 0 {
		return refuse("spec.cluster", cluster, complaints[:1])
	}
	if reason := refuse("spec.namespace", namespace, validation.IsDNS1123Label(namespace)); reason != "" {
		return reason
	}
	return refuse(serviceField, service, validation.IsDNS1123Label(service))
}

// validateAge lets records without a time through: a folder has none, and on a real hub the membership bounds it (Since).
func validateAge(spec v1alpha1.ServiceRecordSpec) string {
	if at := spec.ExportedAt; !at.IsZero() && at.Time.Before(epoch) {
		return fmt.Sprintf("spec.exportedAt %s is older than Kubernetes: it is the creation time of the ServiceExport", at.UTC().Format(time.RFC3339))
	}
	return ""
}

func validatePorts(spec v1alpha1.ServiceRecordSpec) string {
	if len(spec.Ports) > maxPorts {
		return fmt.Sprintf("spec.ports has %d entries: at most %d can be exported", len(spec.Ports), maxPorts)
	}
	if len(spec.Ports) == 0 && !spec.Headless {
		return "spec.ports is empty: a service that is not headless has at least one port"
	}
	type number struct {
		protocol corev1.Protocol
		port     int32
	}
	names, numbers := map[string]bool{}, map[number]bool{}
	for i, p := range spec.Ports {
		protocol := protocolOf(p)
		reason := validatePort(p.Name, protocol, p.Port, p.AppProtocol)
		switch {
		case reason != "":
		case p.Name == "" && len(spec.Ports) > 1:
			reason = "name is not set: name every port of a Service that has more than one"
		case names[p.Name]:
			reason = fmt.Sprintf("name %q is used twice: port names must differ", p.Name)
		case numbers[number{protocol, p.Port}]:
			reason = fmt.Sprintf("%d/%s is used twice: list each port once", p.Port, protocol)
		}
		if reason != "" {
			return fmt.Sprintf("spec.ports[%d]: %s", i, reason)
		}
		names[p.Name], numbers[number{protocol, p.Port}] = true, true
	}
	return ""
}

func validatePort(name string, protocol corev1.Protocol, port int32, appProtocol *string) string {
	if name != "" {
		if reason := refuse("name", name, validation.IsDNS1123Label(name)); reason != "" {
			return reason
		}
	}
	if protocol != corev1.ProtocolTCP && protocol != corev1.ProtocolUDP && protocol != corev1.ProtocolSCTP {
		return fmt.Sprintf("protocol %q is none of TCP, UDP and SCTP", clip(string(protocol)))
	}
	if port < 1 || port > 65535 {
		return fmt.Sprintf("port %d is not between 1 and 65535", port)
	}
	if appProtocol != nil && *appProtocol != "" {
		return refuse("appProtocol", *appProtocol, validation.IsQualifiedName(*appProtocol))
	}
	return ""
}

func validateFamilies(spec v1alpha1.ServiceRecordSpec) string {
	for i, f := range spec.IPFamilies {
		if f != corev1.IPv4Protocol && f != corev1.IPv6Protocol {
			return fmt.Sprintf("spec.ipFamilies[%d] %q is neither IPv4 nor IPv6", i, clip(string(f)))
		}
		if slices.Contains(spec.IPFamilies[:i], f) {
			return fmt.Sprintf("spec.ipFamilies names %s twice: list each family once", f)
		}
	}
	return ""
}

func validateAffinity(spec v1alpha1.ServiceRecordSpec) string {
	if a := affinityOf(spec); a != corev1.ServiceAffinityNone && a != corev1.ServiceAffinityClientIP {
		return fmt.Sprintf("spec.sessionAffinity %q is neither None nor ClientIP", clip(string(a)))
	}
	const day = 86400
	if t := timeoutOf(spec); t < 1 || t > day {
		return fmt.Sprintf("spec.sessionAffinityConfig.clientIP.timeoutSeconds %d is not between 1 and %d", t, day)
	}
	return ""
}

func validatePolicies(spec v1alpha1.ServiceRecordSpec) string {
	if p := internalPolicyOf(spec); p != corev1.ServiceInternalTrafficPolicyCluster && p != corev1.ServiceInternalTrafficPolicyLocal {
		return fmt.Sprintf("spec.internalTrafficPolicy %q is neither Cluster nor Local", clip(string(p)))
	}
	if d := spec.TrafficDistribution; d != nil {
		// Kubernetes adds values from time to time, and what we do not know we only pass on.
		return refuse("spec.trafficDistribution", *d, validation.IsQualifiedName(*d))
	}
	return ""
}

func validateMetadata(spec v1alpha1.ServiceRecordSpec) string {
	for _, k := range sortedKeys(spec.ExportedLabels) {
		complaints := append(validation.IsQualifiedName(k), validation.IsValidLabelValue(spec.ExportedLabels[k])...)
		if reason := refuse("spec.exportedLabels", k+"="+spec.ExportedLabels[k], complaints); reason != "" {
			return reason
		}
	}
	size := 0
	for _, k := range sortedKeys(spec.ExportedAnnotations) {
		if reason := refuse("spec.exportedAnnotations", k, validation.IsQualifiedName(strings.ToLower(k))); reason != "" {
			return reason
		}
		size += len(k) + len(spec.ExportedAnnotations[k])
	}
	const most = 256 << 10
	if size > most {
		return fmt.Sprintf("spec.exportedAnnotations is %d bytes: an object holds at most %d", size, most)
	}
	return ""
}
