package adaptertest

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/adapters"
	"countersign/review"
)

// patience bounds one call in a test. It is far above what any call takes:
// reaching it means that something hangs.
const patience = 30 * time.Second

// Run runs every case on harnesses that mk makes, one each, in parallel.
func Run(t *testing.T, mk Make) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, mk)
			c.run(t, b)
			b.noPHI(t)
		})
	}
}

var cases = []struct {
	name string
	run  func(*testing.T, *bench)
}{
	{"profile is usable before a signature", testProfile},
	{"create writes exactly the stored rendering", testCreate},
	{"create arrives with its document number", testDocumentNumber},
	{"large note arrives whole", testLarge},
	{"note above the size limit is refused", testTooLarge},
	{"rendering that was changed is refused", testTampered},
	{"action that is not in the profile is refused", testAction},
	{"patient unknown at the destination is refused", testNoPatient},
	{"any statement text arrives exactly", testHostileStatements},
	{"any stored bytes arrive exactly or are refused", testHostileBytes},
	{"different families may be written at once", testConcurrent},
	{"refusal is permanent", testRefuse},
	{"busy says not arrived and when to come back", testBusy},
	{"connection lost after sending is unknown and can be found", testDrop},
	{"silence is unknown at the deadline", testSilent},
	{"unreachable destination is not arrived", testUnreachable},
	{"cancelled before the start sends nothing", testCancelled},
	{"host that is not loopback is refused", testRemote},
	{"find tells what is not there", testFindAbsent},
	{"find that cannot ask is an error", testFindUnreachable},
	{"find of something written brings its receipt", testFind},
	{"read back as written is verified", testVerify},
	{"read back after an edit is not verified", testVerifyEdited},
	{"repeat at a repeat-safe destination is one document", testRepeat},
}

// bench is one harness with the log and errors of its adapter.
type bench struct {
	*Harness
	log syncBuffer
	mu  sync.Mutex
	err []error
}

func setup(t *testing.T, mk Make) *bench {
	t.Helper()
	b := &bench{}
	b.Harness = mk(t, slog.New(slog.NewTextHandler(&b.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if b.Adapter == nil || b.Received == nil || b.Destination.ID == "" {
		t.Fatal("harness: Adapter, Received and Destination.ID are required")
	}
	return b
}

// document makes and prepares a document.
func (b *bench) document(t *testing.T) review.Document {
	t.Helper()
	return b.prepare(Document(t, b.Destination))
}

func (b *bench) prepare(d review.Document) review.Document {
	if b.Prepare != nil {
		b.Prepare(&d)
	}
	return d
}

// write makes one attempt and remembers the error for noPHI.
func (b *bench) write(a adapters.Adapter, ctx context.Context, d review.Document) (review.Receipt, error) {
	r, err := a.WriteBack(ctx, d)
	b.keep(err)
	return r, err
}

func (b *bench) keep(err error) {
	if err != nil {
		b.mu.Lock()
		b.err = append(b.err, err)
		b.mu.Unlock()
	}
}

// mustWrite writes d without a fault.
func (b *bench) mustWrite(t *testing.T, d review.Document) review.Receipt {
	t.Helper()
	r, err := b.write(b.Adapter, deadline(t, patience), d)
	if err != nil {
		t.Fatalf("WriteBack: %v", err)
	}
	return r
}

// fault turns a fault on, or skips the case.
func (b *bench) fault(t *testing.T, f Fault) {
	t.Helper()
	on := b.Faults[f]
	if on == nil {
		t.Skipf("this destination cannot do %q", f)
	}
	on()
}

// finder returns the adapter as a Finder, or skips the case.
func (b *bench) finder(t *testing.T) adapters.Finder {
	t.Helper()
	f, ok := b.Adapter.(adapters.Finder)
	if !ok {
		t.Skip("the adapter is not a Finder")
	}
	return f
}

// mustHold checks that the destination holds exactly these documents' bytes,
// in any order.
func (b *bench) mustHold(t *testing.T, want ...review.Document) {
	t.Helper()
	got := b.Received()
	if len(got) != len(want) {
		t.Fatalf("the destination holds %d documents, want %d", len(got), len(want))
	}
	for _, d := range want {
		found := false
		for _, r := range got {
			found = found || bytes.Equal(r.Text, d.Rendering.Body)
		}
		if !found {
			t.Errorf("the destination does not hold the rendering of %s byte for byte; it holds:\n%q\nwant:\n%q", d.DocumentNumber, got[0].Text, d.Rendering.Body)
		}
	}
}

// noPHI searches errors and the log for the patient and for the note.
func (b *bench) noPHI(t *testing.T) {
	t.Helper()
	secrets := []string{
		PatientFamily, PatientGiven, PatientBirthDate, strings.ReplaceAll(PatientBirthDate, "-", ""), MRN, VisitNumber,
		PatientFHIR, EncounterFHIR, "knee pain", "Acetaminophen", "lisinopril",
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var said strings.Builder
	said.WriteString(b.log.String())
	for _, err := range b.err {
		for e := err; e != nil; e = errors.Unwrap(e) {
			said.WriteString("\n" + e.Error())
		}
		said.WriteString("\n" + adapters.CodeOf(err))
	}
	for _, s := range secrets {
		if strings.Contains(strings.ToLower(said.String()), strings.ToLower(s)) {
			t.Errorf("an error or log line holds %q:\n%s", s, said.String())
		}
	}
}

func deadline(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// notArrived reports whether the error says that the document certainly did
// not arrive and may be sent again.
func notArrived(err error) bool {
	var p *adapters.PermanentError
	var c *adapters.CommittedError
	return err != nil && !errors.Is(err, adapters.ErrUnknownOutcome) && !errors.As(err, &p) && !errors.As(err, &c)
}

func permanent(err error) bool {
	var p *adapters.PermanentError
	return errors.As(err, &p)
}

type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
