package dev

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/internal/load"
	"fairlead.dev/fairlead/picture"
)

var (
	tangleSeed = flag.Uint64("tangle.seed", 1, "which faults, in which order")
	tangleTime = flag.Duration("tangle.time", 10*time.Second, "how long faults go on")
)

// In a tangle of faults, a client of a gateway that itself stays reachable sees none of them, and afterwards everything is as it was before:
// nothing was withdrawn for good, nothing is held, nothing is left over. Run it longer with -tangle.time=5m, otherwise with
// -tangle.seed=2.
func TestNothingFailsInATangleOfFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes its time")
	}
	s := newShop(t, 51).start()
	s.eventually("everybody probes everybody", func() bool {
		for _, pic := range s.pictures() {
			if strings.Contains(pic.String(), "not probed") {
				return false
			}
		}
		return true
	})
	before := s.pictures()

	g := &tangle{shop: s, rand: rand.New(rand.NewPCG(*tangleSeed, 0))}
	var clients sync.WaitGroup
	for _, path := range []string{"/", "/cart", "/stock", "/mixed"} {
		clients.Go(func() { g.client(path) })
	}
	for end := time.Now().Add(*tangleTime); time.Now().Before(end); {
		t.Log(g.fault())
		g.pause(0, 300*time.Millisecond)
	}
	clients.Wait()

	var differs string
	defer func() {
		if t.Failed() {
			t.Log(differs)
		}
	}()
	s.eventually("everything is as it was before", func() bool {
		differs = ""
		for name, now := range s.pictures() {
			for _, line := range picture.Diff(before[name], now) {
				differs += name + ": " + line + "\n"
			}
		}
		return differs == ""
	})
}

func (s *shop) pictures() map[string]*picture.Picture {
	all := map[string]*picture.Picture{}
	for _, k := range s.f.all() {
		all[k.name] = k.agent.Picture()
	}
	return all
}

// tangle makes faults, one after the other.
type tangle struct {
	*shop
	rand *rand.Rand
}

// client asks east's gateway for as long as the faults go on.
func (g *tangle) client(path string) {
	const rate = 50
	n := int(tangleTime.Seconds() * rate)
	res, err := load.Run(g.t.Context(), load.Options{
		URL: "http://" + g.address(12) + ":8080" + path, Host: "shop.example", N: n, Rate: rate, Timeout: 20 * time.Second,
	})
	if err != nil || res.Failed > 0 || res.OK != n {
		g.t.Errorf("%s: %s, %v, %v", path, res, res.Errors, err)
		return
	}
	g.t.Logf("%s: %s", path, res)
}

// fault makes a fault, mends it, and tells what it was. East, whose gateway is asked, stays reachable.
func (g *tangle) fault() string {
	other := []string{"west", "north"}[g.rand.IntN(2)]
	switch g.rand.IntN(7) {
	case 0:
		g.must(g.f.Lose(other))
		g.pause(100*time.Millisecond, 2*time.Second)
		g.must(g.f.Find(other))
		g.eventually(other+" serves again", func() bool { return g.verdict("east", other) == fleet.Serving })
		return other + " was lost and found"
	case 1:
		g.must(g.f.Drain(other, true))
		g.pause(0, time.Second)
		g.must(g.f.Drain(other, false))
		return other + " was drained and restored"
	case 2:
		g.must(g.f.Hub(false))
		g.pause(0, time.Second)
		g.must(g.f.Hub(true))
		return "the hub was away"
	case 3:
		dir, away := filepath.Join(g.dir, other), filepath.Join(g.t.TempDir(), other)
		g.must(os.Rename(dir, away))
		g.pause(0, 500*time.Millisecond)
		g.must(os.Rename(away, dir))
		return "the folder of " + other + " vanished and came back"
	case 4:
		text := workload("stock", 2, "1")
		g.write(other+"/stock.yaml", text[:g.rand.IntN(len(text))])
		g.pause(0, 300*time.Millisecond)
		g.write(other+"/stock.yaml", text)
		return "a file of " + other + " was broken and mended"
	case 5:
		replicas := 1 + g.rand.IntN(4)
		g.write(other+"/stock.yaml", workload("stock", replicas, "1"))
		g.pause(0, time.Second)
		g.write(other+"/stock.yaml", workload("stock", 2, "1"))
		return fmt.Sprintf("stock in %s was scaled to %d and back", other, replicas)
	}
	g.route("east", g.rand.IntN(3), 1+g.rand.IntN(3))
	g.pause(0, 200*time.Millisecond)
	g.route("east", 1, 0)
	return "weights in east were edited"
}

func (g *tangle) pause(from, to time.Duration) {
	time.Sleep(from + time.Duration(g.rand.Int64N(int64(to-from))))
}
