package remote

import (
	"encoding/json"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/hub/hubtest"
)

// fleet is a fleet whose hub is a Kubernetes API, behind a line that can be cut.
type fleet struct {
	config *rest.Config // of its operator
	api    *api         // as its operator
	line   *line
	// enrol makes a cluster be able to reach the hub, and returns how.
	enrol func(t *testing.T, cluster string) *rest.Config
}

func fakeFleet(t *testing.T) (*fleet, *fakeAPI) {
	t.Helper()
	f := newFakeAPI(t)
	fl := newFleet(t, &rest.Config{Host: f.URL, TLSClientConfig: rest.TLSClientConfig{Insecure: true}})
	fl.enrol = insecure
	return fl, f
}

func insecure(*testing.T, string) *rest.Config {
	return &rest.Config{TLSClientConfig: rest.TLSClientConfig{Insecure: true}}
}

func newFleet(t *testing.T, config *rest.Config) *fleet {
	t.Helper()
	a, err := newAPI(config, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &fleet{config: config, api: a, line: newLine(t, strings.TrimPrefix(config.Host, "https://"))}
}

func TestTheContractIsKept(t *testing.T) {
	hubtest.Run(t, func(t *testing.T) hubtest.Fleet {
		f, _ := fakeFleet(t)
		return f
	})
}

// Approve implements hubtest.Fleet.
func (f *fleet) Approve(t *testing.T, m *v1alpha1.Member) {
	t.Helper()
	f.enrol(t, m.Spec.Cluster)
	_, err := f.api.create(t.Context(), m)
	if err != nil {
		body, _ := json.Marshal(map[string]any{"spec": map[string]any{"drain": m.Spec.Drain, "pending": m.Spec.Pending}})
		_, err = f.api.patch(t.Context(), members, m.Namespace, m.Name, "", body)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Member implements hubtest.Fleet.
func (f *fleet) Member(t *testing.T, cluster string, term int64) hubtest.Access {
	t.Helper()
	return f.member(t, cluster, term)
}

func (f *fleet) member(t *testing.T, cluster string, term int64) *Hub {
	t.Helper()
	config := f.enrol(t, cluster)
	config.Host = "https://" + f.line.address
	h, err := New(Options{Config: config, Cluster: cluster})
	if err != nil {
		t.Fatal(err)
	}
	h.Select([]string{"shop"})
	h.Lead(term)
	return h
}

// Read implements hubtest.Fleet.
func (f *fleet) Read(t *testing.T, obj hub.Object) hub.Object {
	t.Helper()
	found, err := f.api.get(t.Context(), kindOf(obj), hub.Namespace(obj.SourceCluster()), obj.GetName())
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Down implements hubtest.Fleet.
func (f *fleet) Down(*testing.T) { f.line.cut(true) }

// Up implements hubtest.Fleet.
func (f *fleet) Up(*testing.T) { f.line.cut(false) }

// line carries connections to an address, until it is cut.
type line struct {
	address, to string

	mu      sync.Mutex
	isCut   bool
	isMuted bool
	open    map[net.Conn]struct{}
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln := &line{address: l.Addr().String(), to: to, open: map[net.Conn]struct{}{}}
	t.Cleanup(func() {
		_ = l.Close()
		ln.cut(true)
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go ln.carry(c)
		}
	}()
	return ln
}

func (ln *line) carry(c net.Conn) {
	defer c.Close()
	up, err := net.Dial("tcp", ln.to)
	if err != nil {
		return
	}
	defer up.Close()
	ln.mu.Lock()
	if ln.isCut {
		ln.mu.Unlock()
		return
	}
	ln.open[c], ln.open[up] = struct{}{}, struct{}{}
	ln.mu.Unlock()
	go func() {
		_, _ = io.Copy(up, c)
		_ = up.Close()
	}()
	_, _ = io.Copy(ear{c, ln}, up)
	ln.mu.Lock()
	delete(ln.open, c)
	delete(ln.open, up)
	ln.mu.Unlock()
}

// ear is an end of a line that hears nothing while the line is muted.
type ear struct {
	net.Conn
	line *line
}

// Write implements io.Writer.
func (e ear) Write(b []byte) (int, error) {
	e.line.mu.Lock()
	muted := e.line.isMuted
	e.line.mu.Unlock()
	if muted {
		return len(b), nil
	}
	return e.Conn.Write(b)
}

// mute loses what the hub says, without closing anything.
func (ln *line) mute() {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	ln.isMuted = true
}

func (ln *line) cut(on bool) {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	ln.isCut = on
	if on {
		for c := range ln.open {
			_ = c.Close()
		}
	}
}
