// Package serve gives the resources of an xds.Store to data planes over gRPC: the aggregated discovery service of xDS v3, as deltas and
// as the state of the world.
//
// The agent's loop calls Update with each new picture; every stream then sends what its client has asked for and does not have yet. A
// stream is level-triggered: it remembers which names changed, never their values, so a slow client skips what was overtaken and costs
// no more memory than there are names. One response of a type is under way at a time; the next one follows its ACK or NACK.
//
// Resources are added in the order of xds.Types and removed in the reverse order, so nothing ever points at what is not there:
// a later type waits while an earlier one has changes that could not be sent yet, and removals wait for all additions. A client
// that comes back tells the versions that it holds and gets the differences alone.
//
// Which rendering a client gets is told by its node: see RenderingFor. What each client has and what it refused is in Clients.
//
// Start with Server.Update, then session.flush.
package serve
