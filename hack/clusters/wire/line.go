package wire

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Slowness is what a bad line does to every packet, in each direction.
type Slowness struct {
	Delay  time.Duration
	Jitter time.Duration // more or less than the delay by at most this; packets never overtake each other
	Loss   float64       // of all packets, between 0 and 1
}

func (s Slowness) String() string {
	return fmt.Sprintf("each packet %v ± %v late, %.3g%% lost", s.Delay, s.Jitter, s.Loss*100)
}

// frames is how many frames a line holds on their way; more are lost, as in any full queue.
const frames = 10_000

type frame struct {
	due  time.Time
	data []byte
}

// carry passes frames from read to write until either fails, and returns when what was on its way has arrived. read returns a frame that is the
// caller's to keep.
func (s Slowness) carry(read func() ([]byte, error), write func([]byte) error) error {
	way := make(chan frame, frames)
	failed := make(chan error, 1)
	arrived := make(chan struct{})
	go func() {
		defer close(arrived)
		for f := range way {
			time.Sleep(time.Until(f.due))
			if err := write(f.data); err != nil {
				failed <- err
				return
			}
		}
	}()
	defer func() {
		close(way)
		<-arrived
	}()
	for {
		data, err := read()
		if err != nil {
			return err
		}
		if rand.Float64() < s.Loss {
			continue
		}
		due := time.Now().Add(s.Delay)
		if s.Jitter > 0 {
			due = due.Add(rand.N(2*s.Jitter) - s.Jitter)
		}
		select {
		case err := <-failed:
			return err
		case way <- frame{due, data}:
		default:
		}
	}
}
