// Package dev runs a whole clusterset from a folder, in one process and without Kubernetes: every sub-folder is a cluster.
//
// In goes a folder, out come gateways, DNS servers, beacons and pods that listen on loopback addresses, and a control socket for the
// verbs of the command line. A change to a file is live at once; what is wrong in a file is told, and its last good state keeps serving.
//
// Nothing here decides anything about traffic: dev only puts the parts together. Each cluster has an agent with a centre of its own,
// which meets the others through an in-memory hub that carries the real records, and a proxy, which is fed through serialised xDS:
//
//	folder ─▶ source ─▶ agent ─▶ xds/serve ─▶ proxy ─▶ pods
//	              hub ◀─▶  │ └─▶ dns
//	                       └─▶ beacons ◀─ the other clusters' probers
//
// All sockets of a cluster go through its wire, which can be made to go dark (Lose, Find), and the hub can be taken away (Hub): what a
// failure does can be tried and watched.
//
// Start with Run, or with Start and Fleet in tests. What makes up one cluster is in cluster.go; pods are run by pods.go, in the order
// that rollout.go says.
package dev
