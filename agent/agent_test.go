package agent

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/health"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/picture"
)

var cart = fleet.Name{Namespace: "shop", Name: "cart"}

// facts are those of a cluster that exports some services of namespace shop, with one endpoint each: an address, or address:port.
func facts(address string, exports ...string) []picture.Change {
	target := int32(80)
	if at, err := netip.ParseAddrPort(address); err == nil {
		address, target = at.Addr().String(), int32(at.Port())
	}
	all := []picture.Fact{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}}
	for _, name := range exports {
		meta := metav1.ObjectMeta{Namespace: "shop", Name: name}
		portName, protocol, port := "http", corev1.ProtocolTCP, target
		all = append(all,
			&mcsv1beta1.ServiceExport{ObjectMeta: meta},
			&corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{
				Type: corev1.ServiceTypeClusterIP, IPFamilies: []corev1.IPFamily{corev1.IPv4Protocol}, SessionAffinity: corev1.ServiceAffinityNone,
				Ports: []corev1.ServicePort{{Name: portName, Protocol: protocol, Port: 80}},
			}},
			&discoveryv1.EndpointSlice{
				ObjectMeta: metav1.ObjectMeta{
					Namespace: "shop", Name: name + "-0", Labels: map[string]string{discoveryv1.LabelServiceName: name},
				},
				AddressType: discoveryv1.AddressTypeIPv4,
				Ports:       []discoveryv1.EndpointPort{{Name: &portName, Protocol: &protocol, Port: &port}},
				Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{address}}},
			})
	}
	var changes []picture.Change
	for _, f := range all {
		changes = append(changes, picture.Change{Key: picture.KeyOf(f), Fact: f})
	}
	return changes
}

// world is a hub with some agents.
type world struct {
	t    *testing.T
	hub  *hub.Memory
	stop context.CancelFunc
	ctx  context.Context
	wait sync.WaitGroup
	dial func(ctx context.Context, network, address string) (net.Conn, error)
	beat time.Duration
}

func newWorld(t *testing.T) *world {
	ctx, cancel := context.WithCancel(context.Background())
	w := &world{t: t, hub: hub.NewMemory(), ctx: ctx, stop: cancel, dial: new(net.Dialer).DialContext}
	t.Cleanup(func() {
		cancel()
		w.wait.Wait()
	})
	return w
}

// join approves a cluster and runs its agent.
func (w *world) join(cluster string, h Hub, beacons ...string) *Agent {
	w.t.Helper()
	err := w.hub.Operator().Write(w.ctx, &v1alpha1.Member{
		ObjectMeta: metav1.ObjectMeta{Name: cluster},
		Spec:       v1alpha1.MemberSpec{Cluster: cluster, Region: "us", Beacons: beacons},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if h == nil {
		h = w.hub.Member(cluster, 1)
	}
	a := New(Options{
		Vantage: picture.Vantage{
			Cluster:       fleet.Cluster{Name: cluster, Locality: fleet.Locality{Region: "us"}},
			ServiceRanges: []netip.Prefix{netip.MustParsePrefix("127.9.240.0/20")},
			Health:        health.DefaultPolicy(),
		},
		Hub:       h,
		Probe:     ProbePolicy{Interval: 40 * time.Millisecond, Timeout: 40 * time.Millisecond, Late: 10 * time.Millisecond},
		Dial:      w.dial,
		Heartbeat: w.beat,
	})
	w.wait.Go(func() { a.Run(w.ctx) })
	return a
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

// exporters returns who exports shop/cart, as an agent sees it.
func exporters(a *Agent) string {
	pic := a.Picture()
	if pic == nil || pic.Service(cart) == nil {
		return ""
	}
	var names []string
	for _, e := range pic.Service(cart).Exporters {
		names = append(names, e.Cluster)
	}
	return strings.Join(names, " ")
}

func TestRecordsTravelThroughTheHub(t *testing.T) {
	w := newWorld(t)
	west, east := w.join("west", nil), w.join("east", nil)
	west.Apply(facts("127.9.0.1", "cart"))
	east.Apply(facts(""))
	eventually(t, "east imports west's cart", func() bool { return exporters(east) == "west" })

	var gone []picture.Change
	for _, ch := range facts("127.9.0.1", "cart") {
		if ch.Key.Kind == "ServiceExport" {
			gone = append(gone, picture.Change{Key: ch.Key})
		}
	}
	west.Apply(gone)
	eventually(t, "a deleted export is obeyed", func() bool { return exporters(east) == "" })
}

func TestAnAgentThatKnowsNothingYetWithdrawsNothing(t *testing.T) {
	w := newWorld(t)
	west, east := w.join("west", nil), w.join("east", nil)
	east.Apply(facts(""))
	west.Apply(facts("127.9.0.1", "cart"))
	eventually(t, "east imports west's cart", func() bool { return exporters(east) == "west" })

	again := w.join("west", w.hub.Member("west", 2)) // a restart, whose sources are not listed yet
	time.Sleep(100 * time.Millisecond)
	if exporters(east) != "west" {
		t.Fatal("an agent without facts withdrew the exports")
	}
	again.Apply(facts("127.9.0.1"))
	eventually(t, "the new agent withdraws what it does not have", func() bool { return exporters(east) == "" })
}

func TestWhileTheHubIsAwayAllStaysAndLocalChangesCount(t *testing.T) {
	w := newWorld(t)
	west, east := w.join("west", nil), w.join("east", nil)
	west.Apply(facts("127.9.0.1", "cart"))
	east.Apply(facts("127.8.0.1"))
	eventually(t, "east imports west's cart", func() bool { return exporters(east) == "west" })

	w.hub.Down()
	eventually(t, "east notices", func() bool { return !east.HubUp() })
	east.Apply(facts("127.8.0.1", "cart"))
	eventually(t, "its own export counts at once", func() bool { return exporters(east) == "east west" })
	if exporters(west) != "west" {
		t.Fatal("west cannot know of it")
	}
	w.hub.Up()
	eventually(t, "it is written when the hub is back", func() bool { return exporters(west) == "east west" })
}

func TestWhatAListLacksIsHeldUnlessExplained(t *testing.T) {
	w := newWorld(t)
	west, east := w.join("west", nil), w.join("east", nil)
	west.Apply(facts("127.9.0.1", "cart"))
	east.Apply(facts(""))
	eventually(t, "east imports west's cart", func() bool { return exporters(east) == "west" })

	// Somebody deletes west's namespace behind its back, while nobody of west is there to write it anew.
	w.hub.Down()
	eventually(t, "all notice", func() bool { return !east.HubUp() && !west.HubUp() })
	empty := hub.NewMemory()
	var lists []hub.Event
	_ = empty.Operator().Write(w.ctx, &v1alpha1.Member{ObjectMeta: metav1.ObjectMeta{Name: "east"}, Spec: v1alpha1.MemberSpec{Cluster: "east"}})
	ctx, cancel := context.WithCancel(w.ctx)
	_ = empty.Operator().Watch(ctx, func(e hub.Event) {
		lists = append(lists, e)
		if e.Type == hub.Synced {
			cancel()
		}
	})
	in := incoming{agent: east, known: map[picture.Key]struct{}{}}
	for ex := range west.Picture().Exports() {
		in.known[picture.KeyOf(ex.Record)] = struct{}{}
	}
	in.begin()
	for _, e := range lists {
		in.take(e)
	}
	time.Sleep(100 * time.Millisecond)
	if exporters(east) != "west" {
		t.Fatalf("an unexplained absence was obeyed: exporters %q", exporters(east))
	}
	eventually(t, "what is held is shown", func() bool { return east.Picture().Member("west").Held > 0 })
}

// scribe is a hub that writes down the order of what is done.
type scribe struct {
	Hub
	mu    sync.Mutex
	lines []string
}

func (s *scribe) note(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
}

func (s *scribe) Write(ctx context.Context, obj hub.Object) error {
	line := "write " + obj.GetName()
	if m, ok := obj.(*v1alpha1.Member); ok {
		line = "mark"
		if len(m.Status.Marker.Withdrawing) > 0 {
			line = "mark withdrawing"
		}
	}
	s.note(line)
	return s.Hub.Write(ctx, obj)
}

func (s *scribe) Delete(ctx context.Context, obj hub.Object) error {
	s.note("delete " + obj.GetName())
	return s.Hub.Delete(ctx, obj)
}

func (s *scribe) kinds() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var kinds []string
	for _, l := range s.lines {
		if word, _, _ := strings.Cut(l, " "); word != "mark" {
			l = word
		}
		kinds = append(kinds, l)
	}
	return strings.Join(slices.Compact(kinds), ", ")
}

func TestTheMarkerComesAfterAdditionsAndBeforeDeletions(t *testing.T) {
	w := newWorld(t)
	s := &scribe{Hub: w.hub.Member("west", 1)}
	west := w.join("west", s)
	west.Apply(facts("127.9.0.1", "cart"))
	eventually(t, "the export is marked", func() bool { return s.kinds() == "write, mark" })

	var gone []picture.Change
	for _, ch := range facts("127.9.0.1", "cart") {
		if ch.Key.Kind == "ServiceExport" {
			gone = append(gone, picture.Change{Key: ch.Key})
		}
	}
	west.Apply(append(gone, facts("127.9.0.2", "basket")...))
	eventually(t, "the next export is written, the marker told, the old one deleted", func() bool {
		return s.kinds() == "write, mark, write, mark withdrawing, delete"
	})
	time.Sleep(50 * time.Millisecond)
	if got := s.kinds(); got != "write, mark, write, mark withdrawing, delete" {
		t.Errorf("more was written than changed: %s", got)
	}
}

func TestDrainCountsBeforeTheHubHasIt(t *testing.T) {
	w := newWorld(t)
	west := w.join("west", nil)
	west.Apply(facts("127.9.0.1"))
	verdict := func() fleet.Verdict { return west.Picture().Member("west").Verdict }
	eventually(t, "west is there", func() bool { return west.HubUp() && west.Picture().Member("west") != nil })
	w.hub.Down()
	west.Drain(true)
	if !west.Said().Draining {
		t.Error("the beacon does not say that west drains")
	}
	eventually(t, "west holds itself for draining", func() bool { return verdict() == fleet.DrainingCluster })
	w.hub.Up() // whose Member does not say so yet
	eventually(t, "the hub is back", west.HubUp)
	if !west.Said().Draining {
		t.Error("the old word on the hub overruled the operator's")
	}
	west.Drain(false)
	eventually(t, "west is restored", func() bool { return verdict() == fleet.Serving && !west.Said().Draining })
}

func TestAMarkerBeatsAndItsObserversSeeIt(t *testing.T) {
	w := newWorld(t)
	w.beat = 20 * time.Millisecond
	west := w.join("west", nil)
	west.Apply(facts("127.9.0.1", "cart"))
	east := w.join("east", nil)
	east.Apply(facts(""))
	seen := func() time.Time {
		east.observer.mu.Lock()
		defer east.observer.mu.Unlock()
		if c := east.observer.clusters["west"]; c != nil {
			return c.seen
		}
		return time.Time{}
	}
	eventually(t, "west's marker is seen", func() bool { return !seen().IsZero() })
	first, sequence := seen(), west.Said().Sequence
	eventually(t, "it beats", func() bool { return seen().After(first) && west.Said().Sequence > sequence })
}
