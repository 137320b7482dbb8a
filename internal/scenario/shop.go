package scenario

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// clustersOfShop is how many clusters, and therefore addresses, the example has; firstOfShop is the number that it has itself.
const (
	clustersOfShop = 3
	firstOfShop    = 11
)

// shopPlaces are the live stories that may run at a time: each runs three clusters, and measures what it sees.
var shopPlaces = make(chan struct{}, 2)

// shop copies examples/shop to ./shop and gives its clusters addresses by the story's number: with 100, west is 127.0.0.100,
// east 127.0.0.101 and north 127.0.0.102. Their pods stand in 127.100.0.0/16 and so on, so numbers are at least three apart.
func shop(w world, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%w: shop NUMBER", errUsage)
	}
	number, err := shopNumber(args[0])
	if err != nil {
		return err
	}
	shopPlaces <- struct{}{}
	w.after(func() { <-shopPlaces })
	return CopyShop(filepath.Join(w.env("EXAMPLES"), "shop"), w.path("shop"), number)
}

// shopNumber reads a story's number: from 100 up to 250, so that stories, other packages' tests and a dev that somebody runs beside
// them do not meet.
func shopNumber(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 100 || n > 250 {
		return 0, fmt.Errorf("%w: shop %s: the number is from 100 to 250", errUsage, s)
	}
	return n, nil
}

// CopyShop copies the manifests of the example and moves their addresses.
func CopyShop(from, to string, number int) error {
	files := os.DirFS(from)
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.WriteFile(target, []byte(MoveShop(string(text), number)), 0o644)
	})
	if err != nil {
		return fmt.Errorf("copy the example: %w", err)
	}
	return nil
}

// MoveShop moves the addresses of the example in a text: those of the clusters from 127.0.0.11 on, and those of their pods and services
// from 127.11.0.0 on.
func MoveShop(text string, number int) string {
	var moves []string
	for i := range clustersOfShop {
		was, is := firstOfShop+i, number+i
		moves = append(moves,
			fmt.Sprintf("127.0.0.%d", was), fmt.Sprintf("127.0.0.%d", is),
			fmt.Sprintf("127.%d.", was), fmt.Sprintf("127.%d.", is))
	}
	return strings.NewReplacer(moves...).Replace(text)
}
