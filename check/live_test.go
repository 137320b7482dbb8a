package check

import (
	"context"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"fairlead.dev/fairlead/manifest"
)

// live returns the clusters that a test may use, in the order of their names.
func live(t *testing.T) (places []Place) {
	t.Helper()
	file := os.Getenv("FAIRLEAD_TEST_KUBECONFIG")
	if file == "" {
		t.Skip("FAIRLEAD_TEST_KUBECONFIG is not set: make e2e runs this")
	}
	raw, err := clientcmd.LoadFromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(raw.Contexts)) {
		config, err := clientcmd.NewNonInteractiveClientConfig(*raw, name, nil, nil).ClientConfig()
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, Place{Context: name, Config: rest.AddUserAgent(config, "check-test")})
	}
	return places
}

// Everything can be read from a real API server, with the words that it has for things.
func TestGatherFromARealAPI(t *testing.T) {
	place := live(t)[0]
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	facts, err := Gather(ctx, place, &place, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := facts.Cluster
	for _, u := range facts.Unread {
		if !c.Joined { // a cluster that is being joined meanwhile may lack this and that
			t.Errorf("%s: %s", u.What, u.Err)
		}
	}
	if c.Kubernetes == "" || c.UID == "" || len(c.ServiceRanges) == 0 || len(c.Denied) > 0 || !facts.Hub.SkewKnown || facts.Hub.Skew.Abs() > 3*time.Second {
		t.Errorf("got %+v, %+v", c, facts.Hub)
	}
}

// Pods of two clusters find the way to each other.
func TestWalkBetweenRealClusters(t *testing.T) {
	places := live(t)
	if len(places) < 2 {
		t.Skip("there is one cluster only")
	}
	places = places[:2]
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	names := []string{places[0].Context, places[1].Context}
	walked := Walk{Places: places, Names: names, Image: manifest.Image, Hub: places[0].Config.Host, Patience: 2 * time.Minute}.Send(ctx)
	for i, w := range walked {
		if w.Err != "" || w.Hub == nil || w.Hub.Error != "" || len(w.Paths) != 1 {
			t.Errorf("%s: got %+v", w.From, w)
			continue
		}
		if p := w.Paths[0]; p.To != names[1-i] || p.Error != "" || p.Large != "" || p.Local == "" || p.MTU == 0 {
			t.Errorf("%s: got %+v", w.From, p)
		}
	}
}
