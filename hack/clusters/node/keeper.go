package node

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// State says how a component is.
type State struct {
	Name     string
	State    string // running, frozen, killed (until it is started) or restarting
	PID      int    // in the node's namespace
	Since    time.Time
	Restarts int
}

const (
	running    = "running"
	frozen     = "frozen"
	killed     = "killed"
	restarting = "restarting"
)

// restartDelay is waited before a component that ended by itself is started again.
const restartDelay = time.Second

// keeper runs components and starts those again that end by themselves. As process 1 it also collects the orphans of all others.
type keeper struct {
	logs string

	mu         sync.Mutex
	components map[string]*kept
	order      []string
}

type kept struct {
	State
	argv []string
	done chan struct{} // closed when the process has ended
}

func newKeeper(logs string) *keeper { return &keeper{logs: logs, components: map[string]*kept{}} }

// start runs the component unless it runs, and thaws it. An empty argv means the one that it had before.
func (k *keeper) start(name string, argv []string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	c, known := k.components[name]
	switch {
	case !known && len(argv) == 0:
		return fmt.Errorf("%s has never been started here", name)
	case !known:
		c = &kept{State: State{Name: name}}
		k.components[name] = c
		k.order = append(k.order, name)
	case c.State.State == frozen:
		c.State.State = running
		return syscall.Kill(c.PID, syscall.SIGCONT)
	case c.PID != 0:
		return nil
	}
	if len(argv) > 0 {
		c.argv = argv
	}
	return k.run(c)
}

// run is called with the lock held, so that reap does not see a process before it is known.
func (k *keeper) run(c *kept) error {
	path, err := exec.LookPath(c.argv[0])
	if err != nil {
		return err
	}
	if err := os.MkdirAll(k.logs, 0o755); err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(k.logs, c.Name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	pid, err := syscall.ForkExec(path, c.argv, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{null.Fd(), log.Fd(), log.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return fmt.Errorf("start %s: %w", c.Name, err)
	}
	c.PID, c.State.State, c.Since, c.done = pid, running, time.Now(), make(chan struct{})
	return nil
}

// kill ends the component at once and leaves it dead.
func (k *keeper) kill(name string) error {
	k.mu.Lock()
	c, known := k.components[name]
	if !known {
		k.mu.Unlock()
		return fmt.Errorf("%s does not run here", name)
	}
	if c.PID == 0 {
		c.State.State = killed
		k.mu.Unlock()
		return nil
	}
	c.State.State = killed
	done := c.done
	err := syscall.Kill(c.PID, syscall.SIGKILL)
	k.mu.Unlock()
	<-done
	return err
}

// freeze stops the component in its tracks, thaw lets it go on.
func (k *keeper) freeze(name string, freeze bool) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	c, known := k.components[name]
	if !known || c.PID == 0 {
		return fmt.Errorf("%s does not run here", name)
	}
	sig, state := syscall.SIGCONT, running
	if freeze {
		sig, state = syscall.SIGSTOP, frozen
	}
	if err := syscall.Kill(c.PID, sig); err != nil {
		return fmt.Errorf("signal %s: %w", name, err)
	}
	c.State.State = state
	return nil
}

// states is never nil: JSON-RPC takes that for no answer.
func (k *keeper) states() []State {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := make([]State, 0, len(k.order))
	for _, name := range k.order {
		all = append(all, k.components[name].State)
	}
	return all
}

// reap collects every process that ends in the node.
func (k *keeper) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil: // no children at the moment
			time.Sleep(100 * time.Millisecond)
		default:
			k.ended(pid)
		}
	}
}

func (k *keeper) ended(pid int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range k.components {
		if c.PID != pid {
			continue
		}
		c.PID, c.Since = 0, time.Now()
		close(c.done)
		if c.State.State == killed {
			return
		}
		c.State.State = restarting
		time.AfterFunc(restartDelay, func() { k.restart(c) })
		return
	}
}

func (k *keeper) restart(c *kept) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if c.PID != 0 || c.State.State != restarting {
		return
	}
	c.Restarts++
	if err := k.run(c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		time.AfterFunc(restartDelay, func() { k.restart(c) })
	}
}
