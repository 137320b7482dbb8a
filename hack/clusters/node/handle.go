package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/rpc/jsonrpc"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"fairlead.dev/fairlead/hack/clusters/component"
)

// Name is the node's name.
func (h Handle) Name() string { return filepath.Base(h.Dir) }

// ErrDown says that a node does not run.
var ErrDown = errors.New("not running")

// Handle is a running node, seen from outside.
type Handle struct {
	Dir string
	PID int // of its process 1, in this namespace
}

// Find returns the running node that lives in the folder, or ErrDown.
func Find(dir string) (Handle, error) {
	all, err := FindAll(dir)
	if err != nil {
		return Handle{}, err
	}
	for _, h := range all {
		if h.Dir == dir {
			return h, nil
		}
	}
	return Handle{}, fmt.Errorf("node %s: %w", filepath.Base(dir), ErrDown)
}

// FindAll returns every running node that lives in the folder or below it.
func FindAll(root string) (all []Handle, err error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		dir, ok := nodeOf(pid)
		if rel, err := filepath.Rel(root, dir); ok && err == nil && filepath.IsLocal(rel) {
			all = append(all, Handle{Dir: dir, PID: pid})
		}
	}
	return all, nil
}

// nodeOf returns the folder of the node whose process 1 this is. A process that has ended, and a child that has not yet become another
// program, are none.
func nodeOf(pid int) (dir string, ok bool) {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return "", false
	}
	argv := strings.Split(string(line), "\x00")
	if len(argv) < 2 || argv[0] != Argv0 {
		return "", false
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return "", false
	}
	for l := range strings.Lines(string(status)) {
		if ids, found := strings.CutPrefix(l, "NSpid:"); found {
			fields := strings.Fields(ids)
			return argv[1], len(fields) > 1 && fields[len(fields)-1] == "1"
		}
	}
	return "", false
}

// Spawn starts process 1 of a new node and waits until it answers. binary is this program, where it will stay.
func Spawn(ctx context.Context, binary, dir string, s Setup) (Handle, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Handle{}, err
	}
	if err := s.write(dir); err != nil {
		return Handle{}, err
	}
	log, err := os.Create(filepath.Join(dir, "node.log"))
	if err != nil {
		return Handle{}, err
	}
	defer log.Close()
	_ = os.Remove(socket(dir))
	flags := uintptr(syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC)
	if !s.Bare {
		flags |= syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS
	}
	cmd := exec.Command(binary)
	cmd.Args = []string{Argv0, dir}
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags, Setsid: true}
	if err := cmd.Start(); err != nil {
		return Handle{}, fmt.Errorf("start node %s: %w", s.Name, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	h := Handle{Dir: dir, PID: cmd.Process.Pid}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		_, last := h.States()
		if last == nil {
			return h, nil
		}
		select {
		case err := <-ended:
			why, _ := os.ReadFile(log.Name())
			return Handle{}, fmt.Errorf("node %s ended at its start (%v): %s", s.Name, err, strings.TrimSpace(string(why)))
		case <-ctx.Done():
			return Handle{}, fmt.Errorf("start node %s: %w (%w)", s.Name, ctx.Err(), last)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Start runs those of the components that do not run.
func (h Handle) Start(cs ...component.Component) error { return h.call("Start", cs, &Nothing{}) }

// Kill ends a component, which stays dead until it is started.
func (h Handle) Kill(name string) error { return h.call("Kill", name, &Nothing{}) }

// Freeze stops a component without ending it.
func (h Handle) Freeze(name string) error { return h.call("Freeze", name, &Nothing{}) }

// Thaw lets a frozen component go on.
func (h Handle) Thaw(name string) error { return h.call("Thaw", name, &Nothing{}) }

// States tells how every component is.
func (h Handle) States() (all []State, err error) {
	err = h.call("States", Nothing{}, &all)
	return all, err
}

// State tells how one component is.
func (h Handle) State(name string) (State, error) {
	states, err := h.States()
	if err != nil {
		return State{}, err
	}
	for _, s := range states {
		if s.Name == name {
			return s, nil
		}
	}
	return State{}, fmt.Errorf("node %s: %s has never been started", h.Name(), name)
}

// Hopeless returns an error when a component ends again and again, with the last line that it wrote.
func (h Handle) Hopeless() error {
	states, err := h.States()
	if err != nil {
		return err
	}
	for _, s := range states {
		if s.State != restarting || s.Restarts < 5 {
			continue
		}
		text, err := os.ReadFile(filepath.Join(h.Dir, "log", s.Name+".log"))
		if err != nil {
			return err
		}
		said := strings.TrimSpace(string(text))
		return fmt.Errorf("%s ends again and again: %s", s.Name, said[strings.LastIndexByte(said, '\n')+1:])
	}
	return nil
}

func (h Handle) call(verb string, argument, answer any) error {
	conn, err := net.DialTimeout("unix", socket(h.Dir), time.Second)
	if err != nil {
		return err
	}
	client := jsonrpc.NewClient(conn)
	defer client.Close()
	if err := client.Call("Node."+verb, argument, answer); err != nil {
		return fmt.Errorf("node %s: %w", h.Name(), err)
	}
	return nil
}

// Command returns a command that will run inside the node.
func (h Handle) Command(ctx context.Context, argv ...string) *exec.Cmd {
	return h.enter(ctx, []string{"--mount", "--net", "--pid", "--uts", "--ipc"}, argv)
}

// Network returns a command that will run with this machine's files in the node's network.
func (h Handle) Network(ctx context.Context, argv ...string) *exec.Cmd {
	return h.enter(ctx, []string{"--net"}, argv)
}

func (h Handle) enter(ctx context.Context, namespaces, argv []string) *exec.Cmd {
	return exec.CommandContext(ctx, "nsenter", append(append([]string{"--target", strconv.Itoa(h.PID)}, namespaces...), append([]string{"--"}, argv...)...)...)
}

// Containerd is the address of the node's containerd as seen from outside.
func (h Handle) Containerd() string {
	return fmt.Sprintf("/proc/%d/root/run/containerd/containerd.sock", h.PID)
}

// End kills the node with all its processes and waits until the kernel has done it.
func (h Handle) End(ctx context.Context) error {
	if err := syscall.Kill(h.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("end node %s: %w", h.Name(), err)
	}
	for h.alive() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("end node %s: %w", h.Name(), ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// alive is true until the kernel has ended all processes of the node: process 1 becomes a zombie after all others.
func (h Handle) alive() bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", h.PID))
	_, rest, found := strings.Cut(string(stat), ") ")
	return err == nil && found && rest[0] != 'Z' && rest[0] != 'X'
}
