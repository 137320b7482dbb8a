package e2e

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// connections are TCP connections that stay open, each to one pod.
type connections struct {
	conns []net.Conn
	errs  int
}

// keepsOpen opens connections from a node of the cluster, and uses each once.
func (p *place) keepsOpen(address string, n int) *connections {
	p.story.Helper()
	cs := &connections{}
	p.story.Cleanup(func() {
		for _, c := range cs.conns {
			_ = c.Close()
		}
	})
	for range n {
		c, err := p.Dial(p.story.Context(), "tcp", address)
		if err != nil {
			p.story.Fatal(err)
		}
		cs.conns = append(cs.conns, c)
	}
	cs.ask()
	if cs.errs > 0 {
		p.story.Fatalf("%d of %d connections do not work", cs.errs, n)
	}
	return cs
}

// ask sends one request over each and counts who answered.
func (cs *connections) ask() map[string]int {
	answered := map[string]int{}
	for _, c := range cs.conns {
		who, err := askOver(c)
		if err != nil {
			cs.errs++
			continue
		}
		answered[who]++
	}
	return answered
}

// broken is how many requests were not answered.
func (cs *connections) broken() int { return cs.errs }

func askOver(c net.Conn) (string, error) {
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: cart\r\n\r\n"); err != nil {
		return "", err
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	who, _, _ := strings.Cut(string(body), " ")
	return who, err
}
