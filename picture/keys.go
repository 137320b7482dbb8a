package picture

import (
	"fmt"
	"strings"
	"time"

	"fairlead.dev/fairlead/fleet"
)

// Nodes: what is computed, by stage. A node of one stage reads facts and what earlier stages wrote.
//
//	local      namespace/service/slice             own EndpointSlice                   -> localslice
//	silence    -                                   all probes                          -> does nobody else answer?
//	member     cluster                             Member, probes, absence             -> member, standing, grant
//	export     namespace/name                      own ServiceExport, Service, slices  -> export, its Valid condition
//	ground     cluster                             all grants                          -> where its endpoints can stand
//	endpoints  namespace/service/cluster/slice     EndpointRecord, ground              -> slice
//	merged     namespace/name                      records of all clusters             -> merged service, what to keep of it
//	service    namespace/name                      merged, slices, standings, Derived  -> service, import groups
//	localgroup namespace/name                      own Service, slices                 -> service groups
//	exported   namespace/name                      export, service                     -> status of the ServiceExport
//	claim      namespace/name                      Gateway                             -> the addresses it wants
//	gateway    namespace/name                      Gateway, claims, secrets            -> compiled gateway, servers
//	route      namespace/name                      HTTPRoute and what it refers to     -> parts, attachments, status
//	host       server/hostname                     parts                               -> virtual host
//	attached   namespace/name                      compiled gateway, attachments       -> status of the Gateway
//	complaint  …                                   Complaint                           -> rejection
const (
	nodeLocal      Kind = "node:local"
	nodeSilence    Kind = "node:silence"
	nodeMember     Kind = "node:member"
	nodeExport     Kind = "node:export"
	nodeGround     Kind = "node:ground"
	nodeEndpoints  Kind = "node:endpoints"
	nodeMerged     Kind = "node:merged"
	nodeService    Kind = "node:service"
	nodeLocalGroup Kind = "node:localgroup"
	nodeExported   Kind = "node:exported"
	nodeClaim      Kind = "node:claim"
	nodeGateway    Kind = "node:gateway"
	nodeRoute      Kind = "node:route"
	nodeHost       Kind = "node:host"
	nodeAttached   Kind = "node:attached"
	nodeComplaint  Kind = "node:complaint"
)

// Values that only nodes read.
const (
	kindValid      Kind = "valid"      // namespace/name -> []fleet.Condition
	kindGrant      Kind = "grant"      // cluster -> grant
	kindGround     Kind = "ground"     // cluster -> mcs.Ground
	kindSlice      Kind = "slice"      // namespace/service/cluster/slice -> source
	kindLocalSlice Kind = "localslice" // namespace/service/slice -> *fleet.Slice
	kindSilence    Kind = "silence"    // "all" -> true
	kindStanding   Kind = "standing"   // cluster -> balance.Member
	kindMerged     Kind = "merged"     // namespace/name -> union
	kindClaim      Kind = "claim"      // address/time/namespace/name -> fleet.Name
	kindCompiled   Kind = "compiled"   // namespace/name -> *route.Compiled
	kindRoot       Kind = "root"       // server/hostname -> listener name
	kindPart       Kind = "part"       // server/hostname/namespace/route/n -> route.Part
	kindAttached   Kind = "attached"   // gateway namespace/name/listener/route -> true
)

// node is how one kind of node is computed.
type node struct {
	stage   int
	compute func(c *Centre, v view, path string, now time.Time) ([]value, time.Time)
}

const stages = 10

var nodes map[Kind]node

func init() { // by hand, since compute functions and stageOf refer to each other
	nodes = map[Kind]node{
		nodeLocal:      {0, local},
		nodeSilence:    {0, silence},
		nodeMember:     {1, member},
		nodeExport:     {2, export},
		nodeGround:     {2, ground},
		nodeEndpoints:  {3, endpoints},
		nodeMerged:     {3, merged},
		nodeService:    {4, service},
		nodeLocalGroup: {4, localGroups},
		nodeExported:   {5, exported},
		nodeClaim:      {6, claim},
		nodeGateway:    {7, gateway},
		nodeRoute:      {8, attach},
		nodeHost:       {9, host},
		nodeAttached:   {9, attached},
		nodeComplaint:  {9, complaint},
	}
}

func stageOf(k Kind) int { return nodes[k].stage }

// shown are the kinds of values that Step reports.
var shown = map[Kind]bool{
	KindMember: true, KindService: true, KindGroup: true, KindServer: true,
	KindHost: true, KindExport: true, KindStatus: true, KindRejection: true,
}

// countedKinds are the kinds of values whose number is read.
var countedKinds = map[Kind]bool{kindAttached: true}

// drives returns the nodes that exist because a key has a value, whether or not they have read it yet. All others follow from what they
// have read.
func drives(k Key) []Key {
	switch k.Kind {
	case "ServiceExport":
		return []Key{{nodeExport, k.Path}, {nodeExported, k.Path}}
	case "EndpointRecord":
		return []Key{{nodeEndpoints, k.Path}}
	case "EndpointSlice":
		return []Key{{nodeLocal, k.Path}}
	case "Observed":
		return []Key{{nodeMember, k.Path}, {nodeSilence, "all"}}
	case "Member", kindAbsence:
		return []Key{{nodeMember, k.Path}}
	case kindGrant:
		return []Key{{nodeGround, k.Path}}
	case "ServiceRecord":
		path, _ := lastWord(k.Path)
		return []Key{{nodeMerged, path}}
	case KindExport:
		return []Key{{nodeMerged, k.Path}}
	case kindMerged:
		return []Key{{nodeService, k.Path}}
	case "Service":
		return []Key{{nodeLocalGroup, k.Path}}
	case "Gateway":
		return []Key{{nodeClaim, k.Path}, {nodeGateway, k.Path}}
	case kindCompiled:
		return []Key{{nodeAttached, k.Path}}
	case "HTTPRoute":
		return []Key{{nodeRoute, k.Path}}
	case kindRoot:
		return []Key{{nodeHost, k.Path}}
	case kindPart:
		return []Key{{nodeHost, strings.Join(strings.SplitN(k.Path, "/", 4)[:3], "/")}}
	case "Complaint":
		return []Key{{nodeComplaint, k.Path}}
	}
	return nil
}

// complaint shows what an edge could not read.
func complaint(_ *Centre, v view, path string, _ time.Time) ([]value, time.Time) {
	f, ok := v.get("Complaint", path).(*Complaint)
	if !ok {
		return nil, time.Time{}
	}
	return []value{rejection(f.Object, "complaint/"+f.Where, f.Where, f.Message)}, time.Time{}
}

// rejection is the value that shows what was not taken. what tells apart several rejections of one object.
func rejection(object fleet.Ref, what, where, message string) value {
	return value{
		Key{KindRejection, fmt.Sprintf("%s/%s/%s", object.Kind, object.Name, what)},
		&Rejection{Object: object, Where: where, Message: message},
	}
}
