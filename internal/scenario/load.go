package scenario

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strconv"
	"time"

	"fairlead.dev/fairlead/internal/load"
)

// loadTimeout bounds each request of a load. It is wide: a story tells what fails, not how long it takes on a busy machine.
const loadTimeout = 30 * time.Second

// Load is the program load, which sends requests at a constant rate and prints in one line what became of them:
//
//	load [-host shop.example] N RATE URL
//
// It exits with 1 where a request failed and tells the first failures on stderr. In a story it runs beside what else happens:
//
//	load -host shop.example 400 200 http://127.0.0.100:8080/cart &load&
//	fairlead drain west
//	wait load
//	stdout '400 ok, 0 failed'
func Load(args []string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("load", flag.ContinueOnError)
	fs.SetOutput(stderr)
	host := fs.String("host", "", "the Host header")
	if err := fs.Parse(args); err != nil || fs.NArg() != 3 {
		fmt.Fprintln(stderr, "load [-host NAME] N RATE URL")
		return 2
	}
	n, err := strconv.Atoi(fs.Arg(0))
	rate, err2 := strconv.ParseFloat(fs.Arg(1), 64)
	if err != nil || err2 != nil {
		fmt.Fprintln(stderr, "load [-host NAME] N RATE URL: N and RATE are numbers")
		return 2
	}
	result, err := load.Run(context.Background(), load.Options{URL: fs.Arg(2), Host: *host, N: n, Rate: rate, Timeout: loadTimeout})
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	fmt.Fprintln(stdout, result)
	for _, e := range result.Errors {
		fmt.Fprintln(stderr, e)
	}
	if result.Failed > 0 {
		return 1
	}
	return 0
}
