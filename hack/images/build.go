package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// build compiles a package of the project as a static binary for Linux.
func build(ctx context.Context, root, pkg, arch string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "fairlead-image-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "binary")
	// Without the paths of this machine: the same commit gives the same bytes.
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w -buildid=", "-o", binary, pkg)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	return os.ReadFile(binary)
}

// certificates returns the authorities that this machine trusts, and where they were found.
func certificates() (pem []byte, from string) {
	for _, path := range []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"} {
		if pem, err := os.ReadFile(path); err == nil {
			return pem, path
		}
	}
	return nil, ""
}
