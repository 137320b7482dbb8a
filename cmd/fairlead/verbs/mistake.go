package verbs

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The exit statuses.
const (
	exitFailed  = 1
	exitMistake = 2
)

// refusal is an error with a hint that can be pasted.
type refusal struct {
	error
	hint string
	code int
}

func (r *refusal) Unwrap() error { return r.error }

// errQuiet ends the command with the status of a mistake when everything has been said.
var errQuiet = &refusal{error: errors.New(""), code: exitMistake}

// mistake refuses a command line.
func mistake(hint, format string, args ...any) error {
	return &refusal{error: fmt.Errorf(format, args...), hint: hint, code: exitMistake}
}

// failure refuses something that could not be done.
func failure(hint, format string, args ...any) error {
	return &refusal{error: fmt.Errorf(format, args...), hint: hint, code: exitFailed}
}

// exit says what went wrong and returns the exit status.
func (a *app) exit(err error) int {
	if err == nil {
		return 0
	}
	code, hint := exitFailed, ""
	var r *refusal
	if errors.As(err, &r) {
		code, hint = r.code, r.hint
	}
	if s := err.Error(); s != "" {
		fmt.Fprintf(a.err, "fairlead: %s\n", s)
	}
	if hint != "" {
		fmt.Fprintf(a.err, "  %s\n", hint)
	}
	return code
}

func unknownVerb(root *cobra.Command, verb string) error {
	return mistake(tryVerb(root, verb), "there is no verb %q", verb)
}

// tryVerb returns a hint at the verb that was most likely meant.
func tryVerb(root *cobra.Command, word string) string {
	var names []string
	for _, c := range root.Commands() {
		names = append(names, c.Name())
	}
	return "try: fairlead " + cmp.Or(nearest(word, names), "help")
}

// flagMistake turns what the flag parser says into a sentence with a hint.
func flagMistake(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		wrong := unknown.GetSpecifiedName()
		if !cmd.HasParent() {
			return mistake(tryVerb(cmd, wrong), "fairlead itself has no flag %s", dashed(wrong))
		}
		if n := nearest(wrong, flagNames(cmd)); n != "" && len(wrong) > 1 {
			return mistake("try: "+cmd.CommandPath()+" --"+n, "%s has no flag %s", phrase(cmd), dashed(wrong))
		}
		return mistake("try: fairlead help "+verbOf(cmd), "%s has no flag %s", phrase(cmd), dashed(wrong))
	}
	var missing *pflag.ValueRequiredError
	if errors.As(err, &missing) {
		return mistake("try: fairlead help "+verbOf(cmd), "the flag --%s of %s needs a value", missing.GetFlag().Name, phrase(cmd))
	}
	return mistake("try: fairlead help "+verbOf(cmd), "%w", err)
}

// phrase returns a verb with the verbs above it, as "hub install".
func phrase(cmd *cobra.Command) string {
	return strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
}

// verbOf returns the verb that has the help page: the first word of the phrase.
func verbOf(cmd *cobra.Command) string {
	verb, _, _ := strings.Cut(phrase(cmd), " ")
	return verb
}

// dashed returns a flag as it is written.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

func flagNames(cmd *cobra.Command) (names []string) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

// unknownCluster refuses a cluster name.
func unknownCluster(name string, known []string) error {
	hint := "the clusters are " + strings.Join(known, ", ")
	if n := nearest(name, known); n != "" {
		hint = "did you mean " + n + "? " + hint
	}
	return mistake(hint, "there is no cluster %q", name)
}

// count returns a check of the number of arguments that answers in the verb's own words.
func count(atLeast, atMost int, form string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < atLeast:
			return mistake("try: "+form, "%s needs more than it was given", phrase(cmd))
		case len(args) > atMost:
			return mistake("try: "+form, "%s does not know what to do with %q", phrase(cmd), args[atMost])
		}
		return nil
	}
}

// nearest returns the name that was most likely meant, or an empty string: the only one that begins so, or one with at most a
// third of the letters wrong.
func nearest(word string, names []string) string {
	word = strings.ToLower(word)
	var begin []string
	best, bound := "", max(1, len(word)/3)+1
	for _, n := range slices.Sorted(slices.Values(names)) {
		if strings.HasPrefix(n, word) {
			begin = append(begin, n)
		}
		if d := edits(word, n); d < bound {
			best, bound = n, d
		}
	}
	if len(begin) == 1 {
		return begin[0]
	}
	return best
}

// edits counts the letters that must be added, dropped, changed or swapped with their neighbour to get from a to b.
func edits(a, b string) int {
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			differ := 1
			if a[i] == b[j] {
				differ = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+differ)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
