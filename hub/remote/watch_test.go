package remote

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
	"fairlead.dev/fairlead/hub/hubtest"
)

// scene is a fake hub with members west and east; west exports shop/cart, and east looks.
type scene struct {
	*fleet
	api        *fakeAPI
	west, east *Hub
}

func newScene(t *testing.T) scene {
	t.Helper()
	f, fake := fakeFleet(t)
	f.Approve(t, hubtest.Member("west"))
	f.Approve(t, hubtest.Member("east"))
	s := scene{f, fake, f.member(t, "west", 1), f.member(t, "east", 1)}
	s.write(t, hubtest.Record("west", "cart"))
	return s
}

func (s scene) write(t *testing.T, obj hub.Object) {
	t.Helper()
	if err := s.west.Write(t.Context(), obj); err != nil {
		t.Fatal(err)
	}
}

// in returns a record of a service in some namespace.
func in(namespace, name string) *v1alpha1.ServiceRecord {
	r := hubtest.Record("west", name)
	r.Spec.Namespace, r.Labels[v1alpha1.LabelNamespace] = namespace, namespace
	return r
}

// reopen watches again after the line to the hub was cut.
func (s scene) reopen(t *testing.T, seen *hubtest.Watched, while func()) *hubtest.Watched {
	t.Helper()
	s.line.cut(true)
	if err := <-seen.Ended; !errors.Is(err, hub.ErrDown) {
		t.Fatalf("watch ended with %v, want ErrDown", err)
	}
	while()
	s.api.asked()
	s.line.cut(false)
	return hubtest.Watch(t, s.east, "west")
}

// lists returns which lists were asked for, without those of Leases, and the small one that tells the hub's version.
func (f *fakeAPI) lists() (lists []string) {
	for _, r := range f.asked() {
		if strings.HasPrefix(r, "LIST") && !strings.Contains(r, "leases") && r != "LIST members " {
			lists = append(lists, r)
		}
	}
	return lists
}

// alone does something to the fake hub while nobody else does.
func (f *fakeAPI) alone(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

func TestABrokenWatchGoesOnWithoutAList(t *testing.T) {
	s := newScene(t)
	seen := hubtest.Watch(t, s.east, "west")
	seen.Expect(t, "put member of west", "put service cart of west", "synced")
	if !s.east.State().Up {
		t.Errorf("state is %+v, want up", s.east.State())
	}
	again := s.reopen(t, seen, func() {
		if st := s.east.State(); st.Up || st.Err == "" {
			t.Errorf("state is %+v, want down with a reason", st)
		}
		direct(t, s.api, "west").writeNow(t, hubtest.Record("west", "basket"))
	})
	// What happened meanwhile is told in the list, or after it.
	again.ExpectAll(t, "put member of west", "put service cart of west", "synced", "put service basket of west")
	if lists := s.api.lists(); len(lists) > 0 {
		t.Errorf("asked for %q, want no list", lists)
	}
}

// direct returns access to a fake hub that does not use the line.
func direct(t *testing.T, f *fakeAPI, cluster string) *Hub {
	t.Helper()
	fl := &fleet{line: &line{address: strings.TrimPrefix(f.URL, "https://")}}
	fl.enrol = insecure
	return fl.member(t, cluster, 1)
}

func (h *Hub) writeNow(t *testing.T, obj hub.Object) {
	t.Helper()
	if err := h.Write(t.Context(), obj); err != nil {
		t.Fatal(err)
	}
}

func TestAfterALongOutageAllIsListed(t *testing.T) {
	s := newScene(t)
	s.east.pace.resume = 0
	seen := hubtest.Watch(t, s.east, "west")
	seen.Expect(t, "put member of west", "put service cart of west", "synced")
	again := s.reopen(t, seen, func() {})
	again.Expect(t, "put member of west", "put service cart of west", "synced")
	if lists := s.api.lists(); len(lists) != 5 {
		t.Errorf("asked for %q, want all five streams", lists)
	}
}

func TestAnExpiredWatchListsAgainAndTellsTheDifference(t *testing.T) {
	s := newScene(t)
	seen := hubtest.Watch(t, s.east, "west")
	seen.Expect(t, "put member of west", "put service cart of west", "synced")
	again := s.reopen(t, seen, func() {
		d := direct(t, s.api, "west")
		d.writeNow(t, hubtest.Record("west", "basket"))
		if err := d.Delete(t.Context(), hubtest.Record("west", "cart")); err != nil {
			t.Fatal(err)
		}
		s.api.alone(func() { s.api.oldest = s.api.version })
	})
	again.Expect(t, "put member of west", "put service basket of west", "synced")
}

func TestAWatchThatExpiresWhileItRunsTellsTheDifference(t *testing.T) {
	s := newScene(t)
	seen := hubtest.Watch(t, s.east, "west")
	seen.Expect(t, "put member of west", "put service cart of west", "synced")
	for _, k := range []*kind{members, services, endpoints} {
		s.api.gone(k)
	}
	s.api.alone(func() {
		p := path{resource: "servicerecords", namespace: hub.Namespace("west")}
		delete(s.api.objects, p.key("cart")) // while nobody was told
	})
	seen.Expect(t, "deleted service cart of west")
}

// gone ends the watches of a kind because they are too old.
func (f *fakeAPI) gone(k *kind) {
	f.alone(func() {
		f.version++
		obj := &unstructured.Unstructured{Object: map[string]any{"kind": "Status", "code": 410, "reason": "Expired"}}
		f.tell(fakeEvent{f.version, "ERROR", k.resource, obj})
		f.oldest = f.version
	})
}

func TestARestoredBackupIsNoticed(t *testing.T) {
	s := newScene(t)
	var backup map[string]*unstructured.Unstructured
	var version int
	s.api.alone(func() { backup, version = maps.Clone(s.api.objects), s.api.version })
	s.write(t, hubtest.Record("west", "basket"))
	seen := hubtest.Watch(t, s.east, "west")
	seen.Expect(t, "put member of west", "put service basket of west", "put service cart of west", "synced")
	again := s.reopen(t, seen, func() {
		s.api.alone(func() { s.api.objects, s.api.version, s.api.events = backup, version, nil })
	})
	again.Expect(t, "put member of west", "put service cart of west", "synced")
	if lists := s.api.lists(); len(lists) != 5 {
		t.Errorf("asked for %q, want all five streams", lists)
	}
}

func TestABackupRestoredWithoutABreakIsNoticed(t *testing.T) {
	s := newScene(t)
	s.east.pace.list = 10 * time.Millisecond
	var backup map[string]*unstructured.Unstructured
	var version int
	s.api.alone(func() { backup, version = maps.Clone(s.api.objects), s.api.version })
	s.write(t, hubtest.Record("west", "basket"))
	seen := hubtest.Watch(t, s.east, "west")
	seen.Expect(t, "put member of west", "put service basket of west", "put service cart of west", "synced")
	s.api.alone(func() { s.api.objects, s.api.version, s.api.events = backup, version, nil })
	if err := <-seen.Ended; !errors.Is(err, hub.ErrExpired) {
		t.Fatalf("watch ended with %v, want ErrExpired", err)
	}
	hubtest.Watch(t, s.east, "west").Expect(t, "put member of west", "put service cart of west", "synced")
}

func TestAnotherHubIsNoticed(t *testing.T) {
	s := newScene(t)
	seen := hubtest.Watch(t, s.east, "west")
	seen.Expect(t, "put member of west", "put service cart of west", "synced")
	again := s.reopen(t, seen, func() {
		s.api.alone(func() {
			east := path{resource: "members", namespace: hub.Namespace("east")}.key("east")
			anew := s.api.objects[east].DeepCopy()
			anew.SetUID("another")
			s.api.objects = map[string]*unstructured.Unstructured{east: anew}
			s.api.version += 1000
		})
	})
	again.Expect(t, "synced")
}

func TestWhatIsSelectedMayChange(t *testing.T) {
	s := newScene(t)
	s.write(t, in("zoo", "lion"))
	s.write(t, in("bar", "beer"))
	seen := hubtest.Watch(t, s.east, "west")
	seen.Expect(t, "put member of west", "put service cart of west", "synced")
	s.api.asked()
	s.east.Select([]string{"zoo", "shop", "zoo"})
	seen.Expect(t, "put service lion of west")
	s.write(t, in("zoo", "bear"))
	seen.Expect(t, "put service bear of west")
	s.write(t, in("bar", "wine"))
	seen.Quiet(t)
	s.east.Select([]string{"zoo", "bar"})
	seen.Expect(t, "unwatched service cart of west", "put service beer of west", "put service wine of west")
	s.write(t, hubtest.Record("west", "cart"))
	seen.Quiet(t)
	s.east.Select(nil)
	seen.Expect(t, "unwatched service bear of west", "unwatched service beer of west",
		"unwatched service lion of west", "unwatched service wine of west")
	s.east.Select([]string{"bar"})
	seen.Expect(t, "put service beer of west", "put service wine of west")
}

func TestWhatIsUnselectedDuringAnOutageIsTold(t *testing.T) {
	s := newScene(t)
	s.write(t, in("zoo", "lion"))
	s.east.Select([]string{"shop", "zoo"})
	seen := hubtest.Watch(t, s.east, "west")
	seen.Expect(t, "put member of west", "put service cart of west", "put service lion of west", "synced")
	again := s.reopen(t, seen, func() { s.east.Select([]string{"zoo"}) })
	again.Expect(t, "put member of west", "put service lion of west", "unwatched service cart of west", "synced")
}

func TestManyNamespacesAreSelectedInSeveralShards(t *testing.T) {
	s := newScene(t)
	var all []string
	for i := range 500 {
		all = append(all, fmt.Sprintf("a-namespace-with-a-long-name-%d", i))
	}
	s.write(t, in(all[0], "first"))
	s.write(t, in(all[499], "last"))
	s.east.Select(all)
	seen := hubtest.Watch(t, s.east, "west")
	seen.Expect(t, "put member of west", "put service first of west", "put service last of west", "synced")
	s.write(t, in(all[250], "middle"))
	seen.Expect(t, "put service middle of west")
	if n := len(s.east.shards); n != 5 {
		t.Errorf("%d shards, want 5", n)
	}
	s.east.Select(all[1:])
	seen.Expect(t, "unwatched service first of west")
}

func TestAssignmentDisturbsNoShardThatDoesNotChange(t *testing.T) {
	long := strings.Repeat("x", shardLength-10)
	for _, c := range []struct {
		shards   [][]string
		selected []string
		want     [][]string
	}{
		{nil, nil, [][]string{}},
		{nil, []string{"a", "b"}, [][]string{{"a", "b"}}},
		{[][]string{{"b"}}, []string{"a", "b"}, [][]string{{"a", "b"}}},
		{[][]string{{"a", "b"}, {"c"}}, []string{"b", "c"}, [][]string{{"b"}, {"c"}}},
		{[][]string{{"a"}, {"c"}}, []string{"c"}, [][]string{nil, {"c"}}},
		{[][]string{{long}, {"c"}}, []string{"a-name-too-long", "c", long}, [][]string{{long}, {"a-name-too-long", "c"}}},
	} {
		got := assign(c.shards, c.selected)
		if !slices.EqualFunc(got, c.want, slices.Equal) {
			t.Errorf("assign(%q, %q) is %q, want %q", c.shards, c.selected, got, c.want)
		}
	}
}

func TestAPendingMemberIsToldOfItselfOnly(t *testing.T) {
	s := newScene(t)
	pending := hubtest.Member("south")
	pending.Spec.Pending = true
	s.Approve(t, pending)
	south := s.member(t, "south", 1)
	south.pace.pending = 10 * time.Millisecond
	seen := hubtest.Watch(t, south, "south", "west")
	seen.Expect(t, "put member of south")
	await(t, "the state says what it waits for", func() bool { return strings.Contains(south.State().Err, "fairlead approve south") })
	if err := south.Write(t.Context(), &v1alpha1.Member{
		ObjectMeta: hubtest.Member("south").ObjectMeta, Spec: v1alpha1.MemberSpec{Cluster: "south"},
		Status: v1alpha1.MemberStatus{Kubernetes: "1.36"},
	}); err != nil {
		t.Fatalf("introduction: %v", err)
	}
	seen.Expect(t, "put member of south")
	s.Approve(t, hubtest.Member("south"))
	seen.Expect(t, "put member of south", "put member of west", "put service cart of west", "synced")
}

func TestALostKindIsAHubThatIsDown(t *testing.T) {
	s := newScene(t)
	s.api.alone(func() {
		s.api.fail = func(req *http.Request) int {
			if strings.Contains(req.URL.Path, "servicerecords") {
				return http.StatusNotFound
			}
			return 0
		}
	})
	err := s.east.Watch(t.Context(), func(hub.Event) {})
	if !errors.Is(err, hub.ErrDown) || !errors.Is(err, errAbsent) {
		t.Errorf("watch ended with %v", err)
	}
}

func TestAHubThatFallsSilentIsNoticed(t *testing.T) {
	s := newScene(t)
	seen := hubtest.Watch(t, s.east, "west")
	seen.Expect(t, "put member of west", "put service cart of west", "synced")
	s.line.mute()
	select {
	case err := <-seen.Ended:
		if !errors.Is(err, hub.ErrDown) {
			t.Errorf("watch ended with %v, want ErrDown", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("a hub that is silent is held for living")
	}
}

func TestAnObjectThatCannotBeReadKeepsNothingBack(t *testing.T) {
	s := newScene(t)
	spoil := func(name string) {
		s.api.alone(func() {
			p := path{resource: "servicerecords", namespace: hub.Namespace("west")}
			bad := s.api.objects[p.key("cart")].DeepCopy()
			bad.SetName(name)
			bad.Object["spec"].(map[string]any)["exportedAt"] = "long ago"
			s.api.put(p, "ADDED", bad)
		})
	}
	spoil("a-listed")
	seen := hubtest.Watch(t, s.east, "west")
	seen.Expect(t, "put member of west", "put service cart of west", "synced")
	spoil("a-watched")
	s.write(t, hubtest.Record("west", "basket"))
	seen.Expect(t, "put service basket of west")
}

func TestAWatchEndsWithItsContext(t *testing.T) {
	s := newScene(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := s.east.Watch(ctx, func(e hub.Event) {
		if e.Type == hub.Synced {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("watch ended with %v", err)
	}
}

func TestVersionsAreNumbers(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"10", "9", true}, {"9", "10", false}, {"9", "9", false}, {"x", "9", true}, {"x", "x", false}} {
		if got := newer(c.a, c.b); got != c.want {
			t.Errorf("newer(%s, %s) is %s", c.a, c.b, strconv.FormatBool(got))
		}
	}
}
