package scenario_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead.dev/fairlead/internal/scenario"
)

// readmeNumber moves the clusters of the example to addresses of this test's own, as shop does for a story.
const readmeNumber = 90

// The README of the example shows what its commands print. Here they are run, one after another, each until it prints that, for what
// takes a moment to become so.
func TestTheReadmeOfTheExampleTellsTheTruth(t *testing.T) {
	if testing.Short() {
		t.Skip("runs three clusters")
	}
	t.Parallel()
	text, err := os.ReadFile("../../examples/shop/README.md")
	if err != nil {
		t.Fatal(err)
	}
	tmp, err := os.MkdirTemp("", "fl") // a short name: a socket's path stands in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(tmp) })
	if err := scenario.CopyShop("../../examples/shop", filepath.Join(tmp, "examples/shop"), readmeNumber); err != nil {
		t.Fatal(err)
	}
	path := standIn(t, filepath.Join(tmp, "bin"), "dig", "digshort")
	steps := scenario.Console(scenario.MoveShop(string(text), readmeNumber))
	if len(steps) == 0 {
		t.Fatal("the README shows no command")
	}
	session := &session{t: t, dir: tmp, path: path}
	t.Cleanup(session.close)
	for _, step := range steps {
		session.run(step)
	}
}

// session runs commands as a reader of the README would, in one folder.
type session struct {
	t         *testing.T
	dir, path string
	dev       *exec.Cmd
}

func (s *session) command(ctx context.Context, line string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "TMPDIR="+s.dir, "PATH="+s.path)
	return cmd
}

// run runs a command until it prints what it should. The dev itself stays in the background.
func (s *session) run(step scenario.Step) {
	s.t.Helper()
	if strings.HasPrefix(step.Command, "fairlead dev ") {
		s.start(step)
		return
	}
	s.until(step, func() string {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		out, err := s.command(ctx, step.Command).CombinedOutput()
		if err != nil {
			return string(out) + err.Error()
		}
		return string(out)
	})
}

func (s *session) start(step scenario.Step) {
	var out syncBuffer
	s.dev = s.command(context.Background(), "exec "+step.Command)
	s.dev.Stdout, s.dev.Stderr = &out, &out
	if err := s.dev.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.until(step, out.String)
}

// until looks again and again at what is printed.
func (s *session) until(step scenario.Step, look func() string) {
	s.t.Helper()
	end := time.Now().Add(20 * time.Second)
	for {
		got := look()
		if step.Shows(got) {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("$ %s\n%s\nbut the README shows\n%s", step.Command, got, strings.Join(step.Want, "\n"))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (s *session) close() {
	if s.dev != nil {
		_ = s.dev.Process.Signal(os.Interrupt)
		_ = s.dev.Wait()
	}
}

// standIn returns a PATH on which a program that the machine lacks is there under its own name.
func standIn(t *testing.T, dir, name, program string) string {
	t.Helper()
	path := os.Getenv("PATH")
	if _, err := exec.LookPath(name); err == nil {
		return path
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\nexec " + program + ` "$@"` + "\n"
	if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir + string(filepath.ListSeparator) + path
}

// syncBuffer may be read while a program writes to it.
type syncBuffer struct {
	lock sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.lock.Lock()
	defer b.lock.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.lock.Lock()
	defer b.lock.Unlock()
	return b.text.String()
}
