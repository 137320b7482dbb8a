package verbs

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/control"
	"fairlead.dev/fairlead/trace"
	"fairlead.dev/fairlead/xds"
)

// traced is what trace is asked for.
type traced struct {
	from, method, url string
	dir               string // empty: ask the running dev
	header            http.Header
}

func (a *app) trace() *cobra.Command {
	var from string
	var headers []string
	cmd := &cobra.Command{
		Use: "trace", Args: count(1, 3, "fairlead trace --from west GET https://shop.example/cart"),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := parseTrace(args, headers)
			if err != nil {
				return err
			}
			if t.from = from; from == "" {
				return mistake("try: fairlead trace --from west "+strings.Join(args, " "), "trace needs to know which cluster's gateway the request comes to: --from CLUSTER")
			}
			return a.traceRequest(cmd, t)
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "")
	cmd.Flags().StringArrayVarP(&headers, "header", "H", nil, "")
	return cmd
}

// traceRequest asks the folder, or the running dev where none is given.
func (a *app) traceRequest(cmd *cobra.Command, t traced) error {
	var answer *trace.Answer
	var err error
	if t.dir != "" {
		answer, err = a.traceFolder(t)
	} else {
		answer, err = a.traceRunning(cmd.Context(), t)
	}
	if err != nil {
		return err
	}
	return a.answer(answer, func(w io.Writer) { fmt.Fprint(w, answer) })
}

// traceRunning asks the running dev.
func (a *app) traceRunning(ctx context.Context, t traced) (*trace.Answer, error) {
	client := a.dial()
	if err := a.checkCluster(ctx, client, t.from); err != nil {
		return nil, err
	}
	answer, err := client.Trace(ctx, control.TraceRequest{From: t.from, Method: t.method, URL: t.url, Headers: t.header})
	return answer, refused(err)
}

// traceFolder publishes the picture of a folder's cluster as dev would, and traces the request through that.
func (a *app) traceFolder(t traced) (*trace.Answer, error) {
	s, err := a.readClusterset("trace", t.dir)
	if err != nil {
		return nil, err
	}
	if err := s.check(t.from); err != nil {
		return nil, err
	}
	pic := s.fleet.Picture(t.from)
	store := xds.NewStore(xds.Options{ServiceListeners: true})
	store.Apply(pic, xds.Keys(pic))
	return trace.Request(pic, store.Set(), trace.Virtual{Method: t.method, URL: t.url, Header: t.header}), nil
}

var methodName = regexp.MustCompile(`^[A-Z]+$`)

// parseTrace reads [METHOD] URL [DIR] and the headers.
func parseTrace(args, headers []string) (traced, error) {
	t := traced{method: http.MethodGet, header: http.Header{}}
	if methodName.MatchString(args[0]) {
		t.method, args = args[0], args[1:]
	}
	const hint = "try: fairlead trace --from west GET https://shop.example/cart"
	switch {
	case len(args) == 0:
		return t, mistake(hint, "trace needs a URL")
	case len(args) > 2:
		return t, mistake(hint, "trace does not know what to do with %q", args[2])
	}
	t.url = args[0]
	if len(args) == 2 {
		t.dir = args[1]
	}
	u, err := url.Parse(t.url)
	if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "ws", "wss"}, u.Scheme) {
		return t, mistake("write for example https://shop.example/cart", "%q is not a whole http, https, ws or wss URL", t.url)
	}
	for _, h := range headers {
		name, value, ok := strings.Cut(h, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return t, mistake("write for example -H 'x-canary: yes'", "%q is not a header", h)
		}
		t.header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return t, nil
}
