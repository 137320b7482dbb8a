package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"fairlead.dev/fairlead/hack/clusters/pki"
)

// api is a cluster's API, with the little that is asked of it here. Manifests go through kubectl.
type api struct {
	name, server string
	client       *http.Client
}

func newAPI(name, server string, keys pki.Dir) (api, error) {
	cert, err := tls.LoadX509KeyPair(keys.Path("admin.crt"), keys.Path("admin.key"))
	if err != nil {
		return api{}, fmt.Errorf("credentials of %s: %w", name, err)
	}
	ca, err := os.ReadFile(keys.Path("ca.crt"))
	if err != nil {
		return api{}, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return api{name, server, &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: roots}, ForceAttemptHTTP2: true},
	}}, nil
}

// get reads an object and tells whether it is there.
func (a api) get(ctx context.Context, path string, into any) (found bool, err error) {
	status, body, err := a.do(ctx, http.MethodGet, path, nil)
	switch {
	case err != nil:
		return false, err
	case status == http.StatusNotFound:
		return false, nil
	case status != http.StatusOK:
		return false, fmt.Errorf("get %s of %s: %s", path, a.name, body)
	case into == nil:
		return true, nil
	}
	return true, json.Unmarshal(body, into)
}

// create makes an object unless it is there.
func (a api) create(ctx context.Context, path string, object any) error {
	text, err := json.Marshal(object)
	if err != nil {
		return fmt.Errorf("encode object for %s: %w", path, err)
	}
	status, body, err := a.do(ctx, http.MethodPost, path, text)
	if err == nil && status != http.StatusCreated && status != http.StatusConflict {
		err = fmt.Errorf("create in %s of %s: %s", path, a.name, body)
	}
	return err
}

func (a api) do(ctx context.Context, method, path string, body []byte) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, a.server+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := a.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// ready is true when the API server says so.
func (a api) ready(ctx context.Context) (bool, error) { return a.get(ctx, "/readyz", nil) }

// usable is true when pods can be made.
func (a api) usable(ctx context.Context) (bool, error) {
	return a.get(ctx, "/api/v1/namespaces/default/serviceaccounts/default", nil)
}

// nodeReady is true when the node's kubelet says that pods can run on it, and has said anything since it was started.
func (a api) nodeReady(ctx context.Context, name string, since time.Time) (bool, error) {
	var lease struct{ Spec struct{ RenewTime time.Time } }
	if found, err := a.get(ctx, "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/"+name, &lease); err != nil || !found {
		return false, err
	}
	var n struct {
		Status struct {
			Conditions []struct{ Type, Status string }
		}
	}
	if _, err := a.get(ctx, "/api/v1/nodes/"+name, &n); err != nil {
		return false, err
	}
	for _, c := range n.Status.Conditions {
		if c.Type == "Ready" {
			return c.Status == "True" && lease.Spec.RenewTime.After(since), nil
		}
	}
	return false, nil
}

const dnsDeployment = "/apis/apps/v1/namespaces/kube-system/deployments/coredns"

// dnsReady is true when the cluster's resolver answers.
func (a api) dnsReady(ctx context.Context) (bool, error) {
	var d struct {
		Status struct{ AvailableReplicas int }
	}
	_, err := a.get(ctx, dnsDeployment, &d)
	return d.Status.AvailableReplicas > 0, err
}

// fatal is an error that waiting does not mend.
type fatal struct{ error }

// wait asks until the answer is yes. What goes wrong meanwhile is told when the time is over.
func wait(ctx context.Context, what string, yes func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	var last error
	for {
		ok, err := yes(ctx)
		if ok && err == nil {
			return nil
		}
		if errors.As(err, new(fatal)) {
			return err
		}
		if err != nil && ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			if last != nil {
				return fmt.Errorf("wait until %s: %w (last answer: %w)", what, ctx.Err(), last)
			}
			return fmt.Errorf("wait until %s: %w", what, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
