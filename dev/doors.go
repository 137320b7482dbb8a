package dev

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"

	"fairlead.dev/fairlead/control"
	"fairlead.dev/fairlead/dev/wire"
)

// doors opens the addresses of one cluster and keeps what could not be opened, so that it can be told. It is safe for concurrent use.
type doors struct {
	cluster string
	wire    *wire.Wire
	// owner says what is to listen on an address: "gateway shop/web", with the remedy for an address that is taken.
	owner func(address netip.AddrPort) (what, remedy string)
	// told hears of each address that could not be opened, and with an empty message when it is open after all.
	told func(address netip.AddrPort, message string)
	log  *slog.Logger

	mu   sync.Mutex
	shut map[string]control.Problem
}

// Listen opens a TCP address.
func (d *doors) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	l, err := d.wire.Listen(ctx, network, address)
	return l, d.note(network, address, err)
}

// ListenPacket opens a UDP address.
func (d *doors) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	c, err := d.wire.ListenPacket(ctx, network, address)
	return c, d.note(network, address, err)
}

// note keeps or forgets a failure, and returns it as a sentence.
func (d *doors) note(network, address string, err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := network + " " + address
	nominal, _ := netip.ParseAddrPort(address)
	if err == nil {
		if _, was := d.shut[key]; was {
			delete(d.shut, key)
			d.told(nominal, "")
		}
		return nil
	}
	p := control.Problem{Cluster: d.cluster, Where: address, Message: d.explain(address, d.wire.Place(network, address), err)}
	if d.shut[key] != p {
		d.shut[key] = p
		d.told(nominal, p.Message)
		d.log.Error("address not opened", "cluster", d.cluster, "address", address, "err", p.Message)
	}
	return errors.New(p.Message)
}

// explain says what the failure to open an address means; at is where it would really have been opened.
func (d *doors) explain(address, at string, err error) string {
	what, remedy := "it", ""
	if nominal, parseErr := netip.ParseAddrPort(address); parseErr == nil {
		what, remedy = d.owner(nominal)
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		_, port, _ := net.SplitHostPort(at)
		return fmt.Sprintf("%s cannot listen on %s: another process does. Find it with: lsof -nP -i :%s. Stop it, or %s. Everything else is served.",
			what, at, port, remedy)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Sprintf("%s cannot listen on %s: this machine does not have the address. Add it to the loopback interface, or start with --port-per-cluster.",
			what, at)
	case errors.Is(err, syscall.EACCES):
		return fmt.Sprintf("%s cannot listen on %s: ports below 1024 need a privilege. Take a higher port: %s.", what, at, remedy)
	}
	return fmt.Sprintf("%s cannot listen on %s: %v", what, at, err)
}

// problems returns what is not open, by address.
func (d *doors) problems() []control.Problem {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []control.Problem
	for _, key := range slices.Sorted(maps.Keys(d.shut)) {
		all = append(all, d.shut[key])
	}
	return all
}
