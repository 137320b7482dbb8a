// Command fairlead-proxy is the data plane alone: it takes xDS from a control plane and carries traffic. It needs no Kubernetes
// library and no credential for any API server.
//
// usage.txt is its manual.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
