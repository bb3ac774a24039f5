// Package storetest is the conformance suite of [review.Store]: what a
// journal must do on any database.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) storetest.Harness { … })
//	}
//
// Every subtest asks for a fresh harness and may run beside the others.
// Statements in raw SQL are written once, with $1 placeholders.
package storetest

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"countersign/review"
)

// Store is a journal that can be closed.
type Store interface {
	review.Store
	Close() error
}

// Harness is one fresh database.
type Harness struct {
	// Open returns another store on the database. The suite closes it.
	Open func(t testing.TB) Store
	// Raw reaches the database past the store, with rights to change rows.
	Raw *sql.DB
	// AtRest returns every byte the database keeps: its files, or all text and
	// binary columns of all tables.
	AtRest func(t testing.TB) []byte
}

// KeyDestroyer is what a Tx may implement beside [review.Tx].
type KeyDestroyer interface {
	DestroyKey(owner, class string) error
}

// Run runs the suite.
func Run(t *testing.T, fresh func(t *testing.T) Harness) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, *env)
	}{
		{"SiteRoundTrip", testSite},
		{"PractitionerRoundTrip", testPractitioner},
		{"PatientRoundTrip", testPatient},
		{"FindByIdentifier", testFind},
		{"EncounterRoundTrip", testEncounter},
		{"RecordingRoundTrip", testRecording},
		{"StreamRoundTrip", testStream},
		{"TranscriptRoundTrip", testTranscript},
		{"NoteRoundTrip", testNote},
		{"RevisionRoundTrip", testRevision},
		{"SignatureRoundTrip", testSignature},
		{"RenderingRoundTrip", testRendering},
		{"WriteBackRoundTrip", testWriteBack},
		{"IncarnationRoundTrip", testIncarnation},
		{"NotFound", testNotFound},
		{"NotesFilter", testNotesFilter},
		{"WriteBacksFilter", testWriteBacksFilter},
		{"Owed", testOwed},
		{"ClosureFailsAlone", testClosureFailsAlone},
		{"ClosurePanicsAlone", testClosurePanicsAlone},
		{"ClosureBrokenStaysBroken", testClosureBroken},
		{"ClosureConflictLeavesWhole", testClosureConflictLeavesWhole},
		{"ContextBoundsTheWait", testContext},
		{"OneNow", testOneNow},
		{"ReadIsASnapshot", testSnapshot},
		{"CloseRefusesLaterCalls", testClose},
		{"AuditChain", testAuditChain},
		{"AuditChainNeverForks", testAuditConcurrent},
		{"AuditOppositeOrders", testAuditOpposite},
		{"AuditTamperingIsFound", testAuditTamper},
		{"AppendTwoEpochs", testTwoEpochs},
		{"AppendAgainstModel", testAppendModel},
		{"EndStreamsTogether", testEndStreamsTogether},
		{"NoteStatesInSQL", testNoteStates},
		{"WriteBackStatesInSQL", testWriteBackStates},
		{"ImmutableInSQL", testImmutable},
		{"InvariantsInSQL", testInvariants},
		{"NothingClearAtRest", testAtRest},
		{"SealedInPlace", testSealedInPlace},
		{"KeyDestroyed", testKeyDestroyed},
		{"ReopenKeepsEverything", testReopen},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := fresh(t)
			c.run(t, &env{Harness: h, store: open(t, h)})
		})
	}
}

// env is a harness with one store open.
type env struct {
	Harness
	store Store
}

func open(t testing.TB, h Harness) Store {
	t.Helper()
	s := h.Open(t)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// try runs a closure and returns its error.
func (e *env) try(fn func(review.Tx) error) error {
	return e.store.Write(context.Background(), fn)
}

func (e *env) write(t testing.TB, fn func(review.Tx) error) {
	t.Helper()
	if err := e.try(fn); err != nil {
		t.Fatalf("write: %v", err)
	}
}

func (e *env) read(t testing.TB, fn func(review.Reader) error) {
	t.Helper()
	if err := e.store.Read(context.Background(), fn); err != nil {
		t.Fatalf("read: %v", err)
	}
}

// refused checks that a closure is refused with the kind.
func (e *env) refused(t testing.TB, what string, want *review.Error, fn func(review.Tx) error) {
	t.Helper()
	if err := e.try(fn); !errors.Is(err, want) {
		t.Errorf("%s: got %v (kind %q), want kind %q", what, err, review.KindOf(err), want.Kind)
	}
}

// sql runs a statement past the store.
func (e *env) sql(text string, args ...any) error {
	_, err := e.Raw.Exec(text, args...)
	return err
}

// get reads one value through the store.
func get[T any](t testing.TB, e *env, fn func(review.Reader) (T, error)) T {
	t.Helper()
	var v T
	e.read(t, func(r review.Reader) (err error) {
		v, err = fn(r)
		return err
	})
	return v
}
