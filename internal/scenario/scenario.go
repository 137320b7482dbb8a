// Package scenario runs the stories in test/scenarios: txtar files whose name is the sentence that they prove, told in the
// operator's own language.
//
// Next to testscript's commands and fairlead itself a story may use
//
//	get [flags] URL              one line: status, answering cluster, first line of the body
//	ws URL TEXT                  what a WebSocket echoes
//	grpc ADDR AUTHORITY          the answer of the gRPC health service, and who gave it
//	dig NAME TYPE @ADDR [+tcp]   the response code and the records
//	raw ADDR FILE                bytes to a socket, as they are; the status lines that come back
//	load N RATE URL [flags]      N requests at a constant rate, in the background with &
//	eventually 'COMMAND' REGEXP  the command again and again until its output matches, for 10 s
//	edit FILE OLD NEW            one change of a file, at once
//	hold ADDR                    another program that listens there
//	shop N                       the clusterset of examples/shop under ./shop, at addresses that no other story uses
//
// Each says in its own file how it is used exactly. A story that runs fairlead dev takes its addresses from a number that is its
// own; Check refuses two stories with one number.
package scenario

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// Params says which stories to run.
type Params struct {
	// Dir holds the stories, Examples the folder of the examples.
	Dir, Examples string
	// Update rewrites the expected output in the stories instead of failing.
	Update bool
}

// Run runs each story as a subtest, in parallel as -parallel allows.
func Run(t *testing.T, p Params) {
	t.Helper()
	if err := Check(p.Dir); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                p.Dir,
		UpdateScripts:      p.Update,
		RequireUniqueNames: true,
		Setup:              func(env *testscript.Env) error { return setup(env, p) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"get":        builtin(get),
			"ws":         builtin(ws),
			"grpc":       builtin(grpcHealth),
			"dig":        builtin(dig),
			"raw":        builtin(raw),
			"edit":       builtin(edit),
			"hold":       builtin(hold),
			"shop":       builtin(shop),
			"eventually": eventually,
		},
	})
}

// setup gives a story a temporary folder of its own with a short name, since the control socket's path stands in it and the path
// of a socket may not be long.
func setup(env *testscript.Env, p Params) error {
	tmp, err := os.MkdirTemp("", "fl")
	if err != nil {
		return fmt.Errorf("make the story's temporary folder: %w", err)
	}
	env.Defer(func() { os.RemoveAll(tmp) })
	env.Setenv("TMPDIR", tmp)
	// With -race, a dev in the background that races ends, and its story fails; and programs do not wait a second before they end.
	env.Setenv("GORACE", "halt_on_error=1 atexit_sleep_ms=20")
	examples, err := filepath.Abs(p.Examples)
	if err != nil {
		return fmt.Errorf("find the examples: %w", err)
	}
	env.Setenv("EXAMPLES", examples)
	return nil
}

// shopLine is how a story takes its addresses.
var shopLine = regexp.MustCompile(`(?m)^shop (\d+)$`)

// Check says whether the stories in a folder can run beside each other: the number that one gives to shop is its own and at least
// three away from every other, and their names are sentences.
func Check(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil {
		return fmt.Errorf("list the stories in %s: %w", dir, err)
	}
	taken := map[string]string{}
	for _, file := range files {
		name := filepath.Base(file)
		if strings.Count(name, "-") < 2 || strings.ToLower(name) != name {
			return fmt.Errorf("%s: a story's name is the sentence that it proves, in lower case, its words joined by dashes", name)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read a story: %w", err)
		}
		for _, m := range shopLine.FindAllStringSubmatch(string(text), -1) {
			number, err := shopNumber(m[1])
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			for n := number; n < number+clustersOfShop; n++ {
				key := fmt.Sprint(n)
				if other := taken[key]; other != "" && other != name {
					return fmt.Errorf("%s and %s both use shop %s: each live story needs numbers of its own", other, name, key)
				}
				taken[key] = name
			}
		}
	}
	return nil
}
