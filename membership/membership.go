// Package membership is how clusters come into a clusterset and go: a hub is installed, a cluster joins it or is invited, approved,
// drained and let go, and a lost hub is made again from its members.
//
// In go one or two APIs, as the contexts of an operator's kubeconfig reach them (Access), and what the operator wants. What must stand
// where comes from package manifest; this package applies it, hands credentials over, and waits until it can be seen to work. Whether a
// cluster may come in is decided by pure functions over what was read (admit.go). Every function can be called again after it was
// interrupted, and goes on where it ended.
//
// What it refuses is told as a *Refusal, with a remedy that can be pasted: a name that is taken, a cluster that was renamed or that
// belongs to another clusterset, a hub of another version. Nothing has been changed then.
//
// A credential is a bound token of the ServiceAccount "member" in the member's namespace on the hub. The agent rotates it; to revoke it,
// its permissions and its account are deleted (leave.go).
//
// Start with Install, Join and Leave.
package membership

import (
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// The field managers of what is applied. They differ, because the hub may be a member as well: what one of them no longer wants stays
// while the other one does.
const (
	ownerHub    = "fairlead-hub"
	ownerMember = "fairlead-member"
	ownerAgent  = "fairlead-agent-install"
)

// Access is one cluster's API. The name of its context is for hints.
type Access struct {
	client.Client
	Config  *rest.Config
	Context string
}

// Open returns the API that a context of a kubeconfig names. An empty kubeconfig is the usual one, an empty context the current
// one.
func Open(kubeconfig, context string) (*Access, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	deferred := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: context})
	config, err := deferred.ClientConfig()
	if err != nil {
		return nil, &Refusal{
			What:   fmt.Sprintf("the kubeconfig has no usable context %q: %v", context, err),
			Remedy: "kubectl config get-contexts",
		}
	}
	if context == "" {
		raw, err := deferred.RawConfig()
		if err != nil {
			return nil, fmt.Errorf("read the kubeconfig: %w", err)
		}
		context = raw.CurrentContext
	}
	return Reach(config, context)
}

// Reach returns the API that config leads to. It does not connect.
func Reach(config *rest.Config, context string) (*Access, error) {
	quiet()
	config = rest.CopyConfig(config)
	config.QPS, config.Burst = -1, 0
	config.WarningHandler = rest.NoWarnings{}
	if config.Timeout == 0 {
		config.Timeout = 30 * time.Second
	}
	c, err := client.New(config, client.Options{Scheme: Scheme})
	if err != nil {
		return nil, fmt.Errorf("reach the API of %s: %w", context, err)
	}
	return &Access{Client: c, Config: config, Context: context}, nil
}

// quiet keeps a library from complaining on stderr, after a while, that nobody told it where to log.
var quiet = sync.OnceFunc(func() { log.SetLogger(logr.Discard()) })

// Refusal says that something is not done, and why. Remedy is a command or a sentence that helps.
type Refusal struct {
	What, Remedy string
}

func (r *Refusal) Error() string { return r.What }

// Tell takes a line of progress. A nil Tell is not called.
type Tell func(line string)

func (t Tell) say(format string, args ...any) {
	if t != nil {
		t(fmt.Sprintf(format, args...))
	}
}
