package agent

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// longestLine bounds a line of a peer: one prober's results for one cluster.
const longestLine = 1 << 20

// errSelf says that the peer is this replica itself.
var errSelf = errors.New("the peer is this replica itself")

// Hear follows what the probes of another replica see, at an address (host:port) that serves its Probes on ProbesPath, until ctx ends. What the
// peer sees counts like what this replica sees, as that of probers of its own; it is dropped as soon as the peer is gone, or silent for two seconds.
// A replica that is told to hear itself does not.
func (a *Agent) Hear(ctx context.Context, peer, address string) {
	pause := shortestPause
	for ctx.Err() == nil {
		began := time.Now()
		err := a.hear(ctx, peer, address)
		a.observer.deaf(peer)
		if errors.Is(err, errSelf) {
			<-ctx.Done()
			return
		}
		if time.Since(began) > longestPause {
			pause = shortestPause
		}
		if !rest(ctx, pause) {
			return
		}
		pause = min(2*pause, longestPause)
	}
}

// hear follows one stream until it breaks.
func (a *Agent) hear(ctx context.Context, peer, address string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watchdog := time.AfterFunc(silence, cancel)
	defer watchdog.Stop()

	transport := &http.Transport{DialContext: a.Dial, DisableCompression: true}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+ProbesPath, nil)
	if err != nil {
		return fmt.Errorf("hear peer %s: %w", peer, err)
	}
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return fmt.Errorf("hear peer %s: %w", peer, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("hear peer %s: %s", peer, res.Status)
	}
	return a.heed(peer, res.Body, func() { watchdog.Reset(silence) })
}

// heed takes a peer's lines, and calls alive for each.
func (a *Agent) heed(peer string, lines io.Reader, alive func()) error {
	in := bufio.NewScanner(lines)
	in.Buffer(nil, longestLine)
	for in.Scan() {
		var w word
		if err := json.Unmarshal(in.Bytes(), &w); err != nil {
			return fmt.Errorf("read peer %s: %w", peer, err)
		}
		alive()
		switch {
		case w.Agent == a.id:
			return errSelf
		case w.Cluster != "" && slices.Contains(proberNames[:], w.Prober):
			a.observer.heed(peer, sight{w.Cluster, w.Prober}, w.probes(peer))
		}
	}
	return in.Err()
}

// Peers keeps hearing the replicas at the addresses that a function returns, which is asked each second, until ctx ends. The own address may be
// among them.
func (a *Agent) Peers(ctx context.Context, addresses func() []string) {
	var group sync.WaitGroup
	defer group.Wait()
	hearing := map[string]context.CancelFunc{}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		wanted := addresses()
		for address, stop := range hearing {
			if !slices.Contains(wanted, address) {
				stop()
				delete(hearing, address)
			}
		}
		for _, address := range wanted {
			if hearing[address] == nil {
				peer, stop := context.WithCancel(ctx)
				hearing[address] = stop
				group.Go(func() { a.Hear(peer, address, address) })
			}
		}
		select {
		case <-ctx.Done():
			for _, stop := range hearing {
				stop()
			}
			return
		case <-tick.C:
		}
	}
}
