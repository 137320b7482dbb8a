package proxy

import (
	"strconv"
	"strings"
	"time"
)

// logAccess writes one line: the time, the client, what was asked, what was answered, with how many bytes, in how many milliseconds,
// and then by which route, at which host and after how many tries, or why not.
//
//	2026-11-21T10:00:00.000Z 127.0.0.1 "GET shop.example/cart HTTP/1.1" 200 42 1.3 route=shop/storefront/1/0 to=127.11.0.3:8080 tries=1
func (x *exchange) logAccess() {
	out := x.proxy.opt.AccessLog
	if out == nil {
		return
	}
	b := make([]byte, 0, 256)
	b = x.began.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	b = append(b, ' ')
	b = x.link.source().AppendTo(b)
	b = append(b, ' ')
	b = strconv.AppendQuote(b, x.r.Method+" "+x.r.Host+x.r.URL.Path+" "+x.r.Proto)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(x.w.code), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, x.w.bytes, 10)
	b = append(b, ' ')
	b = strconv.AppendFloat(b, float64(time.Since(x.began).Microseconds())/1000, 'f', 1, 64)
	for _, field := range [...]struct{ key, value string }{{"route", x.routeName()}, {"to", x.to}, {"tries", x.triesText()}, {"why", x.why}} {
		if field.value == "" {
			continue
		}
		b = append(b, ' ')
		b = append(append(b, field.key...), '=')
		if strings.ContainsAny(field.value, " \"=\\") {
			b = strconv.AppendQuote(b, field.value)
		} else {
			b = append(b, field.value...)
		}
	}
	b = append(b, '\n')
	x.proxy.logMu.Lock()
	defer x.proxy.logMu.Unlock()
	_, _ = out.Write(b) // nobody is left to tell
}

func (x *exchange) routeName() string {
	if x.route == nil {
		return ""
	}
	return x.route.Name
}

func (x *exchange) triesText() string {
	if x.tries == 0 {
		return ""
	}
	return strconv.Itoa(x.tries)
}
