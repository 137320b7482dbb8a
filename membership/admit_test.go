package membership

import (
	"errors"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/hub"
)

// standing returns a member that has joined and lives.
func standing(cluster, uid string, change ...func(*v1alpha1.Member)) Standing {
	m := &v1alpha1.Member{
		ObjectMeta: metav1.ObjectMeta{Namespace: hub.Namespace(cluster), Name: cluster},
		Spec:       v1alpha1.MemberSpec{Cluster: cluster, ClusterUID: uid},
		Status:     v1alpha1.MemberStatus{Marker: v1alpha1.Marker{Term: 1, Sequence: 7, Exports: 2}},
	}
	for _, c := range change {
		c(m)
	}
	return Standing{Member: m, Heartbeat: now.Add(-10 * time.Second)}
}

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func roll(members ...Standing) *Roll {
	return &Roll{Context: "hub", Own: "v0.2.0", Version: "v0.1.0", ClusterSet: "shop", UID: "hub-uid", Members: members}
}

func pending(uid string) func(*v1alpha1.Member) {
	return func(m *v1alpha1.Member) {
		m.Spec.Pending, m.Spec.ClusterUID, m.Status = true, "", v1alpha1.MemberStatus{ClusterUID: uid}
	}
}

func leaving(m *v1alpha1.Member) { m.Spec.Leaving = true }

// told checks an error: a *Refusal whose sentence and remedy contain the words, or none.
func told(t *testing.T, err error, want ...string) {
	t.Helper()
	if len(want) == 0 {
		if err != nil {
			t.Errorf("refused: %v", err)
		}
		return
	}
	var r *Refusal
	if !errors.As(err, &r) {
		t.Fatalf("got %v, want a refusal about %q", err, want)
	}
	for _, w := range want {
		if !strings.Contains(r.What+"\n"+r.Remedy, w) {
			t.Errorf("%q with the remedy %q does not say %q", r.What, r.Remedy, w)
		}
	}
	if r.Remedy == "" {
		t.Errorf("%q has no remedy", r.What)
	}
}

func TestAdmit(t *testing.T) {
	west := Candidate{Cluster: "west", UID: "w"}
	as := func(c Candidate, change func(*Candidate)) Candidate { change(&c); return c }
	for name, tc := range map[string]struct {
		roll  *Roll
		who   Candidate
		again bool
		want  []string
	}{
		"a first member":                 {roll(), west, false, nil},
		"another one":                    {roll(standing("east", "e")), west, false, nil},
		"a name with a dot":              {roll(), Candidate{Cluster: "west.eu", UID: "w"}, false, nil},
		"no name":                        {roll(), Candidate{Cluster: "West_1", UID: "w"}, false, []string{`"West_1" is no cluster id`, "lower-case"}},
		"two dots":                       {roll(), Candidate{Cluster: "a.b.c", UID: "w"}, false, []string{"no cluster id"}},
		"too long for a label":           {roll(), Candidate{Cluster: strings.Repeat("a", 40) + "." + strings.Repeat("b", 40)}, false, []string{"63"}},
		"no hub":                         {&Roll{Context: "hub"}, west, false, []string{"hub is no hub", "fairlead hub install --context hub"}},
		"a hub far ahead":                {&Roll{Context: "hub", ClusterSet: "shop", Version: "v0.4.0", Own: "v0.2.0"}, west, false, []string{"v0.4.0", "v0.2.0", "fairlead hub install"}},
		"a name that is taken":           {roll(standing("west", "x")), west, false, []string{"another cluster is a member as west", "fairlead leave west --hub-context hub --force"}},
		"a renamed cluster, by its uid":  {roll(standing("old", "w")), west, false, []string{"a member already, as old", "fairlead leave old"}},
		"a renamed one, by its property": {roll(), as(west, func(c *Candidate) { c.ClusterSet, c.ClusterID = "shop", "old" }), false, []string{"as old", "fairlead leave old"}},
		"one that has left before":       {roll(), as(west, func(c *Candidate) { c.ClusterID = "old" }), false, nil},
		"one of another clusterset":      {roll(), as(west, func(c *Candidate) { c.ClusterSet, c.ClusterID = "other", "w1" }), false, []string{"another clusterset, other", "fairlead leave w1", "fairlead uninstall"}},
		"joined already":                 {roll(standing("west", "w")), west, false, []string{"west has joined already", "--again"}},
		"joined already, and again":      {roll(standing("west", "w")), west, true, nil},
		"interrupted before":             {roll(standing("west", "w", func(m *v1alpha1.Member) { m.Status = v1alpha1.MemberStatus{} })), west, false, nil},
		"invited, and joined by the hub": {roll(standing("west", "", pending(""))), west, false, nil},
		"leaving":                        {roll(standing("west", "w", leaving)), west, true, []string{"west is leaving", "fairlead leave west"}},
		"again, but another one's name":  {roll(standing("west", "x")), west, true, []string{"another cluster"}},
	} {
		t.Run(name, func(t *testing.T) { told(t, admit(tc.roll, tc.who, tc.again), tc.want...) })
	}
}

func TestInvitable(t *testing.T) {
	for name, tc := range map[string]struct {
		roll *Roll
		want []string
	}{
		"a new one":        {roll(), nil},
		"invited before":   {roll(standing("west", "", pending(""))), nil},
		"introduced":       {roll(standing("west", "", pending("w"))), nil},
		"a member":         {roll(standing("west", "w")), []string{"west is a member already", "fairlead leave west"}},
		"one that is gone": {roll(standing("west", "", pending(""), leaving)), []string{"a member already"}},
		"no hub":           {&Roll{Context: "hub"}, []string{"no hub"}},
	} {
		t.Run(name, func(t *testing.T) { told(t, invitable(tc.roll, "west"), tc.want...) })
	}
	told(t, invitable(roll(), "-"), "no cluster id")
}

func TestApprovable(t *testing.T) {
	for name, tc := range map[string]struct {
		roll *Roll
		want []string
	}{
		"introduced":                    {roll(standing("west", "", pending("w"))), nil},
		"unknown":                       {roll(standing("east", "e")), []string{`no member "west"`, "the members are east"}},
		"unknown, with nobody there":    {roll(), []string{`no member "west"`, "fairlead join west"}},
		"not introduced":                {roll(standing("west", "", pending(""))), []string{"has not introduced itself", "fairlead join --invitation"}},
		"approved already":              {roll(standing("west", "w")), []string{"approved already"}},
		"leaving":                       {roll(standing("west", "", pending("w"), leaving)), []string{"leaving"}},
		"a member under another name":   {roll(standing("east", "w"), standing("west", "", pending("w"))), []string{"a member already, as east"}},
		"two invited with the same uid": {roll(standing("east", "", pending("w")), standing("west", "", pending("w"))), nil},
	} {
		t.Run(name, func(t *testing.T) { told(t, approvable(tc.roll, "west"), tc.want...) })
	}
}

func TestAcceptable(t *testing.T) {
	good := Invitation{Cluster: "west", ClusterSet: "shop", Version: "v0.1.0", Expires: now.Add(time.Hour)}
	own := func(spec, status string) *v1alpha1.Member {
		return &v1alpha1.Member{Spec: v1alpha1.MemberSpec{ClusterUID: spec}, Status: v1alpha1.MemberStatus{ClusterUID: status}}
	}
	for name, tc := range map[string]struct {
		who     Candidate
		own     *v1alpha1.Member
		version string
		at      time.Time
		want    []string
	}{
		"fresh":                  {Candidate{Cluster: "west", UID: "w"}, own("", ""), "v0.1.0", now, nil},
		"used before by itself":  {Candidate{Cluster: "west", UID: "w"}, own("w", "w"), "v0.1.0", now, nil},
		"used before by another": {Candidate{Cluster: "west", UID: "w"}, own("", "x"), "v0.1.0", now, []string{"another cluster has used", "fairlead hub invite"}},
		"another is the member":  {Candidate{Cluster: "west", UID: "w"}, own("x", ""), "v0.1.0", now, []string{"another cluster has used"}},
		"expired":                {Candidate{Cluster: "west", UID: "w"}, own("", ""), "v0.1.0", now.Add(time.Hour), []string{"expired at 2026-11-21T13:00:00Z", "fairlead hub invite west"}},
		"too new":                {Candidate{Cluster: "west", UID: "w"}, own("", ""), "v0.3.0", now, []string{"v0.3.0"}},
		"of another clusterset":  {Candidate{Cluster: "west", UID: "w", ClusterSet: "other"}, own("", ""), "v0.1.0", now, []string{"another clusterset"}},
		"renamed":                {Candidate{Cluster: "west", UID: "w", ClusterSet: "shop", ClusterID: "old"}, own("", ""), "v0.1.0", now, []string{"as old"}},
	} {
		t.Run(name, func(t *testing.T) { told(t, acceptable(good, tc.who, tc.own, tc.version, tc.at), tc.want...) })
	}
}

func TestVersionsThatGoTogether(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"v0.1.0", "v0.1.9", true},
		{"v0.1.0", "v0.2.0", true},
		{"v0.3.1", "v0.2.0", true},
		{"v0.1.0", "v0.3.0", false},
		{"v0.1.0", "v1.1.0", false},
		{"v1.10.0", "v1.9.2", true},
		{"v1.2.0-rc.1", "v1.1.0", true},
		{"v0.2.0", "devel", true},
		{"", "v0.2.0", true},
		{"v0.0.0-20261121041337-12dc5be", "v0.1.0", true},
		{"v1", "v1.1.0", true},
	} {
		if got := compatible(tc.a, tc.b); got != tc.want || compatible(tc.b, tc.a) != tc.want {
			t.Errorf("%s and %s: %v, want %v, both ways round", tc.a, tc.b, got, tc.want)
		}
	}
}

func TestNameSet(t *testing.T) {
	none := &Roll{Context: "hub", UID: "0123456789ab"}
	for _, tc := range []struct {
		roll   *Roll
		wanted string
		want   string
		no     []string
	}{
		{none, "", "fleet-01234567", nil},
		{none, "shop", "shop", nil},
		{roll(), "", "shop", nil},
		{roll(), "shop", "shop", nil},
		{roll(), "other", "", []string{"hub of the clusterset shop already"}},
		{none, "My Shop", "", []string{"no name for a clusterset"}},
	} {
		got, err := nameSet(tc.roll, tc.wanted)
		told(t, err, tc.no...)
		if got != tc.want {
			t.Errorf("%q wanted: got %q, want %q", tc.wanted, got, tc.want)
		}
	}
}
