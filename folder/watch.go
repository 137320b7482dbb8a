package folder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

// A change is looked at once nothing more has happened for the settling time, or at the latest after the patience. A file that is
// empty or away is looked at once more after the doubt: editors empty and rename files while they write.
const (
	settling = 20 * time.Millisecond
	patience = 80 * time.Millisecond
	doubt    = 60 * time.Millisecond
)

// Watch reads the folder, calls changed with what it found, and calls it again whenever that becomes something else, until ctx is
// done. Each set is merged with the one before (Merge); objects in files that did not change are the same pointers. It calls from one
// goroutine, its own caller's, and returns an error only where the folder cannot be watched.
func Watch(ctx context.Context, dir string, changed func(*Set, []Problem)) error {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch %s: %w", dir, err)
	}
	defer notify.Close()
	w := &watcher{dir: dir, fsys: os.DirFS(dir), notify: notify, changed: changed}
	if err := notify.Add(dir); err != nil {
		return fmt.Errorf("watch %s: %w", dir, err)
	}
	if err := w.look(); err != nil {
		return err
	}
	return w.run(ctx)
}

// watcher is the state of one Watch.
type watcher struct {
	dir     string
	fsys    fs.FS
	notify  *fsnotify.Watcher
	changed func(*Set, []Problem)

	reader   reader
	set      *Set
	problems []Problem
	doubted  bool      // something was missing at the last look
	since    time.Time // the first change that was not looked at yet
}

func (w *watcher) run(ctx context.Context) error {
	timer := time.NewTimer(doubt)
	defer timer.Stop()
	if !w.doubted {
		timer.Stop()
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-w.notify.Events:
			if !ok {
				return fmt.Errorf("watch %s: the watch was closed", w.dir)
			}
			if e.Op != fsnotify.Chmod && !hidden(path.Base(filepath.ToSlash(e.Name))) {
				timer.Reset(w.wait())
			}
		case err := <-w.notify.Errors:
			// Events were lost; what is there now is what counts.
			if !errors.Is(err, fsnotify.ErrEventOverflow) && err != nil {
				return fmt.Errorf("watch %s: %w", w.dir, err)
			}
			timer.Reset(w.wait())
		case <-timer.C:
			if err := w.look(); err != nil {
				return err
			}
			if w.doubted {
				timer.Reset(doubt)
			}
		}
	}
}

// wait returns how long the change that was just told of may settle.
func (w *watcher) wait() time.Duration {
	if w.since.IsZero() {
		w.since = time.Now()
	}
	return max(min(settling, patience-time.Since(w.since)), 0)
}

// look reads the folder and tells what has changed.
func (w *watcher) look() error {
	w.since = time.Time{}
	// Watch first, read after: what changes in between is told of.
	if err := w.watchAll(); err != nil {
		return err
	}
	before := w.reader.files
	next := w.reader.scan(w.fsys)
	if !w.doubted && len(emptied(before, w.reader.files)) > 0 {
		w.doubted, w.reader.files = true, before
		return nil
	}
	w.doubted = false
	set, problems := Merge(w.set, next)
	if w.set != nil && slices.Equal(problems, w.problems) && set.equal(w.set) {
		return nil
	}
	w.set, w.problems = set, problems
	w.changed(set, slices.Clone(problems))
	return nil
}

// watchAll watches every folder below the clusterset's; those that are watched already cost nothing.
func (w *watcher) watchAll() error {
	top, err := fs.ReadDir(w.fsys, ".")
	if err != nil {
		return nil // the whole folder is gone: every cluster is held
	}
	for _, e := range top {
		if hidden(e.Name()) || !isFolder(w.fsys, e) {
			continue
		}
		err := fs.WalkDir(w.fsys, e.Name(), func(p string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return nil // told of by the reading
			case p != e.Name() && !d.IsDir():
				return nil
			case p != e.Name() && hidden(d.Name()):
				return fs.SkipDir
			}
			err = w.notify.Add(filepath.Join(w.dir, filepath.FromSlash(p)))
			if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
				return fmt.Errorf("watch %s: %w", p, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// equal says whether two sets say the same. Objects that were not parsed again are the same pointers.
func (s *Set) equal(o *Set) bool {
	return slices.EqualFunc(s.Clusters, o.Clusters, func(a, b *Cluster) bool {
		return a.Folder == b.Folder && a.Name == b.Name && a.Address == b.Address && a.Vanished == b.Vanished &&
			slices.EqualFunc(a.Objects, b.Objects, func(x, y Object) bool {
				return x.Manifest == y.Manifest && x.File == y.File && x.Line == y.Line && x.Kept == y.Kept
			})
	})
}
