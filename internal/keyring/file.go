package keyring

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// signingSuffix is added to the path of the key file for the signing key.
const signingSuffix = ".signing"

// Create makes a new keyring and writes its two files, mode 0600, on disk
// before it returns. It never overwrites: losing a key file loses every
// database written with it.
func Create(path string) (*Keyring, error) {
	for _, p := range []string{path, path + signingSuffix} {
		if _, err := os.Lstat(p); !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("create key file %s: it exists: open it, or choose another path", p)
		}
	}
	k, master, signing, err := generate()
	if err != nil {
		return nil, err
	}
	// The master key comes last: where it exists, the signing key does too.
	if err := writeNew(path+signingSuffix, signing); err != nil {
		return nil, err
	}
	if err := writeNew(path, master); err != nil {
		return nil, err
	}
	return k, nil
}

// Open reads a keyring that Create made. Where there is none the error is
// [fs.ErrNotExist].
func Open(path string) (*Keyring, error) {
	master, err := readPrivate(path)
	if err != nil {
		return nil, err
	}
	signing, err := readPrivate(path + signingSuffix)
	if err != nil {
		return nil, err
	}
	k, err := load(master, signing)
	if err != nil {
		return nil, fmt.Errorf("open key file %s: %v", path, err)
	}
	return k, nil
}

// readPrivate reads a regular file that only its owner can read.
func readPrivate(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("open key file %s: not a regular file", path)
	}
	if m := info.Mode().Perm(); m&0o077 != 0 {
		return nil, fmt.Errorf("open key file %s: mode %04o lets others read it: chmod 600 it", path, m)
	}
	b := make([]byte, info.Size())
	if _, err := f.ReadAt(b, 0); err != nil && len(b) > 0 {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	return b, nil
}

// writeNew writes a file that must not exist and flushes it and its folder.
func writeNew(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("create key file: %w", err)
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("create key file: %w", err)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("create key file: %w", err)
	}
	defer dir.Close()
	return dir.Sync()
}
