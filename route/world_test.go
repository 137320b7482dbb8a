package route

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
	"sigs.k8s.io/yaml"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/mcs"
)

// world is a View over objects that were read from YAML.
type world struct {
	gateways   map[fleet.Name]*gatewayv1.Gateway
	compiled   map[fleet.Name]*Compiled
	namespaces map[string]map[string]string
	services   map[fleet.Name]*corev1.Service
	imports    map[fleet.Name]*mcs.Merged
	grants     map[string][]*gatewayv1.ReferenceGrant
	secrets    map[fleet.Name]*corev1.Secret
	routes     []*gatewayv1.HTTPRoute
}

// defaults is where Gateways listen that name no address.
var defaults = []netip.Addr{netip.MustParseAddr("127.0.0.11")}

func (w *world) Gateway(n fleet.Name) (*gatewayv1.Gateway, *Compiled) {
	return w.gateways[n], w.compiled[n]
}

func (w *world) Namespace(name string) (map[string]string, bool) {
	labels, ok := w.namespaces[name]
	return labels, ok
}
func (w *world) Service(n fleet.Name) *corev1.Service                { return w.services[n] }
func (w *world) Import(n fleet.Name) *mcs.Merged                     { return w.imports[n] }
func (w *world) Grants(namespace string) []*gatewayv1.ReferenceGrant { return w.grants[namespace] }
func (w *world) Secret(n fleet.Name) *corev1.Secret                  { return w.secrets[n] }

func (w *world) Claimant(at netip.AddrPort) fleet.Name {
	var owner *gatewayv1.Gateway
	for _, gw := range w.gateways {
		if !slices.Contains(Claims(gw, defaults), at) {
			continue
		}
		if owner == nil || cmp.Or(gw.CreationTimestamp.Compare(owner.CreationTimestamp.Time), nameOf(gw).Compare(nameOf(owner))) < 0 {
			owner = gw
		}
	}
	if owner == nil {
		return fleet.Name{}
	}
	return nameOf(owner)
}

func nameOf(o metav1.Object) fleet.Name {
	return fleet.Name{Namespace: o.GetNamespace(), Name: o.GetName()}
}

// build reads a stream of YAML objects. Objects without a namespace are in "shop".
func build(t testing.TB, text []byte) *world {
	t.Helper()
	w := &world{
		gateways:   map[fleet.Name]*gatewayv1.Gateway{},
		compiled:   map[fleet.Name]*Compiled{},
		namespaces: map[string]map[string]string{},
		services:   map[fleet.Name]*corev1.Service{},
		imports:    map[fleet.Name]*mcs.Merged{},
		grants:     map[string][]*gatewayv1.ReferenceGrant{},
		secrets:    map[fleet.Name]*corev1.Secret{},
	}
	for _, doc := range bytes.Split(text, []byte("\n---\n")) {
		w.add(t, doc)
	}
	for n, gw := range w.gateways {
		if c := Gateway(w, gw, defaults); c != nil {
			w.compiled[n] = c
		}
	}
	slices.SortFunc(w.routes, func(a, b *gatewayv1.HTTPRoute) int { return nameOf(a).Compare(nameOf(b)) })
	return w
}

func (w *world) add(t testing.TB, doc []byte) {
	t.Helper()
	var kind metav1.TypeMeta
	if err := yaml.Unmarshal(doc, &kind); err != nil {
		t.Fatalf("read object: %v\n%s", err, doc)
	}
	switch kind.Kind {
	case "Namespace":
		o := read[corev1.Namespace](t, doc)
		w.namespaces[o.Name] = o.Labels
	case "Gateway":
		o := read[gatewayv1.Gateway](t, doc)
		w.gateways[nameOf(o)] = o
	case "HTTPRoute":
		w.routes = append(w.routes, read[gatewayv1.HTTPRoute](t, doc))
	case "ReferenceGrant":
		o := read[gatewayv1.ReferenceGrant](t, doc)
		w.grants[o.Namespace] = append(w.grants[o.Namespace], o)
	case "Service":
		o := read[corev1.Service](t, doc)
		w.services[nameOf(o)] = o
	case "ServiceImport":
		o := read[mcsv1beta1.ServiceImport](t, doc)
		w.imports[nameOf(o)] = merged(o)
	case "Secret":
		o := read[corev1.Secret](t, doc)
		for key, text := range o.StringData {
			if p, ok := pems()[text]; ok {
				o.StringData[key] = p
			}
		}
		w.secrets[nameOf(o)] = o
	default:
		t.Fatalf("kind %q is not used here:\n%s", kind.Kind, doc)
	}
}

func read[T any, P interface {
	*T
	metav1.Object
}](t testing.TB, doc []byte) P {
	t.Helper()
	o := P(new(T))
	if err := yaml.UnmarshalStrict(doc, o); err != nil {
		t.Fatalf("read object: %v\n%s", err, doc)
	}
	if o.GetNamespace() == "" {
		o.SetNamespace("shop")
	}
	return o
}

func merged(o *mcsv1beta1.ServiceImport) *mcs.Merged {
	m := &mcs.Merged{Name: nameOf(o)}
	for _, p := range o.Spec.Ports {
		m.Ports = append(m.Ports, mcs.MergedPort{Port: fleet.Port{
			Name: p.Name, Protocol: fleet.Protocol(p.Protocol), Port: uint16(p.Port), AppProtocol: deref(p.AppProtocol, ""),
		}})
	}
	return m
}

// pems are what the words CERT and KEY in a Secret stand for: a matching pair; OTHERKEY matches nothing.
var pems = sync.OnceValue(func() map[string]string {
	key, other := newKey(), newKey()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"shop.example"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return map[string]string{
		"CERT":     string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		"KEY":      keyPEM(key),
		"OTHERKEY": keyPEM(other),
	}
})

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

func keyPEM(key *ecdsa.PrivateKey) string {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
}
