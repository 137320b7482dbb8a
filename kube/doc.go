// Package kube is the edge to the API of the own cluster: what stands there becomes facts, and what a picture says is written there.
//
//	Watch ──▶ Source ──────────▶ facts ──▶ agent ──▶ picture ──▶ Writer    ServiceImports, derived Services, EndpointSlices
//	   └────▶ Objects (own ones) ──────────────────────────────▶   │   └──▶ Reporter  statuses, and events for people
//	                 └──▶ Derived facts ──▶ agent                  └──────▶ Roster    what a restart must know of the other members
//
// In go the cluster's objects, watched kind by kind (Watch), and the pictures of an agent. Out come changes of facts and the least
// writes that make the cluster be like the newest picture. Everything is level-triggered: an edit or a deletion by somebody else is an
// event on an own object, and is repaired; an object of somebody else's is never touched, and told.
//
// Only the leader writes (Elect); every replica watches and keeps account, so that another leader goes on where the last one ended.
// What a restart needs while the hub is away is kept in the written objects themselves, and Restore reads it back.
//
// What it refuses: to believe that exports are gone because their kind is (hold.go), and to delete what it finds and cannot explain
// before the hub was heard (writer.go).
//
// Start with Watch and Writer. The pure parts are diff.go, digest.go and conditions.go.
package kube
