package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"fairlead.dev/fairlead/trace"
)

// Client talks to a running dev. Its errors are *Error where the server, or the client itself, knows what to do about them.
type Client struct {
	path string
	http *http.Client
}

// Dial returns a client of the socket at path. It does not connect before the first call.
func Dial(path string) *Client {
	return &Client{path: path, http: &http.Client{
		Timeout: 30 * time.Second,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, "unix", path)
			},
		},
	}}
}

// Clusters returns the clusters by name.
func (c *Client) Clusters(ctx context.Context) (clusters []Cluster, err error) {
	return clusters, c.get(ctx, "/v1/clusters", &clusters)
}

// Status returns the state of the clusterset.
func (c *Client) Status(ctx context.Context) (s Status, err error) {
	return s, c.get(ctx, "/v1/status", &s)
}

// Picture returns the picture of a cluster as text.
func (c *Client) Picture(ctx context.Context, from string) (string, error) {
	b, err := c.call(ctx, http.MethodGet, "/v1/picture?from="+url.QueryEscape(from), nil)
	return string(b), err
}

// Trace sends a virtual request.
func (c *Client) Trace(ctx context.Context, req TraceRequest) (*trace.Answer, error) {
	a := new(trace.Answer)
	return a, c.post(ctx, "/v1/trace", req, a)
}

// Drain takes all new traffic off a cluster.
func (c *Client) Drain(ctx context.Context, cluster string) error {
	return c.post(ctx, "/v1/drain", clusterRequest{cluster}, &done{})
}

// Restore gives a drained cluster its traffic back.
func (c *Client) Restore(ctx context.Context, cluster string) error {
	return c.post(ctx, "/v1/restore", clusterRequest{cluster}, &done{})
}

// Release lets a mass withdrawal by a cluster go on that the others hold.
func (c *Client) Release(ctx context.Context, cluster string) error {
	return c.post(ctx, "/v1/release", clusterRequest{cluster}, &done{})
}

// Lose lets a cluster's network go dark.
func (c *Client) Lose(ctx context.Context, cluster string) error {
	return c.post(ctx, "/v1/lose", clusterRequest{cluster}, &done{})
}

// Find heals the network of a cluster.
func (c *Client) Find(ctx context.Context, cluster string) error {
	return c.post(ctx, "/v1/find", clusterRequest{cluster}, &done{})
}

// Hub takes the hub away or brings it back.
func (c *Client) Hub(ctx context.Context, up bool) error {
	return c.post(ctx, "/v1/hub", hubRequest{up}, &done{})
}

func (c *Client) get(ctx context.Context, path string, into any) error {
	b, err := c.call(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}

func (c *Client) post(ctx context.Context, path string, body, into any) error {
	sent, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("write the request: %w", err)
	}
	b, err := c.call(ctx, http.MethodPost, path, sent)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}

func (c *Client) call(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://fairlead"+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", path, err)
	}
	if res.StatusCode == http.StatusOK {
		return b, nil
	}
	refused := new(Error)
	if json.Unmarshal(b, refused) != nil || refused.Message == "" {
		refused.Message = fmt.Sprintf("%s answered %s", path, res.Status)
	}
	return nil, refused
}

// unreachable says what it means that nobody answers.
func (c *Client) unreachable(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return &Error{
			Message: "no fairlead dev is running at " + c.path,
			Hint:    "fairlead dev examples/shop",
		}
	case errors.Is(err, fs.ErrPermission):
		return &Error{
			Message: "the control socket " + c.path + " belongs to another user",
			Hint:    "run the command as the user who runs fairlead dev",
		}
	}
	return fmt.Errorf("ask fairlead dev at %s: %w", c.path, err)
}
