package echo

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/gorilla/websocket"
)

// Bounds on what a client may ask for.
const (
	maxDelay = time.Minute
	maxBytes = 1 << 30
)

func (h *handler) status(w http.ResponseWriter, r *http.Request, argument string) {
	code, err := strconv.Atoi(argument)
	if err != nil || code < 200 || code > 599 {
		http.Error(w, "write a status from 200 to 599, such as /echo/status/503", http.StatusBadRequest)
		return
	}
	h.answer(w, r, code)
}

func (h *handler) delay(w http.ResponseWriter, r *http.Request, argument string) {
	d, err := time.ParseDuration(argument)
	if err != nil || d < 0 || d > maxDelay {
		http.Error(w, "write a delay up to a minute, such as /echo/delay/250ms", http.StatusBadRequest)
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-r.Context().Done():
	case <-timer.C:
		h.answer(w, r, http.StatusOK)
	}
}

func (h *handler) bytes(w http.ResponseWriter, argument string) {
	n, err := strconv.Atoi(argument)
	if err != nil || n < 0 || n > maxBytes {
		http.Error(w, "write a number of bytes up to 1 GiB, such as /echo/bytes/1000", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(n))
	var block [16 << 10]byte
	for i := range block {
		block[i] = "0123456789abcdef"[i%16]
	}
	for n > 0 {
		m, err := w.Write(block[:min(n, len(block))])
		if err != nil {
			return
		}
		n -= m
	}
}

var upgrader = websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}

// socket sends every message of a WebSocket back. When the server ends it says that it goes away.
func (h *handler) socket(w http.ResponseWriter, r *http.Request) {
	if !h.enter() {
		http.Error(w, "the pod ends", http.StatusServiceUnavailable)
		return
	}
	defer h.sockets.Done()
	header := http.Header{}
	header.Set(HeaderCluster, h.id.Cluster)
	header.Set(HeaderPod, h.id.Pod)
	c, err := upgrader.Upgrade(w, r, header)
	if err != nil {
		return // Upgrade has answered
	}
	defer c.Close()
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-done:
		case <-h.closing:
			bye := websocket.FormatCloseMessage(websocket.CloseGoingAway, "the pod ends")
			_ = c.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second))
			_ = c.SetReadDeadline(time.Now().Add(time.Second))
		}
	}()
	for {
		kind, message, err := c.ReadMessage()
		if err != nil || c.WriteMessage(kind, message) != nil {
			return
		}
	}
}

// events streams server-sent events, each with who sends it.
func (h *handler) events(w http.ResponseWriter, r *http.Request) {
	n, every := 3, 100*time.Millisecond
	var err error
	if text := r.URL.Query().Get("n"); text != "" {
		n, err = strconv.Atoi(text)
	}
	if text := r.URL.Query().Get("every"); text != "" && err == nil {
		every, err = time.ParseDuration(text)
	}
	if err != nil || n < 0 || every < time.Millisecond || every > maxDelay {
		http.Error(w, "write for example /echo/sse?n=3&every=100ms", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	tick := time.NewTicker(every)
	defer tick.Stop()
	for i := 0; n == 0 || i < n; i++ {
		if _, err := fmt.Fprintf(w, "id: %d\ndata: %s %s\n\n", i, h.id.Cluster, h.id.Pod); err != nil {
			return
		}
		if err := http.NewResponseController(w).Flush(); err != nil || i == n-1 {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-h.closing:
			return
		case <-tick.C:
		}
	}
}
