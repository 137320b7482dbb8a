package health

import (
	"time"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
)

// Policy is the numbers that Judge and Absence work by. DefaultPolicy gives the defaults.
type Policy struct {
	// Misses is how many probes in a row one prober must miss to hold a path for dead: 3.
	Misses int
	// MarkerSuspect is the age from which a silent marker makes a cluster suspect, provided that no probe answers: 90 s, as a heartbeat comes
	// every 15 s and is listed every 20 s. Silent control with a living data path keeps serving, and silent control alone never makes a
	// cluster lost.
	MarkerSuspect time.Duration
	// Recover is how long a lost cluster must answer again before it serves: 1 s.
	Recover time.Duration
	// BrakeShare and BrakeMin: a withdrawal of more than this share of a member's services (0.5) and of more than this many (20) waits for
	// BrakeHold (60 s) or the operator's word.
	BrakeShare float64
	BrakeMin   int
	BrakeHold  time.Duration
}

// Probe is the newest result of one local prober for one path (a beacon or a sampled endpoint) of a cluster.
type Probe struct {
	Prober string // which of the local probers
	Path   string // which beacon or endpoint
	// Misses counts the probes missed in a row; 0: the last one answered.
	Misses int
	// Draining is what the beacon itself said when it last answered.
	Draining bool
}

// Observation is all that one vantage knows of one cluster at one moment.
type Observation struct {
	Member *v1alpha1.Member // nil: no Member object is seen now
	// MarkerAge is the time since this observer last saw the marker change; negative where there is no marker to wait for.
	MarkerAge time.Duration
	// Probes is empty where nothing is probed (the own cluster, or an offline picture): the data path then counts as living.
	Probes []Probe
	// OthersAllDead says that every other cluster's probes fail as well: suspect yourself.
	OthersAllDead bool
}

// State is what Judge remembers of a cluster. The zero State is that of a cluster never seen.
type State struct {
	Verdict fleet.Verdict
	Reason  string    // a sentence for people
	Since   time.Time // when the verdict last changed
	// AnsweringSince is when a lost cluster began to answer again; zero otherwise.
	AnsweringSince time.Time
}
