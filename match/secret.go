package match

import (
	"crypto/tls"
	"errors"
	"fmt"

	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
)

// Secret is a compiled secret: a certificate with its key.
type Secret struct {
	Name        string
	Certificate tls.Certificate
}

// CompileSecret compiles one secret. No error holds any part of the key.
func CompileSecret(s *tlsv3.Secret) (*Secret, error) {
	if s.GetName() == "" {
		return nil, errors.New("name: empty")
	}
	c := s.GetTlsCertificate()
	if c == nil {
		return nil, errors.New("only tls_certificate is supported")
	}
	pair, err := tls.X509KeyPair(c.GetCertificateChain().GetInlineBytes(), c.GetPrivateKey().GetInlineBytes())
	if err != nil {
		return nil, fmt.Errorf("tls_certificate: %w", err)
	}
	return &Secret{Name: s.GetName(), Certificate: pair}, nil
}

// Choose returns the first of the secrets whose certificate is good for the client, else the first. Missing ones are nil.
func Choose(secrets []*Secret, hello *tls.ClientHelloInfo) *Secret {
	var first *Secret
	for _, s := range secrets {
		if s == nil {
			continue
		}
		if hello.SupportsCertificate(&s.Certificate) == nil {
			return s
		}
		if first == nil {
			first = s
		}
	}
	return first
}
