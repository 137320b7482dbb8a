// Command pod is the process of the image fairlead.dev/echo: it serves package echo on one or more addresses until it is told to end.
//
//	echo --cluster west --namespace shop --listen :8080 --listen :9090
//
// The pod's name is its hostname. It needs no API and no files.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"fairlead.dev/fairlead/echo"
)

// grace is how long what is under way may take once the process is told to end.
const grace = 10 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		os.Exit(1)
	}
}

// addresses is a flag that may be given several times.
type addresses []string

func (a *addresses) String() string { return fmt.Sprint([]string(*a)) }

// Set implements flag.Value.
func (a *addresses) Set(address string) error {
	*a = append(*a, address)
	return nil
}

func run(ctx context.Context, args []string) error {
	var id echo.Identity
	var listen addresses
	flags := flag.NewFlagSet("echo", flag.ContinueOnError)
	flags.StringVar(&id.Cluster, "cluster", "", "the cluster's name in answers")
	flags.StringVar(&id.Namespace, "namespace", "", "the pod's namespace in answers")
	flags.StringVar(&id.Service, "service", "", "the service's name in answers")
	flags.StringVar(&id.Zone, "zone", "", "the zone in answers")
	flags.StringVar(&id.Pod, "pod", "", "the pod's name in answers; the hostname if empty")
	flags.Var(&listen, "listen", "an address to serve on, :8080 if there is none; may be repeated")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if id.Pod == "" {
		id.Pod, _ = os.Hostname()
	}
	if len(listen) == 0 {
		listen = addresses{":8080"}
	}
	return serve(ctx, id, listen)
}

func serve(ctx context.Context, id echo.Identity, listen []string) (err error) {
	var servers []*echo.Server
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), grace)
		defer cancel()
		for _, s := range servers {
			err = errors.Join(err, s.Close(ctx))
		}
	}()
	for _, address := range listen {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if err != nil {
			return err
		}
		servers = append(servers, echo.Serve(l, id))
	}
	<-ctx.Done()
	return nil
}
