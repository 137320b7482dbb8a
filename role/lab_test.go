package role_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/kube"
	"fairlead.dev/fairlead/manifest"
	"fairlead.dev/fairlead/membership"
	"fairlead.dev/fairlead/role"
)

// place is one real API server, as its operator and as our client see it.
type place struct {
	name   string
	access *membership.Access
	client client.Client
}

// enter opens contexts west and east, makes west the hub, and lets both join: what runs is up to the test. It leaves them as they were
// found. API servers without nodes will do.
func enter(t *testing.T) (west, east place) {
	t.Helper()
	file := os.Getenv("FAIRLEAD_TEST_KUBECONFIG")
	if file == "" {
		t.Skip("no FAIRLEAD_TEST_KUBECONFIG: make e2e runs this against real API servers")
	}
	open := func(name string) place {
		access, err := membership.Open(file, name)
		if err != nil {
			t.Fatal(err)
		}
		err = access.Get(t.Context(), client.ObjectKey{Name: manifest.Namespace}, &corev1.Namespace{})
		if err == nil {
			t.Skipf("%s has Fairlead installed already", name)
		}
		if !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
		c, err := kube.Connect(access.Config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { clean(t, access) })
		return place{name, access, c}
	}
	west, east = open("west"), open("east")
	if _, err := membership.Install(t.Context(), west.access, membership.InstallOptions{
		ClusterSet: "shop", Version: "devel", Manifest: manifest.HubOptions{Bare: true},
	}); err != nil {
		t.Fatal(err)
	}
	for _, p := range []place{west, east} {
		if _, err := membership.Join(t.Context(), west.access, p.access, membership.JoinOptions{
			Cluster: p.name, Server: west.access.Config.Host, Version: "devel",
		}); err != nil {
			t.Fatal(err)
		}
	}
	return west, east
}

func clean(t *testing.T, a *membership.Access) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := membership.Remove(ctx, a, membership.UninstallOptions{Force: true}); err != nil {
		t.Errorf("clean %s: %v", a.Context, err)
	}
	if err := membership.Uninstall(ctx, a, "", true, nil); err != nil {
		t.Errorf("clean %s: %v", a.Context, err)
	}
	for {
		err := a.Get(ctx, client.ObjectKey{Name: manifest.Namespace}, &corev1.Namespace{})
		if apierrors.IsNotFound(err) {
			return
		}
		if err == nil {
			_ = a.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: manifest.Namespace}})
		}
		if ctx.Err() != nil {
			t.Errorf("clean %s: %v", a.Context, ctx.Err())
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// replica is one running agent.
type replica struct {
	health, peers string
	stop          func()
}

// agent runs a replica of a cluster's agent in this process, with the permissions that its pods would have.
func (p place) agent(t *testing.T, name string) *replica {
	t.Helper()
	r := &replica{health: free(t), peers: free(t)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	options := role.AgentOptions{
		Config: p.asAgent(t), Pod: name, PodIP: "127.0.0.1", Health: r.health, Beacon: free(t), Peers: r.peers,
		Dial: loopback, Version: "devel", Log: logger(t).With("replica", p.name+"/"+name),
	}
	go func() { done <- role.Agent(ctx, options) }()
	stopped := false
	r.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("agent %s of %s ended: %v", name, p.name, err)
		}
	}
	t.Cleanup(r.stop)
	eventually(t, "agent "+name+" of "+p.name+" is ready", func() bool {
		_, err := get("http://" + r.health + "/readyz")
		return err == nil
	})
	return r
}

// asAgent is access with the ServiceAccount of the agent.
func (p place) asAgent(t *testing.T) *rest.Config {
	t.Helper()
	c, err := kubernetes.NewForConfig(p.access.Config)
	if err != nil {
		t.Fatal(err)
	}
	token, err := c.CoreV1().ServiceAccounts(manifest.Namespace).CreateToken(t.Context(), manifest.AgentName,
		&authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	config := rest.AnonymousClientConfig(p.access.Config)
	config.BearerToken = token.Status.Token
	return config
}

// loopback lets probers reach beacons of this process, and nothing else: no traffic leaves the machine.
func loopback(ctx context.Context, network, address string) (net.Conn, error) {
	if at, err := netip.ParseAddrPort(address); err != nil || !at.Addr().IsLoopback() {
		return nil, errors.New("not on this machine")
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

func free(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func logger(t *testing.T) *slog.Logger {
	if testing.Verbose() {
		return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return slog.New(slog.DiscardHandler)
}

func get(url string) (string, error) {
	res, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", res.Status, b)
	}
	return string(b), err
}

// eventually asks until it is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for !so() {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// always asks for a while whether it stays so.
func always(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if !so() {
			t.Fatalf("not any more: %s", what)
		}
	}
}

func (p place) namespace(t *testing.T, name string) {
	t.Helper()
	p.create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	t.Cleanup(func() {
		_ = p.client.Delete(context.Background(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	})
}

func (p place) create(t *testing.T, obj client.Object) {
	t.Helper()
	if err := p.client.Create(t.Context(), obj); err != nil {
		t.Fatalf("create in %s: %v", p.name, err)
	}
}

func (p place) delete(t *testing.T, obj client.Object) {
	t.Helper()
	if err := p.client.Delete(t.Context(), obj); err != nil {
		t.Fatalf("delete in %s: %v", p.name, err)
	}
}

// has reads an object, and says whether it is there.
func (p place) has(t *testing.T, namespace, name string, into client.Object) bool {
	t.Helper()
	err := p.client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, into)
	if err != nil && !apierrors.IsNotFound(err) {
		t.Logf("read in %s: %v", p.name, err)
	}
	return err == nil
}

// service makes a Service without a selector, and an EndpointSlice that stands for its pods.
func (p place) service(t *testing.T, namespace, name string, addresses ...string) *discoveryv1.EndpointSlice {
	t.Helper()
	p.create(t, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "http", Port: 80}}},
	})
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name + "-1", Labels: map[string]string{discoveryv1.LabelServiceName: name},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: new("http"), Port: new(int32(8080)), Protocol: new(corev1.ProtocolTCP)}},
		Endpoints:   endpoints(addresses...),
	}
	p.create(t, slice)
	return slice
}

func endpoints(addresses ...string) (out []discoveryv1.Endpoint) {
	for _, a := range addresses {
		out = append(out, discoveryv1.Endpoint{Addresses: []string{a}, Conditions: discoveryv1.EndpointConditions{Ready: new(true)}})
	}
	return out
}

func export(namespace, name string) *mcsv1beta1.ServiceExport {
	return &mcsv1beta1.ServiceExport{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
}
