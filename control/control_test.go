package control

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead.dev/fairlead/fleet"
	"fairlead.dev/fairlead/trace"
)

// fake is a fleet of one cluster that writes down what it is told.
type fake struct{ told []string }

func (f *fake) Clusters() []Cluster {
	return []Cluster{{Name: "west", Address: "127.0.0.11", Verdicts: []Verdict{{From: "east", Verdict: fleet.Suspect, Reason: "late"}}}}
}
func (f *fake) Status() Status { return Status{HubUp: true, Clusters: f.Clusters()} }
func (f *fake) Picture(from string) (string, error) {
	return "picture of " + from + "\n", f.known(from)
}
func (f *fake) Trace(r TraceRequest) (*trace.Answer, error) { return &trace.Answer{}, f.known(r.From) }
func (f *fake) Drain(c string, on bool) error {
	return f.note(map[bool]string{true: "drain", false: "restore"}[on], c)
}
func (f *fake) Release(c string) error { return f.note("release", c) }

func (f *fake) Lose(c string) error { return f.note("lose", c) }
func (f *fake) Find(c string) error { return f.note("find", c) }
func (f *fake) Hub(up bool) error {
	f.told = append(f.told, map[bool]string{true: "hub up", false: "hub down"}[up])
	return nil
}

func (f *fake) note(verb, cluster string) error {
	f.told = append(f.told, verb+" "+cluster)
	return f.known(cluster)
}

func (f *fake) known(cluster string) error {
	switch cluster {
	case "west":
		return nil
	case "broken":
		return errors.New("something broke")
	}
	return &Error{Message: "there is no cluster " + cluster, Hint: "the clusters are: west"}
}

func serve(t *testing.T) (*fake, *Client) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s", "dev.sock")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	f := new(fake)
	s := Serve(l, f)
	t.Cleanup(s.Close)
	return f, Dial(path)
}

func TestEveryVerbReachesTheFleet(t *testing.T) {
	f, c := serve(t)
	ctx := t.Context()
	for _, err := range []error{
		c.Drain(ctx, "west"), c.Restore(ctx, "west"), c.Release(ctx, "west"), c.Lose(ctx, "west"), c.Find(ctx, "west"), c.Hub(ctx, false), c.Hub(ctx, true),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if got := strings.Join(f.told, ", "); got != "drain west, restore west, release west, lose west, find west, hub down, hub up" {
		t.Errorf("the fleet was told: %s", got)
	}
	clusters, err := c.Clusters(ctx)
	if err != nil || len(clusters) != 1 || clusters[0].Verdicts[0].Verdict != fleet.Suspect {
		t.Errorf("clusters: %+v, %v", clusters, err)
	}
	status, err := c.Status(ctx)
	if err != nil || !status.HubUp {
		t.Errorf("status: %+v, %v", status, err)
	}
	if text, err := c.Picture(ctx, "west"); err != nil || text != "picture of west\n" {
		t.Errorf("picture: %q, %v", text, err)
	}
	if _, err := c.Trace(ctx, TraceRequest{From: "west", URL: "http://shop.example/"}); err != nil {
		t.Errorf("trace: %v", err)
	}
}

func TestAPictureComesAsLinesToo(t *testing.T) {
	r := httptest.NewRecorder()
	Handler(new(fake)).ServeHTTP(r, httptest.NewRequest(http.MethodGet, "/v1/picture?from=west&format=json", nil))
	if got := strings.TrimSpace(r.Body.String()); got != `{"from":"west","lines":["picture of west"]}` {
		t.Errorf("answer: %s", got)
	}
}

func TestRequestsThatMakeNoSenseAreRefused(t *testing.T) {
	for _, body := range []string{"", "{", `{"cluster": 1}`, `{"clutser": "west"}`, strings.Repeat(" ", maxBody+1)} {
		r := httptest.NewRecorder()
		f := new(fake)
		Handler(f).ServeHTTP(r, httptest.NewRequest(http.MethodPost, "/v1/drain", strings.NewReader(body)))
		if r.Code != http.StatusBadRequest || len(f.told) > 0 {
			t.Errorf("%.20q was answered %d, the fleet was told %v", body, r.Code, f.told)
		}
	}
}

func TestErrorsComeWithTheirHints(t *testing.T) {
	_, c := serve(t)
	known := new(Error)
	if err := c.Drain(t.Context(), "south"); !errors.As(err, &known) || known.Hint != "the clusters are: west" {
		t.Errorf("unknown cluster: %v", err)
	}
	if _, err := c.Picture(t.Context(), "south"); !errors.As(err, &known) || known.Message != "there is no cluster south" {
		t.Errorf("unknown cluster: %v", err)
	}
	if err := c.Lose(t.Context(), "broken"); err == nil || err.Error() != "something broke" {
		t.Errorf("a failure of the fleet: %v", err)
	}
	if err := Dial(filepath.Join(t.TempDir(), "none.sock")).Lose(t.Context(), "west"); !errors.As(err, &known) || known.Hint == "" {
		t.Errorf("nobody there: %v", err)
	}
}

func TestAStaleSocketIsReplacedAndALiveOneIsNot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dev.sock")
	stale, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	stale.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = stale.Close()
	l, err := Listen(path)
	if err != nil {
		t.Fatalf("stale socket: %v", err)
	}
	defer l.Close()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the socket: %v, %v", info.Mode(), err)
	}
	known := new(Error)
	if _, err := Listen(path); !errors.As(err, &known) || !strings.Contains(known.Hint, "--control") {
		t.Errorf("a live socket: %v", err)
	}
}

func TestWhatIsNoSocketIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dev.sock")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	known := new(Error)
	if _, err := Listen(path); !errors.As(err, &known) {
		t.Errorf("a file in the way: %v", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "precious" {
		t.Errorf("the file is now %q, %v", b, err)
	}
}
