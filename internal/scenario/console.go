package scenario

import (
	"regexp"
	"strings"
)

// Step is one command of a console session in a document, with the output that the document shows.
type Step struct {
	Command string
	Want    []string
}

// Console returns the steps of all console sessions in a Markdown text: the blocks fenced with ```console, in which lines that begin
// with "$ " are commands and the lines after them their output.
func Console(markdown string) (steps []Step) {
	inside := false
	for line := range strings.Lines(markdown) {
		line = strings.TrimRight(line, "\n")
		switch command, isCommand := strings.CutPrefix(line, "$ "); {
		case strings.HasPrefix(line, "```"):
			inside = line == "```console"
		case inside && isCommand:
			steps = append(steps, Step{Command: command})
		case inside && len(steps) > 0:
			last := &steps[len(steps)-1]
			last.Want = append(last.Want, line)
		}
	}
	return steps
}

// Shows says whether an output is what the document shows, blank lines and trailing blanks apart. An ellipsis stands for anything in
// its line, and alone on a line for any lines. Where the document shows nothing, anything will do.
func (s Step) Shows(output string) bool {
	var pattern strings.Builder
	pattern.WriteString(`\A`)
	some := false
	for _, line := range s.Want {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		some = true
		if line == "…" {
			pattern.WriteString(`(.*\n)*?`)
			continue
		}
		pattern.WriteString(`[ \t]*` + strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*") + `[ \t]*\n\s*`)
	}
	pattern.WriteString(`\z`)
	return !some || regexp.MustCompile(pattern.String()).MatchString(strings.TrimLeft(output, "\n"))
}
