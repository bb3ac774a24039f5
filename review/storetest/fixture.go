package storetest

import (
	"fmt"
	"testing"
	"time"

	"countersign/review"
)

// Words that stand in every PHI field of the fixture and must not be found at
// rest.
const (
	canaryFamily   = "Quixanthropolis"
	canaryGiven    = "Zebediahwynne"
	canaryMRN      = "MRN-77314159265"
	canaryVisit    = "VN-2718281828459"
	canarySpoken   = "borborygmus since Shrovetide"
	canaryStated   = "reports borborygmi nightly"
	canaryBody     = "NOTE BODY borborygmus plan"
	canaryAttest   = "attest-canary-sesquipedalian"
	canaryClient   = "client-canary-Quixanthropolis"
	canaryLabel    = "label-canary-pneumonoultra"
	canaryPlace    = "place-canary-Llanfairpwll"
	canaryReceipt  = "receipt-canary-DocumentReference"
	canaryAskedBy  = "askedby-canary-floccinauci"
	canaryTemplate = "canary"
)

func canaries() []string {
	return []string{
		canaryFamily, canaryGiven, canaryMRN, canaryVisit, "borborygm", canaryBody, canaryAttest, canaryClient, canaryLabel,
		canaryPlace, canaryReceipt, canaryAskedBy, "1931-05-23", canaryTemplate,
	}
}

// base is a time with microseconds, so that lost precision shows.
var base = time.Date(2026, 3, 14, 15, 9, 26, 535897000, time.UTC)

func site(id review.SiteID) review.Site {
	return review.Site{
		ID: id, Name: "Main", Policy: review.Policy{Version: 3, FileAt: review.FileAtCompletion, CoSignFor: []review.PractitionerRole{review.RoleResident}},
		Destinations: []review.Destination{{ID: "epic", Name: "Epic (simulated)", Adapter: "epic", Mode: review.ModeSimulated, RepeatSafe: true}},
	}
}

func practitioner(id review.PractitionerID, s review.SiteID, role review.PractitionerRole) review.Practitioner {
	return review.Practitioner{
		ID: id, SiteID: s, Family: "Doe", Given: "Jane", Credential: "MD", NPI: "1234567893", Roles: []review.PractitionerRole{role},
		Supervisor: "boss", Identifiers: []review.Identifier{{Type: "FHIR", Value: "prac-1", Destination: "epic"}},
	}
}

func patient(s review.SiteID, mrn string) review.Patient {
	return review.Patient{
		ID: review.NewID[review.PatientID](), SiteID: s, Family: canaryFamily, Given: canaryGiven, BirthDate: "1931-05-23", Sex: review.SexFemale,
		Identifiers: []review.Identifier{
			{Type: "MR", Authority: "HOSP", Value: review.ClinicalText(mrn)},
			{Type: "FHIR", Value: review.ClinicalText(mrn), Destination: "epic"},
		},
	}
}

func utterance(seq int64) review.Utterance {
	return review.Utterance{
		Seq: seq, Revision: 1, Speaker: review.Speaker{Role: review.RolePatient, Label: "spk_1", Confidence: 0.5},
		Start: time.Duration(seq) * time.Second, End: time.Duration(seq)*time.Second + 900*time.Millisecond,
		Text: review.ClinicalText(fmt.Sprintf("%s number %d", canarySpoken, seq)), Language: "en-US",
		Words: []review.Word{{Text: canarySpoken, Confidence: 0.25, Alternates: []review.Alternate{{Text: canarySpoken + "?", Confidence: 0.125}}}},
	}
}

func utterances(first, last int64) []review.Utterance {
	var us []review.Utterance
	for i := first; i <= last; i++ {
		us = append(us, utterance(i))
	}
	return us
}

func content(text string) review.Content {
	return review.Content{
		Sections: []review.Section{{Code: "10164-2", Title: "History of Present Illness", Statements: []review.Statement{{
			ID: "st1", Text: review.ClinicalText(text), Origin: review.OriginAI, Evidence: []review.Evidence{{StreamID: "s", Seq: 1}},
			Flags: []review.Flag{{Kind: review.FlagNumber, Severity: review.SeverityBlocking, Detail: canaryStated}},
		}}}},
		Omissions: []review.Omission{{Evidence: review.Evidence{StreamID: "s", Seq: 2}, Reason: "finding", Text: canarySpoken}},
	}
}

// visit is one encounter with everything below it.
type visit struct {
	site      review.Site
	author    review.Practitioner
	patient   review.Patient
	encounter review.Encounter
	recording review.Recording
	stream    review.Stream
	note      review.Note
	revision  review.Revision
	due       []review.DueSignature
	signature review.Signature
	rendering review.Rendering
	writeback review.WriteBack
}

// newVisit makes the values of a visit at site "main"; n keeps visits apart.
func newVisit(n int) visit {
	v := visit{site: site("main"), author: practitioner("doc", "main", review.RoleAttending)}
	v.patient = patient("main", fmt.Sprintf("%s-%d", canaryMRN, n))
	v.encounter = review.Encounter{
		ID: review.NewID[review.EncounterID](), SiteID: "main", PatientID: v.patient.ID, Bound: true, Class: review.ClassAmbulatory,
		PeriodStart: base, CreatedAt: base.Add(time.Duration(n) * time.Second),
		Identifiers: []review.Identifier{{Type: "VN", Authority: "HOSP", Value: review.ClinicalText(fmt.Sprintf("%s-%d", canaryVisit, n))}},
	}
	v.recording = review.Recording{
		ID: review.NewID[review.RecordingID](), SiteID: "main", EncounterID: v.encounter.ID, DeviceID: "device-1",
		ClientID: fmt.Sprintf("%s-%d", canaryClient, n), Practitioner: "doc", NoteType: "11506-3", State: review.RecordingOpen,
		Details: review.RecordingDetails{
			Modality: "in_person", ClinicianLocation: canaryPlace, PatientLocation: canaryPlace,
			Participants: []review.Participant{{Role: review.RoleCaregiver, Label: "spk_2", Name: canaryGiven}}, Languages: []string{"en-US"},
		},
		Consent: review.Consent{
			Scope: "recording_and_ai_note", GivenBy: "patient", EveryoneAgree: true, Method: "verbal", AskedBy: canaryAskedBy, At: base,
		},
		StartedAt: base.Add(time.Duration(n) * time.Second),
	}
	v.stream = review.Stream{
		ID: review.NewID[review.StreamID](), RecordingID: v.recording.ID, SiteID: "main", Label: canaryLabel, Epoch: 1,
		State: review.StreamOpen, TokenSHA256: tokenHash,
	}
	id := review.NewID[review.NoteID]()
	v.note = review.Note{
		ID: id, SiteID: "main", EncounterID: v.encounter.ID, PatientID: v.patient.ID, Recordings: []review.RecordingID{v.recording.ID},
		Kind: review.NoteOriginal, Family: id, Type: "11506-3", State: review.StateDrafting, Author: "doc", PolicyVersion: 3,
		Confidential: review.ConfidentialityUsual, CreatedAt: base.Add(time.Duration(n) * time.Second), StateAt: base, NextAttemptAt: base,
	}
	c := content(canaryStated)
	v.revision = review.Revision{
		NoteID: id, Number: 1, Content: c, Generator: review.Generator{Drafter: "extractive", Version: "1"},
		ContentSHA256: review.ContentDigest(c), CreatedAt: base,
	}
	v.due = []review.DueSignature{
		{NoteID: id, Position: 1, Meaning: review.MeaningAuthor, Practitioner: "doc"},
		{NoteID: id, Position: 2, Meaning: review.MeaningCoSignature},
	}
	body := []byte(canaryBody)
	v.rendering = review.Rendering{
		NoteID: id, Revision: 1, Format: review.FormatText, RendererVersion: "1", Body: body,
		Parts: []review.Part{{Code: "10164-2", Title: "HPI", Start: 0, End: len(body)}}, SHA256: review.DigestOf(body),
	}
	v.signature = review.Signature{
		NoteID: id, Revision: 1, Position: 1, Practitioner: "doc", Name: "Jane Doe, MD", Credential: "MD", Role: review.RoleAttending,
		Meaning: review.MeaningAuthor, Attestation: canaryAttest, ContentSHA256: v.revision.ContentSHA256, RenderingSHA256: v.rendering.SHA256,
		SignedAt: base, AuthMethod: "demo", JWS: "a..b",
	}
	v.writeback = v.writeBack("epic", 1)
	return v
}

func (v *visit) writeBack(d review.DestinationID, seq int64) review.WriteBack {
	return review.WriteBack{
		ID: review.NewID[review.WriteBackID](), SiteID: "main", EncounterID: v.encounter.ID, NoteID: v.note.ID, Family: v.note.Family,
		Seq: seq, Revision: 1, DestinationID: d, Adapter: "epic", Action: review.WriteCreate, Format: review.FormatText,
		State: review.WriteBackPending, Verification: review.VerificationNone, ControlID: review.NewControlID(), NextAttemptAt: base,
		CreatedAt: base, StateAt: base, OwedSince: base, RenderingID: v.rendering.SHA256, Addressee: review.DigestOf([]byte("addressee")),
	}
}

// configure stores site and author; it may be repeated.
func (v *visit) configure(tx review.Tx) error {
	return first(
		func() error { return tx.PutSite(v.site) },
		func() error { return tx.PutPractitioner(v.author) },
	)
}

// open stores everything up to the stream.
func (v *visit) open(tx review.Tx) error {
	return first(
		func() error { return v.configure(tx) },
		func() error { return tx.InsertPatient(v.patient) },
		func() error { return tx.InsertEncounter(v.encounter) },
		func() error { return tx.InsertRecording(v.recording) },
		func() error { return tx.InsertStream(v.stream) },
	)
}

// draft stores everything up to the first revision.
func (v *visit) draft(tx review.Tx) error {
	return first(
		func() error { return v.open(tx) },
		func() error { return tx.InsertNote(v.note) },
		func() error { return tx.InsertDue(v.due) },
		func() error { return tx.InsertRevision(v.revision) },
	)
}

// sign stores everything.
func (v *visit) sign(tx review.Tx) error {
	return first(
		func() error { return v.draft(tx) },
		func() error { return tx.MarkSigned(v.note.ID, 1, v.revision.ContentSHA256) },
		func() error { return tx.InsertSignature(v.signature) },
		func() error { return tx.InsertRendering(v.rendering) },
		func() error { return tx.InsertWriteBack(v.writeback) },
	)
}

func (v *visit) event(action string) review.AuditEvent {
	return review.AuditEvent{
		Chain: string(v.encounter.ID), SiteID: "main", Actor: "doc", AuthMethod: "demo", Action: action, Entity: "note/" + string(v.note.ID),
		Outcome: "success", Details: map[string]string{"b": "2", "a": "1"},
	}
}

// first runs steps up to the first error.
func first(steps ...func() error) error {
	for _, s := range steps {
		if err := s(); err != nil {
			return err
		}
	}
	return nil
}

// made is a visit whose steps up to stage are in the store.
func (e *env) made(t testing.TB, n int, stage func(*visit, review.Tx) error) visit {
	t.Helper()
	v := newVisit(n)
	e.write(t, func(tx review.Tx) error { return stage(&v, tx) })
	return v
}

// tokenHash is the hash of the resume token of every stream here.
var tokenHash = review.DigestOf([]byte("token"))
