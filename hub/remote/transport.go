package remote

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"k8s.io/client-go/rest"
)

// How soon a hub that is gone is noticed: a connection on which nothing is heard for quiet is asked whether it lives, and is given up when it
// does not answer within silent. One that is being made is given up after dial, when nobody is there, and after handshake, when somebody is, and is
// slow.
const (
	quiet     = 2 * time.Second
	silent    = 3 * time.Second
	dial      = 2 * time.Second
	handshake = 10 * time.Second
)

// httpClient returns a client that authenticates as config and credentials say.
func httpClient(config *rest.Config, credentials *Credentials) (*http.Client, error) {
	if credentials != nil {
		config = rest.AnonymousClientConfig(config)
	}
	tlsConfig, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, fmt.Errorf("read how the hub is to be known: %w", err)
	}
	var rt http.RoundTripper = newTransport(tlsConfig, config.Dial, config.Proxy)
	if credentials != nil {
		rt = credentials.wrap(rt)
	}
	if rt, err = rest.HTTPWrappersForConfig(config, rt); err != nil {
		return nil, fmt.Errorf("authenticate at the hub: %w", err)
	}
	return &http.Client{Transport: rt}, nil
}

type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

func newTransport(tlsConfig *tls.Config, dialHub dialer, proxy func(*http.Request) (*url.URL, error)) *http.Transport {
	if dialHub == nil {
		d := net.Dialer{
			Timeout: dial,
			// HTTP/2 asks by itself; this is for what speaks HTTP/1.1.
			KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: quiet, Interval: time.Second, Count: 2},
		}
		dialHub = d.DialContext
	}
	if proxy == nil {
		proxy = http.ProxyFromEnvironment
	}
	return &http.Transport{
		DialContext:           dialHub,
		TLSClientConfig:       tlsConfig,
		TLSHandshakeTimeout:   handshake,
		ResponseHeaderTimeout: defaultPace().answer,
		ForceAttemptHTTP2:     true,
		Proxy:                 proxy,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       90 * time.Second,
		HTTP2:                 &http.HTTP2Config{SendPingTimeout: quiet, PingTimeout: silent, WriteByteTimeout: quiet + silent},
	}
}
