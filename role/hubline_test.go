package role

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/kube"
	"fairlead.dev/fairlead/manifest"
)

// hubAt is the Secret of a member whose hub is at a server.
func hubAt(t *testing.T, cluster, server, token string) *corev1.Secret {
	t.Helper()
	config := api.NewConfig()
	config.Clusters["hub"] = &api.Cluster{Server: server, InsecureSkipTLSVerify: true}
	config.AuthInfos["member"] = &api.AuthInfo{Token: token}
	config.Contexts["hub"] = &api.Context{Cluster: "hub", AuthInfo: "member"}
	config.CurrentContext = "hub"
	text, err := clientcmd.Write(*config)
	if err != nil {
		t.Fatal(err)
	}
	return &corev1.Secret{Data: map[string][]byte{manifest.KeyCluster: []byte(cluster), manifest.KeyKubeconfig: text}}
}

func TestTheSecretLeadsToTheHub(t *testing.T) {
	ctx, failed := context.WithCancelCause(t.Context())
	l := newHubLine(nil, fleet.Name{Name: "fairlead-hub"}, "", failed, slog.New(slog.DiscardHandler))
	s := hubSecret{l}

	s.Replace("Secret", nil)
	if err := l.Write(ctx, &v1alpha1.Member{}); !errors.Is(err, hub.ErrDown) {
		t.Errorf("write without a hub: %v, want ErrDown", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- l.Watch(ctx, func(hub.Event) {}) }()

	s.Put(&corev1.Secret{Data: map[string][]byte{manifest.KeyCluster: []byte("west"), manifest.KeyKubeconfig: []byte("{")}})
	if h, _, _ := l.now(); h != nil {
		t.Error("a Secret that cannot be read gave a hub")
	}
	s.Put(hubAt(t, "west", "https://127.0.0.1:1", "one"))
	if name, err := l.name(ctx); name != "west" || err != nil {
		t.Errorf("the cluster is %q, %v", name, err)
	}
	if err := <-ended; !errors.Is(err, hub.ErrDown) {
		t.Errorf("the watch that waited ended with %v", err)
	}
	first, _, changed := l.now()

	s.Put(hubAt(t, "west", "https://127.0.0.1:1", "two"))
	if now, _, _ := l.now(); now != first {
		t.Error("another token is another hub")
	}
	s.Delete(nil)
	if now, _, _ := l.now(); now != first {
		t.Error("a Secret that is gone takes the hub away")
	}
	s.Put(hubAt(t, "west", "https://127.0.0.1:2", "two"))
	<-changed
	if now, _, _ := l.now(); now == first {
		t.Error("another server is the same hub")
	}
	s.Put(hubAt(t, "east", "https://127.0.0.1:2", "two"))
	if <-ctx.Done(); !errors.Is(context.Cause(ctx), errRenamed) {
		t.Errorf("another cluster ended it with %v", context.Cause(ctx))
	}
}

func TestTheStopwatchMeasuresWhatIsNew(t *testing.T) {
	s := newStopwatch("east", kube.NewMetrics())
	put := func(at time.Time) {
		r := &v1alpha1.EndpointRecord{Spec: v1alpha1.EndpointRecordSpec{Cluster: "west", Namespace: "shop", Service: "cart", Slice: "x"}}
		r.Annotations = map[string]string{hub.AnnotationReceived: at.Format(time.RFC3339Nano)}
		s.heard(hub.Event{Type: hub.Put, Object: r})
	}
	put(time.Now())
	if len(s.since) != 1 {
		t.Error("news is not measured")
	}
	put(time.Now().Add(-time.Hour))
	if len(s.since) != 0 {
		t.Error("what was written long ago is measured")
	}
	s.heard(hub.Event{Type: hub.Synced})
}
