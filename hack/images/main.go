// Command images builds the images that run in clusters, without a container engine and without a base image:
//
//	go run . [-out DIR] [-arch amd64,arm64] [-tag dev] [IMAGE...]
//
// Each image is one static binary, an /etc/passwd with the user it runs as, and the certificate authorities of the machine that builds
// it, if it has any. It is written as an OCI layout in a tar archive, for all the architectures, which is what `ctr images import`,
// `docker load` and skopeo read. The same source, toolchain and authorities give the same bytes.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// program is a binary of the project and the image that it goes into.
type program struct {
	name string // of the image, within fairlead.dev
	path string // of the package, from the root of the project
}

var programs = []program{
	{"fairlead", "./cmd/fairlead"},
	{"fairlead-proxy", "./cmd/fairlead-proxy"},
	{"echo", "./echo/pod"},
}

// registry is the first part of the images' names. Nothing is fetched from there or sent there.
const registry = "fairlead.dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("images", flag.ContinueOnError)
	root := flags.String("root", "../..", "the project's folder")
	out := flags.String("out", "../../bin/images", "where the archives go")
	arch := flags.String("arch", "amd64,arm64", "architectures, joined by commas")
	tag := flags.String("tag", "dev", "tag of the images")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return fmt.Errorf("make the folder for images: %w", err)
	}
	authorities, from := certificates()
	if from == "" {
		fmt.Fprintln(os.Stderr, "no certificate authorities on this machine: the images have none")
	}
	for _, p := range programs {
		if flags.NArg() > 0 && !slices.Contains(flags.Args(), p.name) {
			continue
		}
		began := time.Now()
		archive := filepath.Join(*out, p.name+".tar")
		if err := p.image(ctx, *root, strings.Split(*arch, ","), *tag, authorities, archive); err != nil {
			return err
		}
		info, err := os.Stat(archive)
		if err != nil {
			return err
		}
		fmt.Printf("%s  %s/%s:%s  %s  %.1f MB  %.1fs\n", archive, registry, p.name, *tag, *arch,
			float64(info.Size())/1e6, time.Since(began).Seconds())
	}
	return nil
}

// image builds the program for each architecture and writes its archive.
func (p program) image(ctx context.Context, root string, arches []string, tag string, authorities []byte, archive string) error {
	base := []file{
		{"etc/passwd", 0o644, []byte("nonroot:x:65532:65532:nonroot:/:/sbin/nologin\n")},
		{"etc/group", 0o644, []byte("nonroot:x:65532:\n")},
	}
	if len(authorities) > 0 {
		base = append(base, file{"etc/ssl/certs/ca-certificates.crt", 0o644, authorities})
	}
	var platforms []platform
	for _, arch := range arches {
		binary, err := build(ctx, root, p.path, arch)
		if err != nil {
			return fmt.Errorf("build %s for %s: %w", p.name, arch, err)
		}
		platforms = append(platforms, platform{arch, file{p.name, 0o755, binary}})
	}
	index, err := compose(base, platforms)
	if err != nil {
		return fmt.Errorf("compose the image of %s: %w", p.name, err)
	}
	return write(archive, fmt.Sprintf("%s/%s:%s", registry, p.name, tag), index)
}
