package xds

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"fairlead.dev/fairlead/route"
)

// Secret is a certificate with its key, inline. Its name is namespace/name of the Kubernetes Secret.
func Secret(c *route.Certificate) *tlsv3.Secret {
	return &tlsv3.Secret{
		Name: c.Secret.String(),
		Type: &tlsv3.Secret_TlsCertificate{TlsCertificate: &tlsv3.TlsCertificate{
			CertificateChain: inline(c.Cert),
			PrivateKey:       inline(c.Key),
		}},
	}
}

func inline(b []byte) *corev3.DataSource {
	return &corev3.DataSource{Specifier: &corev3.DataSource_InlineBytes{InlineBytes: b}}
}
