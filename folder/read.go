package folder

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"fairlead.dev/fairlead/fleet"
)

// source is what one sub-folder holds.
type source struct {
	name     string
	objects  []Object
	broken   []remains
	vanished bool
}

// remains is what is known of an object whose text is broken.
type remains struct {
	id  string
	ref fleet.Ref
}

// Read reads a clusterset from a folder (os.DirFS of its path). It never fails: what cannot be read is a problem, sorted by place,
// and the rest is in the set. Equal files give equal answers.
func Read(fsys fs.FS) (*Set, []Problem) {
	return new(reader).read(fsys)
}

// reader reads the same folder again and again, and parses only what has changed.
type reader struct {
	files map[string]file
}

// file is what was read of one file.
type file struct {
	sum     [sha256.Size]byte
	empty   bool
	entries []entry
}

func (r *reader) read(fsys fs.FS) (*Set, []Problem) {
	set := r.scan(fsys)
	problems := set.assemble(nil)
	return set, problems
}

// scan reads all files into a set that is not assembled yet.
func (r *reader) scan(fsys fs.FS) *Set {
	set := &Set{}
	seen := map[string]file{}
	top, err := fs.ReadDir(fsys, ".")
	if err != nil {
		set.complain("", ".", "cannot be read: %v", err)
	}
	for _, e := range top {
		switch name := e.Name(); {
		case hidden(name):
		case isFolder(fsys, e):
			if s := r.folder(fsys, name, set, seen); len(s.objects)+len(s.broken) > 0 {
				set.folders = append(set.folders, s)
			}
		case isManifest(name):
			set.complain("", name, "stands outside of every cluster: move it into a sub-folder, one for each cluster")
		}
	}
	if len(set.folders) == 0 {
		set.complain("", ".", "holds no cluster: make a sub-folder for each cluster and put its manifests there")
	}
	r.files = seen
	return set
}

func (s *Set) complain(folder, file, format string, args ...any) {
	s.found = append(s.found, Problem{Folder: folder, File: file, Message: fmt.Sprintf(format, args...)})
}

// folder reads one sub-folder.
func (r *reader) folder(fsys fs.FS, name string, set *Set, seen map[string]file) *source {
	s := &source{name: name}
	first := map[fleet.Ref]Object{}
	_ = fs.WalkDir(fsys, name, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			set.complain(name, p, "cannot be read: %v", err)
			for below, f := range r.files {
				if strings.HasPrefix(below, p+"/") {
					s.keepAll(f, below)
					seen[below] = f
				}
			}
		case p != name && hidden(d.Name()) && d.IsDir():
			return fs.SkipDir
		case d.IsDir() || hidden(d.Name()) || !isManifest(d.Name()):
		default:
			f, err := r.file(fsys, p)
			seen[p] = f
			if err != nil {
				set.complain(name, p, "cannot be read: %v", err)
				s.keepAll(f, p)
				return nil
			}
			for _, e := range f.entries {
				s.take(e, p, set, first)
			}
		}
		return nil
	})
	slices.SortStableFunc(s.objects, Object.compare)
	return s
}

// keepAll marks everything in a file that cannot be read as broken, so that its last state is kept.
func (s *source) keepAll(f file, path string) {
	for _, e := range f.entries {
		s.broken = append(s.broken, remains{e.id, e.ref})
	}
	if len(f.entries) == 0 {
		s.broken = append(s.broken, remains{id: path + "#0"})
	}
}

// take adds an entry to the folder; of two objects with one name the first one counts.
func (s *source) take(e entry, path string, set *Set, first map[fleet.Ref]Object) {
	set.found = append(set.found, e.problems...)
	if e.object == nil {
		s.broken = append(s.broken, remains{e.id, e.ref})
		return
	}
	o := Object{Manifest: e.object, File: path, Line: e.line, id: e.id, lines: e.lines}
	if f, twice := first[e.ref]; twice {
		set.found = append(set.found, o.problem("", "is in %s already, keep one of them", f.where()))
		return
	}
	first[e.ref] = o
	s.objects = append(s.objects, o)
}

// file reads one file, or returns what was read before where it has not changed.
func (r *reader) file(fsys fs.FS, p string) (file, error) {
	text, err := fs.ReadFile(fsys, p)
	if err != nil {
		return r.files[p], err
	}
	sum := sha256.Sum256(text)
	if f, ok := r.files[p]; ok && f.sum == sum {
		return f, nil
	}
	return file{sum: sum, empty: len(strings.TrimSpace(string(text))) == 0, entries: parse(p, text)}, nil
}

// emptied returns the files that held manifests in the last scan but one and do not any more: editors leave a file empty, or
// away, for a moment while they write it.
func emptied(before, now map[string]file) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(before)), func(p string) bool {
		f, ok := now[p]
		return len(before[p].entries) == 0 || ok && !f.empty
	})
}

func isManifest(name string) bool {
	switch path.Ext(name) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}

// hidden says whether a file is none of the user's manifests: dot files, and what editors leave beside the file that is edited.
func hidden(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "#") || strings.HasSuffix(name, "~")
}

func isFolder(fsys fs.FS, e fs.DirEntry) bool {
	if e.Type()&fs.ModeSymlink != 0 {
		info, err := fs.Stat(fsys, e.Name())
		return err == nil && info.IsDir()
	}
	return e.IsDir()
}
