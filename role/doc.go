// Package role wires up what runs inside clusters: the agent of a member cluster, its DNS server, and what keeps a hub's registry.
//
// In goes access to one cluster's API, and options that the command line gives. A role runs until its context ends, serves /healthz,
// /readyz and /metrics, and goes on with what it knows while anything that it asks is away. Nothing is decided here: each role puts
// packages together, and the order in which they start and end is what this package is about.
//
// Start with Agent, DNS and Hub.
package role
