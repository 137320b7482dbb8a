package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"fairlead.dev/fairlead/dns"
)

// Resolution is what a cluster's own resolver says of the clusterset's zone.
type Resolution struct {
	// Version is the version of the DNS schema (D1); empty where it was not answered.
	Version string `json:"version,omitempty"`
	// Error says why not, in the resolver's words.
	Error string `json:"error,omitempty"`
}

// OK says that the names of the clusterset resolve.
func (r Resolution) OK() bool { return r.Version == dns.SchemaVersion }

// resolveWithin bounds how long a resolver may think.
const resolveWithin = 5 * time.Second

// Resolve asks a resolver, nil for that of this process, for the version of the clusterset's zone. In a pod that is the cluster's own
// resolver, and the answer came the whole way that a name takes.
func Resolve(ctx context.Context, r *net.Resolver) Resolution {
	ctx, cancel := context.WithTimeout(ctx, resolveWithin)
	defer cancel()
	if r == nil {
		r = &net.Resolver{PreferGo: true}
	}
	texts, err := r.LookupTXT(ctx, "dns-version."+dns.Zone)
	switch {
	case err != nil:
		return Resolution{Error: err.Error()}
	case len(texts) == 0:
		return Resolution{Error: "the answer is empty"}
	}
	return Resolution{Version: texts[0]}
}

// ErrNoServers says that no DNS server of ours runs in a cluster.
var ErrNoServers = errors.New("no pod of Deployment fairlead-dns is ready")

// Resolver asks a cluster's own resolver, from outside: one of the pods of Deployment fairlead-dns does it, and is reached through the
// API server. ErrNoServers where none is ready.
func Resolver(ctx context.Context, client kubernetes.Interface, namespace string) (Resolution, error) {
	pods, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=fairlead-dns"})
	if err != nil {
		return Resolution{}, fmt.Errorf("list the pods of %s/fairlead-dns: %w", namespace, err)
	}
	for i := range pods.Items {
		if p := &pods.Items[i]; ready(p) {
			return resolveIn(ctx, client, p)
		}
	}
	return Resolution{}, ErrNoServers
}

func resolveIn(ctx context.Context, client kubernetes.Interface, p *corev1.Pod) (r Resolution, err error) {
	text, err := client.CoreV1().Pods(p.Namespace).ProxyGet("http", p.Name, "15020", "/resolver", nil).DoRaw(ctx)
	if err != nil {
		return r, fmt.Errorf("ask pod %s/%s through the API server: %w", p.Namespace, p.Name, err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("read the answer of pod %s/%s: %w", p.Namespace, p.Name, err)
	}
	return r, nil
}

func ready(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
