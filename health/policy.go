package health

import "time"

// DefaultPolicy returns the numbers that hold where nobody has chosen others. With probes 200 ms apart, three misses make a cluster
// lost within a second.
func DefaultPolicy() Policy {
	return Policy{
		Misses:        3,
		MarkerSuspect: 90 * time.Second,
		Recover:       time.Second,
		BrakeShare:    0.5,
		BrakeMin:      20,
		BrakeHold:     60 * time.Second,
	}
}
