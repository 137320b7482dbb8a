package pki

import (
	"crypto/x509"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
)

func made(t *testing.T) Dir {
	t.Helper()
	d := Dir(t.TempDir())
	for _, err := range []error{
		d.Authority("ca", "test"),
		d.Issue("ca", "server", Subject{Name: "server", Hosts: []string{"kubernetes"}, IPs: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}),
		d.Issue("ca", "client", Subject{Name: "admin", Group: "system:masters"}),
		d.SigningKey("sa"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func TestCertificatesServeWhatTheyAreFor(t *testing.T) {
	d := made(t)
	ca, _, err := d.load("ca")
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	for _, test := range []struct {
		name, host string
		use        x509.ExtKeyUsage
		good       bool
	}{
		{"server", "kubernetes", x509.ExtKeyUsageServerAuth, true},
		{"server", "10.0.0.1", x509.ExtKeyUsageServerAuth, true},
		{"server", "10.0.0.2", x509.ExtKeyUsageServerAuth, false},
		{"server", "", x509.ExtKeyUsageClientAuth, true},
		{"client", "", x509.ExtKeyUsageClientAuth, true},
		{"client", "", x509.ExtKeyUsageServerAuth, false},
	} {
		cert, _, err := d.load(test.name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = cert.Verify(x509.VerifyOptions{Roots: roots, DNSName: test.host, KeyUsages: []x509.ExtKeyUsage{test.use}})
		if (err == nil) != test.good {
			t.Errorf("%s as %q for %v: %v", test.name, test.host, test.use, err)
		}
	}
}

func TestWhatIsThereIsKept(t *testing.T) {
	d := made(t)
	before := read(t, d)
	for _, err := range []error{d.Authority("ca", "other"), d.Issue("ca", "client", Subject{Name: "other"}), d.SigningKey("sa")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range read(t, d) {
		if before[name] != text {
			t.Errorf("%s was made again", name)
		}
	}
}

func TestHalfACertificateIsMadeAgain(t *testing.T) {
	d := made(t)
	if err := os.Remove(d.Path("client.crt")); err != nil {
		t.Fatal(err)
	}
	if err := d.Issue("ca", "client", Subject{Name: "admin"}); err != nil {
		t.Fatal(err)
	}
	cert, key, err := d.load("client")
	if err != nil {
		t.Fatal(err)
	}
	if !key.PublicKey.Equal(cert.PublicKey) {
		t.Error("the key is not the certificate's")
	}
}

func TestJoinedKubeconfigKeepsTheOrder(t *testing.T) {
	d := made(t)
	var all []Kubeconfig
	for _, name := range []string{"west", "east"} {
		k, err := d.Kubeconfig(name, "https://10.0.0.1:6443", "client")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, k)
	}
	joined := Join(all...)
	if joined.CurrentContext != "west" || joined.Contexts[0].Name != "west" || joined.Contexts[1].Name != "east" || len(joined.Users) != 2 {
		t.Errorf("joined: %+v", joined)
	}
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := joined.Write(file); err != nil {
		t.Fatal(err)
	}
	if s, err := os.Stat(file); err != nil || s.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", s.Mode(), err)
	}
}

func read(t *testing.T, d Dir) map[string]string {
	t.Helper()
	files, err := filepath.Glob(d.Path("*"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all[f] = string(text)
	}
	return all
}
