// Package dns serves the names of the clusterset, zone clusterset.local, by the DNS specification of the Multi-Cluster Services API
// (KEP-1645, schema version 1.0.0).
//
// In go services (Source) and a packet, out comes a packet. Answer and Respond are pure: Answer answers one question, Respond treats
// one packet with everything that the protocol asks for around it. Server is the edge that moves the packets over UDP and TCP; Use
// gives it other services, atomically. Table is a Source that changes service by service. What a ServiceImport and its EndpointSlices
// are as a Service is told by package dns/names, wherever they come from: a picture, or the API of a cluster (kube/zone).
//
// What is there, besides the apex and "svc":
//
//	dns-version                          TXT      "1.0.0"
//	<svc>.<ns>.svc                       A, AAAA  the clusterset IPs; of a headless service, its ready endpoints
//	_<port>._<proto>.<svc>.<ns>.svc      SRV      the service; of a headless service, each ready endpoint
//	<svc>.<ns>.svc                       SRV      the same of all named ports, as CoreDNS has it
//	<hostname>.<clusterid>.<svc>.<ns>.svc  A, AAAA  one endpoint of a headless service
//
// A service exists where it is imported (its namespace is there) and, if it is headless, while it has a ready endpoint; for all other
// names the answer is NXDOMAIN. A name that has no record itself but others beneath it (RFC 8020) is answered with no data: "svc",
// <ns>.svc, _<proto>.<svc>…, and <clusterid>.<svc>.<ns>.svc of a headless service, which must have no record (it must not target one
// cluster), but has names beneath.
//
// It is authoritative for its zone only and refuses everything else; it never recurses and transfers no zone.
package dns

import (
	"iter"
	"net/netip"

	"fairlead.dev/fairlead/fleet"
)

// Zone is the zone that is served; KEP-1645 fixes it.
const Zone = "clusterset.local."

// SchemaVersion is the version of the DNS schema, told by the TXT record dns-version (D1).
const SchemaVersion = "1.0.0"

// Times to live, in seconds. Names are short-lived because clusters fail; a name that is not there may be there soon.
const (
	ttl         = 5
	negativeTTL = 5
	versionTTL  = 28800
)

// Source is where names come from; *Table is one. It must not change while it is asked.
type Source interface {
	// Service returns one service, nil if there is none of that name.
	Service(fleet.Name) *Service
	// ServicesIn returns the services of a namespace.
	ServicesIn(namespace string) iter.Seq[*Service]
}

// Service is all that the names of one imported service depend on. It never changes once a Source has it.
type Service struct {
	Name     fleet.Name
	Headless bool
	// IPs are the clusterset IPs, at most one of each family; none yet while they are being allocated.
	IPs []netip.Addr
	// Ports are those of the ServiceImport. Those without a name have no records (D3).
	Ports []fleet.Port
	// Slices are the endpoints of a headless service. Their ports have the names that they have in Ports.
	Slices []*fleet.Slice
}
