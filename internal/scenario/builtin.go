package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// errUsage says that a command of a story is written wrongly.
var errUsage = errors.New("usage")

// world is what a command may know of the story that it stands in.
type world struct {
	out   io.Writer
	path  func(string) string // a path of the story as one of this process
	env   func(string) string
	after func(func()) // runs when the story is over
}

// command is one word of the stories' language.
type command func(w world, args []string) error

// builtin lets a script call a command. With ! the command must fail; a command written wrongly always fails the story.
func builtin(c command) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		err := c(worldOf(ts, ts.Stdout()), args)
		switch {
		case errors.Is(err, errUsage):
			ts.Fatalf("%v", err)
		case err != nil && neg:
			fmt.Fprintln(ts.Stderr(), err)
		case err != nil:
			ts.Fatalf("%v", err)
		case neg:
			ts.Fatalf("unexpected success")
		}
	}
}

func worldOf(ts *testscript.TestScript, out io.Writer) world {
	return world{out: out, path: ts.MkAbs, env: ts.Getenv, after: ts.Defer}
}

// byName are the commands that eventually can call without a process of their own.
var byName = map[string]command{"get": get, "ws": ws, "grpc": grpcHealth, "dig": dig, "raw": raw}

// words splits a command line at blanks, keeping what stands in double quotes together.
func words(line string) ([]string, error) {
	var all []string
	var word bytes.Buffer
	quoted, any := false, false
	for _, r := range line {
		switch {
		case r == '"':
			quoted, any = !quoted, true
		case r == ' ' && !quoted:
			if any {
				all = append(all, word.String())
			}
			word.Reset()
			any = false
		default:
			word.WriteRune(r)
			any = true
		}
	}
	if quoted {
		return nil, fmt.Errorf("%w: a double quote is not closed in %s", errUsage, line)
	}
	if any {
		all = append(all, word.String())
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: the command is empty", errUsage)
	}
	return all, nil
}

// firstLine returns the first line of a body, bounded.
func firstLine(body []byte) string {
	line, _, _ := strings.Cut(string(body), "\n")
	if len(line) > 300 {
		line = line[:300] + "…"
	}
	return strings.TrimRight(line, "\r ")
}
