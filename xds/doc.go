// Package xds turns a picture into xDS v3 resources: picture in, resources out. It does no I/O; package xds/serve serves them.
//
// Each value of a picture has one function that makes its resource: Listener and RouteConfiguration for a server, VirtualHost for a
// hostname, Cluster and Endpoints for an endpoint group, Secret for a certificate, ServiceListener for a port of a clusterset IP.
// A Store keeps the resources of one picture and follows its changes at a cost that depends on what changed, never on how much there
// is: a changed route is one virtual host, a changed endpoint one endpoint set. Each resource has a version of its own, a short
// hash of its content, so a control plane that restarts sends nothing twice.
//
// A virtual host is compiled with package match, the proxy's own matcher, before it is published. One that does not compile keeps
// its last good version and is listed in Rejections; its neighbours never notice.
//
// One store has three renderings, for what each kind of client can read:
//
//	                            Plain                  Whole                    GRPC
//	for                         fairlead-proxy, Envoy  Envoy                    proxyless gRPC
//	protocol                    delta                  state of the world       state of the world
//	one route changes           its virtual host       its route configuration  -
//	one endpoint changes        its endpoint set       its endpoint set         its endpoint set
//	gateway routes, TLS, CORS   yes                    yes                      no: a client has no gateway
//	lost and draining tiers     sent, marked           sent, marked             left out
//	abort and retry when lost   yes (Envoy: no)        no                       no: calls under way fail or go on
//	retry of what is safe       yes (Envoy: if asked)  if a route asks          what gRPC itself sees as never sent
//	spill between tiers         gradual                gradual                  to the next tier when one has nobody left
//	ClientIP affinity           source address         source address           the channel
//	health checks, ejection     yes                    yes                      ejection by share of failures
//	clusterset IPs over TCP     yes, when asked        yes, when asked          no
//
// Names are those of the picture: a listener and its route configuration are namespace/gateway:port, a virtual host adds /hostname,
// a cluster and its endpoints are import/namespace/service:port or service/namespace/service:port, a secret is namespace/name. gRPC clients
// ask for name.namespace.svc.clusterset.local:port, or name.namespace.svc.cluster.local:port for what the own cluster serves.
//
// Start with Store.Apply.
package xds
