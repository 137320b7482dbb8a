// Package mcs is the Multi-Cluster Services API (KEP-1645) as pure functions: a Service with a ServiceExport becomes records,
// the records of all clusters become one merged service, and a merged service becomes a ServiceImport with its endpoint slices
// and the conditions of this cluster's own export.
//
// A cluster whose hub is away lives on what its own objects keep: Restore reads the others' records back from what Import made of them.
//
// Start with Export, then Merge, then Import. Rules are cited by their numbers M1 to M21 in ARCHITECTURE.md.
package mcs
