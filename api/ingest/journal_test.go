package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"countersign/internal/keyring"
	"countersign/review"
	"countersign/review/sqlstore"

	countersignpb "countersign/proto/countersign/v1"

	"github.com/google/go-cmp/cmp"
)

// silent publishes nothing: no draft is made in these tests.
type silent struct{}

func (silent) PublishDraft(context.Context, review.NoteID) error     { return nil }
func (silent) PublishWriteBack(context.Context, review.NoteID) error { return nil }
func (silent) NoteChanged(review.NoteID)                             {}
func (silent) WriteBackChanged(review.WriteBackID)                   {}

// journal is the real domain over SQLite.
func journal(t testing.TB) *review.Service {
	t.Helper()
	keys, err := keyring.NewInMemory()
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlstore.Open(t.Context(), sqlstore.Options{
		Driver: sqlstore.SQLite, Path: filepath.Join(t.TempDir(), "journal.db"), EnvironmentID: "test", Sealer: keys,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	// Grounder, planner and signer have no part in ingest.
	s := review.New(review.Dependencies{
		Store: store, Work: silent{}, Clock: review.SystemClock{}, Log: slog.New(slog.DiscardHandler), Lease: review.NewLease(time.Minute, true),
	}, review.Options{})
	err = s.Configure(t.Context(), []review.Site{{ID: "clinic", Name: "Clinic", Policy: review.Policy{Version: 1}}},
		[]review.Practitioner{{ID: "dr-demo", SiteID: "clinic", Family: "Demo", Given: "Dana", Credential: "MD", Roles: []review.PractitionerRole{review.RoleAttending}}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The process of the device is killed mid-visit, twice, and comes back.
func TestJournalKilledAndResumed(t *testing.T) {
	t.Parallel()
	s := journal(t)
	cc, _ := setup(t, s, Options{Window: 8})
	state := filepath.Join(t.TempDir(), "state")
	us := said(60)
	for _, at := range []int64{10, 35} {
		ctx, kill := context.WithCancel(t.Context())
		_, err := NewClient(cc).Stream(ctx, visit("v"), us, StreamOptions{StateFile: state, OnAck: func(n int64) {
			if n >= at {
				kill()
			}
		}})
		kill()
		if err == nil {
			t.Fatal("not killed")
		}
	}
	r, err := NewClient(cc).Stream(t.Context(), visit("v"), us, StreamOptions{StateFile: state})
	if err != nil || len(r.NoteIDs) != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	conv, err := s.DraftInput(t.Context(), r.NoteIDs[0])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(us, conv.Transcript.Streams[0].Utterances, cmp.Comparer(func(a, b review.ClinicalText) bool { return a == b })); diff != "" {
		t.Errorf("stored differs (-want +got):\n%s", diff)
	}
}

func TestJournalRefuses(t *testing.T) {
	t.Parallel()
	cc, _ := setup(t, journal(t), Options{})
	for name, c := range map[string]struct {
		change func(*Visit)
		want   countersignpb.RefusedReason
	}{
		"UnknownSite":   {func(v *Visit) { v.SiteID = "elsewhere" }, countersignpb.RefusedReason_REFUSED_REASON_UNKNOWN_SITE},
		"UnknownPerson": {func(v *Visit) { v.PractitionerID = "nobody" }, countersignpb.RefusedReason_REFUSED_REASON_UNKNOWN_PRACTITIONER},
		"NoConsent":     {func(v *Visit) { v.Consent = nil }, countersignpb.RefusedReason_REFUSED_REASON_CONSENT_MISSING},
	} {
		t.Run(name, func(t *testing.T) {
			v := visit(name)
			c.change(&v)
			d := call(t, t.Context(), cc)
			d.start(startOf(v))
			d.refused(c.want)
		})
	}
	t.Run("OldConnectionShutOut", func(t *testing.T) {
		there, _ := setup(t, journal(t), Options{})
		old, s := started(t, there, "two")
		fresh := call(t, t.Context(), there)
		fresh.start(resumeOf(visit("two"), s, 0))
		fresh.recv()
		old.refused(countersignpb.RefusedReason_REFUSED_REASON_STREAM_TAKEN_OVER)
		fresh.say(said(2)...)
		fresh.acked(2)
	})
	t.Run("EndedAgain", func(t *testing.T) {
		d, s := started(t, cc, "ended")
		d.say(said(2)...)
		d.acked(2)
		d.end(2)
		notes := d.recv().GetEnded().GetNoteIds()
		back := call(t, t.Context(), cc)
		back.start(resumeOf(visit("ended"), s, 2))
		m := back.recv()
		if m.GetStarted() != nil {
			back.end(2)
			m = back.recv()
		}
		if diff := cmp.Diff(notes, m.GetEnded().GetNoteIds()); diff != "" || len(notes) != 1 {
			t.Errorf("Ended again differs (-want +got):\n%s", diff)
		}
	})
	t.Run("Cancelled", func(t *testing.T) {
		d, _ := started(t, cc, "cancelled")
		d.say(said(1)...)
		d.acked(1)
		d.send(&countersignpb.StreamUtterancesRequest{Event: &countersignpb.StreamUtterancesRequest_Cancel{
			Cancel: &countersignpb.Cancel{Reason: countersignpb.CancelReason_CANCEL_REASON_CONSENT_WITHDRAWN},
		}})
		if e := d.recv().GetEnded(); !e.GetCancelled() || len(e.GetNoteIds()) != 0 {
			t.Errorf("%v, want cancelled without a note", e)
		}
	})
}

func TestJournalManyStreams(t *testing.T) {
	t.Parallel()
	s := journal(t)
	cc, _ := setup(t, s, Options{})
	const streams, each = 40, 20
	var wg sync.WaitGroup
	for i := range streams {
		wg.Go(func() {
			v := visit(fmt.Sprintf("v%d", i))
			v.Encounter.Identifiers[0].Value = v.RecordingID
			r, err := NewClient(cc).Stream(t.Context(), v, said(each), StreamOptions{MaxAttempts: 3})
			if err != nil || r.Through != each || len(r.NoteIDs) != 1 {
				t.Errorf("%+v %v", r, err)
			}
		})
	}
	wg.Wait()
}
