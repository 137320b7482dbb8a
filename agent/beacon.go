package agent

import (
	"context"
	"encoding/json"
	"io"
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
	// From is the address that the probe came from, as the beacon sees it: another one than the prober's own was translated on the way.
	From string `json:"from,omitempty"`
}

// largestEcho bounds what a beacon sends back of a body that is posted to it: enough for several full packets both ways, so that a path
// which lets only small ones through is found.
const largestEcho = 16 << 10

// Beacon answers the probes of other clusters on one listener. A cluster has at least two, on its data path.
type Beacon struct {
	server *http.Server
	done   chan struct{}
}

// ServeBeacon answers on l with what said returns, until Close.
func ServeBeacon(l net.Listener, said func() Said) *Beacon {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+BeaconPath, func(w http.ResponseWriter, r *http.Request) {
		now := said()
		now.From = r.RemoteAddr
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(now)
	})
	mux.HandleFunc("POST "+BeaconPath, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestEcho))
		if err != nil {
			http.Error(w, "the body is too large or did not come whole", http.StatusRequestEntityTooLarge)
			return
		}
		_, _ = w.Write(body)
	})
	b := &Beacon{
		server: &http.Server{
			Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 4 << 10,
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
