module fairlead.dev/fairlead/hack/clusters

go 1.26

require golang.org/x/tools v0.49.0
