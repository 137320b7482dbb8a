package main

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// The annotations by which containerd, and others, know what an image in an archive is called.
const (
	containerdName = "io.containerd.image.name"
	refName        = "org.opencontainers.image.ref.name"
)

// write writes an index of images under its name as an OCI layout in a tar archive.
func write(archive, name string, index v1.ImageIndex) error {
	dir, err := os.MkdirTemp("", "fairlead-layout-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	top, err := layout.Write(dir, empty.Index)
	if err != nil {
		return fmt.Errorf("write the layout of %s: %w", name, err)
	}
	tag := name[strings.LastIndex(name, ":")+1:]
	if err := top.AppendIndex(index, layout.WithAnnotations(map[string]string{containerdName: name, refName: tag})); err != nil {
		return fmt.Errorf("write the layout of %s: %w", name, err)
	}
	out, err := os.Create(archive + ".part")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	if err := pack(out, os.DirFS(dir)); err != nil {
		return fmt.Errorf("pack %s: %w", archive, err)
	}
	if err := out.Close(); err != nil {
		return err
	}
	return os.Rename(out.Name(), archive)
}

// pack writes the files of a folder in the order of their names, all of one time.
func pack(out io.Writer, dir fs.FS) error {
	w := tar.NewWriter(out)
	err := fs.WalkDir(dir, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(dir, path)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(path)
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(body)), ModTime: moment, Typeflag: tar.TypeReg}); err != nil {
			return err
		}
		_, err = w.Write(body)
		return err
	})
	if err != nil {
		return err
	}
	return w.Close()
}
