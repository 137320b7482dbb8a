package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"fairlead.dev/fairlead/match"
)

// server serves one address.
type server struct {
	proxy    *Proxy
	ln       net.Listener
	listener atomic.Pointer[match.Listener] // what it serves now
	http     *http.Server
	accepted handover // what the HTTP server is to serve
	draining atomic.Bool
	setup    sync.WaitGroup // connections between accept and their protocol
	open     atomic.Int64   // connections

	mu    sync.Mutex
	other map[net.Conn]bool // connections that are not HTTP any more, or never were
}

func newServer(p *Proxy, ln net.Listener, l *match.Listener) *server {
	s := &server{proxy: p, ln: ln, other: map[net.Conn]bool{}}
	s.listener.Store(l)
	s.accepted = handover{conns: make(chan net.Conn), closed: make(chan struct{}), addr: ln.Addr()}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	limits := &p.opt.Limits
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		Protocols:         protocols,
		ReadHeaderTimeout: limits.HeaderTimeout,
		IdleTimeout:       limits.IdleTimeout,
		// Above what proxy/strict lets pass in HTTP/1, so that its answers count.
		MaxHeaderBytes: limits.Strict.Head + 4096,
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: limits.Streams, SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second,
			MaxReceiveBufferPerStream: 256 << 10, MaxReceiveBufferPerConnection: 1 << 20},
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, linkKey{}, linkOf(c))
		},
		ErrorLog: slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
	}
	return s
}

func (s *server) start() {
	go func() {
		_ = s.http.Serve(&s.accepted) // ends by Shutdown alone
	}()
	go s.accept()
}

// accept takes connections until the socket is closed.
func (s *server) accept() {
	for pause := time.Duration(0); ; {
		conn, err := s.ln.Accept()
		if errors.Is(err, net.ErrClosed) || err != nil && s.draining.Load() {
			return
		}
		if err != nil {
			// Out of descriptors, most likely: those in use will end.
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.proxy.log.Warn("accept", "addr", s.ln.Addr().String(), "err", err)
			time.Sleep(pause)
			continue
		}
		pause = 0
		if n := s.proxy.stats.connections.Add(1); n > int64(s.proxy.opt.Limits.Connections) {
			s.proxy.stats.connections.Add(-1)
			s.proxy.stats.shed.Add(1)
			_ = conn.Close()
			continue
		}
		s.setup.Add(1)
		s.open.Add(1)
		go s.receive(&link{Conn: conn, server: s})
	}
}

// receive finds out what a connection speaks and hands it on.
func (s *server) receive(l *link) {
	defer s.setup.Done()
	listener := s.listener.Load()
	conn := net.Conn(l)
	chain := listener.Chains[0]
	if chain.TLS != nil {
		secure, err := s.shake(l, listener)
		if err != nil {
			s.proxy.stats.handshakes.Add(1)
			_ = l.Close()
			return
		}
		conn, chain = secure, listener.Chain(l.serverName)
	}
	switch {
	case chain.HTTP == nil:
		go s.carry(conn, chain.TCP)
	case l.http2:
		s.accepted.pass(conn) // net/http wants to see the TLS connection itself
	default:
		s.accepted.pass(newStrictConn(conn, l))
	}
}

// shake shakes hands by the chain of the server name that the client asks for.
func (s *server) shake(l *link, listener *match.Listener) (*tls.Conn, error) {
	l.secure = true
	conn := tls.Server(l, &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			l.serverName = hello.ServerName
			return s.tlsConfig(listener, hello)
		},
	})
	ctx, cancel := context.WithTimeout(context.Background(), s.proxy.opt.Limits.HeaderTimeout)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	l.http2 = conn.ConnectionState().NegotiatedProtocol == "h2"
	return conn, nil
}

// errNoChain and errNoCertificate end a handshake; the client sees an alert.
var (
	errNoChain       = errors.New("no filter chain takes this server name")
	errNoCertificate = errors.New("none of the chain's certificates is known")
)

func (s *server) tlsConfig(listener *match.Listener, hello *tls.ClientHelloInfo) (*tls.Config, error) {
	chain := listener.Chain(hello.ServerName)
	if chain == nil {
		return nil, errNoChain
	}
	var secrets []*match.Secret
	for _, name := range chain.TLS.Secrets {
		secrets = append(secrets, s.proxy.store.secret(name))
	}
	secret := match.Choose(secrets, hello)
	if secret == nil {
		return nil, errNoCertificate
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{secret.Certificate},
		// Tickets would outlive the certificate that they were made under.
		SessionTicketsDisabled: true}
	if chain.HTTP != nil {
		config.NextProtos = chain.TLS.ALPN
	}
	return config, nil
}

// handover is the net.Listener of the HTTP server.
type handover struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
	addr   net.Addr
}

func (h *handover) pass(c net.Conn) {
	select {
	case h.conns <- c:
	case <-h.closed:
		_ = c.Close()
	}
}

// Accept implements net.Listener.
func (h *handover) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handover) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

// Addr implements net.Listener.
func (h *handover) Addr() net.Addr { return h.addr }
