package lab

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// Verb runs a verb of hack/clusters, which built the clusters and can break them, and returns what it printed.
func Verb(ctx context.Context, args ...string) (string, error) {
	binary, err := clusters()
	if err != nil {
		return "", err
	}
	return run(exec.CommandContext(ctx, binary, args...), args)
}

// Fairlead runs a verb of the product with a kubeconfig and returns what it printed. An error has what it complained of.
func Fairlead(ctx context.Context, kubeconfig string, args ...string) (string, error) {
	binary, err := Binary("fairlead")
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	return run(cmd, args)
}

// run runs a command to its end and returns what it printed.
func run(cmd *exec.Cmd, args []string) (string, error) {
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w\n%s", filepath.Base(cmd.Path), strings.Join(args, " "), err, tail(complaints.String()))
	}
	return out.String(), nil
}

// Root is the folder of the checkout, in or under which the process was started.
var Root = sync.OnceValue(func() string {
	dir, err := os.Getwd()
	for ; err == nil && dir != "/"; dir = filepath.Dir(dir) {
		if mod, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil && bytes.HasPrefix(mod, []byte("module fairlead.dev/fairlead\n")) {
			return dir
		}
	}
	panic("lab: not started within a checkout of fairlead.dev/fairlead")
})

// Binary builds a command of the checkout into bin and returns its path. It builds once for each process.
func Binary(name string) (string, error) {
	built, _ := binaries.LoadOrStore(name, sync.OnceValues(func() (string, error) {
		path := filepath.Join(Root(), "bin", name)
		return path, build(Root(), path, "./cmd/"+name)
	}))
	return built.(func() (string, error))()
}

var binaries sync.Map // of functions that build

// clusters builds hack/clusters, which is a module of its own.
var clusters = sync.OnceValues(func() (string, error) {
	path := filepath.Join(Root(), "bin", "clusters")
	return path, build(filepath.Join(Root(), "hack", "clusters"), path, ".")
})

func build(dir, output, pkg string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-o", output, pkg)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s in %s: %w\n%s", pkg, dir, err, tail(string(out)))
	}
	return nil
}

// tail keeps the end of a long complaint, where the reason stands.
func tail(s string) string {
	const most = 4 << 10
	s = strings.TrimSpace(s)
	if len(s) > most {
		s = "…" + s[len(s)-most:]
	}
	return s
}
