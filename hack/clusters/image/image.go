// Package image writes container images of one layer, as archives that containerd imports, out of files of this machine.
package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Image is what goes into an archive.
type Image struct {
	Tags       []string
	Entrypoint []string
	Files      map[string]string // path in the image: path here, or "-> target" for a symbolic link
	Texts      map[string]string // path in the image: content
}

type configuration struct {
	Architecture string  `json:"architecture"`
	OS           string  `json:"os"`
	Config       process `json:"config"`
	RootFS       rootFS  `json:"rootfs"`
}

type process struct {
	Env        []string
	Entrypoint []string
	WorkingDir string
}

type rootFS struct {
	Type  string   `json:"type"`
	Diffs []string `json:"diff_ids"`
}

type manifest struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// Write stores the image at the path. Equal files give equal archives.
func (i Image) Write(to string) error {
	layer, err := i.layer()
	if err != nil {
		return fmt.Errorf("image %s: %w", i.Tags[0], err)
	}
	config, err := json.Marshal(configuration{
		Architecture: runtime.GOARCH, OS: "linux",
		Config: process{
			Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, Entrypoint: i.Entrypoint, WorkingDir: "/",
		},
		RootFS: rootFS{Type: "layers", Diffs: []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layer))}},
	})
	if err != nil {
		return fmt.Errorf("image %s: %w", i.Tags[0], err)
	}
	configName := fmt.Sprintf("%x.json", sha256.Sum256(config))
	index, err := json.Marshal([]manifest{{Config: configName, RepoTags: i.Tags, Layers: []string{"layer.tar"}}})
	if err != nil {
		return fmt.Errorf("image %s: %w", i.Tags[0], err)
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, f := range []struct {
		name string
		data []byte
	}{{"manifest.json", index}, {configName, config}, {"layer.tar", layer}} {
		if err := put(w, f.name, f.data, 0o644); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := os.WriteFile(to+".part", archive.Bytes(), 0o644); err != nil {
		return err
	}
	return os.Rename(to+".part", to)
}

func (i Image) layer() ([]byte, error) {
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	for _, dir := range i.folders() {
		mode := int64(0o755)
		if dir == "tmp" {
			mode = 0o1777
		}
		if err := w.WriteHeader(&tar.Header{Name: dir + "/", Typeflag: tar.TypeDir, Mode: mode, ModTime: time.Unix(0, 0)}); err != nil {
			return nil, err
		}
	}
	for _, name := range sorted(i.Files) {
		if target, link := strings.CutPrefix(i.Files[name], "-> "); link {
			h := &tar.Header{Name: inside(name), Typeflag: tar.TypeSymlink, Linkname: target, Mode: 0o777, ModTime: time.Unix(0, 0)}
			if err := w.WriteHeader(h); err != nil {
				return nil, err
			}
			continue
		}
		data, err := os.ReadFile(i.Files[name])
		if err != nil {
			return nil, err
		}
		if err := put(w, inside(name), data, 0o755); err != nil {
			return nil, err
		}
	}
	for _, name := range sorted(i.Texts) {
		if err := put(w, inside(name), []byte(i.Texts[name]), 0o644); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return layer.Bytes(), nil
}

// folders are all that are needed, parents first.
func (i Image) folders() []string {
	all := map[string]string{"tmp": ""}
	for _, files := range []map[string]string{i.Files, i.Texts} {
		for name := range files {
			for dir := path.Dir(inside(name)); dir != "."; dir = path.Dir(dir) {
				all[dir] = ""
			}
		}
	}
	return sorted(all)
}

func inside(name string) string { return strings.TrimPrefix(name, "/") }

func sorted(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func put(w *tar.Writer, name string, data []byte, mode fs.FileMode) error {
	h := &tar.Header{Name: name, Mode: int64(mode), Size: int64(len(data)), ModTime: time.Unix(0, 0)}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err := w.Write(data)
	return err
}
