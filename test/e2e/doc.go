// Package e2e holds stories that are played on three real clusters, west, east and north, with everything that Fairlead installs in them.
// There is nothing in it but tests: `make e2e` builds the clusters, installs, runs them and takes everything down again; with clusters
// that are up already, FAIRLEAD_TEST_KUBECONFIG leads to them.
//
// Each story has a namespace of its own in each cluster and leaves the clusterset as it found it. Those in files fault_*_test.go break
// clusters on purpose, with the verbs of hack/clusters, and print a figure.
//
// Start with story_test.go.
package e2e
