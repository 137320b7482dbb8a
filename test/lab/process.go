package lab

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Process is a program that a bench started.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// Start starts a program. What it says goes to the log.
func Start(log io.Writer, name string, args ...string) (*Process, error) {
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &Process{cmd, make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = cmd.Wait()
	}()
	return p, nil
}

// Stop asks the program to end, and ends it where it does not within ten seconds.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// Memory returns what the program holds of the machine's memory, in bytes.
func (p *Process) Memory() int64 { return 1024 * p.status("VmRSS:") }

// PeakMemory returns the most that it ever held.
func (p *Process) PeakMemory() int64 { return 1024 * p.status("VmHWM:") }

func (p *Process) status(field string) (value int64) {
	for line := range strings.Lines(file(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))) {
		if rest, ok := strings.CutPrefix(line, field); ok {
			_, _ = fmt.Sscan(rest, &value)
		}
	}
	return value
}

// CPU returns the processor time that the program has used.
func (p *Process) CPU() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	var user, system int64
	_, _ = fmt.Sscan(fields[11]+" "+fields[12], &user, &system)
	const perTick = 10 * time.Millisecond
	return time.Duration(user+system) * perTick
}

// Received returns how many bytes the program has received from an address over the connections that it has now.
func (p *Process) Received(address string) (total int64) {
	out, err := exec.Command("ss", "-tinpHO", "dst", address).Output()
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, fmt.Sprintf("pid=%d,", p.cmd.Process.Pid)) {
			continue
		}
		if _, rest, ok := strings.Cut(line, "bytes_received:"); ok {
			var n int64
			_, _ = fmt.Sscan(strings.Fields(rest)[0], &n)
			total += n
		}
	}
	return total
}
