package lab

import (
	"fmt"
	"sync"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// EnvKubeconfig names the variable that leads tests to real clusters: a kubeconfig with one context for each.
const EnvKubeconfig = "FAIRLEAD_TEST_KUBECONFIG"

// Cluster is one real cluster. It is safe for concurrent use.
type Cluster struct {
	client.WithWatch
	// Name is its context in the kubeconfig, and its cluster id in the clusterset.
	Name string
	// Config has no client-side rate limit.
	Config *rest.Config

	network func() (int, error) // a descriptor of the network namespace of the first node
}

// Open returns the clusters with these contexts. It does not connect yet.
func Open(kubeconfig string, contexts ...string) ([]*Cluster, error) {
	clusters := make([]*Cluster, 0, len(contexts))
	for _, name := range contexts {
		config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
			&clientcmd.ClientConfigLoadingRules{ExplicitPath: kubeconfig},
			&clientcmd.ConfigOverrides{CurrentContext: name},
		).ClientConfig()
		if err != nil {
			return nil, fmt.Errorf("read context %s of %s: %w", name, kubeconfig, err)
		}
		c, err := NewCluster(name, config)
		if err != nil {
			return nil, err
		}
		clusters = append(clusters, c)
	}
	return clusters, nil
}

// NewCluster returns the cluster whose API server the config leads to.
func NewCluster(name string, config *rest.Config) (*Cluster, error) {
	quiet()
	config = rest.CopyConfig(config)
	config.QPS = -1
	c, err := client.NewWithWatch(config, client.Options{Scheme: Scheme()})
	if err != nil {
		return nil, fmt.Errorf("connect to cluster %s: %w", name, err)
	}
	return &Cluster{
		WithWatch: c, Name: name, Config: config,
		network: sync.OnceValues(func() (int, error) { return nodeNetwork(name) }),
	}, nil
}

// quiet keeps the client library from complaining that nobody reads its log.
var quiet = sync.OnceFunc(func() { log.SetLogger(logr.Discard()) })
