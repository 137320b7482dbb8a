package verbs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/kubernetes"

	"fairlead.dev/fairlead/dns/stub"
	"fairlead.dev/fairlead/manifest"
	"fairlead.dev/fairlead/membership"
	"fairlead.dev/fairlead/role"
)

const dnsForm = "fairlead dns print|enable|disable [--context WEST]"

// Stubbed is what dns print, enable and disable print as JSON.
type Stubbed struct {
	// Server is the address of Fairlead's DNS servers.
	Server    string     `json:"server,omitempty"`
	Resolvers []Resolver `json:"resolvers"`
}

// Resolver is one of a cluster's resolvers and what stands, or was done, there.
type Resolver struct {
	Where string `json:"where"` // namespace/configmap[key]
	// Block is the server block that leads the zone to Fairlead.
	Block string `json:"block,omitempty"`
	// Enabled says that it leads the zone to Fairlead; Changed, that its ConfigMap was written.
	Enabled bool `json:"enabled"`
	Changed bool `json:"changed,omitempty"`
	// Reloads says that it takes up a change by itself.
	Reloads bool `json:"reloads"`
	// Problem says why it does not, or must not.
	Problem string `json:"problem,omitempty"`
}

// dns runs the role; its words make a cluster's own resolver ask it.
func (a *app) dns() *cobra.Command {
	var t target
	var level string
	var options role.DNSOptions
	cmd := &cobra.Command{
		Use: "dns", Args: count(0, 0, dnsForm),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if options.Log, err = a.logger(level); err != nil {
				return err
			}
			if options.Config, err = t.ownConfig(); err != nil {
				return refused(err)
			}
			return role.DNS(cmd.Context(), options)
		},
	}
	cmd.Flags().StringVar(&t.kubeconfig, "kubeconfig", "", "")
	cmd.Flags().StringVar(&t.context, "context", "", "")
	cmd.Flags().StringVar(&options.Listen, "listen", fmt.Sprintf(":%d", manifest.PortDNS), "")
	cmd.Flags().StringVar(&options.Health, "health", fmt.Sprintf(":%d", manifest.PortHealth), "")
	cmd.Flags().DurationVar(&options.Linger, "linger", 5*time.Second, "")
	cmd.Flags().StringVar(&level, "log-level", "info", "")
	cmd.AddCommand(a.dnsWord("print", a.dnsPrint), a.dnsWord("enable", a.dnsEnable), a.dnsWord("disable", a.dnsDisable))
	return cmd
}

// dnsWord is one of the words of dns, which does something in the cluster of a context.
func (a *app) dnsWord(word string, do func(context.Context, kubernetes.Interface) error) *cobra.Command {
	var kubeconfig, contextName string
	cmd := &cobra.Command{
		Use: word, Args: count(0, 0, "fairlead dns "+word+" --context WEST"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			access, err := membership.Open(kubeconfig, contextName)
			if err != nil {
				return refused(err)
			}
			client, err := kubernetes.NewForConfig(access.Config)
			if err != nil {
				return fmt.Errorf("reach the API of %s: %w", access.Context, err)
			}
			return do(cmd.Context(), client)
		},
	}
	cmd.Flags().StringVar(&kubeconfig, "kubeconfig", "", "")
	cmd.Flags().StringVar(&contextName, "context", "", "")
	return cmd
}

func (a *app) dnsPrint(ctx context.Context, client kubernetes.Interface) error {
	server, err := stub.ServerAddress(ctx, client, manifest.Namespace)
	if err != nil {
		return &refusal{error: err, hint: "join the cluster first: fairlead help join", code: exitFailed}
	}
	said := Stubbed{Server: server.String(), Resolvers: []Resolver{}}
	found, err := stub.Find(ctx, client)
	if err != nil && !errors.Is(err, stub.ErrUnknown) {
		return err
	}
	for _, r := range found {
		said.Resolvers = append(said.Resolvers, resolver(stub.Change{Resolver: r}, r.Ours && r.To == server, server))
	}
	return a.answer(said, func(w io.Writer) {
		fmt.Fprint(w, stub.Advice(server, found))
	})
}

func (a *app) dnsEnable(ctx context.Context, client kubernetes.Interface) error {
	server, err := stub.ServerAddress(ctx, client, manifest.Namespace)
	if err != nil {
		return &refusal{error: err, hint: "join the cluster first: fairlead help join", code: exitFailed}
	}
	done, err := stub.Enable(ctx, client, server)
	switch {
	case errors.Is(err, stub.ErrTaken):
		return &refusal{error: err, hint: "fairlead check tells who it is; take it out there first, or leave the zone to it", code: exitFailed}
	case errors.Is(err, stub.ErrUnknown):
		return &refusal{error: err, hint: "try: fairlead dns print", code: exitFailed}
	case err != nil:
		return err
	}
	return a.dnsDone(server, done, true)
}

func (a *app) dnsDisable(ctx context.Context, client kubernetes.Interface) error {
	done, err := stub.Disable(ctx, client)
	if err != nil {
		return err
	}
	return a.dnsDone(netip.Addr{}, done, false)
}

// dnsDone tells what was done to each resolver.
func (a *app) dnsDone(server netip.Addr, done []stub.Change, enabled bool) error {
	said := Stubbed{Resolvers: []Resolver{}}
	if enabled {
		said.Server = server.String()
	}
	for _, d := range done {
		said.Resolvers = append(said.Resolvers, resolver(d, enabled, server))
	}
	return a.answer(said, func(w io.Writer) {
		for _, d := range done {
			what := "is as it was"
			switch {
			case d.Changed && enabled:
				what = "leads clusterset.local to " + said.Server
			case d.Changed:
				what = "knows nothing of clusterset.local any more"
			}
			fmt.Fprintf(w, "%s %s\n", d, what)
			if d.Changed && !d.Reloads {
				fmt.Fprintf(a.err, "%s has no plugin reload; it takes this up when its pods start again:\n  kubectl -n kube-system get pods -o wide\n", d)
			}
		}
	})
}

func resolver(d stub.Change, enabled bool, server netip.Addr) Resolver {
	r := Resolver{Where: d.String(), Enabled: enabled, Changed: d.Changed, Reloads: d.Reloads}
	if server.IsValid() {
		r.Block = stub.Block(server, d.At)
	}
	switch {
	case d.Err != nil:
		r.Problem = d.Err.Error()
	case d.Taken != "":
		r.Problem = "clusterset.local is served by " + d.Taken
	case d.Ours && !enabled:
		r.Problem = "leads clusterset.local to " + d.To.String()
	}
	return r
}
