// Package dns serves the names of the clusterset, zone clusterset.local, by the DNS specification of the Multi-Cluster Services API
// (KEP-1645, schema version 1.0.0).
//
// In go the services of a picture (Source) and a packet, out comes a packet. Answer and Respond are pure: Answer answers one
// question, Respond treats one packet with everything that the protocol asks for around it. Server is the edge that moves the
// packets over UDP and TCP; Use gives it another picture, atomically.
//
// What is there, besides the apex and "svc":
//
//	dns-version                          TXT      "1.0.0"
//	<svc>.<ns>.svc                       A, AAAA  the clusterset IPs; of a headless service, its ready endpoints
//	_<port>._<proto>.<svc>.<ns>.svc      SRV      the service; of a headless service, each ready endpoint
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

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/picture"
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

// Source is where names come from; *picture.Picture is one. It must not change while it is asked.
type Source interface {
	// Service returns one service, nil if it is unknown.
	Service(fleet.Name) *picture.Service
	// ServicesIn returns the services of a namespace.
	ServicesIn(namespace string) iter.Seq[*picture.Service]
}

var _ Source = (*picture.Picture)(nil)
