package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"

	"fairlead.dev/fairlead/test/lab"
)

// fqdn returns the name of a service in the clusterset, after some words.
func (s *story) fqdn(words string) string {
	return words + "." + s.namespace + ".svc.clusterset.local."
}

func TestTheClustersOwnResolverKnowsTheVersionOfTheNames(t *testing.T) {
	s := stage(t)
	for _, p := range s.everywhere() {
		p.resolves("dns-version.clusterset.local.", dns.TypeTXT, `"1.0.0"`)
	}
}

func TestNamesOfAClusterSetIP(t *testing.T) {
	s := tell(t)
	s.west.offers("cart", 2)
	s.west.exports("cart")
	for _, p := range s.everywhere() {
		p.resolves(s.fqdn("cart"), dns.TypeA, p.address("cart"))
		p.resolves(s.fqdn("cart"), dns.TypeAAAA, "NOERROR")
		p.resolves(s.fqdn("_http._tcp.cart"), dns.TypeSRV, "0 100 80 "+s.fqdn("cart"))
	}
}

// TestNamesThatMustNotBe are those of D4, D7 and D8.
func TestNamesThatMustNotBe(t *testing.T) {
	s := tell(t)
	s.west.offers("cart", 1)
	s.west.exports("cart")
	s.west.offers("idle", 0, func(service *corev1.Service) { service.Spec.ClusterIP = corev1.ClusterIPNone })
	s.west.exports("idle")
	s.east.sees("cart", "ClusterSetIP http:80/TCP from west 1/1")
	s.east.sees("idle", "Headless http:80/TCP from west 0/0")
	for name, why := range map[string]string{
		s.fqdn("nobody"):    "nobody exports it",
		s.fqdn("west.cart"): "one cluster of a service has no name",
		s.fqdn("west.idle"): "one cluster of a headless service has no name",
		s.fqdn("idle"):      "no endpoint of it is ready",
		"cart.no-such-namespace.svc.clusterset.local.": "the namespace does not exist",
		"cart.clusterset.local.":                       "it is no name of a service",
	} {
		t.Log(name, why)
		s.east.resolves(name, dns.TypeA, "NXDOMAIN")
	}
}

func TestTheNameOfALocalServiceStaysLocal(t *testing.T) {
	s := tell(t)
	s.west.offers("cart", 1)
	s.west.exports("cart")
	s.east.sees("cart", "ClusterSetIP http:80/TCP from west 1/1")
	service := lab.Service(s.namespace, "cart")
	if err := s.west.Get(t.Context(), clientKey(service), service); err != nil {
		t.Fatal(err)
	}
	s.west.resolves("cart."+s.namespace+".svc.cluster.local.", dns.TypeA, service.Spec.ClusterIP)
	s.east.resolves("cart."+s.namespace+".svc.cluster.local.", dns.TypeA, "NXDOMAIN")
}

func TestAHeadlessStatefulSetIsReachedByName(t *testing.T) {
	s := tell(t)
	set, service := lab.Stateful(s.namespace, "db", 2)
	s.west.tellsItsName(&set.Spec.Template.Spec)
	s.west.makes(set, service)
	s.west.exports("db")
	s.east.sees("db", "Headless http:8080/TCP from west 2/2")

	pods := s.west.pods("db")
	s.east.resolves(s.fqdn("db"), dns.TypeA, pods["db-0"], pods["db-1"])
	for name, ip := range pods {
		s.east.resolves(s.fqdn(name+".west.db"), dns.TypeA, ip)
		if who, err := s.east.Ask(t.Context(), ip+":8080", 5*time.Second); err != nil || who != "west" {
			t.Errorf("%s at %s: %q %v", name, ip, who, err)
		}
	}
	// The conformance suite asks for SRV records without a port's name too.
	for _, name := range []string{"_http._tcp.db", "db"} {
		s.east.resolves(s.fqdn(name), dns.TypeSRV, "0 100 8080 "+s.fqdn("db-0.west.db"), "0 100 8080 "+s.fqdn("db-1.west.db"))
	}
	i, err := s.east.imported(t.Context(), "db")
	if err != nil || len(i.Spec.IPs) != 0 {
		t.Errorf("a headless import has IPs: %v %v", i.Spec.IPs, err)
	}
}

// pods waits until all pods of an app run, and returns their addresses by name.
func (p *place) pods(app string) map[string]string {
	p.story.Helper()
	found := map[string]string{}
	p.story.eventually("the pods of "+app+" run in "+p.Name, func(ctx context.Context) error {
		var list corev1.PodList
		if err := p.List(ctx, &list, inNamespace(p.story.namespace), withLabel("app", app)); err != nil {
			return err
		}
		clear(found)
		for _, pod := range list.Items {
			ready := slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
				return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
			})
			if !ready {
				return fmt.Errorf("pod %s is not ready", pod.Name)
			}
			found[pod.Name] = pod.Status.PodIP
		}
		return nil
	})
	return found
}
