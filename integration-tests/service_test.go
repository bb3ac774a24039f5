package integrationtests

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/adapters"
	"countersign/adapters/filedir"
	"countersign/internal/keyring"
	"countersign/internal/pgtest"
	"countersign/notegen/grounding"
	"countersign/review"
	"countersign/review/sqlstore"
)

// system is the service over a real store, without queue and network: tests
// call the workers' use cases themselves.
type system struct {
	*review.Service
	store *sqlstore.Store
	keys  *keyring.Keyring
	work  *recorder
	doc   review.Actor // the attending
	res   review.Actor // the resident
	other review.Actor // another attending
	ops   review.Actor // the operator
}

// recorder is a WorkPublisher that remembers.
type recorder struct {
	mu       sync.Mutex
	drafts   []review.NoteID
	families []review.NoteID
}

func (r *recorder) PublishDraft(_ context.Context, id review.NoteID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drafts = append(r.drafts, id)
	return nil
}

func (r *recorder) PublishWriteBack(_ context.Context, id review.NoteID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.families = append(r.families, id)
	return nil
}

func (r *recorder) NoteChanged(review.NoteID)           {}
func (r *recorder) WriteBackChanged(review.WriteBackID) {}

const site review.SiteID = "site-a"

// onBothDatabases runs a test over SQLite and, where it is installed,
// PostgreSQL.
func onBothDatabases(t *testing.T, f func(t *testing.T, s *system)) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f(t, newSystem(t, sqlstore.Options{Driver: sqlstore.SQLite, Path: filepath.Join(t.TempDir(), "db")}))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		f(t, newSystem(t, sqlstore.Options{Driver: sqlstore.Postgres, DSN: pgtest.Start(t)}))
	})
}

func TestMain(m *testing.M) { pgtest.Main(m) }

func newSystem(t *testing.T, o sqlstore.Options) *system {
	t.Helper()
	keys, err := keyring.NewInMemory()
	if err != nil {
		t.Fatal(err)
	}
	o.Sealer, o.EnvironmentID = keys, "test"
	store, err := sqlstore.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	files, err := filedir.New(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s := &system{store: store, keys: keys, work: &recorder{}}
	s.Service = review.New(review.Dependencies{
		Store: store, Grounder: grounding.Checker{}, Planner: adapters.Planner{Adapters: map[review.DestinationID]adapters.Adapter{"files": files}},
		Signer: keys.Signer(), Work: s.work, Clock: review.SystemClock{}, Log: slog.New(slog.DiscardHandler), Lease: review.NewLease(time.Minute, true),
	}, review.Options{})
	people := []review.Practitioner{
		{ID: "doc", SiteID: site, Family: "Rivera", Given: "Ana", Credential: "MD", Roles: []review.PractitionerRole{review.RoleAttending}},
		{ID: "res", SiteID: site, Family: "Okafor", Given: "Uche", Credential: "MD", Roles: []review.PractitionerRole{review.RoleResident}},
		{ID: "oth", SiteID: site, Family: "Lindqvist", Given: "Per", Credential: "MD", Roles: []review.PractitionerRole{review.RoleAttending}},
		{ID: "ops", SiteID: site, Family: "Ops", Given: "Integration", Roles: []review.PractitionerRole{review.RoleOperator}},
	}
	err = s.Configure(t.Context(), []review.Site{{
		ID: site, Name: "Site A", Policy: review.Policy{Version: 1, CoSignFor: []review.PractitionerRole{review.RoleResident}},
		Destinations: []review.Destination{{ID: "files", Name: "Files", Adapter: "filedir", Mode: review.ModeSimulated}},
	}}, people)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Beat(t.Context()); err != nil {
		t.Fatal(err)
	}
	actor := func(id review.PractitionerID) review.Actor {
		return review.Actor{PractitionerID: id, SiteID: site, AuthMethod: "password"}
	}
	s.doc, s.res, s.other, s.ops = actor("doc"), actor("res"), actor("oth"), actor("ops")
	return s
}

// consentedAt is the same in every start, as a device repeats it.
var consentedAt = time.Now().Add(-time.Minute).UTC()

// said are the utterances of the little visit that most tests use.
var said = []string{"what brings you in today", "my knee has hurt for three weeks", "take ibuprofen 400 milligrams twice a day"}

// open begins a recording of one stream; n keeps recordings apart.
func (s *system) open(t *testing.T, by review.PractitionerID, n int, bound bool) review.OpenStream {
	t.Helper()
	r := review.OpenRequest{
		SiteID: site, DeviceID: "dev", ClientID: fmt.Sprintf("rec-%d", n), Practitioner: by,
		Consent: &review.Consent{Scope: "recording,ai_draft", GivenBy: "patient", EveryoneAgree: true, Method: "verbal", At: consentedAt},
	}
	if bound {
		r.Patient = &review.Patient{
			Family: "Quarrington", Given: "Zelda", BirthDate: "1971-02-03", Sex: review.SexFemale,
			Identifiers: []review.Identifier{{Type: "MR", Authority: "A", Value: review.ClinicalText(fmt.Sprintf("MRN%d", n))}},
		}
		r.Encounter = &review.Encounter{Identifiers: []review.Identifier{{Type: "VN", Authority: "A", Value: review.ClinicalText(fmt.Sprintf("VN%d", n))}}}
	}
	st, err := s.OpenRecording(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func utterances(texts ...string) (us []review.Utterance) {
	for i, x := range texts {
		us = append(us, review.Utterance{
			Seq: int64(i) + 1, Speaker: review.Speaker{Role: []review.Role{review.RoleClinician, review.RolePatient}[i%2]},
			Start: time.Duration(i) * time.Second, End: time.Duration(i+1) * time.Second, Text: review.ClinicalText(x),
		})
	}
	return us
}

// drafted runs a visit to a draft of two statements, the second of which
// says a number nobody said where flagged.
func (s *system) drafted(t *testing.T, by review.PractitionerID, n int, bound, flagged bool) review.NoteID {
	t.Helper()
	st := s.open(t, by, n, bound)
	if _, err := s.Append(t.Context(), st, utterances(said...)); err != nil {
		t.Fatal(err)
	}
	notes, err := s.EndStream(t.Context(), st)
	if err != nil || len(notes) != 1 {
		t.Fatalf("EndStream = %v, %v", notes, err)
	}
	dose := review.ClinicalText("Ibuprofen 400 mg twice a day.")
	if flagged {
		dose = "Ibuprofen 800 mg twice a day."
	}
	err = s.SaveDraft(t.Context(), notes[0], review.Draft{
		Generator: review.Generator{Drafter: "test", Version: "1"},
		Sections: []review.Section{
			{Code: "10164-2", Title: "History of present illness", Statements: []review.Statement{{
				Text: "Knee pain for 3 weeks.", Origin: review.OriginAI, Evidence: []review.Evidence{{StreamID: st.StreamID, Seq: 2}},
			}}},
			{Code: "18776-5", Title: "Plan", Statements: []review.Statement{{
				Text: dose, Origin: review.OriginAI, Evidence: []review.Evidence{{StreamID: st.StreamID, Seq: 3}},
			}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return notes[0]
}

func (s *system) openNote(t *testing.T, a review.Actor, id review.NoteID) review.NoteView {
	t.Helper()
	v, err := s.OpenNote(t.Context(), a, id)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// shown is what a signer is shown; a zero digest where nothing can be.
func (s *system) shown(a review.Actor, id review.NoteID) review.Digest {
	p, err := s.PreviewNote(context.Background(), a, id)
	if err != nil {
		return review.Digest{}
	}
	return p.Shown
}

func wantKind(t *testing.T, err error, k review.Kind) {
	t.Helper()
	if review.KindOf(err) != k {
		t.Errorf("error = %v (%s), want %s", err, review.KindOf(err), k)
	}
}

func TestVisitIsSignedAndOwed(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, s *system) {
		id := s.drafted(t, "doc", 1, true, false)
		v := s.openNote(t, s.doc, id)
		if v.Note.State != review.StateInReview || v.Note.OpenFlags != 0 {
			t.Fatalf("state %s, %d flags", v.Note.State, v.Note.OpenFlags)
		}
		p, err := s.PreviewNote(t.Context(), s.doc, id)
		if err != nil {
			t.Fatal(err)
		}
		n, err := s.SignNote(t.Context(), s.doc, id, p.Shown)
		if err != nil {
			t.Fatal(err)
		}
		if n.State != review.StateCompleted {
			t.Errorf("state %s", n.State)
		}
		v = s.openNote(t, s.doc, id)
		if len(v.WriteBacks) != 1 || v.WriteBacks[0].State != review.WriteBackPending || len(v.Signatures) != 1 {
			t.Fatalf("%d write-backs, %d signatures", len(v.WriteBacks), len(v.Signatures))
		}
		// Promise 3: the stored bytes are the signed ones, and the JWS covers them.
		var r review.Rendering
		if err := s.store.Read(t.Context(), func(rd review.Reader) (err error) {
			r, err = rd.Rendering(id, n.Revision, review.FormatText)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if review.DigestOf(r.Body) != v.Signatures[0].RenderingSHA256 || r.SHA256 != v.WriteBacks[0].RenderingID {
			t.Error("stored bytes, signature and debt do not agree")
		}
		if !strings.Contains(string(r.Body), "Ana Rivera, MD") || !strings.Contains(string(r.Body), n.DocumentNumber()) {
			t.Error("the rendering lacks signature line or document number")
		}
		payload := mustJSON(t, v.Signatures[0].Payload(v.Note, []review.Rendering{r}))
		if err := s.keys.Signer().Verify(payload, v.Signatures[0].JWS); err != nil {
			t.Errorf("JWS: %v", err)
		}
		// Nothing can be done to it any more.
		_, err = s.SignNote(t.Context(), s.doc, id, p.Shown)
		wantKind(t, err, review.KindIllegal)
		_, err = s.EditNote(t.Context(), s.doc, id, v.Revision.ContentSHA256, []review.Edit{{
			Op: review.EditRemove, StatementID: v.Revision.Content.Sections[0].Statements[0].ID,
		}})
		wantKind(t, err, review.KindIllegal)
		wantKind(t, s.DiscardNote(t.Context(), s.doc, id, review.DiscardDuplicate), review.KindIllegal)
		s.verifyAudit(t)
	})
}

func (s *system) verifyAudit(t *testing.T) {
	t.Helper()
	if err := s.store.Read(t.Context(), func(r review.Reader) error {
		chains, err := r.AuditChains(site)
		if err != nil {
			return err
		}
		for _, c := range chains {
			events, head, count, err := r.AuditTrail(c)
			if err != nil {
				return err
			}
			if err := review.VerifyChain(events, head, count); err != nil {
				return fmt.Errorf("chain %s: %w", c, err)
			}
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

func TestBlockingFlag(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, s *system) {
		for i, way := range []string{"confirm", "edit", "remove"} {
			id := s.drafted(t, "doc", 10+i, true, true)
			v := s.openNote(t, s.doc, id)
			if v.Note.OpenFlags != 1 {
				t.Fatalf("%d open flags, want 1", v.Note.OpenFlags)
			}
			before := s.shown(s.doc, id)
			_, err := s.SignNote(t.Context(), s.doc, id, before)
			wantKind(t, err, review.KindFlagged)
			st := v.Revision.Content.Sections[1].Statements[0]
			var rev review.Revision
			switch way {
			case "confirm":
				_, err = s.ConfirmFlag(t.Context(), s.doc, id, v.Revision.ContentSHA256, st.ID, review.FlagNumber, "x")
				wantKind(t, err, review.KindInvalid)
				rev, err = s.ConfirmFlag(t.Context(), s.doc, id, v.Revision.ContentSHA256, st.ID, review.FlagNumber, "said before the recording")
			case "edit":
				rev, err = s.EditNote(t.Context(), s.doc, id, v.Revision.ContentSHA256, []review.Edit{{
					Op: review.EditReplace, StatementID: st.ID, Text: "Ibuprofen 400 mg twice a day.",
				}})
			case "remove":
				rev, err = s.EditNote(t.Context(), s.doc, id, v.Revision.ContentSHA256, []review.Edit{{Op: review.EditRemove, StatementID: st.ID}})
			}
			if err != nil {
				t.Fatalf("%s: %v", way, err)
			}
			// What was seen before the change cannot be signed.
			_, err = s.SignNote(t.Context(), s.doc, id, before)
			wantKind(t, err, review.KindConflict)
			if rev.ContentSHA256 == v.Revision.ContentSHA256 {
				t.Error("the change did not change the content")
			}
			if _, err := s.SignNote(t.Context(), s.doc, id, s.shown(s.doc, id)); err != nil {
				t.Errorf("%s: sign: %v", way, err)
			}
		}
		s.verifyAudit(t)
	})
}

func TestUnboundIsNeverSigned(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, s *system) {
		id := s.drafted(t, "doc", 20, false, false)
		v := s.openNote(t, s.doc, id)
		if v.Note.State != review.StateInReview {
			t.Errorf("state %s", v.Note.State)
		}
		_, err := s.SignNote(t.Context(), s.doc, id, s.shown(s.doc, id))
		wantKind(t, err, review.KindRefused)
	})
}

func TestCoSignature(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, s *system) {
		id := s.drafted(t, "res", 30, true, false)
		s.openNote(t, s.res, id)
		if _, err := s.OpenNote(t.Context(), s.doc, id); review.KindOf(err) != review.KindNotFound {
			t.Errorf("an attending read a resident's note before a co-signature was due: %v", err)
		}
		n, err := s.SignNote(t.Context(), s.res, id, s.shown(s.res, id))
		if err != nil || n.State != review.StatePendingCoSign {
			t.Fatalf("sign = %s, %v", n.State, err)
		}
		if got := s.openNote(t, s.res, id); len(got.WriteBacks) != 0 {
			t.Error("something is owed before the co-signature")
		}
		_, err = s.SignNote(t.Context(), s.res, id, s.shown(s.res, id))
		wantKind(t, err, review.KindForbidden) // nobody co-signs their own note
		// Sent back, signed again, co-signed. What the attending was shown
		// before is not what is signed now.
		stale := s.shown(s.doc, id)
		if err := s.ReturnNote(t.Context(), s.doc, id, "incomplete"); err != nil {
			t.Fatal(err)
		}
		if n, err = s.SignNote(t.Context(), s.res, id, s.shown(s.res, id)); err != nil || n.State != review.StatePendingCoSign {
			t.Fatalf("sign again = %s, %v", n.State, err)
		}
		_, err = s.SignNote(t.Context(), s.doc, id, stale)
		wantKind(t, err, review.KindConflict)
		if n, err = s.SignNote(t.Context(), s.doc, id, s.shown(s.doc, id)); err != nil || n.State != review.StateCompleted {
			t.Fatalf("co-sign = %s, %v", n.State, err)
		}
		v := s.openNote(t, s.doc, id)
		if len(v.WriteBacks) != 1 || len(v.Signatures) != 3 {
			t.Errorf("%d write-backs, %d signatures; want 1 and 3 (one on the returned revision)", len(v.WriteBacks), len(v.Signatures))
		}
		s.verifyAudit(t)
	})
}

// Of many who change or sign the same page at once, one wins and the others
// are told; nothing is overwritten, nothing is signed twice.
func TestConcurrentChangesHaveOneWinner(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, s *system) {
		id := s.drafted(t, "doc", 40, true, false)
		v := s.openNote(t, s.doc, id)
		st := v.Revision.Content.Sections[0].Statements[0].ID
		won := s.race(8, func(i int) error {
			_, err := s.EditNote(context.Background(), s.doc, id, v.Revision.ContentSHA256, []review.Edit{{
				Op: review.EditReplace, StatementID: st, Text: review.ClinicalText(fmt.Sprintf("Edit %d.", i)),
			}})
			return err
		}, t)
		if won != 1 {
			t.Errorf("%d edits of one page won", won)
		}
		shown := s.shown(s.doc, id)
		won = s.race(8, func(int) error {
			_, err := s.SignNote(context.Background(), s.doc, id, shown)
			return err
		}, t)
		v = s.openNote(t, s.doc, id)
		if won != 1 || len(v.Signatures) != 1 || len(v.WriteBacks) != 1 {
			t.Errorf("%d signatures won, %d stored, %d write-backs", won, len(v.Signatures), len(v.WriteBacks))
		}
		s.verifyAudit(t)
	})
}

func (s *system) race(n int, f func(i int) error, t *testing.T) (won int) {
	t.Helper()
	errs := make(chan error, n)
	for i := range n {
		go func() { errs <- f(i) }()
	}
	for range n {
		err := <-errs
		switch {
		case err == nil:
			won++
		case !errors.Is(err, review.ErrConflict) && !errors.Is(err, review.ErrIllegal):
			t.Errorf("loser got %v", err)
		}
	}
	return won
}

func TestIngestContract(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, s *system) {
		st := s.open(t, "doc", 50, true)
		us := utterances("a", "b", "c", "d")
		d, err := s.Append(t.Context(), st, us[:2])
		if err != nil || d != 2 {
			t.Fatalf("Append = %d, %v", d, err)
		}
		st.DurableSeq = d
		if d, err = s.Append(t.Context(), st, us[:2]); err != nil || d != 2 {
			t.Errorf("repeat = %d, %v", d, err)
		}
		_, err = s.Append(t.Context(), st, us[3:])
		wantKind(t, err, review.KindSequenceGap)
		back, err := s.OpenRecording(t.Context(), review.OpenRequest{SiteID: site, StreamID: st.StreamID, ResumeToken: st.ResumeToken})
		if err != nil || back.DurableSeq != 2 || back.Epoch != st.Epoch+1 {
			t.Fatalf("resume = %+v, %v", back, err)
		}
		_, err = s.Append(t.Context(), st, us[2:3]) // the old connection
		wantKind(t, err, review.KindClosed)
		_, err = s.OpenRecording(t.Context(), review.OpenRequest{SiteID: site, StreamID: st.StreamID, ResumeToken: "guess"})
		wantKind(t, err, review.KindNotFound)
		if d, err = s.Append(t.Context(), back, us); err != nil || d != 4 {
			t.Fatalf("Append after resume = %d, %v", d, err)
		}
		first, err := s.EndStream(t.Context(), back)
		if err != nil || len(first) != 1 {
			t.Fatalf("EndStream = %v, %v", first, err)
		}
		again, err := s.EndStream(t.Context(), back)
		if err != nil || len(again) != 1 || again[0] != first[0] {
			t.Errorf("EndStream again = %v, %v; want the same note", again, err)
		}
		// A device whose answer was lost: nothing opens twice.
		if ended, err := s.OpenRecording(t.Context(), review.OpenRequest{SiteID: site, StreamID: st.StreamID, ResumeToken: st.ResumeToken}); err != nil || !ended.Ended {
			t.Errorf("resume of an ended stream = %+v, %v", ended, err)
		}
		one := s.open(t, "doc", 51, true)
		two := s.open(t, "doc", 51, true)
		if two.StreamID != one.StreamID || two.Epoch != one.Epoch+1 || two.ResumeToken == one.ResumeToken {
			t.Errorf("the second start opened %+v after %+v", two, one)
		}
		c, err := s.DraftInput(t.Context(), first[0])
		if err != nil {
			t.Fatal(err)
		}
		var got string
		for _, u := range c.Transcript.Ordered() {
			got += string(u.Text)
		}
		if got != "abcd" {
			t.Errorf("transcript %q, want abcd: lost or doubled", got)
		}
	})
}

// A process that dies while it is sending leaves an unknown write-back, never
// a pending one.
func TestDeadHoldersSendingBecomesUnknown(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, s *system) {
		id := s.drafted(t, "doc", 60, true, false)
		v := s.openNote(t, s.doc, id)
		if _, err := s.SignNote(t.Context(), s.doc, id, s.shown(s.doc, id)); err != nil {
			t.Fatal(err)
		}
		w, ok, _, err := s.NextWork(t.Context(), id)
		if err != nil || !ok || w.Kind != review.WorkSend {
			t.Fatalf("NextWork = %+v, %v, %v", w.Kind, ok, err)
		}
		if _, ok, _, _ := s.NextWork(t.Context(), id); ok {
			t.Error("a write-back that is being sent was handed out again")
		}
		heir := review.New(review.Dependencies{
			Store: s.store, Grounder: grounding.Checker{}, Planner: adapters.Planner{}, Signer: s.keys.Signer(), Work: s.work,
			Clock: review.SystemClock{}, Log: slog.New(slog.DiscardHandler), Lease: review.NewLease(time.Minute, true),
		}, review.Options{SettleAfter: time.Nanosecond})
		if err := heir.Beat(t.Context()); err != nil {
			t.Fatal(err)
		}
		v = s.openNote(t, s.doc, id)
		if got := v.WriteBacks[0].State; got != review.WriteBackUnknown {
			t.Fatalf("state %s, want unknown", got)
		}
		// Nothing can be sent: the destination is asked first.
		w2, ok, _, err := heir.NextWork(t.Context(), id)
		if err != nil || ok && w2.Kind != review.WorkResolve {
			t.Fatalf("NextWork after the take-over = %s, %v", w2.Kind, err)
		}
		// A holder that was only slow may still say what it knows.
		receipt := review.Receipt{ResourceID: "late", At: time.Now().UTC().Truncate(time.Microsecond)}
		if err := s.Settle(t.Context(), w, review.Outcome{Event: review.EventAccept, Receipt: receipt}); err != nil {
			t.Fatal(err)
		}
		if got := s.openNote(t, s.doc, id).WriteBacks[0].State; got != review.WriteBackAccepted {
			t.Errorf("state %s, want accepted", got)
		}
		s.verifyAudit(t)
	})
}

func TestOthersSeeNothing(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, s *system) {
		id := s.drafted(t, "doc", 70, true, false)
		for name, a := range map[string]review.Actor{
			"another attending": s.other, "operator": s.ops, "another site": {PractitionerID: "doc", SiteID: "elsewhere"},
		} {
			if _, err := s.OpenNote(t.Context(), a, id); review.KindOf(err) != review.KindNotFound && review.KindOf(err) != review.KindForbidden {
				t.Errorf("%s: OpenNote = %v", name, err)
			}
		}
		items, err := s.Worklist(t.Context(), s.ops, review.NoteFilter{})
		if err != nil || len(items) != 1 || items[0].Patient.Family != "" {
			t.Errorf("operator's worklist: %d items, %v; want 1 without a patient", len(items), err)
		}
	})
}
