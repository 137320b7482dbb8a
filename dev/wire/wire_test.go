package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"
)

// pair returns a connection from one cluster to an echoing listener of another.
func pair(t *testing.T) (from, to *Wire, c net.Conn) {
	t.Helper()
	var n Net
	from, to = n.Join("east"), n.Join("west")
	l, err := to.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	// The listener was opened on port 0: it is known under that.
	c, err = from.Dial(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { from.Find(); to.Find(); _ = c.Close() })
	return from, to, c
}

func say(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func hear(t *testing.T, c net.Conn, want string) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	b := make([]byte, len(want))
	if _, err := io.ReadFull(c, b); err != nil || string(b) != want {
		t.Fatalf("heard %q, %v; want %q", b, err, want)
	}
}

func hearNothing(t *testing.T, c net.Conn) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	n, err := c.Read(make([]byte, 10))
	if n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("heard %d bytes, %v; want silence", n, err)
	}
}

func TestAConnectionHangsInTheDarkAndGoesOn(t *testing.T) {
	for _, side := range []string{"from", "to"} {
		t.Run(side, func(t *testing.T) {
			from, to, c := pair(t)
			say(t, c, "before")
			hear(t, c, "before")
			dark := map[string]*Wire{"from": from, "to": to}[side]
			if side == "from" {
				say(t, c, "during")
				time.Sleep(20 * time.Millisecond)
				dark.Lose() // the answer is in the kernel, and withheld
			} else {
				dark.Lose()
				say(t, c, "during")
			}
			hearNothing(t, c)
			dark.Find()
			hear(t, c, "during")
		})
	}
}

func TestReadInProgressIsWithheldAndNotLost(t *testing.T) {
	from, _, c := pair(t)
	got := make(chan string, 1)
	go func() {
		b := make([]byte, 100)
		n, _ := c.Read(b)
		got <- string(b[:n])
	}()
	time.Sleep(20 * time.Millisecond)
	say(t, c, "x")
	select {
	case s := <-got:
		if s != "x" {
			t.Fatalf("got %q", s)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("nothing")
	}
	from.Lose()
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read in the dark: %v", err)
	}
	from.Find()
	say(t, c, "y")
	hear(t, c, "y")
}

func TestDialHangsWhileEitherEndIsDark(t *testing.T) {
	from, to, _ := pair(t)
	for name, w := range map[string]*Wire{"from": from, "to": to} {
		w.Lose()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err := from.Dial(ctx, "tcp", "127.0.0.1:0")
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s dark: dial ended with %v, want the deadline", name, err)
		}
		w.Find()
		c, err := from.Dial(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Errorf("%s found: %v", name, err)
			continue
		}
		_ = c.Close()
	}
}

func TestThePeerLearnsOfACloseInTheDarkOnlyLater(t *testing.T) {
	var n Net
	west := n.Join("west")
	l, err := west.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	west.Lose()
	blocked := make(chan error, 1)
	go func() {
		_, err := c.Read(make([]byte, 1))
		blocked <- err
	}()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-blocked; !errors.Is(err, net.ErrClosed) {
		t.Errorf("read after close: %v, want net.ErrClosed", err)
	}
	hearNothing(t, peer)
	west.Find()
	_ = peer.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := peer.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("peer read: %v, want the end of the stream", err)
	}
}

func TestADeadlineCanBeMovedWhileWaiting(t *testing.T) {
	from, _, c := pair(t)
	from.Lose()
	_ = c.SetReadDeadline(time.Now().Add(time.Hour))
	got := make(chan error, 1)
	go func() {
		_, err := c.Read(make([]byte, 1))
		got <- err
	}()
	time.Sleep(20 * time.Millisecond)
	_ = c.SetReadDeadline(time.Unix(1, 0))
	select {
	case err := <-got:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the read was not woken")
	}
}

func TestPacketsAreLostInTheDark(t *testing.T) {
	var n Net
	w := n.Join("west")
	p, err := w.ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	c, err := net.Dial("udp", p.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got := make(chan string, 10)
	go func() {
		b := make([]byte, 100)
		for {
			k, _, err := p.ReadFrom(b)
			if err != nil {
				return
			}
			got <- string(b[:k])
		}
	}()
	w.Lose()
	say(t, c, "lost")
	time.Sleep(30 * time.Millisecond)
	w.Find()
	say(t, c, "found")
	if s := <-got; s != "found" {
		t.Errorf("got %q, want found", s)
	}
}

func TestNominalAddressesAreOpenedElsewhereAndFound(t *testing.T) {
	n := Net{Place: func(_, _ string, _ netip.AddrPort) netip.AddrPort {
		return netip.MustParseAddrPort("127.0.0.1:0")
	}}
	west, east := n.Join("west"), n.Join("east")
	l, err := west.Listen(t.Context(), "tcp", "192.0.2.1:80")
	if err != nil {
		t.Fatal(err)
	}
	c, err := east.Dial(t.Context(), "tcp", "192.0.2.1:80")
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	if got := n.Actual("192.0.2.1:80"); got != l.Addr().String() {
		t.Errorf("actual address %s, want %s", got, l.Addr())
	}
	_ = l.Close()
	if got := n.Actual("192.0.2.1:80"); got != "192.0.2.1:80" {
		t.Errorf("actual address after close: %s", got)
	}
}
