package scenario

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// DigShort stands in for the program dig where a machine has none, as far as the documents use it:
//
//	digshort @ADDR -p PORT +short NAME [TYPE]
//
// It prints the data of the answers.
func DigShort(args []string, stdout, stderr io.Writer) int {
	addr, port, name, qtype := "", "53", "", dns.TypeA
	for i := 0; i < len(args); i++ {
		kind, isType := dns.StringToType[args[i]]
		switch {
		case strings.HasPrefix(args[i], "@"):
			addr = args[i][1:]
		case args[i] == "-p" && i+1 < len(args):
			i++
			port = args[i]
		case args[i] == "+short":
		case isType && name != "":
			qtype = kind
		default:
			name = args[i]
		}
	}
	client := &dns.Client{Timeout: 2 * time.Second}
	reply, _, err := client.Exchange(new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype), net.JoinHostPort(addr, port))
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 9 // as dig does
	}
	var lines []string
	for _, rr := range reply.Answer {
		lines = append(lines, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	slices.Sort(lines)
	for _, line := range lines {
		fmt.Fprintln(stdout, line)
	}
	return 0
}
