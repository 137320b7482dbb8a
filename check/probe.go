package check

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"fairlead.dev/fairlead/agent"
)

// Report is what a pod saw.
type Report struct {
	// Hub is the way to the hub's API; nil where none was asked for.
	Hub *Reached `json:"hub,omitempty"`
	// Paths are the ways to the targets, in their order.
	Paths []Path `json:"paths,omitempty"`
	// Resolver is what the cluster's own resolver says of the clusterset's zone.
	Resolver *Resolution `json:"resolver,omitempty"`
}

// Reached says how a connection went.
type Reached struct {
	Address string `json:"address"`
	Error   string `json:"error,omitempty"`
}

// Target is a beacon in another cluster.
type Target struct {
	To      string `json:"to"`
	Address string `json:"address"`
}

// Path is one way from this pod to a target.
type Path struct {
	Target
	// Error says why there is none.
	Error string `json:"error,omitempty"`
	// Local is this pod's address, Seen the one that the other side saw.
	Local string `json:"local,omitempty"`
	Seen  string `json:"seen,omitempty"`
	// Large says what became of large packets, where they were lost.
	Large string `json:"large,omitempty"`
	// MTU is that of the path as the kernel knows it after large packets went both ways; 0: not known.
	MTU int `json:"mtu,omitempty"`
}

// largeBody fills several packets of any usual size, in both directions.
const largeBody = 12 << 10

// within bounds one try.
const within = 5 * time.Second

// Probe tries the way to the hub, where its URL is given, and to some targets, all at once. It is what a pod does that Walk sends.
func Probe(ctx context.Context, hub string, targets []Target) Report {
	r := Report{Paths: make([]Path, len(targets))}
	var running sync.WaitGroup
	if hub != "" {
		r.Hub = &Reached{Address: hub}
		running.Go(func() { r.Hub.Error = said(reach(ctx, hub)) })
	}
	running.Go(func() {
		resolution := Resolve(ctx, nil)
		r.Resolver = &resolution
	})
	for i, t := range targets {
		running.Go(func() { r.Paths[i] = try(ctx, t) })
	}
	running.Wait()
	return r
}

// reach asks a server for anything: whatever it answers, it was reached. Whose certificate it shows is not for a probe without
// credentials to judge; it sends none.
func reach(ctx context.Context, server string) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	u, err := url.Parse(server)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.JoinPath("/version").String(), nil)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
	}}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// try goes one way: a small question, then large packets on the same connection.
func try(ctx context.Context, t Target) Path {
	p := Path{Target: t}
	var dialed net.Conn
	transport := &http.Transport{MaxConnsPerHost: 1, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			dialed = c
		}
		return c, err
	}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: within}
	answer, err := ask(ctx, client, http.MethodGet, t.Address, nil)
	if err != nil {
		p.Error = said(err)
		return p
	}
	var beacon agent.Said
	if err := json.Unmarshal(answer, &beacon); err != nil {
		p.Error = "what answers there is no beacon"
		return p
	}
	p.Local, p.Seen = host(dialed.LocalAddr().String()), host(beacon.From)
	body := make([]byte, largeBody)
	_, _ = rand.Read(body) // so that nothing on the way makes it small
	back, err := ask(ctx, client, http.MethodPost, t.Address, body)
	switch {
	case err != nil:
		p.Large = said(err)
	case !bytes.Equal(back, body):
		p.Large = "what came back is not what was sent"
	default:
		p.MTU = pathMTU(dialed)
	}
	return p
}

func ask(ctx context.Context, client *http.Client, method, address string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+address+agent.BeaconPath, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %s", resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, 2*largeBody))
}

// said returns an error's own words, without the request that every error of package http repeats.
func said(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	switch {
	case err == nil:
		return ""
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer within %s", within)
	}
	return err.Error()
}

// host returns the host of an address with a port.
func host(address string) string {
	h, _, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	return h
}

// Serve answers probes as a beacon does, on an address until ctx ends: the target of probes in a cluster where no agent runs yet.
func Serve(ctx context.Context, address, cluster string) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("answer probes: %w", err)
	}
	b := agent.ServeBeacon(l, func() agent.Said { return agent.Said{Cluster: cluster} })
	<-ctx.Done()
	b.Close()
	return nil
}
