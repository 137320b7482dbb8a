// Command fairlead leads traffic across many Kubernetes clusters: it runs whole clustersets from a folder (dev), asks and steers
// them, and answers "what if" offline. The verbs are in package verbs; fairlead help shows them.
package main

import (
	"os"

	"fairlead.dev/fairlead/cmd/fairlead/verbs"
)

func main() { os.Exit(verbs.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
