// Package lab is what tests and benches on real clusters share. In go a kubeconfig and the names of its contexts; out come Clusters: a
// client that knows all kinds of ours, commands in pods, and connections made as if from a node of the cluster.
//
// Besides, it has what those tests are made of: objects (Service, Slice, Workload …), members that exist on the hub only (Mock), the
// verbs of hack/clusters that break things (Faults), and waiting that says what it waited for (Until).
//
// Connections and faults need root on the machine of the clusters; everything else works with any cluster. Traffic goes to loopback
// addresses and into these clusters only.
//
// Start with Open.
package lab
