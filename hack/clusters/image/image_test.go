package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func entries(t *testing.T, archive []byte) (headers map[string]*tar.Header, data map[string][]byte) {
	t.Helper()
	headers, data = map[string]*tar.Header{}, map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return headers, data
		}
		if err != nil {
			t.Fatal(err)
		}
		headers[h.Name] = h
		if data[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestArchiveHoldsTogether(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, []byte("code"), 0o700); err != nil {
		t.Fatal(err)
	}
	i := Image{
		Tags: []string{"example.com/a:1", "example.com/b:2"}, Entrypoint: []string{"/bin/program"},
		Files: map[string]string{"/bin/program": program, "/bin/alias": "-> program"},
		Texts: map[string]string{"/etc/passwd": "root\n"},
	}
	var archives [2][]byte
	for n := range archives {
		to := filepath.Join(dir, "image.tar")
		if err := i.Write(to); err != nil {
			t.Fatal(err)
		}
		var err error
		if archives[n], err = os.ReadFile(to); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("equal files gave different archives")
	}
	_, outer := entries(t, archives[0])
	var m []manifest
	if err := json.Unmarshal(outer["manifest.json"], &m); err != nil {
		t.Fatal(err)
	}
	var c configuration
	if err := json.Unmarshal(outer[m[0].Config], &c); err != nil {
		t.Fatal(err)
	}
	layer := outer[m[0].Layers[0]]
	if want := fmt.Sprintf("sha256:%x", sha256.Sum256(layer)); c.RootFS.Diffs[0] != want || len(m[0].RepoTags) != 2 {
		t.Errorf("layer %s, configuration says %s; tags %v", want, c.RootFS.Diffs[0], m[0].RepoTags)
	}
	headers, data := entries(t, layer)
	for name, kind := range map[string]byte{"bin/": tar.TypeDir, "bin/program": tar.TypeReg, "bin/alias": tar.TypeSymlink, "etc/passwd": tar.TypeReg, "tmp/": tar.TypeDir} {
		if h := headers[name]; h == nil || h.Typeflag != kind {
			t.Errorf("%s: %+v", name, h)
		}
	}
	if string(data["bin/program"]) != "code" || headers["bin/program"].Mode != 0o755 || headers["tmp/"].Mode != 0o1777 {
		t.Errorf("program %q, modes %o and %o", data["bin/program"], headers["bin/program"].Mode, headers["tmp/"].Mode)
	}
}
