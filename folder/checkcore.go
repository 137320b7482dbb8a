package folder

import (
	"net/netip"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func index(field string, i int) string { return field + "[" + strconv.Itoa(i) + "]" }

func labelSet(m map[string]string) labels.Set { return m }

func checkService(s *corev1.ServiceSpec, r report) {
	switch {
	case s.Type == corev1.ServiceTypeExternalName && s.ExternalName == "":
		r("spec.externalName", "is missing, write the DNS name that the service stands for")
	case s.Type != corev1.ServiceTypeExternalName && s.ClusterIP != corev1.ClusterIPNone && len(s.Ports) == 0:
		r("spec.ports", "is missing, write at least one port (only headless services, clusterIP: None, may have none)")
	}
	if s.ClusterIP != "" && s.ClusterIP != corev1.ClusterIPNone {
		if _, err := netip.ParseAddr(s.ClusterIP); err != nil {
			r("spec.clusterIP", "%q is not an IP address, write None or leave it out", clip(s.ClusterIP))
		}
	}
	if len(s.IPFamilies) > 2 || len(s.IPFamilies) == 2 && s.IPFamilies[0] == s.IPFamilies[1] {
		r("spec.ipFamilies", "must be IPv4, IPv6 or both, each once")
	}
	names, numbers := map[string]int{}, map[string]int{}
	for i, p := range s.Ports {
		field := index("spec.ports", i)
		r.text(field+".port", refusePort(int64(p.Port)))
		if p.TargetPort != intstr.FromInt32(p.Port) { // or it is the default
			checkTargetPort(p.TargetPort, field+".targetPort", r)
		}
		if p.NodePort < 0 || p.NodePort > 65535 {
			r(field+".nodePort", "%d is out of range, use 1 to 65535", p.NodePort)
		}
		switch {
		case p.Name != "":
			r.text(field+".name", refusePortName(p.Name))
		case len(s.Ports) > 1:
			r(field+".name", "is missing, each port needs a name where there are several")
		}
		if first, twice := names[p.Name]; twice && p.Name != "" {
			r(field+".name", "%s is the name of spec.ports[%d] too, give each port its own", p.Name, first)
		}
		number := string(p.Protocol) + "/" + strconv.Itoa(int(p.Port))
		if first, twice := numbers[number]; twice {
			r(field+".port", "%d/%s is spec.ports[%d] too, remove one", p.Port, p.Protocol, first)
		}
		names[p.Name], numbers[number] = i, i
	}
}

func checkTargetPort(p intstr.IntOrString, field string, r report) {
	switch {
	case p.Type == intstr.Int && p.IntVal != 0:
		r.text(field, refusePort(int64(p.IntVal)))
	case p.Type == intstr.String && !nameIANA.MatchString(p.StrVal):
		r(field, "%q is neither a port number nor the name of a container's port", clip(p.StrVal))
	}
}

func checkSecret(s *corev1.Secret, r report) {
	if s.Type != corev1.SecretTypeTLS {
		return
	}
	for _, key := range []string{corev1.TLSCertKey, corev1.TLSPrivateKeyKey} {
		if len(s.Data[key]) == 0 {
			r("data", "%s is missing, a Secret of type %s needs it in PEM (plain under stringData, or base64 under data)", key, corev1.SecretTypeTLS)
		}
	}
}

func checkSlice(s *discoveryv1.EndpointSlice, r report) {
	if s.Labels[discoveryv1.LabelServiceName] == "" {
		r("metadata.labels", "%s is missing, write the name of the Service there", discoveryv1.LabelServiceName)
	}
	if s.AddressType == "" {
		r("addressType", "is missing, write IPv4 or IPv6")
	}
	for i, e := range s.Endpoints {
		field := index("endpoints", i)
		if len(e.Addresses) == 0 {
			r(field+".addresses", "is missing, write the endpoint's IP address")
		}
		for j, text := range e.Addresses {
			addr, err := netip.ParseAddr(text)
			switch {
			case err != nil || addr.Zone() != "":
				r(index(field+".addresses", j), "%q is not an IP address", clip(text))
			case s.AddressType != "" && addr.Is4() != (s.AddressType == discoveryv1.AddressTypeIPv4):
				r(index(field+".addresses", j), "%s is not of addressType %s, put it into a slice of its own", text, s.AddressType)
			}
		}
		if e.Hostname != nil && !label1123.MatchString(*e.Hostname) {
			r(field+".hostname", "%s", refuseLabel(*e.Hostname))
		}
	}
	names := map[string]int{}
	for i, p := range s.Ports {
		if p.Port == nil {
			r(index("ports", i)+".port", "is missing, write the port that the endpoints listen on")
		} else {
			r.text(index("ports", i)+".port", refusePort(int64(*p.Port)))
		}
		if first, twice := names[*p.Name]; twice {
			r(index("ports", i)+".name", "%q is the name of ports[%d] too, give each port its own", clip(*p.Name), first)
		}
		names[*p.Name] = i
	}
}
