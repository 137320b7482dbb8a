package agent

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"time"
)

// BeaconPath is the path that a beacon answers on.
const BeaconPath = "/beacon"

// Said is what a beacon tells: who it is, how far its records have got and whether it drains.
type Said struct {
	Cluster  string `json:"cluster"`
	Term     int64  `json:"term,omitempty"`
	Sequence int64  `json:"sequence"`
	Draining bool   `json:"draining"`
}

// Beacon answers the probes of other clusters on one listener. A cluster has at least two, on its data path.
type Beacon struct {
	server *http.Server
	done   chan struct{}
}

// ServeBeacon answers on l with what said returns, until Close.
func ServeBeacon(l net.Listener, said func() Said) *Beacon {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+BeaconPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(said())
	})
	b := &Beacon{
		server: &http.Server{
			Handler: mux, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 4 << 10,
		},
		done: make(chan struct{}),
	}
	go func() {
		defer close(b.done)
		_ = b.server.Serve(l)
	}()
	return b
}

// Close ends the beacon, with its connections.
func (b *Beacon) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if b.server.Shutdown(ctx) != nil {
		_ = b.server.Close()
	}
	<-b.done
}
