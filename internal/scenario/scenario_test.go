package scenario_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"fairlead.dev/fairlead/cmd/fairlead/verbs"
	"fairlead.dev/fairlead/internal/scenario"
)

// TestMain lets the stories run fairlead as a program of its own: this test binary, called again under that name.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"fairlead": func() { os.Exit(verbs.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
		"load":     func() { os.Exit(scenario.Load(os.Args[1:], os.Stdout, os.Stderr)) },
		"digshort": func() { os.Exit(scenario.DigShort(os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

// update is go test ./internal/scenario -update: what the stories expect becomes what they got. Read the diff.
var update = flag.Bool("update", false, "rewrite the expected output in the stories")

func TestScenarios(t *testing.T) {
	scenario.Run(t, scenario.Params{Dir: "../../test/scenarios", Examples: "../../examples", Update: *update})
}

func TestTwoStoriesWithOneNumberAreRefused(t *testing.T) {
	for _, tc := range []struct{ name, first, second, want string }{
		{"equal", "shop 100", "shop 100", "both use shop 100"},
		{"overlapping", "shop 100", "shop 102", "both use shop 102"},
		{"apart", "shop 100", "shop 103", ""},
		{"too low", "shop 11", "shop 100", "from 100 to 250"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "this-is-one.txtar", tc.first+"\n")
			write(t, dir, "this-is-two.txtar", tc.second+"\n")
			switch err := scenario.Check(dir); {
			case tc.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("got %v, want an error that says %q", err, tc.want)
			}
		})
	}
}

func TestAStorysNameIsASentence(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "Drain.txtar", "fairlead drain west\n")
	if scenario.Check(dir) == nil {
		t.Error("Drain.txtar was taken for a sentence")
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
