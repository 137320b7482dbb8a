package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"fairlead.dev/fairlead/proxy"
)

//go:embed usage.txt
var usage string

// run is the whole program but for its signals: it serves until ctx ends, and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	f, err := parse(args)
	if errors.Is(err, errHelp) {
		fmt.Fprint(stdout, usage)
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "fairlead-proxy: %v\nTry: fairlead-proxy --help\n", err)
		return 2
	}
	if err := serve(ctx, f, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "fairlead-proxy: %v\n", err)
		return 1
	}
	return 0
}

func serve(ctx context.Context, f flags, stdout, stderr io.Writer) error {
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: f.level}))
	access, done, err := openAccessLog(f.accessLog, stdout)
	if err != nil {
		return err
	}
	defer done()
	conn, err := grpc.NewClient(f.xds, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)))
	if err != nil {
		return fmt.Errorf("--xds %s: %w", f.xds, err)
	}
	defer conn.Close()
	p := proxy.New(proxy.Options{Node: f.node, Logger: log, AccessLog: access, Limits: proxy.Limits{DrainTimeout: f.drain}})
	var admin sync.WaitGroup
	defer admin.Wait()
	if f.admin != "" {
		ln, err := new(net.ListenConfig).Listen(ctx, "tcp", f.admin)
		if err != nil {
			return fmt.Errorf("--admin %s: %w", f.admin, err)
		}
		admin.Go(func() { serveAdmin(ctx, ln, p) })
		log.Info("admin", "addr", ln.Addr().String())
	}
	log.Info("start", "node", f.node, "xds", f.xds)
	if err := p.Run(ctx, conn); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	log.Info("drained")
	return nil
}

// openAccessLog opens the access log; nil where there is none. done closes it.
func openAccessLog(name string, stdout io.Writer) (w io.Writer, done func(), err error) {
	switch name {
	case "":
		return nil, func() {}, nil
	case "-":
		return stdout, func() {}, nil
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return nil, nil, fmt.Errorf("--access-log: %w", err)
	}
	return file, func() { _ = file.Close() }, nil
}
