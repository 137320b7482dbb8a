package node

import (
	"os"
	"testing"
	"time"
)

// TestKeeper starts programs that every machine has. It is one test, because the keeper collects all children of its process.
func TestKeeper(t *testing.T) {
	k := newKeeper(t.TempDir())
	go k.reap()
	state := func(name string) State {
		for _, s := range k.states() {
			if s.Name == name {
				return s
			}
		}
		t.Fatalf("%s is not known", name)
		return State{}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := k.kill("sleeper"); err == nil {
		t.Error("what was never started was killed")
	}
	if err := k.start("sleeper", nil); err == nil {
		t.Error("what was never started was started again")
	}
	must(k.start("sleeper", []string{"sleep", "60"}))
	first := state("sleeper")
	must(k.start("sleeper", nil))
	if again := state("sleeper"); again.PID != first.PID || again.State != running {
		t.Errorf("started twice: %+v, then %+v", first, again)
	}
	must(k.freeze("sleeper", true))
	if s := state("sleeper"); s.State != frozen {
		t.Errorf("frozen: %+v", s)
	}
	must(k.start("sleeper", nil))
	if s := state("sleeper"); s.State != running || s.PID != first.PID {
		t.Errorf("start thaws: %+v", s)
	}
	must(k.kill("sleeper"))
	if s := state("sleeper"); s.State != killed || s.PID != 0 {
		t.Errorf("killed: %+v", s)
	}
	must(k.kill("sleeper"))
	must(k.start("sleeper", nil))
	if s := state("sleeper"); s.State != running || s.PID == first.PID {
		t.Errorf("started after a kill: %+v", s)
	}
	must(k.kill("sleeper"))

	must(k.start("brief", []string{"true"}))
	for deadline := time.Now().Add(time.Minute); state("brief").Restarts == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("what ended by itself was not started again")
		}
	}
	must(k.kill("brief"))
}

func TestThisProcessIsNoNode(t *testing.T) {
	if dir, ok := nodeOf(os.Getpid()); ok {
		t.Errorf("node of %q", dir)
	}
	if h, err := Find(t.TempDir()); err == nil {
		t.Errorf("found %+v", h)
	}
}
