package folder

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// look is one call of Watch.
type look struct {
	set      *Set
	problems []Problem
}

type watched struct {
	t     *testing.T
	dir   string
	calls chan look
	last  look
}

// watch starts a Watch on a folder with the given files and waits for its first call.
func watch(t *testing.T, texts map[string]string) *watched {
	t.Helper()
	w := &watched{t: t, dir: t.TempDir(), calls: make(chan look, 1000)}
	for name, text := range texts {
		w.write(name, text)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Watch(ctx, w.dir, func(s *Set, p []Problem) { w.calls <- look{s, p} }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	w.last = <-w.calls
	return w
}

func (w *watched) path(name string) string { return filepath.Join(w.dir, filepath.FromSlash(name)) }

func (w *watched) write(name, text string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(w.path(name)), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(w.path(name), []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// until waits for a call whose objects are these.
func (w *watched) until(want string) {
	w.t.Helper()
	timeout := time.After(20 * time.Second)
	for objects(w.last.set) != want {
		select {
		case w.last = <-w.calls:
		case <-timeout:
			w.t.Fatalf("got %s, want %s", objects(w.last.set), want)
		}
	}
}

func TestWatchTellsOfChanges(t *testing.T) {
	w := watch(t, map[string]string{"a/x.yaml": service("cart", "80"), "a/y.yaml": service("web", "81")})
	w.until("a:cart=80 a:web=81")
	before := w.last.set.Clusters[0].Objects[1].Manifest

	start := time.Now()
	w.write("a/x.yaml", service("cart", "82"))
	w.until("a:cart=82 a:web=81")
	t.Logf("a change was told of after %s", time.Since(start))
	if w.last.set.Clusters[0].Objects[1].Manifest != before {
		t.Error("a file that did not change was parsed again")
	}

	w.write("a/new/deep/z.yaml", service("pay", "83")) // a new folder
	w.until("a:pay=83 a:cart=82 a:web=81")
	w.write("a/new/deep/z.yaml", service("pay", "84"))
	w.until("a:pay=84 a:cart=82 a:web=81")

	w.write("a/x.yaml", service("cart", "99999"))
	w.until("a:pay=84 a:cart=82! a:web=81")
	if got := told(w.last.problems); !strings.Contains(got, "a/x.yaml:5: Service shop/cart: spec.ports[0].port: 99999 is out of range") {
		t.Errorf("got %s", got)
	}

	w.write("b/x.yaml", service("cart", "85")) // a new cluster
	w.until("a:pay=84 a:cart=82! a:web=81 b:cart=85")
	if err := os.RemoveAll(w.path("b")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(w.path("a/y.yaml")); err != nil {
		t.Fatal(err)
	}
	w.until("a:pay=84 a:cart=82! b:cart=85")
	for !w.last.set.Cluster("b").Vanished {
		w.last = <-w.calls
	}
}

// Editors write a new file and rename it, or rename the old one away first, or empty it and fill it again.
func TestWatchSeesThroughEditors(t *testing.T) {
	for name, edit := range map[string]func(w *watched, text string){
		"rename over": func(w *watched, text string) {
			w.write("a/.x.yaml.new", text)
			_ = os.Rename(w.path("a/.x.yaml.new"), w.path("a/x.yaml"))
		},
		"rename away": func(w *watched, text string) {
			_ = os.Rename(w.path("a/x.yaml"), w.path("a/x.yaml~"))
			time.Sleep(30 * time.Millisecond)
			w.write("a/x.yaml", text)
			_ = os.Remove(w.path("a/x.yaml~"))
		},
		"empty and fill": func(w *watched, text string) {
			_ = os.Truncate(w.path("a/x.yaml"), 0)
			time.Sleep(30 * time.Millisecond)
			w.write("a/x.yaml", text)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := watch(t, map[string]string{"a/x.yaml": service("cart", "80"), "a/y.yaml": service("web", "80")})
			for _, port := range []string{"81", "82", "83"} {
				edit(w, service("cart", port))
				w.until("a:cart=" + port + " a:web=80")
			}
		})
	}
}

func TestWatchNeedsAFolder(t *testing.T) {
	err := Watch(context.Background(), filepath.Join(t.TempDir(), "nowhere"), func(*Set, []Problem) { t.Error("called") })
	if err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("got %v", err)
	}
}
