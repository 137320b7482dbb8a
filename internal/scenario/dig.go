package scenario

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// dig asks a DNS server and prints the response code with the flags aa and tc, then the answers, sorted, without their TTL:
//
//	dig cart.shop.svc.clusterset.local A @127.0.0.100 [+tcp]
//
// The port is 8053 unless the address names one.
func dig(w world, args []string) error {
	var name, kind, server, network = "", "", "", "udp"
	for _, a := range args {
		switch {
		case a == "+tcp":
			network = "tcp"
		case strings.HasPrefix(a, "@"):
			server = a[1:]
		case name == "":
			name = a
		default:
			kind = a
		}
	}
	qtype, known := dns.StringToType[kind]
	if name == "" || server == "" || !known {
		return fmt.Errorf("%w: dig NAME TYPE @ADDR [+tcp]", errUsage)
	}
	if _, _, err := net.SplitHostPort(server); err != nil {
		server = net.JoinHostPort(server, "8053")
	}
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
	client := &dns.Client{Net: network, Timeout: 2 * time.Second}
	reply, _, err := client.Exchange(q, server)
	if err != nil {
		return fmt.Errorf("ask %s: %w", server, err)
	}
	fmt.Fprintln(w.out, strings.Join(append([]string{dns.RcodeToString[reply.Rcode]}, flags(reply)...), " "))
	for _, line := range answers(reply.Answer) {
		fmt.Fprintln(w.out, line)
	}
	return nil
}

func flags(m *dns.Msg) (set []string) {
	if m.Authoritative {
		set = append(set, "aa")
	}
	if m.Truncated {
		set = append(set, "tc")
	}
	return set
}

// answers returns "name TYPE data" of each record, sorted.
func answers(records []dns.RR) []string {
	lines := make([]string, 0, len(records))
	for _, rr := range records {
		h := rr.Header()
		data := strings.TrimPrefix(rr.String(), h.String())
		lines = append(lines, fmt.Sprintf("%s %s %s", h.Name, dns.TypeToString[h.Rrtype], data))
	}
	slices.Sort(lines)
	return lines
}
