package proxy

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
)

// switchProtocols joins the client's connection and the backend's.
func (y *try) switchProtocols() {
	backend, ok := y.resp.Body.(io.ReadWriteCloser)
	if y.task.upgrade == "" || !ok || !strings.EqualFold(y.resp.Header.Get("Upgrade"), y.task.upgrade) {
		y.reply(http.StatusBadGateway, "the backend changed to a protocol that was not asked for")
		return
	}
	h := y.w.Header()
	for name, values := range endToEnd(y.resp.Header) {
		h[name] = values
	}
	h.Set("Connection", "Upgrade")
	h.Set("Upgrade", y.resp.Header.Get("Upgrade"))
	y.finish()
	y.w.WriteHeader(http.StatusSwitchingProtocols)
	y.link.strict.tunnel()
	client, buffered, err := http.NewResponseController(y.w).Hijack()
	if err != nil {
		y.why = "take over the connection: " + err.Error()
		return
	}
	y.track(client)
	defer y.forget(client)
	defer client.Close()
	if err := buffered.Flush(); err != nil {
		return
	}
	y.w.bytes += join(client, buffered.Reader, backend, backend)
}

// join copies both ways until both have ended, or one has failed, and returns what the client got. It closes the backend.
func join(client net.Conn, fromClient io.Reader, backend io.ReadWriteCloser, fromBackend io.Reader) int64 {
	var once sync.Once
	abort := func() { once.Do(func() { _ = client.Close(); _ = backend.Close() }) }
	var up sync.WaitGroup
	up.Go(func() {
		if _, err := io.Copy(backend, fromClient); err != nil || !half(backend) {
			abort()
		}
	})
	n, err := io.Copy(client, fromBackend)
	if err != nil || closeWrite(client) != nil {
		abort()
	}
	up.Wait()
	abort()
	return n
}

// half closes the writing half, if the connection has one to close.
func half(c io.ReadWriteCloser) bool {
	w, ok := c.(interface{ CloseWrite() error })
	return ok && w.CloseWrite() == nil
}
