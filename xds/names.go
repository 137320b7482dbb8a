package xds

import (
	"fmt"
	"strconv"
	"strings"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/route"
)

// The type URLs of what a Store holds.
const (
	ListenerType  = "type.googleapis.com/envoy.config.listener.v3.Listener"
	RouteType     = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
	HostType      = "type.googleapis.com/envoy.config.route.v3.VirtualHost"
	ClusterType   = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	EndpointsType = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
	SecretType    = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
)

// Types lists every type URL in the order in which resources are to be added, make before break: what is pointed at comes before
// what points at it. They are removed in the reverse order.
var Types = [...]string{SecretType, ClusterType, EndpointsType, ListenerType, RouteType, HostType}

// InvalidCluster is the cluster of a backend that could not be resolved. No such cluster is ever published, so its share of the
// requests is answered 500.
const InvalidCluster = "invalid"

// ParseServerID reads what route.ServerID.String wrote.
func ParseServerID(s string) (route.ServerID, error) {
	name, portText, ok := cutLast(s, ":")
	port, err := strconv.ParseUint(portText, 10, 16)
	if !ok || err != nil {
		return route.ServerID{}, fmt.Errorf("%q is not a server: write NAMESPACE/GATEWAY:PORT", s)
	}
	return route.ServerID{Gateway: fleet.ParseName(name), Port: uint16(port)}, nil
}

// ParseHostID reads what route.HostID.String wrote. A hostname has no slash, so the last one ends the server.
func ParseHostID(s string) (route.HostID, error) {
	server, hostname, ok := cutLast(s, "/")
	if !ok {
		return route.HostID{}, fmt.Errorf("%q is not a virtual host: write NAMESPACE/GATEWAY:PORT/HOSTNAME", s)
	}
	id, err := ParseServerID(server)
	return route.HostID{Server: id, Hostname: hostname}, err
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
