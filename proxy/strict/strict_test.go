package strict_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fairlead.dev/fairlead/proxy/strict"
)

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

func post(fields, body string) string {
	return "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body
}

func chunked(body string) string { return post("Transfer-Encoding: chunked\r\n", body) }

// good connections are passed on as they are.
var good = map[string]string{
	"get":                   get,
	"two":                   get + get,
	"length":                post("Content-Length: 3\r\n", "abc") + get,
	"length zero":           post("Content-Length: 0\r\n", "") + get,
	"chunked":               chunked("3\r\nabc\r\n00\r\n\r\n") + get,
	"chunk extension":       chunked("3;a=b;c=\"d e\"\r\nabc\r\n0\r\n\r\n"),
	"trailer":               chunked("0\r\nX-Sum: 1\r\n\r\n") + get,
	"mixed case":            post("tRANSFER-eNCODING: Chunked\r\n", "A\r\n0123456789\r\n0\r\n\r\n"),
	"absolute form":         "GET http://A:80/x HTTP/1.1\r\nHost: a:80\r\n\r\n",
	"options":               "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
	"http/1.0":              "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
	"ipv6 host":             "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n",
	"empty and odd values":  "GET / HTTP/1.1\r\nHost: a\r\nX:\r\nY: \t a\tb \r\nZ: \xff\r\n\r\n",
	"prior knowledge":       "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
	"http2 upgrade ignored": "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n\r\n" + get,
}

// bad connections are refused with a code, after so many good requests.
var bad = map[string]struct {
	in   string
	code int
	n    int
}{
	"both length and coding":      {post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400, 1},
	"coding then length":          {post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "0\r\n\r\n"), 400, 1},
	"two lengths":                 {post("Content-Length: 3\r\nContent-Length: 4\r\n", "abc"), 400, 1},
	"equal lengths":               {post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), 400, 1},
	"length list":                 {post("Content-Length: 3, 3\r\n", "abc"), 400, 1},
	"length plus":                 {post("Content-Length: +3\r\n", "abc"), 400, 1},
	"length minus":                {post("Content-Length: -3\r\n", "abc"), 400, 1},
	"length hex":                  {post("Content-Length: 0x3\r\n", "abc"), 400, 1},
	"length empty":                {post("Content-Length:\r\n", "abc"), 400, 1},
	"length huge":                 {post("Content-Length: 99999999999999999999\r\n", "abc"), 400, 1},
	"length underscore":           {post("Content-Length: 1_0\r\n", "abc"), 400, 1},
	"coding gzip":                 {post("Transfer-Encoding: gzip\r\n", ""), 501, 1},
	"coding gzip, chunked":        {post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 501, 1},
	"coding identity":             {post("Transfer-Encoding: identity\r\n", ""), 501, 1},
	"coding xchunked":             {post("Transfer-Encoding: xchunked\r\n", ""), 501, 1},
	"coding quoted":               {post("Transfer-Encoding: \"chunked\"\r\n", ""), 501, 1},
	"coding with vertical tab":    {post("Transfer-Encoding: \x0bchunked\r\n", ""), 400, 1},
	"coding twice":                {post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400, 1},
	"coding in 1.0":               {"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, 1},
	"space before colon":          {post("Content-Length : 3\r\n", "abc"), 400, 1},
	"tab before colon":            {post("Transfer-Encoding\t: chunked\r\n", "0\r\n\r\n"), 400, 1},
	"folded line":                 {"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", 400, 1},
	"folded first line":           {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, 1},
	"bare line feeds":             {"GET / HTTP/1.1\nHost: a\n\n", 400, 1},
	"one bare line feed":          {"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400, 1},
	"bare line feed at the end":   {"GET / HTTP/1.1\r\nHost: a\r\n\nGET /x HTTP/1.1\r\n\r\n", 400, 1},
	"bare carriage return":        {"GET / HTTP/1.1\r\nHost: a\r\nX: b\rY: c\r\n\r\n", 400, 1},
	"nul":                         {"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n", 400, 1},
	"control in a value":          {"GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", 400, 1},
	"control in a name":           {"GET / HTTP/1.1\r\nHost: a\r\nX\x01: b\r\n\r\n", 400, 1},
	"no name":                     {"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400, 1},
	"no colon":                    {"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400, 1},
	"name with brackets":          {"GET / HTTP/1.1\r\nHost: a\r\nX(1): b\r\n\r\n", 400, 1},
	"no host":                     {"GET / HTTP/1.1\r\n\r\n", 400, 1},
	"two hosts":                   {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, 1},
	"equal hosts":                 {"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400, 1},
	"host list":                   {"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, 1},
	"host with path":              {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, 1},
	"host with user":              {"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400, 1},
	"host port":                   {"GET / HTTP/1.1\r\nHost: a:x\r\n\r\n", 400, 1},
	"host empty":                  {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, 1},
	"absolute form of another":    {"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, 1},
	"absolute form, odd scheme":   {"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, 1},
	"authority form":              {"GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400, 1},
	"connect":                     {"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 501, 1},
	"asterisk for get":            {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, 1},
	"two spaces":                  {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 1},
	"space at the end":            {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400, 1},
	"tab in the line":             {"GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", 400, 1},
	"no version":                  {"GET /\r\nHost: a\r\n\r\n", 400, 1},
	"version 2.0":                 {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, 1},
	"version 1.2":                 {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505, 1},
	"version lower case":          {"GET / http/1.1\r\nHost: a\r\n\r\n", 400, 1},
	"version long":                {"GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400, 1},
	"method with colon":           {"GE:T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 1},
	"control in the target":       {"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400, 1},
	"high byte in the target":     {"GET /\xe4 HTTP/1.1\r\nHost: a\r\n\r\n", 400, 1},
	"fragment in the target":      {"GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", 400, 1},
	"empty line at the beginning": {"\r\n" + get, 400, 1},
	"tls":                         {"\x16\x03\x01\x02\x00\x01\x00\n", 400, 1},
	"long line":                   {"GET /" + strings.Repeat("a", 17<<10), 414, 1},
	"long head":                   {"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("a", 65<<10), 431, 1},
	"long whole head":             {"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("a", 65<<10) + "\r\n\r\n", 431, 1},
	"many fields":                 {"GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: 1\r\n", 300) + "\r\n", 431, 1},
	"second request":              {get + "GET / HTTP/1.1\nHost: a\n\n", 400, 2},
	"third, after a body":         {get + post("Content-Length: 1\r\n", "a") + "X\r\n\r\n", 400, 3},

	"chunk size with sign":         {chunked("+3\r\nabc\r\n0\r\n\r\n"), 400, 1},
	"chunk size with minus":        {chunked("-3\r\nabc\r\n0\r\n\r\n"), 400, 1},
	"chunk size with 0x":           {chunked("0x3\r\nabc\r\n0\r\n\r\n"), 400, 1},
	"chunk size with space":        {chunked("3 \r\nabc\r\n0\r\n\r\n"), 400, 1},
	"chunk size with space before": {chunked(" 3\r\nabc\r\n0\r\n\r\n"), 400, 1},
	"chunk size with underscore":   {chunked("1_0\r\n"), 400, 1},
	"chunk size empty":             {chunked("\r\n"), 400, 1},
	"chunk size without digits":    {chunked(";a\r\n"), 400, 1},
	"chunk size overlong":          {chunked("0000000000000000000003\r\nabc\r\n0\r\n\r\n"), 400, 1},
	"chunk size overflow":          {chunked("ffffffffffffffff1\r\n"), 400, 1},
	"chunk size, bare line feed":   {chunked("3\nabc\r\n0\r\n\r\n"), 400, 1},
	"chunk end, bare line feed":    {chunked("3\r\nabc\n0\r\n\r\n"), 400, 1},
	"chunk too long":               {chunked("3\r\nabcd\r\n0\r\n\r\n"), 400, 1},
	"chunk extension, line feed":   {chunked("3;a\nb\r\nabc\r\n0\r\n\r\n"), 400, 1},
	"chunk extension, return":      {chunked("3;a\rb\r\nabc\r\n0\r\n\r\n"), 400, 1},
	"chunk extension long":         {chunked("3;" + strings.Repeat("a", 2000) + "\r\nabc\r\n0\r\n\r\n"), 400, 1},
	"last chunk, bare line feed":   {chunked("0\n\r\n"), 400, 1},
	"trailer with length":          {chunked("0\r\nContent-Length: 1\r\n\r\n"), 400, 1},
	"trailer with host":            {chunked("0\r\nHost: b\r\n\r\n"), 400, 1},
	"trailer folded":               {chunked("0\r\nX: 1\r\n y\r\n\r\n"), 400, 1},
	"trailer, bare line feed":      {chunked("0\r\nX: 1\n\r\n"), 400, 1},
	"trailer without colon":        {chunked("0\r\nX\r\n\r\n"), 400, 1},
}

func TestGoodPasses(t *testing.T) {
	for name, in := range good {
		out, v := strict.New(strict.DefaultLimits()).Push(nil, []byte(in))
		if v != nil || string(out) != in {
			t.Errorf("%s: %q, %v", name, out, v)
		}
	}
}

func TestBadIsRefused(t *testing.T) {
	for name, c := range bad {
		out, v := strict.New(strict.DefaultLimits()).Push(nil, []byte(c.in))
		if v == nil {
			t.Errorf("%s: passed", name)
			continue
		}
		if v.Code != c.code || v.Request != c.n {
			t.Errorf("%s: %d at request %d (%s), want %d at %d", name, v.Code, v.Request, v.Reason, c.code, c.n)
		}
		if !v.InBody && strings.Count(string(out), "HTTP/1.") != c.n-1 {
			t.Errorf("%s: of the bad head was passed on %q", name, out)
		}
	}
}

// TestPiecesDoNotMatter: however a connection is cut into pieces, the verdict and what is passed on are the same.
func TestPiecesDoNotMatter(t *testing.T) {
	var all []string
	for _, in := range good {
		all = append(all, in)
	}
	for _, c := range bad {
		if len(c.in) < 4096 { // the bounds are looked at per piece
			all = append(all, c.in)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SampledFrom(all).Draw(t, "in") + rapid.SampledFrom(all).Draw(t, "then")
		whole, v1 := strict.New(strict.DefaultLimits()).Push(nil, []byte(in))
		f := strict.New(strict.DefaultLimits())
		var out []byte
		var v2 *strict.Violation
		for rest := []byte(in); len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "n")
			out, v2 = f.Push(out, rest[:n])
			rest = rest[n:]
		}
		if (v1 == nil) != (v2 == nil) || v1 != nil && (v1.Request != v2.Request || v1.InBody != v2.InBody) {
			t.Fatalf("whole: %v, in pieces: %v", v1, v2)
		}
		if string(out) != string(whole) {
			t.Fatalf("whole passed %q, pieces %q", whole, out)
		}
	})
}

func TestUpgradeWaits(t *testing.T) {
	const ask = "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n"
	f := strict.New(strict.DefaultLimits())
	out, v := f.Push(nil, []byte(ask+"\x81\x00"))
	if v != nil || string(out) != ask || !f.Waiting() {
		t.Fatalf("%q %v", out, v)
	}
	if out = f.Tunnel(nil); string(out) != "\x81\x00" {
		t.Errorf("tunnel: %q", out)
	}
	f = strict.New(strict.DefaultLimits())
	_, _ = f.Push(nil, []byte(ask+get))
	if out, v = f.Resume(nil); v != nil || string(out) != get {
		t.Errorf("resume: %q %v", out, v)
	}
	if _, v = f.Push(nil, []byte("\x81")); v != nil {
		t.Error("one byte of a head is no violation yet")
	}
	if _, v = f.Push(nil, []byte("\n")); v == nil || v.Request != 3 {
		t.Errorf("%v", v)
	}
}

// FuzzPush: no bytes make a Follower panic, pass on what it refused, or make up bytes.
func FuzzPush(f *testing.F) {
	for _, in := range good {
		f.Add([]byte(in), 7)
	}
	for _, c := range bad {
		f.Add([]byte(c.in), 7)
	}
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		follower := strict.New(strict.DefaultLimits())
		cut = max(0, min(cut, len(in)))
		out, v := follower.Push(nil, in[:cut])
		before := len(out)
		out, v2 := follower.Push(out, in[cut:])
		if v != nil && (v2 != v || len(out) != before) {
			t.Fatalf("bytes after a violation were passed on")
		}
		if len(out) > len(in) {
			t.Fatalf("%d bytes became %d", len(in), len(out))
		}
	})
}

func BenchmarkPush(b *testing.B) {
	in := []byte("GET /cart/items?x=1 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: curl/8.0\r\nAccept: */*\r\nCookie: a=b; c=d\r\n\r\n")
	f := strict.New(strict.DefaultLimits())
	out := make([]byte, 0, 4096)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		out, _ = f.Push(out[:0], in)
	}
}
