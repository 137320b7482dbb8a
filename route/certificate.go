package route

import (
	"crypto/tls"
	"strings"

	corev1 "k8s.io/api/core/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"fairlead.dev/fairlead/fleet"
)

// resolve reads the Secrets of a listener and checks the kinds of routes that it allows.
func (c *candidate) resolve(v View, gw *gatewayv1.Gateway) {
	if c.spec.Protocol == gatewayv1.HTTPSProtocolType && c.spec.TLS != nil {
		for i := range c.spec.TLS.CertificateRefs {
			cert, bad := certificate(v, gw.Namespace, &c.spec.TLS.CertificateRefs[i])
			if len(bad) > 0 {
				c.unresolved = append(c.unresolved, bad.at("tls.certificateRefs", i)...)
				continue
			}
			c.certificates = append(c.certificates, cert)
		}
	}
	c.unresolved = append(c.unresolved, checkKinds(c.spec)...)
}

// certificate finds a Secret of type kubernetes.io/tls from a Gateway in a namespace. Its dates are not looked at: here is no clock.
func certificate(v View, namespace string, ref *gatewayv1.SecretObjectReference) (Certificate, problems) {
	to := target{group: string(deref(ref.Group, "")), kind: string(deref(ref.Kind, "Secret"))}
	to.Name = fleet.Name{Namespace: string(deref(ref.Namespace, gatewayv1.Namespace(namespace))), Name: string(ref.Name)}
	invalid := func(field, format string, args ...any) (Certificate, problems) {
		return Certificate{}, because(gatewayv1.ListenerReasonInvalidCertificateRef, field, format, args...)
	}
	if to.group != "" || to.kind != "Secret" {
		return invalid("kind", "is %s; name a Secret", groupKind(to.group, to.kind))
	}
	if !granted(v, "Gateway", namespace, to) {
		return Certificate{}, because(gatewayv1.ListenerReasonRefNotPermitted, "namespace",
			"is %s, from where Secret %s is not granted to this Gateway; %s", to.Namespace, to.Name, grantRemedy("Gateway", namespace, to))
	}
	secret := v.Secret(to.Name)
	if secret == nil {
		return invalid("name", "is %s, but there is no Secret %s; create it", ref.Name, to.Name)
	}
	if secret.Type != corev1.SecretTypeTLS {
		return invalid("name", "is %s, a Secret of type %q; it must be of type %s", ref.Name, secret.Type, corev1.SecretTypeTLS)
	}
	cert := Certificate{Secret: to.Name, Cert: secretField(secret, corev1.TLSCertKey), Key: secretField(secret, corev1.TLSPrivateKeyKey)}
	if _, err := tls.X509KeyPair(cert.Cert, cert.Key); err != nil {
		return invalid("name", "is %s, a Secret without a usable certificate and key in tls.crt and tls.key (%s); correct it",
			ref.Name, strings.TrimPrefix(err.Error(), "tls: "))
	}
	return cert, nil
}

// secretField reads a field of a Secret as an API server would have stored it: stringData goes over data.
func secretField(s *corev1.Secret, key string) []byte {
	if text, ok := s.StringData[key]; ok {
		return []byte(text)
	}
	return s.Data[key]
}
