package stub

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"
)

const (
	system = metav1.NamespaceSystem
	// customFile is the key of a ConfigMap whose keys are imported as files.
	customFile = "fairlead.server"
)

// ErrUnknown says that the cluster's resolver is not one that this package can teach.
var ErrUnknown = errors.New("the cluster's resolver is not a CoreDNS with a ConfigMap kube-system/coredns")

// Resolver is a resolver of a cluster, with the ConfigMap and key where our block is or would be.
type Resolver struct {
	ConfigMap string // in namespace kube-system
	Key       string
	Corefile
	// Err says why it cannot be read.
	Err error
}

// String returns kube-system/name[key].
func (r Resolver) String() string { return system + "/" + r.ConfigMap + "[" + r.Key + "]" }

// Find returns the resolvers of a cluster: its CoreDNS, and its node-local caches where it has them. ErrUnknown where there is no
// CoreDNS.
func Find(ctx context.Context, client kubernetes.Interface) ([]Resolver, error) {
	main, err := configMap(ctx, client, "coredns")
	if err != nil {
		return nil, err
	}
	if main == nil {
		return nil, ErrUnknown
	}
	found := []Resolver{read("coredns", "Corefile", main.Data["Corefile"])}
	if custom := imports(found[0].Imports); custom && found[0].Err == nil {
		if err := found[0].readCustom(ctx, client); err != nil {
			return nil, err
		}
	}
	local, err := configMap(ctx, client, "node-local-dns")
	if err != nil {
		return nil, err
	}
	if local != nil {
		found = append(found, read("node-local-dns", "Corefile", local.Data["Corefile"]))
	}
	return found, nil
}

func read(configMap, key, text string) Resolver {
	r := Resolver{ConfigMap: configMap, Key: key}
	r.Corefile, r.Err = Read(text)
	return r
}

// imports says whether a Corefile imports server blocks from a ConfigMap coredns-custom, as some distributions have it that put
// their own Corefile back.
func imports(patterns []string) bool {
	for _, p := range patterns {
		if ok, err := path.Match(path.Base(p), customFile); ok && err == nil && strings.Contains(p, "custom/") {
			return true
		}
	}
	return false
}

// readCustom turns to the ConfigMap that is imported, in each of whose files the zone may be served. A block of ours that stands in
// the Corefile stays there.
func (r *Resolver) readCustom(ctx context.Context, client kubernetes.Interface) error {
	if r.Ours {
		return nil
	}
	custom, err := configMap(ctx, client, "coredns-custom")
	if err != nil {
		return err
	}
	r.ConfigMap, r.Key = "coredns-custom", customFile
	if custom == nil {
		return nil
	}
	for key, text := range custom.Data {
		c, err := Read(text)
		switch {
		case err != nil:
			r.Err = fmt.Errorf("%s of ConfigMap coredns-custom: %w", key, err)
		case key == customFile:
			r.Ours, r.To = c.Ours, c.To
		case c.Taken != "" && strings.HasSuffix(key, ".server"):
			r.Taken = c.Taken + " in " + key
		}
	}
	return nil
}

// configMap returns nil where there is none.
func configMap(ctx context.Context, client kubernetes.Interface, name string) (*corev1.ConfigMap, error) {
	m, err := client.CoreV1().ConfigMaps(system).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read ConfigMap %s/%s: %w", system, name, err)
	}
	return m, nil
}

// Change is what was done to one resolver.
type Change struct {
	Resolver
	// Changed says that its ConfigMap was written.
	Changed bool
}

// Enable makes every resolver of a cluster forward the zone to Fairlead's servers at an address. It checks all of them before it
// changes the first.
func Enable(ctx context.Context, client kubernetes.Interface, to netip.Addr) ([]Change, error) {
	found, err := Find(ctx, client)
	if err != nil {
		return nil, err
	}
	for _, r := range found {
		switch {
		case r.Err != nil:
			return nil, fmt.Errorf("read %s: %w", r, r.Err)
		case r.Taken != "":
			return nil, fmt.Errorf("%s in %s is %w: %s", zone, r, ErrTaken, r.Taken)
		}
	}
	return edit(ctx, client, found, func(r Resolver, text string) (string, error) { return Add(text, to, r.At) })
}

// Disable takes our block out of every resolver of a cluster.
func Disable(ctx context.Context, client kubernetes.Interface) ([]Change, error) {
	found, err := Find(ctx, client)
	if errors.Is(err, ErrUnknown) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return edit(ctx, client, found, func(_ Resolver, text string) (string, error) {
		out, _, err := Remove(text)
		return out, err
	})
}

func edit(ctx context.Context, client kubernetes.Interface, found []Resolver, change func(Resolver, string) (string, error)) (done []Change, err error) {
	for _, r := range found {
		changed := false
		err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
			changed, err = editOne(ctx, client, r, change)
			return err
		})
		if err != nil {
			return done, fmt.Errorf("edit %s: %w", r, err)
		}
		done = append(done, Change{r, changed})
	}
	return done, nil
}

// editOne changes one key of a ConfigMap, which may have to be made, or to go when nothing is left in it.
func editOne(ctx context.Context, client kubernetes.Interface, r Resolver, change func(Resolver, string) (string, error)) (bool, error) {
	maps := client.CoreV1().ConfigMaps(system)
	m, err := configMap(ctx, client, r.ConfigMap)
	if err != nil {
		return false, err
	}
	absent := m == nil
	if absent {
		m = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: r.ConfigMap}}
	}
	text, err := change(r, m.Data[r.Key])
	if err != nil || text == m.Data[r.Key] {
		return false, err
	}
	if m.Data == nil {
		m.Data = map[string]string{}
	}
	m.Data[r.Key] = text
	if text == "" {
		delete(m.Data, r.Key)
	}
	if absent {
		_, err = maps.Create(ctx, m, metav1.CreateOptions{FieldManager: "fairlead"})
	} else {
		_, err = maps.Update(ctx, m, metav1.UpdateOptions{FieldManager: "fairlead"})
	}
	return err == nil, err
}

// ServerAddress returns the address of Fairlead's DNS servers in a cluster: that of Service fairlead-dns.
func ServerAddress(ctx context.Context, client kubernetes.Interface, namespace string) (netip.Addr, error) {
	svc, err := client.CoreV1().Services(namespace).Get(ctx, "fairlead-dns", metav1.GetOptions{})
	if err != nil {
		return netip.Addr{}, fmt.Errorf("read Service %s/fairlead-dns: %w", namespace, err)
	}
	ip, err := netip.ParseAddr(svc.Spec.ClusterIP)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("service %s/fairlead-dns has no cluster IP: %w", namespace, err)
	}
	return ip, nil
}
