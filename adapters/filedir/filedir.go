package filedir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"time"

	"countersign/adapters"
	"countersign/review"
)

// MaxBytes is the largest rendering that is written: 16 MiB.
const MaxBytes = 16 << 20

// Adapter writes to one directory. It is safe for concurrent use, and for use
// beside other processes that write to the directory.
type Adapter struct {
	dir string
	log *slog.Logger
}

var (
	_ adapters.Adapter  = (*Adapter)(nil)
	_ adapters.Finder   = (*Adapter)(nil)
	_ adapters.Verifier = (*Adapter)(nil)
)

// New returns an adapter for an existing directory. It does not touch it.
func New(dir string, log *slog.Logger) (*Adapter, error) {
	if dir == "" {
		return nil, errors.New("filedir: directory is missing: name an existing directory")
	}
	return &Adapter{dir: dir, log: log}, nil
}

// Prepare makes the directory with mode 0700 where it is not there, and
// removes temporary files that a crash left behind more than an hour ago.
func Prepare(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("filedir: make directory: %w", err)
	}
	return removeTemps(dir, time.Now().Add(-time.Hour))
}

// Profile implements [adapters.Adapter].
func (a *Adapter) Profile() adapters.Profile {
	return adapters.Profile{
		Formats: []string{review.FormatText},
		Actions: []review.WriteAction{review.WriteCreate},
		Marks: []review.Confidentiality{
			review.ConfidentialityUsual, review.ConfidentialityRestricted, review.ConfidentialityVeryRestricted,
		},
		MaxBytes:        MaxBytes,
		KeepsIdentifier: true,
		SafeCreate:      true, // see place: a link to a name that is taken fails
	}
}

// WriteBack implements [adapters.Adapter]. The receipt names the text file
// and the hash of what was read back from it.
func (a *Adapter) WriteBack(ctx context.Context, d review.Document) (review.Receipt, error) {
	if err := adapters.Check(a.Profile(), d); err != nil {
		return review.Receipt{}, err
	}
	name, err := fileName(d)
	if err != nil {
		return review.Receipt{}, err
	}
	envelope, err := sidecar(d, name)
	if err != nil {
		return review.Receipt{}, err
	}
	if ctx.Err() != nil {
		return review.Receipt{}, adapters.NotArrived("cancelled")
	}
	dir, err := os.OpenRoot(a.dir)
	if err != nil {
		return review.Receipt{}, notArrived(err)
	}
	defer dir.Close()
	// The text is the document: whoever sees it must find its envelope there.
	if err := dropOrphan(dir, name); err != nil {
		return review.Receipt{}, err
	}
	if err := place(dir, name+".json", envelope); err != nil {
		return review.Receipt{}, err
	}
	if err := place(dir, name+".txt", d.Rendering.Body); err != nil {
		return review.Receipt{}, err
	}
	r, err := receipt(dir, name+".txt")
	if err != nil {
		return review.Receipt{}, adapters.Unknown("read_back")
	}
	a.log.DebugContext(ctx, "filedir: written", "file", name+".txt", "bytes", len(d.Rendering.Body))
	return r, nil
}

// Find implements [adapters.Finder]. A file with other content under the
// document's name is not the document.
func (a *Adapter) Find(ctx context.Context, d review.Document) (review.Receipt, bool, error) {
	body, r, err := a.read(ctx, d)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return review.Receipt{}, false, nil
	case err != nil:
		return review.Receipt{}, false, err
	}
	return r, bytes.Equal(body, d.Rendering.Body), nil
}

// Verify implements [adapters.Verifier]. Files are compared byte for byte; a
// file that is gone is a mismatch.
func (a *Adapter) Verify(ctx context.Context, d review.Document, _ review.Receipt) (review.Verification, error) {
	body, _, err := a.read(ctx, d)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return review.VerificationMismatch, nil
	case err != nil:
		return review.VerificationNone, err
	case bytes.Equal(body, d.Rendering.Body):
		return review.VerificationVerified, nil
	case bytes.Contains(body, []byte(d.DocumentNumber)):
		return review.VerificationEdited, nil
	}
	return review.VerificationMismatch, nil
}

// read returns the text file of d. fs.ErrNotExist means that the directory is
// there and the file is not.
func (a *Adapter) read(ctx context.Context, d review.Document) ([]byte, review.Receipt, error) {
	name, err := fileName(d)
	if err != nil {
		return nil, review.Receipt{}, err
	}
	if ctx.Err() != nil {
		return nil, review.Receipt{}, adapters.NotArrived("cancelled")
	}
	dir, err := os.OpenRoot(a.dir)
	if err != nil {
		return nil, review.Receipt{}, notArrived(err)
	}
	defer dir.Close()
	r, err := receipt(dir, name+".txt")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, review.Receipt{}, fs.ErrNotExist
	}
	if err != nil {
		return nil, review.Receipt{}, notArrived(err)
	}
	body, err := readFile(dir, name+".txt")
	if err != nil {
		return nil, review.Receipt{}, notArrived(err)
	}
	return body, r, nil
}

// fileName is the name without its ending. The document number is the only
// part that comes from outside, and can hold letters and digits only.
func fileName(d review.Document) (string, error) {
	if !review.ValidID(strings.ToLower(d.DocumentNumber)) || d.DocumentNumber != strings.ToUpper(d.DocumentNumber) {
		return "", adapters.Permanent("document_number", "the document number is not 26 characters of A-Z and 2-7")
	}
	return fmt.Sprintf("%s-r%d", d.DocumentNumber, d.Revision), nil
}

// receipt is made from the file itself: its time, and the hash of its bytes.
func receipt(dir *os.Root, name string) (review.Receipt, error) {
	body, err := readFile(dir, name)
	if err != nil {
		return review.Receipt{}, err
	}
	info, err := dir.Stat(name)
	if err != nil {
		return review.Receipt{}, err
	}
	return review.Receipt{ResourceID: name, At: info.ModTime().UTC().Truncate(time.Microsecond), WrittenSHA256: review.DigestOf(body)}, nil
}

// readFile reads a file of ours; one that is larger than we write is cut, and
// so never equal to a document.
func readFile(dir *os.Root, name string) ([]byte, error) {
	f, err := dir.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxBytes+1))
}

// notArrived gives an error of the file system a code. Its text is dropped:
// it holds the path.
func notArrived(err error) error {
	code := "io_error"
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		code = "disk_full"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		code = "permission_denied"
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		code = "directory_missing"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		code = "too_many_open_files"
	}
	return adapters.NotArrived(code)
}
