package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// Archive is an image on disk, and a tag by which it is known once it is imported.
type Archive struct{ Path, Tag string }

// toolTags are the names under which the MCS conformance suite asks for an image with tools.
var toolTags = []string{"docker.io/alpine/socat:1.7.4.4", "docker.io/nicolaka/netshoot:v0.15"}

// Base makes the images that every node gets: those of the pause process and of CoreDNS, and one with the tools that the MCS conformance
// suite runs in pods, under the names that it asks for. bin holds the built programs and into gets the archives; those that exist are kept.
func Base(ctx context.Context, bin, into, pause, coredns string) ([]Archive, error) {
	images := []struct {
		file, tag string
		make      func() (Image, error)
	}{
		{"pause.tar", pause, func() (Image, error) { return program(bin, "pause", pause), nil }},
		{"coredns.tar", coredns, func() (Image, error) { return program(bin, "coredns", coredns), nil }},
		{"tools.tar", toolTags[0], func() (Image, error) { return tools(ctx) }},
	}
	if err := os.MkdirAll(into, 0o755); err != nil {
		return nil, err
	}
	var archives []Archive
	for _, i := range images {
		to := filepath.Join(into, i.file)
		archives = append(archives, Archive{to, i.tag})
		if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
			if err != nil {
				return nil, err
			}
			continue
		}
		image, err := i.make()
		if err != nil {
			return nil, err
		}
		if err := image.Write(to); err != nil {
			return nil, err
		}
	}
	return archives, nil
}

func program(bin, name, tag string) Image {
	return Image{
		Tags: []string{tag}, Entrypoint: []string{"/" + name},
		Files: map[string]string{"/" + name: filepath.Join(bin, name)},
		Texts: map[string]string{"/etc/passwd": "root:x:0:0:root:/:/\nnobody:x:65534:65534:nobody:/:/\n"},
	}
}

// tools is an image of what Debian packages have put on this machine: busybox for everything, and the full socat, nc, dig and nslookup.
func tools(ctx context.Context) (Image, error) {
	image := Image{
		Tags:       toolTags,
		Entrypoint: []string{"/bin/env"},
		Files:      map[string]string{"/bin/busybox": "/bin/busybox"},
		Texts: map[string]string{
			"/etc/passwd":        "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n",
			"/etc/nsswitch.conf": "hosts: files dns\n",
		},
	}
	applets, err := exec.CommandContext(ctx, "/bin/busybox", "--list").Output()
	if err != nil {
		return Image{}, fmt.Errorf("list busybox's applets: %w", err)
	}
	for name := range strings.FieldsSeq(string(applets)) {
		if name != "busybox" {
			image.Files["/bin/"+name] = "-> busybox"
		}
	}
	for name, program := range map[string]string{
		// busybox's own shell would take its own nc before any other.
		"/bin/sh": "/bin/dash", "/bin/nc": "/bin/nc.openbsd", "/bin/nslookup": "/usr/bin/nslookup", "/bin/dig": "/usr/bin/dig", "/bin/socat": "/usr/bin/socat", "/bin/curl": "/usr/bin/curl",
	} {
		image.Files[name] = program
		if err := addLibraries(ctx, &image, program); err != nil {
			return Image{}, err
		}
	}
	for _, name := range []string{"/usr/bin/nslookup", "/usr/bin/dig", "/usr/bin/socat", "/usr/bin/curl"} {
		image.Files[name] = "-> /bin/" + filepath.Base(name)
	}
	return image, nil
}

var library = regexp.MustCompile(`/\S+\.so\S*`)

// addLibraries puts the shared libraries of a program into the image, under the paths at which its loader looks for them.
func addLibraries(ctx context.Context, i *Image, program string) error {
	out, err := exec.CommandContext(ctx, "ldd", program).Output()
	if err != nil {
		return fmt.Errorf("libraries of %s: %w", program, err)
	}
	for _, lib := range library.FindAllString(string(out), -1) {
		i.Files[lib] = lib
	}
	return nil
}
