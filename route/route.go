// Package route turns Gateway API objects into servers, virtual hosts and rules, with the full set of statuses, as pure functions.
//
// Gateway compiles one Gateway into the servers that it opens; Attach compiles one HTTPRoute into its parts and its statuses for
// each parent; Host puts the parts for one hostname in the order in which they match. All that they read comes through a View. A
// user's mistake is a condition, never an error, with the API's own reason and a sentence that names the field and the remedy; also
// what an API server would refuse, because a folder has none in front. A bad object never disturbs another one, and a bad
// listener or rule not its neighbours.
//
// Not here yet: protocols other than HTTP and HTTPS, routes other than HTTPRoute, ListenerSets, client certificates (listeners that ask
// for them are refused), backends over TLS, session persistence, and filters of a single backend beyond its headers.
//
// Start with attach.go for routes and gateway.go for Gateways. How mistakes are gathered is in problem.go, precedence in order.go.
package route
