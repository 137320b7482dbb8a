package picture

import (
	"testing"
	"time"

	"fairlead.dev/fairlead/fleet"
)

// A cluster that was cut off and comes back does not hold the others for lost because of misses from its own outage.
func TestWhoWasCutOffGivesTheOthersTime(t *testing.T) {
	c := NewCentre(west(), Prior{})
	facts := []Change{is(memberObject("east", "us", "us-b", 0, 0)), is(memberObject("north", "eu", "eu-a", 0, 0))}
	c.Step(append(facts, is(observed("east", 3)), is(observed("north", 3))), start)

	pic, _, wake := c.Step([]Change{is(observed("east", 0))}, start)
	if got := pic.Member("north").Verdict; got != fleet.Suspect {
		t.Fatalf("north is %s right after the silence, want suspect", got)
	}
	if want := start.Add(west().Health.Recover); !wake.Equal(want) {
		t.Fatalf("wakes at %v, want %v", wake, want)
	}
	if pic, _, _ = c.Step(nil, wake); pic.Member("north").Verdict != fleet.Lost {
		t.Errorf("north is %s although it went on missing, want lost", pic.Member("north").Verdict)
	}
	c.Step([]Change{is(observed("north", 0))}, wake.Add(time.Second))
	pic, _, _ = c.Step(nil, wake.Add(3*time.Second))
	if got := pic.Member("north").Verdict; got != fleet.Serving {
		t.Errorf("north is %s after it answered, want serving", got)
	}
}
