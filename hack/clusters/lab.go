package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"fairlead.dev/fairlead/hack/clusters/component"
	"fairlead.dev/fairlead/hack/clusters/node"
	"fairlead.dev/fairlead/hack/clusters/plan"
	"fairlead.dev/fairlead/hack/clusters/recipe"
)

// lab is where everything is: what was built, in the user's cache, and what runs, in one folder that goes when the clusters go.
type lab struct {
	cache string
	state string
	began time.Time
}

// record is what is written down of a running fleet.
type record struct {
	plan.Options
	Provider  string `json:"provider,omitempty"`  // kind, or none
	Instances int    `json:"instances,omitempty"` // the machine's limit of inotify instances before it was raised
}

const defaultState = "/var/lib/fairlead-clusters"

func newLab() (lab, error) {
	cache, err := recipe.Cache()
	if err != nil {
		return lab{}, err
	}
	state := os.Getenv("FAIRLEAD_CLUSTERS")
	if state == "" {
		state = defaultState
	}
	// Debian keeps runc, nft and ip where an ordinary user's PATH does not look.
	return lab{cache: cache, state: state, began: time.Now()}, os.Setenv("PATH", filepath.Join(cache, "bin")+":"+os.Getenv("PATH")+":/usr/local/sbin:/usr/sbin:/sbin")
}

func (l lab) bin() string                           { return filepath.Join(l.cache, "bin") }
func (l lab) kubeconfig() string                    { return filepath.Join(l.state, "kubeconfig") }
func (l lab) cluster(name string) string            { return filepath.Join(l.state, name) }
func (l lab) node(n plan.Node) string               { return filepath.Join(l.state, n.Cluster, n.Name) }
func (l lab) find(n plan.Node) (node.Handle, error) { return node.Find(l.node(n)) }

// say tells on stderr what is being done, and when.
func (l lab) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%6.1fs  %s\n", time.Since(l.began).Seconds(), fmt.Sprintf(format, args...))
}

// cgroup is the name of a node's cgroup. Fleets of other folders, in networks of their own, have other names.
func (l lab) cgroup(name string) string {
	if l.state == defaultState {
		return "fairlead-" + name
	}
	return "fairlead-" + filepath.Base(l.state) + "-" + name
}

// setup is what process 1 of a node is told.
func (l lab) setup(name string, bare bool) node.Setup {
	return node.Setup{Name: name, Bare: bare, Path: l.bin() + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", Keep: []string{l.state, l.cache}}
}

var loopback = netip.MustParseAddr("127.0.0.1")

// control is what the control plane of a cluster needs to know. Its etcd listens where only the node itself can reach it.
func (l lab) control(c plan.Cluster) component.Control {
	return component.Control{
		Name: c.Name, Dir: l.cluster(c.Name), Address: c.API(), Local: loopback, Services: c.Services, Pods: c.Pods,
	}
}

func (l lab) components(c plan.Cluster, n plan.Node) component.Node {
	return component.Node{Node: n, Cluster: c, Dir: l.node(n), Control: l.control(c), Cgroup: l.cgroup(n.Name)}
}

func (l lab) recordFile() string { return filepath.Join(l.state, "fleet.json") }

// recorded returns what was written down of the fleet that runs, or fs.ErrNotExist.
func (l lab) recorded() (record, error) {
	var r record
	text, err := os.ReadFile(l.recordFile())
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("read %s: %w", l.recordFile(), err)
	}
	return r, nil
}

func (l lab) record(r record) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the fleet's record: %w", err)
	}
	return os.WriteFile(l.recordFile(), append(text, '\n'), 0o644)
}

// fleet returns the plan of the fleet that runs.
func (l lab) fleet() (plan.Fleet, error) {
	r, err := l.recorded()
	if errors.Is(err, fs.ErrNotExist) {
		return plan.Fleet{}, errors.New("no clusters are up: run `clusters up`")
	}
	if err != nil {
		return plan.Fleet{}, err
	}
	return plan.New(r.Options)
}

// target finds the cluster and the nodes that CLUSTER or CLUSTER/NODE means; NODE is a name or a number.
func (l lab) target(word string) (f plan.Fleet, c plan.Cluster, nodes []plan.Node, err error) {
	if f, err = l.fleet(); err != nil {
		return f, c, nil, err
	}
	name, of, one := strings.Cut(word, "/")
	c, ok := f.Cluster(name)
	if !ok {
		return f, c, nil, fmt.Errorf("there is no cluster %q: %s", name, strings.Join(plan.Names[:f.Options.Clusters], ", "))
	}
	for _, n := range c.Nodes {
		if !one || n.Name == of || fmt.Sprint(n.Number) == of {
			nodes = append(nodes, n)
		}
	}
	if len(nodes) == 0 {
		return f, c, nil, fmt.Errorf("cluster %s has no node %q", c.Name, of)
	}
	return f, c, nodes, nil
}

// lock waits until nobody else changes what the folder holds. The lock ends with the process.
func (l lab) lock(ctx context.Context, dir string) error {
	if held[dir] != nil {
		return nil
	}
	for waited := false; ; waited = true {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
		if err != nil {
			return err
		}
		if err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil && same(file) {
			held[dir] = file
			return nil
		}
		file.Close()
		if !waited {
			l.say("another `clusters` is at work in %s: waiting for it", dir)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// held are the locked files of folders, which must stay open.
var held = map[string]*os.File{}

// same is false where the one who had the lock before has removed the file.
func same(file *os.File) bool {
	a, err := file.Stat()
	if err != nil {
		return false
	}
	b, err := os.Stat(file.Name())
	return err == nil && os.SameFile(a, b)
}

// each runs do for all at once, and returns all that went wrong.
func each[T any](all []T, do func(T) error) error {
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, x := range all {
		wg.Go(func() { errs[i] = do(x) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
