package filedir_test

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"countersign/adapters"
	"countersign/adapters/adaptertest"
	"countersign/adapters/filedir"
	"countersign/review"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var destination = review.Destination{ID: "files", Name: "Files", Adapter: "filedir", Mode: review.ModeSimulated, RepeatSafe: true}

func TestConformance(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, func(t *testing.T, log *slog.Logger) *adaptertest.Harness {
		a, dir := setup(t, log)
		missing, err := filedir.New(filepath.Join(dir, "not-there"), log)
		if err != nil {
			t.Fatal(err)
		}
		refuse := false
		return &adaptertest.Harness{
			Adapter: a, Destination: destination, Unreachable: missing,
			Prepare: func(d *review.Document) {
				if refuse {
					write(t, filepath.Join(dir, d.DocumentNumber+"-r2.txt"), other)
				}
			},
			Received: func() []adaptertest.Received { return received(t, dir) },
			Faults: map[adaptertest.Fault]func(){
				adaptertest.FaultRefuse: func() { refuse = true },
				adaptertest.FaultEdit: func() {
					for _, name := range glob(t, dir, "*.txt") {
						write(t, name, strings.Replace(read(t, name), "650 mg", "950 mg", 1))
					}
				},
			},
		}
	})
}

// other is a file that somebody else put under a document's name.
const other = "another document"

func TestFiles(t *testing.T) {
	t.Parallel()

	t.Run("names hold no PHI and rights are the owner's", func(t *testing.T) {
		t.Parallel()
		a, dir := setup(t, quiet())
		d := adaptertest.Document(t, destination)
		must(t, a, d)
		var names []string
		for _, name := range glob(t, dir, "*") {
			info, err := os.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %o, want 600", info.Name(), info.Mode().Perm())
			}
			names = append(names, info.Name())
		}
		want := []string{d.DocumentNumber + "-r2.json", d.DocumentNumber + "-r2.txt"}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("files (-want +got):\n%s", diff)
		}
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("directory has mode %o, want 700 (%v)", info.Mode().Perm(), err)
		}
	})

	t.Run("envelope names the patient and no other destination's ids", func(t *testing.T) {
		t.Parallel()
		a, dir := setup(t, quiet())
		d := adaptertest.Document(t, destination)
		d.Patient.Identifiers = append(d.Patient.Identifiers, review.Identifier{Type: "FHIR", Value: "secret-elsewhere", Destination: "epic"})
		must(t, a, d)
		text := read(t, filepath.Join(dir, d.DocumentNumber+"-r2.json"))
		var e struct {
			DocumentNumber string        `json:"document_number"`
			TextSHA256     review.Digest `json:"text_sha256"`
			Patient        struct{ Family string }
			Signatures     []struct{ Name, NPI, Meaning string }
		}
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Fatal(err)
		}
		if e.DocumentNumber != d.DocumentNumber || e.TextSHA256 != d.Rendering.SHA256 || e.Patient.Family != adaptertest.PatientFamily {
			t.Errorf("envelope = %+v", e)
		}
		if len(e.Signatures) != 2 || e.Signatures[1].NPI != adaptertest.CoSignerNPI {
			t.Errorf("signatures = %+v, want both, with the co-signer's NPI", e.Signatures)
		}
		if strings.Contains(text, "secret-elsewhere") {
			t.Error("the envelope holds another destination's identifier")
		}
	})

	t.Run("other content under the name is refused and kept", func(t *testing.T) {
		t.Parallel()
		a, dir := setup(t, quiet())
		d := adaptertest.Document(t, destination)
		name := filepath.Join(dir, d.DocumentNumber+"-r2.txt")
		write(t, name, other)
		_, err := a.WriteBack(t.Context(), d)
		var p *adapters.PermanentError
		if !errors.As(err, &p) || p.Code != "exists_with_other_content" {
			t.Errorf("WriteBack: %v, want exists_with_other_content", err)
		}
		if got := read(t, name); got != other {
			t.Errorf("the file was changed to %q", got)
		}
		if _, found, err := a.Find(t.Context(), d); found || err != nil {
			t.Errorf("Find = %v, %v, want not found", found, err)
		}
	})

	t.Run("envelope of a dead attempt is made anew", func(t *testing.T) {
		t.Parallel()
		a, dir := setup(t, quiet())
		d := adaptertest.Document(t, destination)
		write(t, filepath.Join(dir, d.DocumentNumber+"-r2.json"), "{}")
		must(t, a, d)
		if got := read(t, filepath.Join(dir, d.DocumentNumber+"-r2.json")); got == "{}" {
			t.Error("the old envelope is still there")
		}
	})

	t.Run("changed envelope of a written document is refused", func(t *testing.T) {
		t.Parallel()
		a, _ := setup(t, quiet())
		d := adaptertest.Document(t, destination)
		must(t, a, d)
		d.Patient.Family = "Somebodyelse"
		if _, err := a.WriteBack(t.Context(), d); adapters.CodeOf(err) != "exists_with_other_content" {
			t.Errorf("WriteBack: %v, want exists_with_other_content", err)
		}
	})

	t.Run("document number that could leave the directory is refused", func(t *testing.T) {
		t.Parallel()
		a, _ := setup(t, quiet())
		for _, n := range []string{"", "../../../../etc/passwd", "aaaabbbbccccddddeeeeffff22", "AAAABBBBCCCCDDDDEEEEFFFF2/", strings.Repeat("A", 25) + "\x00"} {
			d := adaptertest.Document(t, destination)
			d.DocumentNumber = n
			if _, err := a.WriteBack(t.Context(), d); adapters.CodeOf(err) != "document_number" {
				t.Errorf("WriteBack of %q: %v, want document_number", n, err)
			}
		}
	})

	t.Run("many writers of one document leave one", func(t *testing.T) {
		t.Parallel()
		a, dir := setup(t, quiet())
		d := adaptertest.Document(t, destination)
		place := func() {
			if _, err := a.WriteBack(t.Context(), d); err != nil && adapters.CodeOf(err) != "directory_missing" {
				t.Errorf("WriteBack: %v", err)
			}
		}
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(place)
		}
		wg.Wait()
		place()
		if got := glob(t, dir, "*"); len(got) != 2 {
			t.Errorf("the directory holds %d files, want 2: temporary files must not stay", len(got))
		}
		if got := received(t, dir); len(got) != 1 || string(got[0].Text) != string(d.Rendering.Body) {
			t.Errorf("received = %v", got)
		}
	})

	t.Run("temporary files of a crash are removed at start, younger ones kept", func(t *testing.T) {
		t.Parallel()
		_, dir := setup(t, quiet())
		old, young := filepath.Join(dir, ".X.txt.1.tmp"), filepath.Join(dir, ".Y.txt.2.tmp")
		write(t, old, "x")
		write(t, young, "y")
		long := time.Now().Add(-2 * time.Hour)
		if err := os.Chtimes(old, long, long); err != nil {
			t.Fatal(err)
		}
		if err := filedir.Prepare(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(old); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("old temporary file: %v, want it gone", err)
		}
		if _, err := os.Stat(young); err != nil {
			t.Errorf("young temporary file: %v", err)
		}
	})
}

func setup(t *testing.T, log *slog.Logger) (*filedir.Adapter, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "out")
	if err := filedir.Prepare(dir); err != nil {
		t.Fatal(err)
	}
	a, err := filedir.New(dir, log)
	if err != nil {
		t.Fatal(err)
	}
	return a, dir
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func must(t *testing.T, a *filedir.Adapter, d review.Document) {
	t.Helper()
	if _, err := a.WriteBack(t.Context(), d); err != nil {
		t.Fatalf("WriteBack: %v", err)
	}
}

// received lists what a reader of the directory takes.
func received(t *testing.T, dir string) []adaptertest.Received {
	var out []adaptertest.Received
	for _, name := range glob(t, dir, "*.txt") {
		text := read(t, name)
		if text == other {
			continue
		}
		var e struct {
			DocumentNumber string `json:"document_number"`
		}
		if err := json.Unmarshal([]byte(read(t, strings.TrimSuffix(name, ".txt")+".json")), &e); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		out = append(out, adaptertest.Received{Text: []byte(text), DocumentNumber: e.DocumentNumber})
	}
	return out
}

func glob(t *testing.T, dir, pattern string) []string {
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func read(t *testing.T, name string) string {
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func write(t *testing.T, name, text string) {
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
