package control

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// DefaultPath returns where the control socket is unless another place is told: one for each user.
func DefaultPath() string {
	return filepath.Join(os.TempDir(), "fairlead-"+strconv.Itoa(os.Getuid()), "dev.sock")
}

// Listen opens the control socket, in a folder for this user alone. A socket that nobody answers on is replaced; one that somebody
// does is left alone, and an *Error says so.
func Listen(path string) (net.Listener, error) {
	folder := filepath.Dir(path)
	if err := ownFolder(folder, path == DefaultPath()); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if errors.Is(err, syscall.EADDRINUSE) {
		if err := replace(path); err != nil {
			return nil, err
		}
		l, err = net.Listen("unix", path)
	}
	if err != nil {
		return nil, fmt.Errorf("open the control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("close the control socket to others: %w", err)
	}
	return l, nil
}

// ownFolder makes the folder. The shared one in the temporary folder must belong to this user, since anybody could have made it.
func ownFolder(folder string, shared bool) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make the folder of the control socket: %w", err)
	}
	if !shared {
		return nil
	}
	info, err := os.Lstat(folder)
	if err != nil {
		return fmt.Errorf("look at the folder of the control socket: %w", err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || (ok && int(owner.Uid) != os.Getuid()) {
		return &Error{
			Message: folder + " belongs to somebody else",
			Hint:    "choose another place: fairlead dev DIR --control " + filepath.Join("$HOME", ".fairlead", "dev.sock"),
		}
	}
	if err := os.Chmod(folder, 0o700); err != nil {
		return fmt.Errorf("close the folder of the control socket to others: %w", err)
	}
	return nil
}

// replace removes a socket that nobody answers on.
func replace(path string) error {
	info, err := os.Lstat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look at the control socket: %w", err)
	}
	if err == nil && info.Mode()&fs.ModeSocket == 0 {
		return &Error{Message: path + " is there and is no socket", Hint: "choose another place: fairlead dev DIR --control PATH"}
	}
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		_ = c.Close()
		return &Error{
			Message: "another fairlead dev answers at " + path,
			Hint:    "stop it, or give this one a socket of its own: fairlead dev DIR --control " + filepath.Join(filepath.Dir(path), "second.sock"),
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove a stale control socket: %w", err)
	}
	return nil
}
