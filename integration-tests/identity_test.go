package integrationtests

import (
	"fmt"
	"testing"

	"countersign/review"
)

func mr(v string) review.Identifier {
	return review.Identifier{Type: "MR", Authority: "A", Value: review.ClinicalText(v)}
}

func vn(v string) *review.Encounter {
	return &review.Encounter{Identifiers: []review.Identifier{{Type: "VN", Authority: "A", Value: review.ClinicalText(v)}}}
}

func someone(family, birth review.ClinicalText, ids ...review.Identifier) *review.Patient {
	return &review.Patient{Family: family, Given: "X", BirthDate: birth, Identifiers: ids}
}

func (s *system) start(n string, p *review.Patient, e *review.Encounter) (review.OpenStream, error) {
	return s.OpenRecording(testContext, review.OpenRequest{
		SiteID: site, DeviceID: "dev", ClientID: "id-" + n, Practitioner: "doc", Patient: p, Encounter: e,
		Consent: &review.Consent{Scope: "recording,ai_draft", GivenBy: "patient", EveryoneAgree: true, Method: "verbal", At: consentedAt},
	})
}

// Whoever the start names, it is recorded; it is bound only where nothing is
// in doubt.
func TestWhoIsNamedIsNeverGuessed(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, s *system) {
		const born = "1971-02-03"
		for _, c := range []struct {
			name  string
			p     *review.Patient
			e     *review.Encounter
			bound bool
		}{
			{"first seen", someone("Müller", born, mr("1")), vn("v1"), true},
			{"without accents, with a space in the number", someone("MULLER", born, mr(" 1 ")), vn("v1 "), true},
			{"no name", someone("", "", mr("1")), vn("v1"), false},
			{"no birth date", someone("Müller", "", mr("1")), vn("v1"), false},
			{"another name", someone("Jones", born, mr("1")), vn("v1"), false},
			{"another birth date", someone("Müller", "1971-02-04", mr("1")), vn("v1"), false},
			{"a second number of the same kind", someone("Müller", born, mr("1"), mr("2")), vn("v1"), false},
			{"another patient's encounter", someone("Other", born, mr("9")), vn("v1"), false},
			{"numbers of two patients", someone("Müller", born, mr("1"), mr("9")), vn("v1"), false},
			{"nobody", nil, nil, false},
		} {
			st, err := s.start(c.name, c.p, c.e)
			if err != nil || st.Unbound == c.bound {
				t.Errorf("%s: unbound %v, %v", c.name, st.Unbound, err)
			}
			// Sent again because the answer was lost: the same stream.
			two, err := s.start(c.name, c.p, c.e)
			if err != nil || two.StreamID != st.StreamID || two.Unbound != st.Unbound {
				t.Errorf("%s: sent again: %+v, %v", c.name, two, err)
			}
		}
	})
}

// Two devices name the same new patient and encounter at the same moment:
// both record, for one patient.
func TestStartsAtTheSameMoment(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, s *system) {
		for round := range 5 {
			errs := make(chan error, 4)
			for i := range cap(errs) {
				go func() {
					st, err := s.start(fmt.Sprintf("%d-%d", round, i), someone("Twin", "1971-02-03", mr(fmt.Sprint("r", round))), vn(fmt.Sprint("r", round)))
					if err == nil && st.Unbound {
						err = fmt.Errorf("unbound")
					}
					errs <- err
				}()
			}
			for range cap(errs) {
				if err := <-errs; err != nil {
					t.Error(err)
				}
			}
		}
	})
}

// Nothing that is learned after the signature leads a note to another chart.
func TestSignedNoteKeepsItsAddressee(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, s *system) {
		id := s.signed(t, 180)
		// A start without a name adds nothing.
		other := review.Identifier{Type: "MR", Destination: "files", Value: "SOMEONE-ELSE"}
		if st, err := s.start("a", someone("", "", mr("MRN180"), other), vn("VN180")); err != nil || !st.Unbound {
			t.Errorf("unbound %v, %v", st.Unbound, err)
		}
		if w, ok, _, err := s.NextWork(testContext, id); err != nil || !ok || len(w.Document.Patient.Identifiers) != 1 {
			t.Errorf("NextWork = %v, %v; identifiers %d", ok, err, len(w.Document.Patient.Identifiers))
		}
		// One with the right name may: what is owed then waits for a person.
		id = s.signed(t, 181)
		if st, err := s.start("b", someone("Quarrington", "1971-02-03", mr("MRN181"), other), vn("VN181")); err != nil || st.Unbound {
			t.Errorf("unbound %v, %v", st.Unbound, err)
		}
		if _, ok, _, err := s.NextWork(testContext, id); ok || err == nil {
			t.Errorf("a note whose addressee changed was handed out: %v, %v", ok, err)
		}
		if got := s.state(t, id); got != review.WriteBackManual {
			t.Errorf("state %s, want manual", got)
		}
	})
}

// The answer to a question that a person has decided meanwhile.
func TestLateAnswer(t *testing.T) {
	onBothDatabases(t, func(t *testing.T, s *system) {
		question := func(n int) (review.NoteID, review.Work) {
			id := s.signed(t, n)
			w, _, _, err := s.NextWork(testContext, id)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Settle(testContext, w, review.Outcome{Event: review.EventLose}); err != nil {
				t.Fatal(err)
			}
			q, ok, _, err := s.NextWork(testContext, id)
			if err != nil || !ok || q.Kind != review.WorkResolve {
				t.Fatalf("NextWork = %s, %v, %v", q.Kind, ok, err)
			}
			return id, q
		}
		person := func(w review.Work, events ...review.WriteBackEvent) {
			t.Helper()
			for _, e := range events {
				if _, err := s.ResolveWriteBack(testContext, s.ops, w.WriteBack.ID, e, "looked"); err != nil {
					t.Fatal(err)
				}
			}
		}
		// A person said it is there: "still waiting" changes nothing.
		id, q := question(190)
		person(q, review.EventAccept)
		wantKind(t, s.Settle(testContext, q, review.Outcome{ErrorCode: "not_found_once"}), review.KindConflict)
		if got := s.openNote(t, s.doc, id).WriteBacks[0].ErrorCode; got != review.CodeAcceptedByPerson {
			t.Errorf("error code %q", got)
		}
		// A person sends it again, and then it is found after all: a person looks.
		id, q = question(191)
		person(q, review.EventGiveUp, review.EventResend)
		if err := s.Settle(testContext, q, review.Outcome{Event: review.EventAccept, Receipt: review.Receipt{ResourceID: "there"}}); err != nil {
			t.Error(err)
		}
		if got := s.state(t, id); got != review.WriteBackManual {
			t.Errorf("state %s, want manual", got)
		}
		s.verifyAudit(t)
	})
}
