package mcs

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
)

// Unpack returns the slice of an EndpointRecord, and what was refused of it: a sentence that names the field and what to do, or nothing.
// It trusts nothing: sizes, names, addresses and ports are checked, and that the slice is the one that the record's spec names. An
// endpoint that is not valid, or stands where none of its cluster can (Ground), is left out and told, and the others are used; for
// everything else the slice is refused as a whole: nil.
func Unpack(r *v1alpha1.EndpointRecord, g Ground) (*fleet.Slice, string) {
	s, reason := open(r)
	if reason != "" {
		return nil, reason
	}
	good := make([]discoveryv1.Endpoint, 0, len(s.Endpoints))
	left := 0
	for i, e := range s.Endpoints {
		why := validateEndpoint(e, s.AddressType, g)
		switch {
		case why == "":
			good = append(good, e)
			continue
		case left == 0:
			reason = fmt.Sprintf("endpoints[%d] of the packed slice: %s", i, why)
		}
		left++
	}
	if left > 0 {
		reason += fmt.Sprintf("; left out: %d of %s", left, plural(len(s.Endpoints), "endpoint"))
	}
	s.Endpoints = good
	out := SliceOf(r.Spec.Cluster, s)
	for i := range out.Endpoints {
		out.Endpoints[i].ForZones, out.Endpoints[i].Node = nil, ""
	}
	return out, reason
}

// open returns the slice that a record carries, with everything but its endpoints checked, or the reason for refusing it.
func open(r *v1alpha1.EndpointRecord) (*discoveryv1.EndpointSlice, string) {
	if reason := validateEndpointSpec(r.Spec); reason != "" {
		return nil, reason
	}
	s, reason := unpack(r.Spec.Packed)
	if reason != "" {
		return nil, reason
	}
	if reason := cmp.Or(validateIdentity(r.Spec, s), validateSlice(s)); reason != "" {
		return nil, reason
	}
	return s, ""
}

func validateEndpointSpec(spec v1alpha1.EndpointRecordSpec) string {
	if reason := validateNames(spec.Cluster, spec.Namespace, spec.Service, "spec.service"); reason != "" {
		return reason
	}
	return refuse("spec.slice", spec.Slice, validation.IsDNS1123Subdomain(spec.Slice))
}

// validateIdentity compares the slice with the record that carries it: a member can only speak of what the record names.
func validateIdentity(spec v1alpha1.EndpointRecordSpec, s *discoveryv1.EndpointSlice) string {
	for _, pair := range []struct{ field, want, got string }{
		{"namespace", spec.Namespace, s.Namespace},
		{"service", spec.Service, s.Labels[discoveryv1.LabelServiceName]},
		{"slice", spec.Slice, s.Name},
	} {
		if pair.want != pair.got {
			return fmt.Sprintf("spec.%s is %q but the packed slice says %q: they must be equal", pair.field, pair.want, clip(pair.got))
		}
	}
	return ""
}

func validateSlice(s *discoveryv1.EndpointSlice) string {
	if s.AddressType != discoveryv1.AddressTypeIPv4 && s.AddressType != discoveryv1.AddressTypeIPv6 {
		return fmt.Sprintf("addressType %q of the packed slice is neither IPv4 nor IPv6: only slices of addresses can be imported",
			clip(string(s.AddressType)))
	}
	names := map[string]bool{}
	for i, p := range s.Ports {
		if reason := validateSlicePort(p, names); reason != "" {
			return fmt.Sprintf("ports[%d] of the packed slice: %s", i, reason)
		}
	}
	return ""
}

func validateSlicePort(p discoveryv1.EndpointPort, names map[string]bool) string {
	name := orElse(p.Name, "")
	if names[name] {
		return fmt.Sprintf("name %q is used twice: port names must differ", clip(name))
	}
	names[name] = true
	if p.Port == nil {
		return "port is not set: give a number between 1 and 65535"
	}
	return validatePort(name, orElse(p.Protocol, corev1.ProtocolTCP), *p.Port, p.AppProtocol)
}

func validateEndpoint(e discoveryv1.Endpoint, family discoveryv1.AddressType, g Ground) string {
	if len(e.Addresses) == 0 {
		return "addresses is empty: give one address"
	}
	for _, text := range e.Addresses {
		ip, err := netip.ParseAddr(text)
		if err != nil {
			return fmt.Sprintf("address %q is not an IP address", clip(text))
		}
		if why := cmp.Or(badAddress(ip, family), g.refuses(ip)); why != "" {
			return fmt.Sprintf("address %s %s", clip(text), why)
		}
	}
	if e.Hostname != nil && *e.Hostname != "" {
		if reason := refuse("hostname", *e.Hostname, validation.IsDNS1123Label(*e.Hostname)); reason != "" {
			return reason
		}
	}
	return refuse("zone", orElse(e.Zone, ""), validation.IsValidLabelValue(orElse(e.Zone, "")))
}

// refuse joins the complaints about one field into a reason; none, no reason.
func refuse(field, value string, complaints []string) string {
	if len(complaints) == 0 {
		return ""
	}
	return fmt.Sprintf("%s %q is not valid: %s", field, clip(value), strings.Join(complaints, "; "))
}

// clip keeps foreign text in messages short.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
