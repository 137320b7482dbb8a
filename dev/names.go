package dev

import (
	"context"
	"net"

	"fairlead.dev/fairlead/dns"
	dnsnames "fairlead.dev/fairlead/dns/names"
	"fairlead.dev/fairlead/picture"
)

// names is one cluster's DNS server.
type names struct {
	server  *dns.Server
	table   *dns.Table // only use changes it
	address string
}

func newNames(k *cluster) *names {
	n := &names{address: k.at(dnsPort), table: dns.NewTable()}
	n.server = dns.New(dns.Options{
		Listen: k.doors.Listen,
		ListenPacket: func(ctx context.Context, network, _ string) (net.PacketConn, error) {
			// The server asks for the address that TCP really got; the wire wants the nominal one.
			return k.doors.ListenPacket(ctx, network, n.address)
		},
	})
	return n
}

// use is an agent.Output.
func (n *names) use(pic *picture.Picture, changed []picture.Key) {
	n.table = dnsnames.Follow(n.table, pic, changed)
	n.server.Use(n.table)
}

// open opens the server's addresses.
func (n *names) open(ctx context.Context) error {
	_, err := n.server.Listen(ctx, n.address)
	return err
}

func (n *names) close() { _ = n.server.Close() }
