package health

import (
	"time"

	"fairlead.dev/fairlead/fleet"
)

// Judge folds what one vantage knows of a cluster into one verdict, and says when to look again even if nothing new is observed
// (zero: never). Judging the same observation twice at one moment changes nothing.
//
// From the strongest to the weakest:
//
//	gone      its Member says that it leaves
//	lost      every probe of every prober, two of them at least, has missed Policy.Misses in a row
//	draining  its operator, or one of its beacons, says so
//	suspect   no path answers one of the probers, or what would make it lost holds and may not be believed: because there is
//	          one prober only, or because every other cluster seems dead too, when the fault is more likely here
//	serving   everything else; a silent marker alone changes only the reason
//
// A lost cluster stays lost until it has answered for Policy.Recover without a break; having one prober less, or none, does not bring it back. A
// missing Member object explains nothing (Absence): the verdict is kept as it was, save that the data path may still be lost and
// found.
func Judge(p Policy, o Observation, prior State, now time.Time) (State, time.Time) {
	s := surveyOf(p, o.Probes)
	next := judged{Verdict: prior.Verdict}
	switch {
	case o.Member != nil && o.Member.Spec.Leaving:
		next = judged{Verdict: fleet.Gone, Reason: "it has left the clusterset: its Member says leaving"}
	case o.Member == nil && prior.Verdict == fleet.Gone:
		next.Reason = "it has left the clusterset, and its Member is no more"
	default:
		var isLost bool
		if next, isLost = lost(p, o, s, prior, now); !isLost {
			next = standing(p, o, s, prior)
		}
	}
	state := State{Verdict: next.Verdict, Reason: next.Reason, Since: prior.Since, AnsweringSince: next.AnsweringSince}
	if state.Verdict != prior.Verdict || prior.Since.IsZero() {
		state.Since = now
	}
	return state, wake(p, o, state, now)
}

// judged is a verdict with its reason, before it is known since when it holds.
type judged struct {
	fleet.Verdict
	Reason         string
	AnsweringSince time.Time
}

// lost says whether a cluster is lost: newly, or still because it has not been found again for long enough.
func lost(p Policy, o Observation, s survey, prior State, now time.Time) (judged, bool) {
	switch {
	case s.path == dead && s.probers >= 2 && (!o.OthersAllDead || established(p, prior, now)):
		return judged{Verdict: fleet.Lost, Reason: s.deadText(p)}, true
	case prior.Verdict != fleet.Lost || o.OthersAllDead:
		return judged{}, false
	case s.paths == 0: // as after a restart, until the probes come
		return judged{Verdict: fleet.Lost, Reason: "it is not probed from here since it was lost"}, true
	case s.path != living:
		return judged{Verdict: fleet.Lost, Reason: s.doubtText() + " since it was lost"}, true
	}
	since := prior.AnsweringSince
	if since.IsZero() || since.After(now) {
		since = now
	}
	reason := "it answers again, and must go on for " + p.Recover.String()
	return judged{Verdict: fleet.Lost, Reason: reason, AnsweringSince: since}, now.Sub(since) < p.Recover
}

// established says whether a cluster was lost well before the others fell silent too. Those that fall silent together are not lost
// one by one: that is more likely to be our own fault.
func established(p Policy, prior State, now time.Time) bool {
	return prior.Verdict == fleet.Lost && !prior.Since.IsZero() && now.Sub(prior.Since) >= p.Recover
}

// standing returns the verdict on a cluster that is neither gone nor lost.
func standing(p Policy, o Observation, s survey, prior State) judged {
	switch {
	case o.Member != nil && o.Member.Spec.Drain:
		return judged{Verdict: fleet.DrainingCluster, Reason: "its operator drains it"}
	case s.draining != "":
		return judged{Verdict: fleet.DrainingCluster, Reason: "its beacon " + s.draining + " says that it drains"}
	case o.Member == nil:
		return judged{Verdict: kept(s, prior), Reason: "its Member is missing without an explanation: the verdict is kept"}
	case s.path == dead && o.OthersAllDead:
		return judged{Verdict: fleet.Suspect, Reason: s.deadText(p) + ", as of every other cluster: suspect yourself"}
	case s.path == dead:
		return judged{Verdict: fleet.Suspect, Reason: s.deadText(p) + ": one prober alone does not make it lost"}
	case s.path == doubtful && silentMarker(p, o):
		return judged{Verdict: fleet.Suspect, Reason: s.doubtText() + ", and its marker has not changed for " + p.MarkerSuspect.String()}
	case s.path == doubtful:
		return judged{Verdict: fleet.Suspect, Reason: s.doubtText()}
	case silentMarker(p, o):
		return judged{Verdict: fleet.Serving, Reason: "its marker has not changed for " + p.MarkerSuspect.String() + ", but its data path lives"}
	case s.paths == 0:
		return judged{Verdict: fleet.Serving, Reason: "it is not probed from here"}
	}
	return judged{Verdict: fleet.Serving, Reason: "its beacons answer"}
}

// kept returns the verdict on a cluster without a Member: the one that it had, unless that was lost and it is no longer.
func kept(s survey, prior State) fleet.Verdict {
	switch {
	case prior.Verdict != fleet.Lost:
		return prior.Verdict
	case s.path == living:
		return fleet.Serving
	}
	return fleet.Suspect
}

func silentMarker(p Policy, o Observation) bool {
	return o.MarkerAge >= 0 && o.MarkerAge >= p.MarkerSuspect
}

// wake returns the next moment at which time alone can change what Judge says.
func wake(p Policy, o Observation, s State, now time.Time) time.Time {
	switch {
	case s.Verdict == fleet.Lost && !s.AnsweringSince.IsZero():
		return s.AnsweringSince.Add(p.Recover)
	case o.Member != nil && o.MarkerAge >= 0 && s.Verdict <= fleet.Suspect && !silentMarker(p, o):
		return now.Add(p.MarkerSuspect - o.MarkerAge)
	}
	return time.Time{}
}
