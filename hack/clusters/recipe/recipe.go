// Package recipe builds the programs that clusters are made of, from Go modules, into a cache outside the checkout. A recipe is a module of a
// few lines with pinned sums: recipes/NAME.txtar. The cache's name is a hash of all recipes, so a changed version never meets an old program.
package recipe

import (
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/tools/txtar"
)

//go:embed recipes/*.txtar
var texts embed.FS

// recipe says how one module is built.
type recipe struct {
	name     string
	programs map[string]string // program: package
	links    []string          // other names of the program that bears the recipe's name
	tags     string
	ldflags  string
}

// Versions of what is built, as the programs themselves will say.
const (
	KubernetesVersion = "v1.36.3"
	containerdVersion = "v2.4.2"
)

var recipes = []recipe{
	{name: "pause", programs: map[string]string{"pause": "."}},
	{name: "etcd", programs: map[string]string{"etcd": "."}},
	{
		name: "containerd",
		programs: map[string]string{
			"containerd":              "github.com/containerd/containerd/v2/cmd/containerd",
			"containerd-shim-runc-v2": "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
			"ctr":                     "github.com/containerd/containerd/v2/cmd/ctr",
		},
		tags:    "no_btrfs no_zfs no_devmapper",
		ldflags: " -X github.com/containerd/containerd/v2/version.Version=" + containerdVersion,
	},
	{name: "coredns", programs: map[string]string{"coredns": "."}},
	{
		name:     "kubernetes",
		programs: map[string]string{"kubernetes": "."},
		links:    []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl"},
		ldflags: " -X k8s.io/component-base/version.gitVersion=" + KubernetesVersion +
			" -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36" +
			" -X k8s.io/component-base/version.gitTreeState=clean -X k8s.io/client-go/pkg/version.gitVersion=" + KubernetesVersion,
	},
}

// Cache is the folder for what this version of the recipes builds.
func Cache() (string, error) {
	root, err := os.UserCacheDir()
	if err != nil {
		// A root shell without HOME, as in some CI machines.
		root = "/var/cache"
	}
	sum := sha256.New()
	fmt.Fprintln(sum, runtime.GOARCH)
	for _, r := range recipes {
		text, err := texts.ReadFile(r.text())
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%v %d\n%s", r, len(text), text)
	}
	return filepath.Join(root, "fairlead-clusters", fmt.Sprintf("%x", sum.Sum(nil)[:6])), nil
}

// Build makes the programs that are missing in the folder. say is told of each recipe that takes time.
func Build(ctx context.Context, into string, say func(format string, args ...any)) error {
	if err := os.MkdirAll(into, 0o755); err != nil {
		return err
	}
	for _, r := range recipes {
		if r.built(into) {
			continue
		}
		say("building %s", r.name)
		began := time.Now()
		if err := r.build(ctx, into); err != nil {
			return fmt.Errorf("build %s: %w", r.name, err)
		}
		say("built %s in %s", r.name, time.Since(began).Round(time.Second))
	}
	return nil
}

func (r recipe) text() string { return "recipes/" + r.name + ".txtar" }

func (r recipe) built(into string) bool {
	for program := range r.programs {
		if _, err := os.Stat(filepath.Join(into, program)); err != nil {
			return false
		}
	}
	for _, link := range r.links {
		if _, err := os.Stat(filepath.Join(into, link)); err != nil {
			return false
		}
	}
	return true
}

func (r recipe) build(ctx context.Context, into string) error {
	module, err := os.MkdirTemp("", "fairlead-recipe-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(module)
	text, err := texts.ReadFile(r.text())
	if err != nil {
		return err
	}
	for _, f := range txtar.Parse(text).Files {
		if err := os.WriteFile(filepath.Join(module, f.Name), f.Data, 0o644); err != nil {
			return err
		}
	}
	for program, pkg := range r.programs {
		if err := r.compile(ctx, module, pkg, filepath.Join(into, program)); err != nil {
			return err
		}
	}
	for _, link := range r.links {
		if err := os.Symlink(r.name, filepath.Join(into, link)); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// compile writes the program under another name first, so that a build that was cut off leaves none.
func (r recipe) compile(ctx context.Context, module, pkg, program string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", r.tags, "-ldflags", "-s -w"+r.ldflags, "-o", program+".part", pkg)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return err
	}
	return os.Rename(program+".part", program)
}
