package verbs

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev/fairlead/control"
	"fairlead.dev/fairlead/fleet"
)

var now = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// seen returns the verdicts on a cluster, as "west serving, east lost".
func seen(text string) (verdicts []control.Verdict) {
	for part := range strings.SplitSeq(text, ", ") {
		from, word, _ := strings.Cut(part, " ")
		v := control.Verdict{From: from, Since: now.Add(-90 * time.Second)}
		if err := v.Verdict.UnmarshalText([]byte(word)); err != nil {
			panic(err)
		}
		verdicts = append(verdicts, v)
	}
	return verdicts
}

func TestStatusOfAHealthyFleetIsShort(t *testing.T) {
	var b strings.Builder
	printStatus(&b, control.Status{HubUp: true, Clusters: []control.Cluster{
		{Name: "east", Verdicts: seen("east serving, west serving")},
		{Name: "west", Verdicts: seen("east serving, west serving")},
	}}, now)
	want := `2 of 2 clusters serve, 0 services; the hub is up.

CLUSTER  VERDICT  SEEN FROM  SINCE  REASON
east     serving  all        -      -
west     serving  all        -      -
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestStatusTellsEverythingThatIsWrong(t *testing.T) {
	held := seen("east serving, west serving, north lost")
	held[1].Held = 2
	s := control.Status{
		Clusters: []control.Cluster{
			{Name: "east", Vanished: true, Verdicts: held[:2]},
			{Name: "north", Lost: true, Verdicts: seen("east lost, north suspect, west lost")},
			{Name: "west", Verdicts: seen("east draining, north suspect, west draining")},
		},
		Problems: []control.Problem{
			{Cluster: "west", Where: "west/cart.yaml:14", Object: "Service shop/cart", Field: "spec.ports[0].port", Message: "99999 is out of range"},
		},
		Rejections: []control.Rejection{
			{Cluster: "west", Object: "Service shop/cart", Where: "west/cart.yaml:14", Message: "told already"},
			{Cluster: "east", Object: "HTTPRoute shop/web", Message: "there is no Gateway shop/back"},
		},
		Unready: []control.Unready{
			{
				Cluster: "east", Object: "Gateway shop/front", Part: "https",
				Condition: fleet.Condition{Type: "ResolvedRefs", Status: fleet.False, Reason: "InvalidCertificateRef", Message: "there is no Secret shop/tls"},
			},
			{Cluster: "east", Object: "ServiceExport shop/search", Condition: fleet.Condition{Type: "Conflict", Status: fleet.True, Reason: "PortConflict"}},
		},
		Services:  []control.Service{{Name: "shop/search", Conflicts: []string{"PortConflict: 80 or 8080"}, Held: []string{"east"}}},
		Listeners: []control.Problem{{Cluster: "west", Where: "127.0.0.11:8080", Message: "is taken"}},
		XDS: []control.XDS{
			{Cluster: "west", Node: "dev-west", Nacked: []string{"shop/front:8080: is taken", "shop/front:8443/*: no such thing"}},
		},
		Proxies: []control.Proxy{
			{Cluster: "east"},
			{Cluster: "west", Connected: true, Unusable: []control.Endpoint{
				{Group: "import/shop/cart:80", Address: "127.13.0.1:8080", Cluster: "east", Why: "3 connects failed"},
				{Group: "import/shop/cart:80", Address: "127.13.0.2:8080", Cluster: "north", Why: "lost"},
			}},
		},
	}
	var b strings.Builder
	printStatus(&b, s, now)
	want := `1 of 3 clusters serve, 1 service; the hub is DOWN: records are not exchanged, everything else goes on.

CLUSTER  VERDICT   SEEN FROM  SINCE  REASON
east     serving   all        -      -
north    lost      east       1m30s  -
north    lost      west       1m30s  -
west     draining  east       1m30s  -
Cut off, so what it holds of the others is left out: north.

Held: missing without an explanation, and therefore kept
  east: its folder is gone; its last state is kept
  east: 2 records, seen from west; if they are meant to go: fairlead release east
  service shop/search: records of east

Addresses that could not be opened
  127.0.0.11:8080: is taken

Problems in the folder; what they described last keeps serving
  west/cart.yaml:14: Service shop/cart: spec.ports[0].port: 99999 is out of range

Not taken
  east: HTTPRoute shop/web: there is no Gateway shop/back

Not ready
  east: Gateway shop/front https: ResolvedRefs=False/InvalidCertificateRef: there is no Secret shop/tls

Refused by a proxy
  west: dev-west: shop/front:8443/*: no such thing

Proxies without their control plane; they serve what they had last
  east

Endpoints that a proxy does not use
  west: import/shop/cart:80 127.13.0.1:8080 in east: 3 connects failed

Conflicts between exports
  shop/search: PortConflict: 80 or 8080
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestOthersHoldAClusterFor(t *testing.T) {
	for _, tc := range []struct {
		cluster control.Cluster
		off     map[string]bool
		want    string
	}{
		{control.Cluster{Name: "west", Verdicts: seen("east serving, north serving, west serving")}, nil, "serving"},
		{control.Cluster{Name: "west", Verdicts: seen("east lost, north serving, west serving")}, nil, "lost (east), serving (north)"},
		{control.Cluster{Name: "west", Verdicts: seen("east lost, north suspect, west serving")}, map[string]bool{"north": true}, "lost"},
		{control.Cluster{Name: "west", Verdicts: seen("west serving")}, nil, "-"},
		{control.Cluster{Name: "west", Verdicts: seen("east serving"), Vanished: true}, nil, "serving, folder gone"},
	} {
		if got := held(tc.cluster, tc.off); got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
}
