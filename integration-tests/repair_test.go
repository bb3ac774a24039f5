package integrationtests

import (
	"context"
	"database/sql"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"countersign/adapters"
	"countersign/notegen/grounding"
	"countersign/review"
	"countersign/review/sqlstore"
)

// rival is another process over the same journal.
func (s *system) rival(term time.Duration, exclusive bool) *review.Service {
	return review.New(review.Dependencies{
		Store: s.store, Grounder: grounding.Checker{}, Planner: adapters.Planner{}, Signer: s.keys.Signer(), Work: s.work,
		Clock: review.SystemClock{}, Log: slog.New(slog.DiscardHandler), Lease: review.NewLease(term, exclusive),
	}, review.Options{SettleAfter: time.Nanosecond})
}

// signed is a note with one write-back owed.
func (s *system) signed(t *testing.T, n int) review.NoteID {
	t.Helper()
	id := s.drafted(t, "doc", n, true, false)
	s.openNote(t, s.doc, id)
	if _, err := s.SignNote(t.Context(), s.doc, id, s.shown(s.doc, id)); err != nil {
		t.Fatal(err)
	}
	return id
}

func (s *system) state(t *testing.T, id review.NoteID) review.WriteBackState {
	t.Helper()
	return s.openNote(t, s.doc, id).WriteBacks[0].State
}

// A repeated start must name the same visit: another patient's is never
// bound to the recording that was opened first.
func TestRepeatedStartOfAnotherVisit(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, s *system) {
		s.open(t, "doc", 80, true)
		other := review.OpenRequest{
			SiteID: site, DeviceID: "dev", ClientID: "rec-80", Practitioner: "doc",
			Consent: &review.Consent{Scope: "recording,ai_draft", GivenBy: "patient", EveryoneAgree: true, Method: "verbal", At: consentedAt},
			Patient: &review.Patient{
				Family: "Beta", Given: "B", BirthDate: "1980-01-01", Identifiers: []review.Identifier{{Type: "MR", Authority: "A", Value: "MRN81"}},
			},
			Encounter: &review.Encounter{Identifiers: []review.Identifier{{Type: "VN", Authority: "A", Value: "VN81"}}},
		}
		_, err := s.OpenRecording(t.Context(), other)
		wantKind(t, err, review.KindConflict)
		other.Patient, other.Encounter = nil, nil
		_, err = s.OpenRecording(t.Context(), other)
		wantKind(t, err, review.KindConflict)
	})
}

// A record number alone does not decide who the patient is; what was not
// known before is filled in.
func TestWhoThePatientIs(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, s *system) {
		start := func(n string, family, birth review.ClinicalText, ids ...review.Identifier) review.OpenStream {
			t.Helper()
			st, err := s.OpenRecording(t.Context(), review.OpenRequest{
				SiteID: site, DeviceID: "dev", ClientID: "who-" + n, Practitioner: "doc",
				Consent:   &review.Consent{Scope: "recording,ai_draft", GivenBy: "patient", EveryoneAgree: true, Method: "verbal", At: consentedAt},
				Patient:   &review.Patient{Family: family, Given: "X", BirthDate: birth, Identifiers: append(ids, review.Identifier{Type: "MR", Authority: "A", Value: "M1"})},
				Encounter: &review.Encounter{Identifiers: []review.Identifier{{Type: "VN", Authority: "A", Value: review.ClinicalText("VNW")}}},
			})
			if err != nil {
				t.Fatal(err)
			}
			return st
		}
		if first := start("1", "O'Brien-Smith", ""); !first.Unbound {
			t.Error("bound without a birth date")
		}
		if known := start("2", "OBRIEN SMITH", "1971-02-03"); known.Unbound {
			t.Error("the birth date that came later did not complete the patient")
		}
		if wrong := start("3", "Jones", "1971-02-03"); !wrong.Unbound {
			t.Error("another name under the same record number was bound")
		}
		if wrong := start("4", "O'Brien-Smith", "1972-02-03"); !wrong.Unbound {
			t.Error("another birth date under the same record number was bound")
		}
		fhir := review.Identifier{Type: review.IdentifierFHIR, Destination: "files", Value: "pat-1"}
		start("5", "O'Brien-Smith", "1971-02-03", fhir)
		if err := s.store.Read(t.Context(), func(r review.Reader) error {
			id, err := r.FindPatient(site, []review.Identifier{fhir})
			if err != nil {
				return err
			}
			p, err := r.Patient(id)
			if len(p.Identifiers) != 2 || p.BirthDate != "1971-02-03" {
				t.Errorf("%d identifiers, birth date known: %v", len(p.Identifiers), p.BirthDate != "")
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	})
}

// Whatever is sending without a sender becomes unknown: its process stopped
// in order, or it was declared dead and claims no more.
func TestNothingStaysSending(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, s *system) {
		id := s.signed(t, 90)
		if _, ok, _, err := s.NextWork(t.Context(), id); err != nil || !ok {
			t.Fatal(err)
		}
		if err := s.EndLease(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := s.state(t, id); got != review.WriteBackUnknown {
			t.Errorf("after an orderly stop: %s", got)
		}
		// The process is gone for the journal: it cannot claim …
		id = s.signed(t, 91)
		if _, ok, _, err := s.NextWork(t.Context(), id); ok || review.KindOf(err) != review.KindConflict {
			t.Errorf("a dead process claimed: %v, %v", ok, err)
		}
		// … until it goes on as a new one.
		if err := s.Beat(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, ok, _, err := s.NextWork(t.Context(), id); !ok || err != nil {
			t.Errorf("NextWork = %v, %v", ok, err)
		}
	})
}

// An outcome that could not be recorded, or a claim whose commit was not
// answered, is found by the process itself after a term.
func TestOwnOrphanIsFound(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, s *system) {
		me := s.rival(time.Nanosecond, false)
		if err := me.Beat(t.Context()); err != nil {
			t.Fatal(err)
		}
		id := s.signed(t, 95)
		w, ok, _, err := me.NextWork(t.Context(), id)
		if err != nil || !ok {
			t.Fatal(err)
		}
		// Recording fails: the note moved on under another attempt.
		bad := w
		bad.WriteBack.Attempts = 99
		if err := me.Settle(t.Context(), bad, review.Outcome{Event: review.EventAccept}); err == nil {
			t.Fatal("an outcome of another attempt was recorded")
		}
		if err := me.Beat(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := s.state(t, id); got != review.WriteBackUnknown {
			t.Errorf("state %s, want unknown", got)
		}
	})
}

// Taken by the interface and never answered: asked about at its deadline.
func TestCommittedIsNotTheEnd(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, s *system) {
		id := s.signed(t, 100)
		w, _, _, err := s.NextWork(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		deadline := time.Now().Add(-time.Second)
		if err := s.Settle(t.Context(), w, review.Outcome{Event: review.EventCommit, RetryAt: deadline}); err != nil {
			t.Fatal(err)
		}
		if o, err := s.Owed(t.Context(), 10); err != nil || len(o.Families) == 0 {
			t.Errorf("nothing is owed for it: %v", err)
		}
		if w, ok, _, err := s.NextWork(t.Context(), id); err != nil || !ok || w.Kind != review.WorkResolve {
			t.Errorf("NextWork = %s, %v, %v; want a question", w.Kind, ok, err)
		}
	})
}

// A destination that is no longer configured does not keep others waiting.
func TestRemovedDestination(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, s *system) {
		id := s.signed(t, 110)
		if err := s.Configure(t.Context(), []review.Site{{ID: site, Name: "Site A", Policy: review.Policy{Version: 1}}}, nil); err != nil {
			t.Fatal(err)
		}
		if _, ok, _, err := s.NextWork(t.Context(), id); ok || err == nil {
			t.Errorf("NextWork = %v, %v", ok, err)
		}
		if got := s.state(t, id); got != review.WriteBackManual {
			t.Errorf("state %s, want manual: a person has to look", got)
		}
		if _, ok, _, err := s.NextWork(t.Context(), id); ok || err != nil {
			t.Errorf("it comes up again: %v, %v", ok, err)
		}
	})
}

// A destination that is declared production while something is owed is held.
func TestProductionIsHeld(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, s *system) {
		id := s.signed(t, 120)
		if err := s.Configure(t.Context(), []review.Site{{ID: site, Name: "Site A", Policy: review.Policy{Version: 1},
			Destinations: []review.Destination{{ID: "files", Adapter: "filedir", Mode: review.ModeProduction}}}}, nil); err != nil {
			t.Fatal(err)
		}
		if _, ok, _, err := s.NextWork(t.Context(), id); ok || err != nil {
			t.Errorf("NextWork = %v, %v", ok, err)
		}
		if got := s.state(t, id); got != review.WriteBackHeld {
			t.Errorf("state %s, want held", got)
		}
	})
}

// An edit that changes no word is no edit: the flag stands.
func TestEditWithoutAChange(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, s *system) {
		id := s.drafted(t, "doc", 130, true, true)
		v := s.openNote(t, s.doc, id)
		st := v.Revision.Content.Sections[1].Statements[0]
		rev, err := s.EditNote(t.Context(), s.doc, id, v.Revision.ContentSHA256, []review.Edit{{
			Op: review.EditReplace, StatementID: st.ID, Text: "  " + st.Text + " ",
		}})
		if err != nil {
			t.Fatal(err)
		}
		if rev.Content.OpenFlags() != 1 || rev.Content.Sections[1].Statements[0].Origin != review.OriginAI {
			t.Error("the flag was cleared by an edit that changed nothing")
		}
	})
}

// Attempts to draft wait longer each time.
func TestDraftsBackOff(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, s *system) {
		st := s.open(t, "doc", 140, true)
		if _, err := s.Append(t.Context(), st, utterances(said...)); err != nil {
			t.Fatal(err)
		}
		notes, err := s.EndStream(t.Context(), st)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.DraftFailed(t.Context(), notes[0], "output_empty", 0, false); err != nil {
			t.Fatal(err)
		}
		_, err = s.DraftInput(t.Context(), notes[0])
		wantKind(t, err, review.KindUnavailable)
	})
}

// What a person reads is in the audit trail.
func TestReadingIsAudited(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, s *system) {
		id := s.drafted(t, "doc", 150, true, false)
		v := s.openNote(t, s.doc, id)
		count := func() (n int64) {
			_ = s.store.Read(context.Background(), func(r review.Reader) error {
				chains, err := r.AuditChains(site)
				for _, c := range chains {
					_, _, k, _ := r.AuditTrail(c)
					n += k
				}
				return err
			})
			return n
		}
		before := count()
		for _, read := range []func() error{
			func() error { _, err := s.PreviewNote(t.Context(), s.doc, id); return err },
			func() error { _, err := s.Worklist(t.Context(), s.doc, review.NoteFilter{}); return err },
			func() error { _, err := s.ViewNote(t.Context(), s.doc, v.Note.ID); return err },
		} {
			if err := read(); err != nil {
				t.Fatal(err)
			}
			if now := count(); now != before+1 {
				t.Errorf("%d audit events, want %d", now, before+1)
			}
			before = count()
		}
		s.verifyAudit(t)
	})
}

// A clinician's list of write-backs is filtered before it is cut to a page.
func TestWriteBackListOfAClinician(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, s *system) {
		for n := range 3 {
			s.signed(t, 160+n)
		}
		if list, err := s.WriteBacks(t.Context(), s.doc, review.WriteBackFilter{Limit: 2}); err != nil || len(list) != 2 {
			t.Errorf("the author's list: %d, %v", len(list), err)
		}
		if list, err := s.WriteBacks(t.Context(), s.other, review.WriteBackFilter{}); err != nil || len(list) != 0 {
			t.Errorf("another attending's list: %d, %v", len(list), err)
		}
		if list, err := s.WriteBacks(t.Context(), s.ops, review.WriteBackFilter{}); err != nil || len(list) != 3 {
			t.Errorf("the operator's list: %d, %v", len(list), err)
		}
	})
}

// State, audit line and debt are one transaction: where the audit line cannot
// be written, nothing has happened.
func TestNothingHappensUnaudited(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	s := newSystem(t, sqlstore.Options{Driver: sqlstore.SQLite, Path: path})
	id := s.drafted(t, "doc", 170, true, false)
	s.openNote(t, s.doc, id)
	shown := s.shown(s.doc, id)
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	exec := func(text string) {
		t.Helper()
		if _, err := raw.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	exec(`CREATE TRIGGER no_more_audit BEFORE INSERT ON audit_events BEGIN SELECT RAISE(ABORT, 'disk of the trail is full'); END`)
	if _, err := s.SignNote(t.Context(), s.doc, id, shown); err == nil {
		t.Error("signed without an audit line")
	}
	if err := s.DiscardNote(t.Context(), s.doc, id, review.DiscardDuplicate); err == nil {
		t.Error("discarded without an audit line")
	}
	exec(`DROP TRIGGER no_more_audit`)
	v := s.openNote(t, s.doc, id)
	if v.Note.State != review.StateInReview || len(v.Signatures) != 0 || len(v.WriteBacks) != 0 || v.Revision.Signed {
		t.Errorf("state %s, %d signatures, %d write-backs", v.Note.State, len(v.Signatures), len(v.WriteBacks))
	}
	if _, err := s.SignNote(t.Context(), s.doc, id, s.shown(s.doc, id)); err != nil {
		t.Errorf("sign afterwards: %v", err)
	}
	s.verifyAudit(t)
}
