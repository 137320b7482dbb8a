package verbs

import (
	"bytes"
	"strings"
	"testing"
)

// run runs a command line in this process.
func run(args ...string) (status int, stdout, stderr string) {
	var out, err bytes.Buffer
	status = Main(args, strings.NewReader(""), &out, &err)
	return status, out.String(), err.String()
}

func TestExitStatus(t *testing.T) {
	socket := t.TempDir() + "/dev.sock"
	for _, tc := range []struct {
		line string
		want int
	}{
		{"help", 0},
		{"help drain", 0},
		{"drain --help", 0},
		{"version", 0},
		{"version -o json", 0},
		{"", 2},
		{"help nothing", 2},
		{"drian west", 2},
		{"status --verbose", 2},
		{"status west", 2},
		{"drain", 2},
		{"hub", 2},
		{"hub sideways", 2},
		{"status -o yaml", 2},
		{"status --control " + socket, 1},
		{"picture --control " + socket, 1},
		{"drain west --control " + socket, 1},
		{"picture /nowhere/at/all", 1},
	} {
		status, stdout, stderr := run(strings.Fields(tc.line)...)
		if status != tc.want {
			t.Errorf("fairlead %s: exit status %d, want %d\n%s", tc.line, status, tc.want, stderr)
		}
		if (status == 0) != (stderr == "") || (status == 0) != (stdout != "") {
			t.Errorf("fairlead %s: an answer belongs on stdout, a refusal on stderr; got %q and %q", tc.line, stdout, stderr)
		}
	}
}

func TestEveryVerbHasAPageThatEndsInAnExample(t *testing.T) {
	a := &app{}
	for _, cmd := range a.root().Commands() {
		page := about[cmd.Name()]
		if cmd.Name() == "help" {
			continue
		}
		if !strings.HasPrefix(page, "fairlead "+cmd.Name()) {
			t.Errorf("the page of %s does not begin with its form:\n%s", cmd.Name(), page)
		}
		if cmd.Name() != "version" && !strings.Contains(page, "    $ fairlead "+cmd.Name()) {
			t.Errorf("the page of %s has no example:\n%s", cmd.Name(), page)
		}
		if !strings.Contains(usageText, "fairlead "+cmd.Name()) && !strings.Contains(usageText, "; "+cmd.Name()) {
			t.Errorf("the usage does not name %s", cmd.Name())
		}
	}
}

func TestUsageFitsOneScreen(t *testing.T) {
	lines := strings.Split(strings.TrimSuffix(usageText, "\n"), "\n")
	if len(lines) > 43 {
		t.Errorf("the usage has %d lines", len(lines))
	}
	for _, line := range lines {
		if len(line) > 80 {
			t.Errorf("%q is wider than 80 columns", line)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"clusters", "dev", "drain", "find", "hub", "lose", "picture", "plan", "restore", "status", "trace", "west", "east"}
	for word, want := range map[string]string{
		"pictur": "picture", "pic": "picture", "Status": "status", "drian": "drain", "lsoe": "lose", "wset": "west",
		"tracer": "trace", "zebra": "", "x": "", "": "", "explode": "",
	} {
		if got := nearest(word, names); got != want {
			t.Errorf("%q: nearest is %q, want %q", word, got, want)
		}
	}
}
