package remote

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"fairlead.dev/fairlead/hub"
)

// The life of a token: how long it is asked to be, after which share of it another one is asked for, and how long after a failure.
const (
	tokenLife  = 24 * time.Hour
	tokenShare = 0.6
	tokenRetry = 30 * time.Second
)

// CredentialsOptions is what Credentials need.
type CredentialsOptions struct {
	// Config says where the hub is and how to know it, and carries the token to begin with.
	Config *rest.Config
	// Cluster is the own cluster's id, from which its namespace on the hub follows.
	Cluster string
	// Save keeps a new token for a restart. Where it fails, the token is used all the same, and Save is called again.
	Save func(ctx context.Context, token string, expires time.Time) error
	Log  *slog.Logger
}

// Credentials authenticate as a member on the hub: with a bound token of its ServiceAccount, which they replace long before it expires (DESIGN
// §2). Who deletes that ServiceAccount on the hub revokes them. They are safe for concurrent use.
type Credentials struct {
	options CredentialsOptions
	api     *api
	retry   time.Duration
	renew   chan struct{} // has an element when the token is to be looked at now

	mu      sync.Mutex
	token   token
	refused bool // the hub does not know the token
	unsaved bool
}

// NewCredentials returns credentials that use the token of the configuration, until Run replaces it.
func NewCredentials(o CredentialsOptions) (*Credentials, error) {
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	c := &Credentials{options: o, retry: tokenRetry, renew: make(chan struct{}, 1), token: parseToken(o.Config.BearerToken)}
	var err error
	if c.api, err = newAPI(o.Config, c); err != nil {
		return nil, fmt.Errorf("make a client of the hub: %w", err)
	}
	return c, nil
}

// Set takes a token that came from elsewhere: from another replica of the agent, or from the operator.
func (c *Credentials) Set(text string) {
	c.mu.Lock()
	same := c.token.text == text
	if !same {
		c.token, c.refused, c.unsaved = parseToken(text), false, false
	}
	c.mu.Unlock()
	if !same {
		c.look()
	}
}

// Run replaces the token whenever most of its life is over, and when the hub refuses it, until ctx ends.
func (c *Credentials) Run(ctx context.Context) {
	for failed := false; ; {
		wait := c.due(time.Now())
		if failed {
			wait = max(wait, c.retry)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-c.renew:
			timer.Stop()
			failed = false
			continue // with what is known now
		case <-timer.C:
		}
		err := c.keep(ctx)
		if failed = err != nil; failed && ctx.Err() == nil {
			c.tell(err)
		}
	}
}

// due returns how long the token is good without a look.
func (c *Credentials) due(now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused || c.unsaved {
		return 0
	}
	return max(0, c.token.renewal().Sub(now))
}

// keep does what is due: it asks for a new token, or saves the one that could not be saved.
func (c *Credentials) keep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, defaultPace().answer)
	defer cancel()
	c.mu.Lock()
	fresh := c.unsaved && !c.refused && time.Now().Before(c.token.renewal())
	c.mu.Unlock()
	if !fresh {
		if err := c.rotate(ctx); err != nil {
			return err
		}
	}
	return c.save(ctx)
}

// rotate asks for a new token and uses it.
func (c *Credentials) rotate(ctx context.Context) error {
	asked := time.Now()
	text, expires, err := c.api.token(ctx, hub.Namespace(c.options.Cluster))
	if err != nil {
		return fmt.Errorf("ask the hub for a new token: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token, c.refused, c.unsaved = token{text: text, issued: asked, expires: expires}, false, c.options.Save != nil
	c.options.Log.Info("credential renewed", "expires", expires)
	return nil
}

func (c *Credentials) save(ctx context.Context) error {
	c.mu.Lock()
	t, unsaved := c.token, c.unsaved
	c.mu.Unlock()
	if !unsaved {
		return nil
	}
	if err := c.options.Save(ctx, t.text, t.expires); err != nil {
		return fmt.Errorf("save the new token: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unsaved = c.unsaved && c.token.text != t.text
	return nil
}

func (c *Credentials) tell(err error) {
	if unauthorized(err) {
		c.options.Log.Error("credential refused by the hub: it was revoked, or has expired; join this cluster again", "err", err)
		return
	}
	c.options.Log.Warn("credential not renewed, trying again", "err", err)
}

// look makes Run look at the token now.
func (c *Credentials) look() {
	select {
	case c.renew <- struct{}{}:
	default:
	}
}

// wrap puts the newest token on each request, and notes when the hub does not know it.
func (c *Credentials) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		c.mu.Lock()
		used := c.token.text
		c.mu.Unlock()
		req = req.Clone(req.Context())
		req.Header.Set("Authorization", "Bearer "+used)
		res, err := next.RoundTrip(req)
		if err == nil && res.StatusCode == http.StatusUnauthorized {
			c.refuse(used)
		}
		return res, err
	})
}

// refuse notes that the hub did not know a token.
func (c *Credentials) refuse(used string) {
	c.mu.Lock()
	news := !c.refused && c.token.text == used
	c.refused = c.refused || news
	c.mu.Unlock()
	if news {
		c.look()
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// token asks for a bound token of the member's ServiceAccount.
func (a *api) token(ctx context.Context, namespace string) (text string, expires time.Time, err error) {
	seconds := int64(tokenLife / time.Second)
	body, err := json.Marshal(authenticationv1.TokenRequest{
		TypeMeta: metav1.TypeMeta{APIVersion: "authentication.k8s.io/v1", Kind: "TokenRequest"},
		Spec:     authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds},
	})
	if err != nil {
		return "", time.Time{}, err
	}
	answer, err := raw(ctx, a.rest.Post().AbsPath("/api/v1/namespaces", namespace, "serviceaccounts", hub.ServiceAccount, "token").
		MaxRetries(0).Body(body))
	var granted authenticationv1.TokenRequest
	if err == nil {
		err = json.Unmarshal(answer, &granted)
	}
	if err == nil && granted.Status.Token == "" {
		err = errForeign
	}
	return granted.Status.Token, granted.Status.ExpirationTimestamp.Time, translate(err)
}
