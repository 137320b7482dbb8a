package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience bounds how long eventually tries; interval is the pause between two tries.
const (
	patience = 10 * time.Second
	interval = 50 * time.Millisecond
)

// eventually runs a command until it succeeds with output that matches:
//
//	eventually 'get http://127.0.0.100:8080/cart' '200 east'
//
// Within the command, double quotes keep words together. The last output is there for stdout to look at.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: eventually 'COMMAND' REGEXP")
	}
	want, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	line, err := words(args[0])
	ts.Check(err)
	try := tryBuiltin
	if byName[line[0]] == nil {
		try = tryProgram
	}
	end := time.Now().Add(patience)
	for {
		out, err := try(ts, line)
		if errors.Is(err, errUsage) {
			ts.Fatalf("%v", err)
		}
		if err == nil && want.MatchString(out) {
			fmt.Fprint(ts.Stdout(), out)
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("after %v %s still says\n%s(%v)", patience, args[0], out, err)
		}
		time.Sleep(interval)
	}
}

func tryBuiltin(ts *testscript.TestScript, line []string) (string, error) {
	var out bytes.Buffer
	err := byName[line[0]](worldOf(ts, &out), line[1:])
	return out.String(), err
}

func tryProgram(ts *testscript.TestScript, line []string) (string, error) {
	err := ts.Exec(line[0], line[1:]...)
	return ts.ReadFile("stdout"), err
}
