package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"
)

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		say  string
	}{
		{[]string{"--help"}, 0, "Example:"},
		{[]string{"help"}, 0, "Usage:"},
		{nil, 2, "--xds is missing"},
		{[]string{"--xds", "127.0.0.1:1"}, 2, "--node is missing"},
		{[]string{"--xds", "127.0.0.1:1", "--node", "a", "b"}, 2, `"b" is not understood`},
		{[]string{"--nod", "a"}, 2, "Try: fairlead-proxy --help"},
		{[]string{"--xds", "x", "--node", "a", "--drain-timeout", "0s"}, 2, "it must be above 0"},
		{[]string{"--xds", "x", "--node", "a", "--log-level", "loud"}, 2, "log-level"},
		{[]string{"--xds", "127.0.0.1:1", "--node", "a", "--admin", "nowhere:-1"}, 1, "--admin nowhere:-1"},
		{[]string{"--xds", "127.0.0.1:1", "--node", "a", "--access-log", "/nonexistent/x"}, 1, "--access-log"},
	} {
		var out, err bytes.Buffer
		if code := run(context.Background(), c.args, &out, &err); code != c.code || !strings.Contains(out.String()+err.String(), c.say) {
			t.Errorf("%q: %d %q %q, want %d and %q", c.args, code, out.String(), err.String(), c.code, c.say)
		}
	}
}

func TestEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	var out, err bytes.Buffer
	if code := run(ctx, []string{"--xds", "127.0.0.1:1", "--node", "a", "--admin", "127.0.0.1:0"}, &out, &err); code != 0 {
		t.Errorf("%d %s", code, err.String())
	}
	if !strings.Contains(err.String(), "drained") {
		t.Errorf("%s", err.String())
	}
}
