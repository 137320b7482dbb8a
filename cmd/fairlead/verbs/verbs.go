// Package verbs is the command line of fairlead, one file per verb.
//
// In goes a command line, out come an answer on stdout, everything else on stderr, and an exit status: 0 done, 1 it could not be
// done, 2 the command line is wrong. Every refusal is a sentence with a hint that can be pasted. With -o json the answer is JSON, of
// the types that package control and package trace publish; its fields are only ever added to.
//
// Some verbs ask a running dev through its control socket, some read a folder and need nothing else; picture and trace do either,
// and a DIR argument says which. Start with Main.
package verbs

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// app is one run of the command line.
type app struct {
	in      io.Reader
	out     io.Writer
	err     io.Writer
	output  string // text or json
	control string // path of the control socket, empty for the usual one
}

// Main runs one command line, without the program's name, and returns its exit status. SIGINT and SIGTERM end it in order.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	a := &app{in: stdin, out: stdout, err: stderr}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return a.exit(root.ExecuteContext(ctx))
}

// root puts the verbs together.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:                "fairlead",
		SilenceErrors:      true,
		SilenceUsage:       true,
		DisableSuggestions: true,
		CompletionOptions:  cobra.CompletionOptions{DisableDefaultCmd: true},
		Args:               cobra.ArbitraryArgs,
		PersistentPreRunE:  func(*cobra.Command, []string) error { return a.checkOutput() },
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				fmt.Fprint(a.err, usageText)
				return errQuiet
			}
			return unknownVerb(cmd, args[0])
		},
	}
	root.PersistentFlags().StringVarP(&a.output, "output", "o", "text", "")
	root.PersistentFlags().StringVar(&a.control, "control", "", "")
	root.SetFlagErrorFunc(flagMistake)
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { fmt.Fprint(a.out, helpFor(verbOf(cmd))) })
	root.AddCommand(
		a.dev(), a.clusters(), a.status(), a.picture(), a.trace(), a.plan(),
		a.drain(), a.restore(), a.release(), a.lose(), a.find(), a.hub(), a.join(), a.approve(), a.leave(), a.uninstall(), a.manifest(), a.agent(), a.dns(), a.check(), a.version(),
	)
	root.SetHelpCommand(a.help())
	return root
}

func (a *app) checkOutput() error {
	if a.output != "text" && a.output != "json" {
		return mistake("write -o json or -o text", "there is no output format %q", a.output)
	}
	return nil
}

// answer prints v as JSON where that is asked for, and otherwise what text writes.
func (a *app) answer(v any, text func(io.Writer)) error {
	if a.output != "json" {
		text(a.out)
		return nil
	}
	enc := json.NewEncoder(a.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("print the answer as JSON: %w", err)
	}
	return nil
}

// tty says whether a stream is a terminal, where progress is welcome.
func tty(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
