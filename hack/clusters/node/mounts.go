package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// mounts gives the node a file system that differs from the machine's where it would write: whatever it leaves in /run, /var/lib and
// /var/log is in memory and goes with it. Nothing that is mounted here is seen outside.
func mounts(dir string, s Setup) error {
	if err := mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := mount("proc", "/proc", "proc", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, ""); err != nil {
		return err
	}
	if s.Bare {
		return nil
	}
	// The kubelet and containerd pass mounts on to pods.
	if err := mount("", "/", "", syscall.MS_REC|syscall.MS_SHARED, ""); err != nil {
		return err
	}
	if err := syscall.Sethostname([]byte(s.Name)); err != nil {
		return fmt.Errorf("set host name: %w", err)
	}
	if err := scratch("/run", s.Keep); err != nil {
		return err
	}
	for _, over := range []string{"/var/lib", "/var/log"} {
		if err := scratch(over, s.Keep); err != nil {
			return err
		}
	}
	if err := os.MkdirAll("/run/lock", 0o755); err != nil {
		return err
	}
	for name, value := range network {
		if err := os.WriteFile(filepath.Join("/proc/sys/net", name), []byte(value), 0o644); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	// The kubelet insists on three settings of the whole machine. It is shown files in their place.
	return filepath.WalkDir(filepath.Join(dir, "sysctl"), func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(filepath.Join(dir, "sysctl"), path)
		if err != nil {
			return err
		}
		return mount(path, filepath.Join("/proc/sys", name), "", syscall.MS_BIND, "")
	})
}

// network are the settings of a router, for the node's own network; a machine without IPv6 lacks some.
var network = map[string]string{
	"ipv4/ip_forward":              "1",
	"ipv4/conf/all/rp_filter":      "0",
	"ipv4/conf/default/rp_filter":  "0",
	"ipv6/conf/all/forwarding":     "1",
	"ipv6/conf/default/accept_dad": "0",
}

// scratch mounts an empty file system over a folder; the kept folders in it stay visible.
func scratch(over string, keep []string) error {
	held := map[string]int{}
	for _, k := range keep {
		if rel, err := filepath.Rel(over, k); err != nil || !filepath.IsLocal(rel) {
			continue
		}
		fd, err := syscall.Open(k, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open %s: %w", k, err)
		}
		defer syscall.Close(fd)
		held[k] = fd
	}
	if err := mount("tmpfs", over, "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	for k, fd := range held {
		if err := os.MkdirAll(k, 0o755); err != nil {
			return err
		}
		if err := mount(fmt.Sprintf("/proc/self/fd/%d", fd), k, "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
			return err
		}
	}
	return nil
}

func mount(source, target, kind string, flags uintptr, data string) error {
	if err := syscall.Mount(source, target, kind, flags, data); err != nil {
		return fmt.Errorf("mount %s on %s: %w", source, target, err)
	}
	return nil
}
