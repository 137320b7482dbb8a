package proxy

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"time"

	"fairlead.dev/fairlead/match"
	"fairlead.dev/fairlead/proxy/upstream"
)

// mirrorTimeout bounds a copy, whose answer nobody waits for.
const mirrorTimeout = 10 * time.Second

// mirror sends copies where the route asks for them. A body is copied if it has a length of at most ReplayLimit: it is then read whole
// before the request goes out; a request with another body is not copied. Copies that would be too many at a time are left out.
func (t *task) mirror() {
	var body []byte
	read := false
	for i := range t.route.Forward.Mirrors {
		m := &t.route.Forward.Mirrors[i]
		if !m.Copies(t.proxy.opt.Rand()) || t.exchange.upgrade != "" {
			continue
		}
		if t.body != nil && !read {
			if t.r.ContentLength < 0 || t.r.ContentLength > upstream.ReplayLimit {
				t.proxy.stats.unmirrored.Add(1)
				return
			}
			var err error
			if body, err = io.ReadAll(t.body.Reader()); err != nil {
				return // the first try meets the same error and answers
			}
			read = true
		}
		select {
		case t.proxy.mirrors <- struct{}{}:
			go t.proxy.copyTo(m, t.copied(body))
		default:
			t.proxy.stats.unmirrored.Add(1)
		}
	}
}

// copied is the request as a mirror gets it, without a host to send it to.
func (t *task) copied(body []byte) *http.Request {
	r := &http.Request{Method: t.req.Method, Host: t.host, Header: t.header.Clone(), ContentLength: int64(len(body)), Proto: "HTTP/1.1",
		ProtoMajor: 1, ProtoMinor: 1, URL: &url.URL{Scheme: "http", Opaque: t.path, RawQuery: t.req.RawQuery}}
	if len(body) > 0 {
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return r
}

// copyTo sends one copy and drops the answer.
func (p *Proxy) copyTo(m *match.Mirror, r *http.Request) {
	defer func() { <-p.mirrors }()
	cluster := p.registry.Cluster(m.Cluster)
	if cluster == nil || cluster.Snapshot() == nil {
		return
	}
	snapshot := cluster.Snapshot()
	host, _ := snapshot.Pick(upstream.Picking{Random: p.opt.Rand()})
	if host == nil || !cluster.Admit(snapshot.Spec.Limits) {
		return
	}
	defer cluster.Done()
	ctx, cancel := context.WithTimeout(context.Background(), mirrorTimeout)
	defer cancel()
	ctx = context.WithValue(ctx, connectTimeoutKey{}, snapshot.Spec.ConnectTimeout)
	r.URL.Host = host.Addr.String()
	resp, err := p.carrier.of(snapshot.Spec, "").RoundTrip(r.WithContext(ctx))
	if err != nil {
		cluster.Report(host, upstream.LocalFailure)
		return
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	p.stats.mirrored.Add(1)
}
