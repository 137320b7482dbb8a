package verbs

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"

	"fairlead.dev/fairlead/picture"
)

// Picture is what picture prints as JSON: one for each cluster that was asked for.
type Picture struct {
	From  string   `json:"from"`
	Lines []string `json:"lines"`
	// Objects are the ServiceImports and EndpointSlices that a controller would write into this cluster. They are told where the
	// picture is worked out from a folder.
	Objects []runtime.Object `json:"objects,omitempty"`
}

func (a *app) picture() *cobra.Command {
	var from string
	var t target
	cmd := &cobra.Command{
		Use: "picture", Args: count(0, 1, "fairlead picture examples/shop --from west"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var pictures []Picture
			var err error
			switch {
			case len(args) == 1:
				pictures, err = a.drawPictures(args[0], from)
			case t.given():
				pictures, err = t.askPicture(cmd.Context(), from)
			default:
				pictures, err = a.askPictures(cmd, from)
			}
			if err != nil {
				return err
			}
			return a.answer(pictures, func(w io.Writer) { printPictures(w, pictures, from == "" && !t.given()) })
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "")
	t.flags(cmd)
	return cmd
}

// askPicture asks the agent of a real cluster. It has its own picture only.
func (t *target) askPicture(ctx context.Context, from string) ([]Picture, error) {
	if from != "" {
		return nil, mistake("leave --from out, and name the cluster's own context", "the agent of a real cluster knows its own picture only")
	}
	text, err := t.ask(ctx, "picture")
	if err != nil {
		return nil, refused(err)
	}
	return []Picture{{From: t.context, Lines: strings.Split(strings.TrimRight(string(text), "\n"), "\n")}}, nil
}

// drawPictures works the pictures out from a folder.
func (a *app) drawPictures(dir, from string) ([]Picture, error) {
	s, err := a.readClusterset("picture", dir)
	if err != nil {
		return nil, err
	}
	names := s.names()
	if from != "" {
		if err := s.check(from); err != nil {
			return nil, err
		}
		names = []string{from}
	}
	var pictures []Picture
	for _, name := range names {
		pic := s.fleet.Picture(name)
		p := Picture{From: name, Lines: []string{}, Objects: written(pic)}
		for line := range pic.Lines() {
			p.Lines = append(p.Lines, line)
		}
		pictures = append(pictures, p)
	}
	return pictures, nil
}

// written returns what a controller would write.
func written(pic *picture.Picture) (objects []runtime.Object) {
	for s := range pic.Services() {
		if s.Imported == nil {
			continue
		}
		objects = append(objects, s.Imported.Object)
		for _, slice := range s.Imported.Slices {
			objects = append(objects, slice)
		}
	}
	return objects
}

// askPictures asks a running dev.
func (a *app) askPictures(cmd *cobra.Command, from string) ([]Picture, error) {
	client := a.dial()
	clusters, err := client.Clusters(cmd.Context())
	if err != nil {
		return nil, refused(err)
	}
	names := clusterNames(clusters)
	if from != "" {
		if !slices.Contains(names, from) {
			return nil, unknownCluster(from, names)
		}
		names = []string{from}
	}
	var pictures []Picture
	for _, name := range names {
		text, err := client.Picture(cmd.Context(), name)
		if err != nil {
			return nil, refused(err)
		}
		pictures = append(pictures, Picture{From: name, Lines: strings.Split(strings.TrimRight(text, "\n"), "\n")})
	}
	return pictures, nil
}

// printPictures prints the lines, under a head for each cluster where several were asked for.
func printPictures(w io.Writer, pictures []Picture, heads bool) {
	for i, p := range pictures {
		if heads {
			if i > 0 {
				fmt.Fprintln(w)
			}
			fmt.Fprintf(w, "# seen from %s\n", p.From)
		}
		for _, line := range p.Lines {
			fmt.Fprintln(w, line)
		}
	}
}
