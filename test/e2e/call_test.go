package e2e

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// reaches waits until new connections to a port of an imported service are answered by these clusters and no others.
func (p *place) reaches(name string, port int, clusters ...string) time.Duration {
	p.story.Helper()
	address := net.JoinHostPort(p.address(name), fmt.Sprint(port))
	return p.story.eventually(fmt.Sprintf("%s in %s is answered by %s", name, p.Name, clusters), func(ctx context.Context) error {
		var answered []string
		for range 12 * len(clusters) {
			cluster, err := p.Ask(ctx, address, time.Second)
			if err != nil {
				return err
			}
			answered = append(answered, cluster)
		}
		slices.Sort(answered)
		if got := slices.Compact(answered); !slices.Equal(got, clusters) {
			return fmt.Errorf("it is answered by %s", got)
		}
		return nil
	})
}

// asks asks the cluster's own resolver, as its pods do.
func (p *place) asks(ctx context.Context, name string, kind uint16) (*dns.Msg, error) {
	resolver := &corev1.Service{}
	if err := p.Get(ctx, client.ObjectKey{Namespace: "kube-system", Name: "kube-dns"}, resolver); err != nil {
		return nil, err
	}
	return p.asksAt(ctx, net.JoinHostPort(resolver.Spec.ClusterIP, "53"), name, kind)
}

func (p *place) asksAt(ctx context.Context, resolver, name string, kind uint16) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := p.Dial(ctx, "udp", resolver)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	question := new(dns.Msg).SetQuestion(dns.Fqdn(name), kind)
	answer, _, err := new(dns.Client).ExchangeWithConnContext(ctx, question, &dns.Conn{Conn: conn})
	return answer, err
}

// resolves waits until the cluster's resolver answers like this: the rcode alone, or the data of the answers, sorted.
func (p *place) resolves(name string, kind uint16, want ...string) {
	p.story.Helper()
	slices.Sort(want)
	p.story.eventually(fmt.Sprintf("%s resolves %s %s", p.Name, dns.TypeToString[kind], name), func(ctx context.Context) error {
		answer, err := p.asks(ctx, name, kind)
		if err != nil {
			return err
		}
		if got := answerText(answer); !slices.Equal(got, want) {
			return fmt.Errorf("the answer is %q, wanted is %q", got, want)
		}
		return nil
	})
}

// answerText is the data of each answer, or the rcode where there is none.
func answerText(m *dns.Msg) []string {
	var text []string
	for _, rr := range m.Answer {
		text = append(text, strings.TrimSpace(strings.TrimPrefix(rr.String(), rr.Header().String())))
	}
	if len(text) == 0 {
		return []string{dns.RcodeToString[m.Rcode]}
	}
	slices.Sort(text)
	return text
}
