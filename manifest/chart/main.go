// Command chart writes the Helm chart charts/fairlead from the objects of package manifest, so that both install the same:
//
//	go run ./manifest/chart charts/fairlead
//
// The objects are made with marks in the place of what a value decides (chart.go); templates are those objects with the marks turned
// into Helm's expressions, one file for each kind. With the default values they give what `fairlead manifest agent` prints. The
// definitions of kinds are in crds/, which Helm installs once and never upgrades: `fairlead manifest` does.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./manifest/chart DIR")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "chart:", err)
		os.Exit(1)
	}
}

// write makes DIR hold the chart and nothing else.
func write(dir string) error {
	for _, sub := range []string{"templates", "crds"} {
		if err := os.RemoveAll(filepath.Join(dir, sub)); err != nil {
			return fmt.Errorf("clear the chart: %w", err)
		}
	}
	for name, text := range files() {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("write the chart: %w", err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return fmt.Errorf("write the chart: %w", err)
		}
	}
	return nil
}
