package picture

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
)

// fleetOf returns a centre in west that has seen east export n services, and east's records by service.
func fleetOf(t *testing.T, n int) (*Centre, [][]Fact) {
	t.Helper()
	c := NewCentre(west(), Prior{})
	facts := []Change{is(namespace("shop")), is(memberObject("east", "us", "us-b", int32(n), int32(n)))}
	var records [][]Fact
	for i := range n {
		name := fmt.Sprintf("s%d", i)
		r := remote("east", svc("shop", name, 80), serviceExport("shop", name, 1), slice("shop", name, name+"-1", true, 80, addr(i)))
		records = append(records, r)
		facts = append(facts, is(r[0]), is(r[1]))
	}
	pic, _, _ := c.Step(facts, start)
	if got := imports(pic); got != n {
		t.Fatalf("%d services imported, want %d:\n%s", got, n, pic)
	}
	return c, records
}

func imports(pic *Picture) (n int) {
	for range pic.Services() {
		n++
	}
	return n
}

func vanish(records [][]Fact) (changes []Change) {
	for _, r := range records {
		for _, f := range r {
			changes = append(changes, gone(f))
		}
	}
	return changes
}

func marker(exports, slices int32, sequence int64) *v1alpha1.Member {
	m := memberObject("east", "us", "us-b", exports, slices)
	m.Status.Marker.Sequence = sequence
	return m
}

func TestUnexplainedAbsenceIsHeld(t *testing.T) {
	c, records := fleetOf(t, 2)
	pic, _, _ := c.Step(vanish(records[:1]), start)
	if imports(pic) != 2 {
		t.Fatalf("an unexplained absence was obeyed:\n%s", pic)
	}
	s := pic.Service(fleet.Name{Namespace: "shop", Name: "s0"})
	if len(s.Held) != 1 || s.Held[0] != "east" {
		t.Errorf("held = %v, want east", s.Held)
	}
	if m := pic.Member("east"); m.Held != 2 || !strings.Contains(m.Reason, "without an explanation") {
		t.Errorf("member = %+v", m)
	}

	pic, _, _ = c.Step([]Change{is(marker(1, 1, 2))}, start)
	if imports(pic) != 1 || pic.Member("east").Held != 0 {
		t.Errorf("the marker accounts for the absence, which was not obeyed:\n%s", pic)
	}
}

// TestAHubThatWasSetBackExplainsNothing: record and marker are those of an earlier time, and agree.
func TestAHubThatWasSetBackExplainsNothing(t *testing.T) {
	c, records := fleetOf(t, 2)
	c.Step([]Change{is(marker(2, 2, 7))}, start)
	pic, _, _ := c.Step(append(vanish(records[:1]), is(marker(1, 1, 6))), start)
	if imports(pic) != 2 || pic.Member("east").Held != 2 {
		t.Errorf("a marker of before explained what has come since:\n%s", pic)
	}
	pic, _, _ = c.Step([]Change{is(marker(1, 1, 8))}, start)
	if imports(pic) != 1 || pic.Member("east").Held != 0 {
		t.Errorf("the next marker accounts for the absence, which was not obeyed:\n%s", pic)
	}
}

func TestRecordThatComesBackIsNoLongerHeld(t *testing.T) {
	c, records := fleetOf(t, 2)
	c.Step(vanish(records[:1]), start)
	pic, _, _ := c.Step([]Change{is(records[0][0]), is(records[0][1])}, start)
	if m := pic.Member("east"); m.Held != 0 || imports(pic) != 2 {
		t.Errorf("held %d, imports %d", m.Held, imports(pic))
	}
}

func TestLostMemberObjectIsHeldAndAGoodbyeIsObeyed(t *testing.T) {
	c, records := fleetOf(t, 2)
	m := memberObject("east", "us", "us-b", 2, 2)
	pic, _, _ := c.Step(append(vanish(records), gone(m)), start)
	if imports(pic) != 2 || pic.Member("east") == nil {
		t.Fatalf("a vanished hub namespace was obeyed:\n%s", pic)
	}
	m.Spec.Leaving = true
	pic, _, _ = c.Step([]Change{is(m)}, start)
	if imports(pic) != 0 {
		t.Fatalf("a goodbye was not obeyed:\n%s", pic)
	}
	pic, _, _ = c.Step([]Change{gone(m)}, start)
	if pic.Member("east") != nil {
		t.Errorf("east is still there:\n%s", pic)
	}
}

func TestMassWithdrawalWaitsForTheBrake(t *testing.T) {
	for _, released := range []bool{false, true} {
		c, records := fleetOf(t, 40)
		pic, _, wake := c.Step(append(vanish(records[:30]), is(marker(10, 10, 2))), start)
		if imports(pic) != 40 || !wake.Equal(start.Add(time.Minute)) {
			t.Fatalf("%d imports, wake in %v; the brake must hold 30 of 40", imports(pic), wake.Sub(start))
		}
		var changes []Change
		now := wake
		if released {
			changes, now = []Change{is(&Observed{Cluster: "east", Released: true})}, start
		}
		if pic, _, _ = c.Step(changes, now); imports(pic) != 10 {
			t.Errorf("released %v: %d imports, want 10", released, imports(pic))
		}
	}
}

// Whoever deletes all exports deletes them one after another: what the brake has let through counts.
func TestWithdrawalsOneByOneAreBrakedToo(t *testing.T) {
	c, records := fleetOf(t, 40)
	now := start
	var pic *Picture
	for i := range 30 {
		now = now.Add(100 * time.Millisecond)
		left := int32(39 - i)
		pic, _, _ = c.Step(append(vanish(records[i:i+1]), is(marker(left, left, int64(i+2)))), now)
	}
	if got := imports(pic); got != 20 {
		t.Fatalf("%d imports are left, want 20: those that went before they were a mass are gone, the rest is held", got)
	}
	if pic, _, _ = c.Step([]Change{is(&Observed{Cluster: "east", Released: true})}, now); imports(pic) != 10 {
		t.Errorf("%d imports after the operator's word, want 10", imports(pic))
	}
}

// What a Prior still held is held by the next Centre, although its facts never saw it.
func TestHeldRecordsSurviveARestart(t *testing.T) {
	c, records := fleetOf(t, 3)
	before, _, _ := c.Step(vanish(records[:2]), start)
	facts := []Change{is(namespace("shop")), is(memberObject("east", "us", "us-b", 3, 3)), is(records[2][0]), is(records[2][1])}
	after, _ := Build(west(), c.Prior(), facts, start)
	if before.String() != after.String() {
		t.Errorf("before the restart:\n%s\nafter:\n%s", before, after)
	}
}

// accountFor returns a marker that accounts for some records by namespace.
func accountFor(m *v1alpha1.Member, sequence int64, records ...[]Fact) *v1alpha1.Member {
	m = m.DeepCopy()
	m.Status.Marker = v1alpha1.Marker{Sequence: sequence, Namespaces: map[string]v1alpha1.Account{}}
	digests := map[string]v1alpha1.RecordDigest{}
	for _, r := range records {
		for _, f := range r {
			ns, _, _ := strings.Cut(KeyOf(f).Path, "/")
			a := m.Status.Marker.Namespaces[ns]
			if _, export := f.(*v1alpha1.ServiceRecord); export {
				a.Exports++
				m.Status.Marker.Exports++
			} else {
				a.Slices++
				m.Status.Marker.Slices++
			}
			digests[ns] = digests[ns].Flip(objectName(f))
			a.Digest = digests[ns].String()
			m.Status.Marker.Namespaces[ns] = a
		}
	}
	return m
}

// An importer that watches one namespace of two is told by the account of that one what is no more there.
func TestAbsenceIsExplainedWhereOnlyAPartIsWatched(t *testing.T) {
	c, records := fleetOf(t, 2)
	elsewhere := remote("east", svc("bank", "till", 80), serviceExport("bank", "till", 1), slice("bank", "till", "till-1", true, 80, addr(9)))
	m := memberObject("east", "us", "us-b", 0, 0)
	c.Step([]Change{is(accountFor(m, 2, records[0], records[1], elsewhere))}, start)
	pic, _, _ := c.Step(vanish(records[:1]), start)
	if imports(pic) != 2 {
		t.Fatalf("an unexplained absence was obeyed:\n%s", pic)
	}
	pic, _, _ = c.Step([]Change{is(accountFor(m, 3, records[1], elsewhere))}, start)
	if imports(pic) != 1 || pic.Member("east").Held != 0 {
		t.Errorf("an explained absence was not obeyed:\n%s", pic)
	}
}

// As many records as the marker counts, but others: one came that it does not know yet, and one is not seen.
func TestTwoChangesDoNotCancelOut(t *testing.T) {
	c, records := fleetOf(t, 2)
	m := memberObject("east", "us", "us-b", 0, 0)
	c.Step([]Change{is(accountFor(m, 2, records[0], records[1]))}, start)
	newer := remote("east", svc("shop", "new", 80), serviceExport("shop", "new", 1), slice("shop", "new", "new-1", true, 80, addr(9)))
	pic, _, _ := c.Step(append(vanish(records[:1]), is(newer[0]), is(newer[1])), start)
	if imports(pic) != 3 || pic.Member("east").Held != 2 {
		t.Errorf("what is not seen was taken for withdrawn:\n%s", pic)
	}
}

// What is not watched any more needs no explanation, and is forgotten.
func TestWhatIsNotWatchedAnyMoreIsForgotten(t *testing.T) {
	c, records := fleetOf(t, 3)
	pic, _, _ := c.Step(vanish(records[:1]), start)
	if imports(pic) != 3 {
		t.Fatalf("an unexplained absence was obeyed:\n%s", pic)
	}
	var changes []Change
	for _, r := range records[:2] { // one that is held, and one that is seen
		for _, f := range r {
			changes = append(changes, Change{KeyOf(f), Unwatched{}})
		}
	}
	pic, _, _ = c.Step(changes, start)
	if imports(pic) != 1 || pic.Member("east").Held != 0 || len(c.Prior().Missing) != 0 {
		t.Errorf("still known:\n%s", pic)
	}
	pic, _, _ = c.Step([]Change{is(records[0][0]), is(records[0][1])}, start)
	if imports(pic) != 2 {
		t.Errorf("not seen when it is watched again:\n%s", pic)
	}
}
