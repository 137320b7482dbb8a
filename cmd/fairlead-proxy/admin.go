package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"time"

	"fairlead.dev/fairlead/proxy"
)

// serveAdmin answers questions about the proxy until ctx ends. /ready is 200 once the control plane has been heard and a listener is
// open.
func serveAdmin(ctx context.Context, ln net.Listener, p *proxy.Proxy) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		_ = e.Encode(p.Status()) // the client has gone
	})
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		for _, l := range p.Status().Listeners {
			if l.Problem == "" {
				_, _ = w.Write([]byte("ready\n"))
				return
			}
		}
		http.Error(w, "no listener is open", http.StatusServiceUnavailable)
	})
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	_ = s.Serve(ln)
}
