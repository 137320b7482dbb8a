package dev

import (
	"fmt"
	"net/http"
	"strings"

	"fairlead.dev/fairlead/control"
	"fairlead.dev/fairlead/trace"
)

// Drain takes all new traffic off a cluster, everywhere, or gives it back. The hub carries the word to the others; while it is away, the
// cluster's beacons do.
func (f *Fleet) Drain(name string, on bool) error {
	k, err := f.named(name)
	if err != nil {
		return err
	}
	k.agent.Drain(on)
	f.registrar.drain(name, on)
	return nil
}

// Release tells every cluster that a mass withdrawal by this one, which they hold for a while, is meant.
func (f *Fleet) Release(name string) error {
	if _, err := f.named(name); err != nil {
		return err
	}
	for _, k := range f.all() {
		k.agent.Release(name)
	}
	return nil
}

// Lose lets a cluster's network go dark: its connections hang, and it hears and says nothing.
func (f *Fleet) Lose(name string) error {
	k, err := f.named(name)
	if err != nil {
		return err
	}
	k.wire.Lose()
	return nil
}

// Find heals a cluster's network.
func (f *Fleet) Find(name string) error {
	k, err := f.named(name)
	if err != nil {
		return err
	}
	k.wire.Find()
	return nil
}

// Hub takes the hub away or brings it back.
func (f *Fleet) Hub(up bool) error {
	if !up {
		f.hub.Down()
		return nil
	}
	f.hub.Up()
	f.registrar.wake()
	return nil
}

// Picture returns a cluster's picture as text.
func (f *Fleet) Picture(from string) (string, error) {
	k, err := f.named(from)
	if err != nil {
		return "", err
	}
	return k.agent.Picture().String(), nil
}

// Trace sends a virtual request through a cluster's compiled picture.
func (f *Fleet) Trace(req control.TraceRequest) (*trace.Answer, error) {
	k, err := f.named(req.From)
	if err != nil {
		return nil, err
	}
	return k.data.trace(k.agent.Picture(), req.Method, req.URL, http.Header(req.Headers)), nil
}

// named returns a cluster, or an error that tells which there are.
func (f *Fleet) named(name string) (*cluster, error) {
	if k := f.cluster(name); k != nil && k.agent.Picture() != nil {
		return k, nil
	}
	var known []string
	for _, k := range f.all() {
		known = append(known, k.name)
	}
	if name == "" {
		return nil, &control.Error{Message: "no cluster is named", Hint: "name one of: " + strings.Join(known, ", ")}
	}
	return nil, &control.Error{
		Message: fmt.Sprintf("there is no cluster %q", name),
		Hint:    "the clusters are: " + strings.Join(known, ", "),
	}
}
