// Package match compiles xDS resources into immutable matchers and answers two questions with them: which route does a request
// take, and which endpoint gets it. The data plane and trace both ask here, so that what trace tells is what the proxy does.
//
// In go Envoy's own types: virtual hosts, clusters, endpoint sets, listeners and secrets. CompileX checks one resource alone and
// refuses what it would not do as written, with an error that names the field: a resource is never compiled to something wider
// than its author meant. Out come values that nobody changes any more and that any number of goroutines may read.
//
// A request's way, in the order in which it is asked:
//
//	Normalize        the target: refuse what two readers could read differently
//	Listener.Chain   the filter chain for the server name that the client asked for
//	Hosts.Find       the virtual host: exact, then the longest suffix wildcard, then "*"
//	Host.Match       the route: the first that matches (Explain tells why the others lost)
//	CORS, Redirect, Respond, Forward          what the route says
//	Forward.Choose   the cluster, by weight
//	Endpoints.View   tiers, places and targets with their shares, for one opinion of who is healthy
//	View.Pick        the endpoint
//
// Nothing here reads a clock, draws a random number, or keeps state: numbers come in as arguments.
package match
