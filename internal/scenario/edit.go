package scenario

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// edit replaces a text in a file, wherever it stands there, and puts the new file in place in one move, as an editor does:
//
//	edit shop/west/gateway.yaml '/cart' '/basket'
func edit(w world, args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("%w: edit FILE OLD NEW", errUsage)
	}
	file := w.path(args[0])
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("%w: %v", errUsage, err)
	}
	if !strings.Contains(string(text), args[1]) {
		return fmt.Errorf("%w: %s does not contain %q", errUsage, args[0], args[1])
	}
	return replaceFile(file, strings.ReplaceAll(string(text), args[1], args[2]))
}

// replaceFile writes beside the file and renames: nobody sees half of it.
func replaceFile(file, text string) error {
	next := filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+".next")
	if err := os.WriteFile(next, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write the changed file: %w", err)
	}
	if err := os.Rename(next, file); err != nil {
		return fmt.Errorf("put the changed file in place: %w", err)
	}
	return nil
}
