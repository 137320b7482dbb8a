package e2e

import (
	"context"
	"os"

	"fairlead.dev/fairlead/test/lab"
)

// fairlead runs a verb of the product against the fleet and returns what it printed. The hub is west.
func (s *story) fairlead(args ...string) string {
	s.Helper()
	out, err := s.tries(args...)
	if err != nil {
		s.Fatal(err)
	}
	return out
}

// tries is fairlead where a refusal is an answer too. The error has what was complained of.
func (s *story) tries(args ...string) (string, error) {
	s.Helper()
	return s.triesIn(s.Context(), args...)
}

// triesIn is tries where the story may have ended already.
func (s *story) triesIn(ctx context.Context, args ...string) (string, error) {
	s.Helper()
	return lab.Fairlead(ctx, os.Getenv(lab.EnvKubeconfig), args...)
}
