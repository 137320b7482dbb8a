package proxy

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
)

// pass hands the answer to the client.
func (y *try) pass() {
	defer y.finishTry()
	defer y.resp.Body.Close()
	if y.resp.StatusCode == http.StatusSwitchingProtocols {
		y.switchProtocols()
		return
	}
	h := y.w.Header()
	closing := h.Get("Connection") // set while the server drains
	for name, values := range endToEnd(y.resp.Header) {
		h[name] = values
	}
	if closing != "" {
		h.Set("Connection", closing)
	}
	y.finish()
	announced := announce(h, y.resp.Trailer)
	y.w.WriteHeader(y.resp.StatusCode)
	err := y.copyBody()
	if err != nil {
		// The client must see that the answer is not whole.
		y.why = "the answer broke off: " + err.Error()
		panic(http.ErrAbortHandler)
	}
	trail(h, y.resp.Trailer, announced)
}

// announce names the trailer fields that will come.
func announce(h http.Header, trailer http.Header) int {
	if len(trailer) == 0 {
		return 0
	}
	names := make([]string, 0, len(trailer))
	for name := range trailer {
		names = append(names, name)
	}
	h.Add("Trailer", strings.Join(names, ", "))
	return len(trailer)
}

// trail sets the trailer fields, those that were not announced too.
func trail(h http.Header, trailer http.Header, announced int) {
	for name, values := range trailer {
		if len(trailer) != announced {
			name = http.TrailerPrefix + name
		}
		h[name] = append([]string(nil), values...)
	}
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// copyBody copies the body; one whose length is not known may be a stream, and each piece of it is flushed.
func (y *try) copyBody() error {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	stream := y.resp.ContentLength < 0
	flush := http.NewResponseController(y.w)
	if stream || len(y.resp.Trailer) > 0 {
		// Fields first: a stream's client may wait for them. It also makes HTTP/1 chunked, which trailers need.
		if err := flush.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
	}
	for {
		n, err := y.resp.Body.Read(*buf)
		if n > 0 {
			if _, werr := y.w.Write((*buf)[:n]); werr != nil {
				return werr
			}
			if stream {
				if ferr := flush.Flush(); ferr != nil {
					return ferr
				}
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
