package remote

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"fairlead.dev/fairlead/hub/hubtest"
)

// saved collects the tokens that were saved.
type saved struct {
	mu     sync.Mutex
	tokens []string
	err    error
}

func (s *saved) save(_ context.Context, token string, _ time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.tokens = append(s.tokens, token)
	}
	return s.err
}

func (s *saved) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.tokens)
}

// creds returns credentials of west on a fake hub that begin with a token.
func creds(t *testing.T, f *fakeAPI, text string, log *slog.Logger) (*Credentials, *saved) {
	t.Helper()
	s := &saved{}
	c, err := NewCredentials(CredentialsOptions{
		Config:  &rest.Config{Host: f.URL, BearerToken: text, TLSClientConfig: rest.TLSClientConfig{Insecure: true}},
		Cluster: "west", Save: s.save, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	c.retry = 10 * time.Millisecond
	return c, s
}

func run(t *testing.T, c *Credentials) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { c.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		group.Wait()
	})
}

func (c *Credentials) now() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token.text
}

func TestATokenNearItsEndIsReplacedAndSaved(t *testing.T) {
	f := newFakeAPI(t)
	old := fakeToken(time.Now().Add(-20*time.Hour), 24*time.Hour)
	c, s := creds(t, f, old, nil)
	run(t, c)
	await(t, "another token is saved", func() bool { return s.count() == 1 })
	await(t, "it is used", func() bool { return c.now() == s.tokens[0] && c.now() != old })
	time.Sleep(50 * time.Millisecond)
	if s.count() != 1 {
		t.Errorf("%d tokens were asked for, want 1", s.count())
	}
}

func TestAFreshTokenIsKept(t *testing.T) {
	f := newFakeAPI(t)
	c, s := creds(t, f, fakeToken(time.Now(), 24*time.Hour), nil)
	run(t, c)
	time.Sleep(50 * time.Millisecond)
	if s.count() != 0 {
		t.Error("a token was replaced before its time")
	}
}

func TestATokenThatCouldNotBeSavedIsSavedLater(t *testing.T) {
	f := newFakeAPI(t)
	c, s := creds(t, f, "opaque", nil)
	s.err = context.DeadlineExceeded
	run(t, c)
	await(t, "another token is used", func() bool { return c.now() != "opaque" })
	s.mu.Lock()
	s.err = nil
	s.mu.Unlock()
	await(t, "it is saved", func() bool { return s.count() == 1 })
	if s.tokens[0] != c.now() {
		t.Error("what is saved is not what is used")
	}
}

func TestARefusedCredentialIsToldAndReplacedByTheNextOne(t *testing.T) {
	f := newFakeAPI(t)
	good := fakeToken(time.Now(), 24*time.Hour)
	f.fail = func(req *http.Request) int {
		if req.Header.Get("Authorization") != "Bearer "+good {
			return http.StatusUnauthorized
		}
		return 0
	}
	var mu sync.Mutex
	var told bytes.Buffer
	c, _ := creds(t, f, fakeToken(time.Now(), 24*time.Hour), slog.New(slog.NewTextHandler(locked{&mu, &told}, nil)))
	run(t, c)
	h, err := New(Options{Config: &rest.Config{Host: f.URL, TLSClientConfig: rest.TLSClientConfig{Insecure: true}}, Cluster: "west", Credentials: c})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Watch(t.Context(), nil); !unauthorized(err) {
		t.Fatalf("watch: %v", err)
	}
	if st := h.State(); st.Up || !strings.Contains(st.Err, "revoked") {
		t.Errorf("state is %+v", st)
	}
	await(t, "the log tells it", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return strings.Contains(told.String(), "it was revoked, or has expired")
	})
	c.Set(good)
	hubtest.Watch(t, h).Expect(t, "synced")
}

// locked is a writer for several goroutines.
type locked struct {
	mu *sync.Mutex
	b  *bytes.Buffer
}

// Write implements io.Writer.
func (l locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}
