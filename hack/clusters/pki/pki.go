// Package pki makes what a cluster's components show to each other: one authority for a cluster, certificates under it, the key that signs
// ServiceAccount tokens, and kubeconfigs. Everything is a file in one folder, made once and then kept.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// Dir is the folder of one cluster's keys and certificates: NAME.key, NAME.crt, NAME.conf.
type Dir string

// Subject says what a certificate is for. A server has hosts; a client has none.
type Subject struct {
	Name  string // common name: the user's name in Kubernetes
	Group string // organisation: the user's group
	Hosts []string
	IPs   []netip.Addr
}

const validity = 10 * 365 * 24 * time.Hour

// Path returns the path of a file in the folder.
func (d Dir) Path(file string) string { return filepath.Join(string(d), file) }

// Authority makes a certificate authority, unless it is there.
func (d Dir) Authority(name, common string) error {
	return d.once(name+".crt", func() error {
		key, err := d.key(name)
		if err != nil {
			return err
		}
		t := template(Subject{Name: common})
		t.IsCA, t.BasicConstraintsValid, t.ExtKeyUsage = true, true, nil
		t.KeyUsage |= x509.KeyUsageCertSign | x509.KeyUsageCRLSign
		return d.sign(name, t, t, key, key)
	})
}

// Issue makes a certificate under an authority, unless it is there.
func (d Dir) Issue(authority, name string, s Subject) error {
	return d.once(name+".crt", func() error {
		issuer, issuerKey, err := d.load(authority)
		if err != nil {
			return err
		}
		key, err := d.key(name)
		if err != nil {
			return err
		}
		return d.sign(name, template(s), issuer, key, issuerKey)
	})
}

// SigningKey makes a key pair without a certificate, NAME.key and NAME.pub, unless it is there.
func (d Dir) SigningKey(name string) error {
	return d.once(name+".pub", func() error {
		key, err := d.key(name)
		if err != nil {
			return err
		}
		der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
		if err != nil {
			return fmt.Errorf("encode public key %s: %w", name, err)
		}
		return d.write(name+".pub", "PUBLIC KEY", der)
	})
}

func template(s Subject) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err)
	}
	t := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: s.Name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(validity),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		DNSNames:     s.Hosts,
	}
	if s.Group != "" {
		t.Subject.Organization = []string{s.Group}
	}
	for _, ip := range s.IPs {
		t.IPAddresses = append(t.IPAddresses, net.IP(ip.AsSlice()))
	}
	if len(s.Hosts)+len(s.IPs) > 0 {
		t.ExtKeyUsage = append(t.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	return t
}

func (d Dir) sign(name string, t, issuer *x509.Certificate, key, issuerKey *ecdsa.PrivateKey) error {
	der, err := x509.CreateCertificate(rand.Reader, t, issuer, &key.PublicKey, issuerKey)
	if err != nil {
		return fmt.Errorf("sign certificate %s: %w", name, err)
	}
	return d.write(name+".crt", "CERTIFICATE", der)
}

func (d Dir) key(name string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key %s: %w", name, err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode key %s: %w", name, err)
	}
	return key, d.write(name+".key", "EC PRIVATE KEY", der)
}

func (d Dir) load(name string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	var ders [2][]byte
	for i, file := range []string{name + ".crt", name + ".key"} {
		text, err := os.ReadFile(d.Path(file))
		if err != nil {
			return nil, nil, err
		}
		block, _ := pem.Decode(text)
		if block == nil {
			return nil, nil, fmt.Errorf("%s is not PEM", d.Path(file))
		}
		ders[i] = block.Bytes
	}
	cert, err := x509.ParseCertificate(ders[0])
	if err != nil {
		return nil, nil, fmt.Errorf("read certificate %s: %w", name, err)
	}
	key, err := x509.ParseECPrivateKey(ders[1])
	if err != nil {
		return nil, nil, fmt.Errorf("read key %s: %w", name, err)
	}
	return cert, key, nil
}

// once runs create unless the file is there. The file must be the last that create writes.
func (d Dir) once(file string, create func() error) error {
	if _, err := os.Stat(d.Path(file)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(string(d), 0o755); err != nil {
		return err
	}
	return create()
}

func (d Dir) write(file, kind string, der []byte) error {
	return os.WriteFile(d.Path(file), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
