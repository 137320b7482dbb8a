package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const cgroups = "/sys/fs/cgroup"

// hierarchies are the roots of the machine's cgroups: one of version 2, or one for each controller of version 1.
func hierarchies() ([]string, error) {
	if _, err := os.Stat(filepath.Join(cgroups, "cgroup.procs")); err == nil {
		return []string{cgroups}, nil
	}
	all, err := filepath.Glob(cgroups + "/*/cgroup.procs")
	for i := range all {
		all[i] = filepath.Dir(all[i])
	}
	return all, err
}

// MakeCgroup makes the cgroup in which a node's kubelet puts the pods.
func MakeCgroup(name string) error {
	roots, err := hierarchies()
	if err != nil {
		return err
	}
	for _, root := range roots {
		dir := filepath.Join(root, name)
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		// Version 1: a new cpuset has neither processors nor memory.
		for _, f := range []string{"cpuset.cpus", "cpuset.mems"} {
			if text, err := os.ReadFile(filepath.Join(root, f)); err == nil {
				if err := os.WriteFile(filepath.Join(dir, f), text, 0o644); err != nil {
					return err
				}
			}
		}
		if err := delegate(root, dir); err != nil {
			return err
		}
	}
	return nil
}

// delegate hands the controllers down, which version 2 wants to be told.
func delegate(dirs ...string) error {
	controllers, err := os.ReadFile(filepath.Join(dirs[0], "cgroup.controllers"))
	if err != nil {
		return nil // version 1
	}
	for _, dir := range dirs {
		for c := range strings.FieldsSeq(string(controllers)) {
			if err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+c), 0o644); err != nil && slices.Contains([]string{"cpu", "cpuset", "memory", "pids"}, c) {
				return fmt.Errorf("hand cgroup controller %s down to %s: %w", c, dir, err)
			}
		}
	}
	return nil
}

// RemoveCgroups removes the cgroups of nodes whose names match the pattern. The last processes in them may take a moment to end.
func RemoveCgroups(pattern string) error {
	roots, err := hierarchies()
	if err != nil {
		return err
	}
	for _, root := range roots {
		dirs, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return err
		}
		for _, dir := range dirs {
			for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(50 * time.Millisecond) {
				if err = removeTree(dir); err == nil || time.Now().After(deadline) {
					break
				}
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// removeTree removes a cgroup and those in it, the deepest first; their files go by themselves.
func removeTree(dir string) error {
	var dirs []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			dirs = append(dirs, path)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, d := range slices.Backward(dirs) {
		if err := os.Remove(d); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
