package main

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

func sample(t *testing.T) v1.ImageIndex {
	t.Helper()
	index, err := compose(
		[]file{{"etc/passwd", 0o644, []byte("nonroot:x:65532:65532::/:\n")}},
		[]platform{{"amd64", file{"fairlead", 0o755, []byte("amd64 code")}}, {"arm64", file{"fairlead", 0o755, []byte("arm64 code")}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

func TestTheSameSourceGivesTheSameBytes(t *testing.T) {
	var archives [][]byte
	for range 2 {
		path := filepath.Join(t.TempDir(), "image.tar")
		if err := write(path, "fairlead.dev/fairlead:dev", sample(t)); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		archives = append(archives, b)
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("two archives of the same image differ")
	}
	for _, name := range []string{"oci-layout", "index.json"} {
		if !bytes.Contains(archives[0], []byte(name)) {
			t.Errorf("the archive has no %s", name)
		}
	}
}

func TestEachArchitectureHasItsBinary(t *testing.T) {
	index := sample(t)
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var arches []string
	for _, m := range manifest.Manifests {
		arches = append(arches, m.Platform.String())
		image, err := index.Image(m.Digest)
		if err != nil {
			t.Fatal(err)
		}
		config, err := image.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if config.Config.User != "65532:65532" || !slices.Equal(config.Config.Entrypoint, []string{"/fairlead"}) || config.Architecture != m.Platform.Architecture {
			t.Errorf("config of %s is %+v", m.Platform, config)
		}
		if got := contents(t, image); got["fairlead"] != m.Platform.Architecture+" code" || got["etc/passwd"] == "" {
			t.Errorf("files of %s are %v", m.Platform, got)
		}
	}
	if !slices.Equal(arches, []string{"linux/amd64", "linux/arm64"}) {
		t.Errorf("architectures are %v", arches)
	}
}

func contents(t *testing.T, image v1.Image) map[string]string {
	t.Helper()
	files := map[string]string{}
	all := mutate.Extract(image)
	defer all.Close()
	for r := tar.NewReader(all); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = string(body)
	}
}
