package scenario

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// httpTimeout bounds one request of a story.
const httpTimeout = 15 * time.Second

// request is the flags of get.
type request struct {
	headers  headerFlag
	method   string
	data     string
	at       string
	number   int
	show     headerFlag
	body, h2 bool
}

// get sends a request and prints one line: the status, the cluster that answered ("-" for none), and the first line of the body, without
// the cluster where it begins with that.
//
//	get [-H 'NAME: VALUE'] [-X METHOD] [-d BODY] [-at ADDR] [-n N] [-i HEADER] [-body] [-h2] URL
//
// -at connects there, whatever the URL's host is; a server's certificate is not verified, its name is printed. -n sends N requests,
// one after another, and prints how often each status and cluster came. -i adds a response header, -body prints the whole body,
// -h2 speaks HTTP/2 (without TLS: by prior knowledge). A redirect is shown, not followed.
func get(w world, args []string) error {
	var r request
	fs := flag.NewFlagSet("get", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Var(&r.headers, "H", "")
	fs.StringVar(&r.method, "X", "", "")
	fs.StringVar(&r.data, "d", "", "")
	fs.StringVar(&r.at, "at", "", "")
	fs.IntVar(&r.number, "n", 1, "")
	fs.Var(&r.show, "i", "")
	fs.BoolVar(&r.body, "body", false, "")
	fs.BoolVar(&r.h2, "h2", false, "")
	if err := fs.Parse(args); err != nil || fs.NArg() != 1 {
		return fmt.Errorf("%w: get [flags] URL: %v", errUsage, err)
	}
	client, done := r.client()
	defer done()
	if r.number == 1 {
		line, err := r.send(client, fs.Arg(0))
		if err == nil {
			fmt.Fprintln(w.out, line)
		}
		return err
	}
	return r.count(w, client, fs.Arg(0))
}

// client returns a client for the request, and what ends it.
func (r *request) client() (*http.Client, func()) {
	var protocols http.Protocols
	protocols.SetHTTP1(!r.h2)
	protocols.SetHTTP2(r.h2)
	protocols.SetUnencryptedHTTP2(r.h2)
	transport := &http.Transport{
		Protocols:       &protocols,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the test certificates are signed by themselves
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, cmp.Or(r.at, addr))
		},
	}
	client := &http.Client{
		Transport:     transport,
		Timeout:       httpTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return client, transport.CloseIdleConnections
}

// do sends the request once.
func (r *request) do(client *http.Client, url string) (*http.Response, []byte, error) {
	method := cmp.Or(r.method, map[bool]string{true: http.MethodPost, false: http.MethodGet}[r.data != ""])
	req, err := http.NewRequest(method, url, strings.NewReader(r.data))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %v", errUsage, err)
	}
	for _, h := range r.headers {
		name, value, _ := strings.Cut(h, ":")
		value = strings.TrimSpace(value)
		if strings.EqualFold(name, "host") {
			req.Host = value
			continue
		}
		req.Header.Add(name, value)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp, body, err
}

// send sends the request and tells the answer in one line.
func (r *request) send(client *http.Client, url string) (string, error) {
	resp, body, err := r.do(client, url)
	if err != nil {
		return "", err
	}
	parts := []string{fmt.Sprint(resp.StatusCode), cluster(resp)}
	if location := resp.Header.Get("Location"); location != "" {
		parts = append(parts, "to "+location)
	}
	for _, name := range r.show {
		parts = append(parts, strings.ToLower(name)+"="+strings.Join(resp.Header.Values(name), ","))
	}
	if resp.TLS != nil && len(resp.TLS.PeerCertificates) > 0 {
		parts = append(parts, "certificate="+resp.TLS.PeerCertificates[0].Subject.CommonName)
	}
	if r.h2 {
		parts = append(parts, resp.Proto)
	}
	line := strings.Join(append(parts, strings.TrimPrefix(firstLine(body), cluster(resp)+" ")), " ")
	if r.body {
		line += "\n" + string(bytes.TrimSpace(body))
	}
	return strings.TrimSpace(line), nil
}

// count sends the request as often as it was asked for and prints how often each answer came, most often first.
func (r *request) count(w world, client *http.Client, url string) error {
	times := map[string]int{}
	for range r.number {
		resp, _, err := r.do(client, url)
		if err != nil {
			return err
		}
		times[fmt.Sprint(resp.StatusCode, " ", cluster(resp))]++
	}
	kinds := slices.SortedFunc(maps.Keys(times), func(a, b string) int {
		return cmp.Or(cmp.Compare(times[b], times[a]), cmp.Compare(a, b))
	})
	for _, kind := range kinds {
		fmt.Fprintf(w.out, "%d times %s\n", times[kind], kind)
	}
	return nil
}

func cluster(resp *http.Response) string { return cmp.Or(resp.Header.Get("X-Echo-Cluster"), "-") }

// headerFlag collects a flag that may stand several times.
type headerFlag []string

func (h *headerFlag) String() string { return strings.Join(*h, ", ") }

func (h *headerFlag) Set(s string) error {
	*h = append(*h, s)
	return nil
}
