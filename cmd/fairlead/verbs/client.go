package verbs

import (
	"cmp"
	"errors"

	"fairlead.dev/fairlead/control"
	"fairlead.dev/fairlead/membership"
)

// dial returns a client of the running dev.
func (a *app) dial() *control.Client { return control.Dial(cmp.Or(a.control, control.DefaultPath())) }

// refused turns an answer of the control socket, or of package membership, into a refusal with its hint.
func refused(err error) error {
	var known *control.Error
	if errors.As(err, &known) {
		return &refusal{error: known, hint: known.Hint, code: exitFailed}
	}
	var no *membership.Refusal
	if errors.As(err, &no) {
		return &refusal{error: err, hint: no.Remedy, code: exitFailed}
	}
	return err
}

func clusterNames(clusters []control.Cluster) []string {
	names := make([]string, len(clusters))
	for i, c := range clusters {
		names[i] = c.Name
	}
	return names
}
