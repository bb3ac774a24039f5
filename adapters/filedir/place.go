package filedir

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"countersign/adapters"
)

const tempEnding = ".tmp"

// place puts a file under its name, whole and on disk, or not at all: a
// temporary file, fsync, a hard link to the name (which, unlike a rename,
// never replaces a file), fsync of the directory. A file of the same content
// that is already there is a success.
func place(dir *os.Root, name string, body []byte) error {
	if done, err := present(dir, name, body); done || err != nil {
		return err
	}
	tmp := "." + name + "." + rand.Text() + tempEnding
	if err := writeTemp(dir, tmp, body); err != nil {
		_ = dir.Remove(tmp)
		return notArrived(err)
	}
	defer func() { _ = dir.Remove(tmp) }()
	if done, err := link(dir, tmp, name, body); done || err != nil {
		return err
	}
	if err := syncDir(dir); err != nil {
		return adapters.Unknown("fsync") // the name is there, and may not survive a crash
	}
	return nil
}

// linkTries bounds the race with another writer of the same document, whose
// dropOrphan may take a name away that was there a moment ago.
const linkTries = 10

// link gives the temporary file its name. done says that the name was there
// already, with this content.
func link(dir *os.Root, tmp, name string, body []byte) (done bool, err error) {
	for range linkTries {
		if err = dir.Link(tmp, name); !errors.Is(err, fs.ErrExist) {
			break
		}
		// Another process was faster; unless the name has gone again.
		if done, err := present(dir, name, body); done || err != nil {
			return done, err
		}
	}
	if err != nil {
		return false, notArrived(err)
	}
	return false, nil
}

// dropOrphan removes an envelope whose text is not there: an attempt died
// between the two, and the envelope may have been resolved anew since.
func dropOrphan(dir *os.Root, name string) error {
	_, err := dir.Lstat(name + ".txt")
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return nil // place looks at it
	}
	if err := dir.Remove(name + ".json"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return notArrived(err)
	}
	return nil
}

// present reports whether the file is there with this content. Another
// content is refused for good.
func present(dir *os.Root, name string, body []byte) (bool, error) {
	have, err := readFile(dir, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, notArrived(err)
	case !bytes.Equal(have, body):
		return false, adapters.Permanent("exists_with_other_content",
			"the directory holds another document under this number: a person must compare them and move the old one away")
	}
	// Whoever wrote it may have died before it was on disk.
	if err := syncDir(dir); err != nil {
		return false, adapters.Unknown("fsync")
	}
	return true, nil
}

func writeTemp(dir *os.Root, name string, body []byte) error {
	f, err := dir.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(body)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncDir(dir *os.Root) error {
	f, err := dir.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// removeTemps removes temporary files that were last written before a time.
func removeTemps(dir string, before time.Time) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("filedir: read directory: %w", err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || !strings.HasPrefix(e.Name(), ".") || !strings.HasSuffix(e.Name(), tempEnding) {
			continue
		}
		if info.ModTime().Before(before) {
			_ = os.Remove(filepath.Join(dir, e.Name())) // the next start tries again
		}
	}
	return nil
}
