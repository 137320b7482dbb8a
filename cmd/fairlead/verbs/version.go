package verbs

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Version is what version prints as JSON.
type Version struct {
	// Version is the module's version, or "devel" for a build from a checkout.
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Args: count(0, 0, "fairlead version"),
		RunE: func(*cobra.Command, []string) error {
			v := build()
			return a.answer(v, func(w io.Writer) {
				fmt.Fprintf(w, "fairlead %s, %s, %s\n", v.Version, v.Go, v.Platform)
			})
		},
	}
}

func build() Version {
	v := Version{Version: "devel", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "(devel)" {
		v.Version = cmp.Or(info.Main.Version, v.Version)
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v.Revision = s.Value
		}
	}
	return v
}
