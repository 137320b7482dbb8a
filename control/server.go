package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// maxBody bounds a request.
const maxBody = 64 << 10

// Server answers on a control socket.
type Server struct {
	http *http.Server
	done chan struct{}
}

// Serve answers on l with what the fleet says, until Close.
func Serve(l net.Listener, fleet Fleet) *Server {
	s := &Server{
		http: &http.Server{Handler: Handler(fleet), ReadHeaderTimeout: 10 * time.Second},
		done: make(chan struct{}),
	}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(l)
	}()
	return s
}

// Close ends the server; requests in progress get a second.
func (s *Server) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
	<-s.done
}

// Handler returns the API of a fleet.
func Handler(f Fleet) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/clusters", func(w http.ResponseWriter, _ *http.Request) { answer(w, f.Clusters(), nil) })
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) { answer(w, f.Status(), nil) })
	mux.HandleFunc("GET /v1/picture", func(w http.ResponseWriter, r *http.Request) {
		text, err := f.Picture(r.URL.Query().Get("from"))
		if err != nil {
			answer(w, nil, err)
			return
		}
		if r.URL.Query().Get("format") == "json" {
			answer(w, Picture{From: r.URL.Query().Get("from"), Lines: strings.Split(strings.TrimSuffix(text, "\n"), "\n")}, nil)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte(text))
	})
	mux.HandleFunc("POST /v1/trace", func(w http.ResponseWriter, r *http.Request) {
		var req TraceRequest
		if !read(w, r, &req) {
			return
		}
		a, err := f.Trace(req)
		answer(w, a, err)
	})
	for path, do := range map[string]func(string) error{
		"drain":   func(c string) error { return f.Drain(c, true) },
		"restore": func(c string) error { return f.Drain(c, false) },
		"release": f.Release,
		"lose":    f.Lose,
		"find":    f.Find,
	} {
		mux.HandleFunc("POST /v1/"+path, func(w http.ResponseWriter, r *http.Request) {
			var req clusterRequest
			if read(w, r, &req) {
				answer(w, done{}, do(req.Cluster))
			}
		})
	}
	mux.HandleFunc("POST /v1/hub", func(w http.ResponseWriter, r *http.Request) {
		var req hubRequest
		if read(w, r, &req) {
			answer(w, done{}, f.Hub(req.Up))
		}
	})
	return mux
}

type (
	clusterRequest struct {
		Cluster string `json:"cluster"`
	}
	hubRequest struct {
		Up bool `json:"up"`
	}
	done struct{}
)

func read(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		answer(w, nil, &Error{Message: fmt.Sprintf("the request cannot be read: %v", err)})
		return false
	}
	return true
}

// answer writes a value, or an error as an Error: status 400 for what the caller can mend, 500 for the rest.
func answer(w http.ResponseWriter, value any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		known := new(Error)
		status := http.StatusBadRequest
		if !errors.As(err, &known) {
			known, status = &Error{Message: err.Error()}, http.StatusInternalServerError
		}
		value = known
		w.WriteHeader(status)
	}
	_ = json.NewEncoder(w).Encode(value)
}
