package web

import (
	"fmt"
	"strings"
	"time"

	"countersign/review"
)

// Fixed ids of the fixtures: a page rendered twice is the same page.
var (
	fixedNote   = review.NoteID(strings.Repeat("n", 26))
	fixedStream = review.StreamID(strings.Repeat("s", 26))
	noon        = time.Date(2026, 11, 20, 12, 3, 0, 0, time.UTC)

	author     = review.Practitioner{ID: "dr-okafor", SiteID: "main-campus", Family: "Okafor", Given: "Ngozi", Credential: "MD", Roles: []review.PractitionerRole{review.RoleAttending}}
	resident   = review.Practitioner{ID: "dr-lindqvist", SiteID: "main-campus", Family: "Lindqvist", Given: "Per", Credential: "MD", Roles: []review.PractitionerRole{review.RoleResident}, Supervisor: "dr-okafor"}
	theActor   = review.Actor{PractitionerID: author.ID, SiteID: author.SiteID, AuthMethod: "password"}
	thePatient = review.Patient{
		ID: "pat", SiteID: "main-campus", Family: "Featherstone", Given: "Marguerite", BirthDate: "1961-04-02", Sex: review.SexFemale,
		Identifiers: []review.Identifier{{Type: "FHIR", Value: "eXYZ", Destination: "epic"}, {Type: "MR", Authority: "MAIN", Value: "70012345"}},
	}
	theSite = review.Site{ID: "main-campus", Name: "Main Campus Clinic", Destinations: []review.Destination{
		{ID: "epic", Name: "Epic (simulated)", Adapter: "epic", Mode: review.ModeSimulated},
		{ID: "mdm", Name: "HL7 interface (simulated)", Adapter: "hl7mdm", Mode: review.ModeSimulated},
		{ID: "fhir", Name: "FHIR server (simulated)", Adapter: "fhir", Mode: review.ModeSimulated},
		{ID: "files", Adapter: "filedir", Mode: review.ModeSimulated},
	}}
)

// stID is the id of statement n, in the alphabet of ids.
func stID(n int) review.StatementID {
	return review.StatementID(strings.Repeat("a", 24) + string("abcdefghijklmnopqrstuvwxyz"[n/26]) + string("abcdefghijklmnopqrstuvwxyz"[n%26]))
}

func transcript() review.Transcript {
	lines := []struct {
		role review.Role
		text string
	}{
		{review.RoleClinician, "Good morning, what brings you in today?"},
		{review.RolePatient, "I've had some diarrhoea for the last three days, and pain low on the left side. I have to stay close to the toilet."},
		{review.RoleClinician, "How many times a day do you go?"},
		{review.RolePatient, "Six or seven times a day. It's watery. There is no blood in it."},
		{review.RoleCaregiver, "She had a fever on the first day, thirty-eight point nine."},
		{review.RolePatient, "I use inhalers for asthma, the blue one and the brown one. I'm allergic to penicillin."},
		{review.RoleClinician, "Your blood pressure is one eighteen over seventy-four. Your tummy is soft, a little tender on the left."},
		{review.RoleClinician, "This looks like gastroenteritis. Drink plenty, take paracetamol for the fever, and come back in three to five days if it has not settled."},
	}
	t := review.StreamTranscript{StreamID: fixedStream}
	for i, l := range lines {
		start := time.Duration(i*21+3) * time.Second
		t.Utterances = append(t.Utterances, review.Utterance{Seq: int64(i + 1), Speaker: review.Speaker{Role: l.role}, Start: start, End: start + 9*time.Second, Text: review.ClinicalText(l.text)})
	}
	return review.Transcript{Streams: []review.StreamTranscript{t}}
}

func content() review.Content {
	n := 0
	st := func(text string, seqs ...int64) review.Statement {
		s := review.Statement{ID: stID(n), Text: review.ClinicalText(text), Origin: review.OriginAI}
		for _, q := range seqs {
			s.Evidence = append(s.Evidence, review.Evidence{StreamID: fixedStream, Seq: q})
		}
		n++
		return s
	}
	c := review.Content{Sections: []review.Section{
		{Code: "10154-3", Title: "Chief complaint", Statements: []review.Statement{st("Diarrhoea for three days.", 2)}},
		{Code: "10164-2", Title: "History of present illness", Statements: []review.Statement{
			st("Watery stools six to seven times a day, no blood.", 3, 4),
			st("Cramping pain low on the left side.", 2),
			st("Fever of 38.9 °C on the first day, none since.", 5),
		}},
		{Code: "48765-2", Title: "Allergies", Statements: []review.Statement{st("Penicillin.", 6)}},
		{Code: "10160-0", Title: "Medications", Statements: []review.Statement{st("Salbutamol and beclometasone inhalers.", 6)}},
		{Code: "29545-1", Title: "Physical examination", Statements: []review.Statement{st("BP 118/74.", 7), st("Abdomen soft, mildly tender in the left lower quadrant.", 7)}},
		{Code: "51847-2", Title: "Assessment and plan", Statements: []review.Statement{
			st("Probably viral; conservative management.", 8), st("Oral fluids; paracetamol for fever.", 8), st("Review in 3 to 5 days if not settled.", 8),
		}},
	}}
	ap := c.Sections[5].Statements
	ap[0].Heading, ap[1].Heading = "Gastroenteritis", "Gastroenteritis"
	c.Sections[1].Statements[0].Evidence[1].SpanEnd = 26
	c.Omissions = []review.Omission{{Evidence: review.Evidence{StreamID: fixedStream, Seq: 5}, Reason: "finding", Text: "thirty-eight point nine"}}
	return c
}

// flagged is content with two open flags, a confirmed one and an advisory one.
func flagged() review.Content {
	c := content()
	c.Sections[1].Statements[2].Flags = []review.Flag{{Kind: review.FlagNumber, Severity: review.SeverityBlocking, Detail: "38.9"}}
	c.Sections[4].Statements[0].Flags = []review.Flag{{Kind: review.FlagNumber, Severity: review.SeverityBlocking, Detail: "118/74", Resolution: review.ResolutionConfirmed, Reason: "read from the monitor", ResolvedBy: author.ID, ResolvedAt: noon}}
	c.Sections[4].Statements[1].Flags = []review.Flag{{Kind: "side_not_said", Severity: review.SeverityAdvisory, Detail: "lower quadrant"}}
	c.Sections[5].Statements[2].Flags = []review.Flag{{Kind: review.FlagNoEvidence, Severity: review.SeverityBlocking}}
	c.Sections[5].Statements[1].Origin = review.OriginClinician
	return c
}

// viewOf is a note in a state, with content as its newest revision.
func viewOf(s review.State, c review.Content) review.NoteView {
	v := review.NoteView{
		Note: review.Note{
			ID: fixedNote, SiteID: "main-campus", EncounterID: "enc", PatientID: thePatient.ID, Kind: review.NoteOriginal, Family: fixedNote,
			Type: "11506-3", State: s, Author: author.ID, Revision: 1, OpenFlags: c.OpenFlags(), Confidential: review.ConfidentialityUsual,
			CreatedAt: noon.Add(-time.Hour), StateAt: noon,
		},
		Revision: review.Revision{
			NoteID: fixedNote, Number: 1, Content: c, ContentSHA256: review.ContentDigest(c), CreatedAt: noon,
			Generator: review.Generator{Drafter: "extractive", Version: "1"},
		},
		Patient: thePatient, Encounter: review.Encounter{ID: "enc", PatientID: thePatient.ID, Bound: true}, Author: author,
		Due:        []review.DueSignature{{NoteID: fixedNote, Position: 1, Meaning: review.MeaningAuthor, Practitioner: author.ID}},
		Transcript: transcript(), Recorded: review.Period{Start: noon.Add(-40 * time.Minute), End: noon.Add(-26 * time.Minute)},
	}
	switch s {
	case review.StateCompleted, review.StateSuperseded, review.StateEnteredInError:
		v.Signatures = []review.Signature{signature(v, author, review.MeaningAuthor)}
		v.Due[0].SignedRevision = 1
	case review.StateDrafting, review.StateDraftFailed:
		v.Revision, v.Note.Revision = review.Revision{}, 0
	}
	return v
}

// pendingCoSign is a resident's signed note that waits for the attending.
func pendingCoSign() review.NoteView {
	v := viewOf(review.StatePendingCoSign, content())
	v.Note.Author, v.Author = resident.ID, resident
	v.Signatures = []review.Signature{signature(v, resident, review.MeaningAuthor)}
	v.Due = []review.DueSignature{
		{NoteID: fixedNote, Position: 1, Meaning: review.MeaningAuthor, Practitioner: resident.ID, SignedRevision: 1},
		{NoteID: fixedNote, Position: 2, Meaning: review.MeaningCoSignature},
	}
	return v
}

func signature(v review.NoteView, p review.Practitioner, m review.Meaning) review.Signature {
	return review.Signature{
		NoteID: fixedNote, Revision: v.Note.Revision, Practitioner: p.ID, Name: p.DisplayName(), Credential: p.Credential, Meaning: m,
		Attestation: review.AttestationText(m, p), ContentSHA256: v.Revision.ContentSHA256, SignedAt: noon,
	}
}

func writeBack(d review.DestinationID, s review.WriteBackState, ver review.Verification) review.WriteBack {
	return review.WriteBack{
		ID: review.NewID[review.WriteBackID](), NoteID: fixedNote, DestinationID: d, State: s, Verification: ver,
		Action: review.WriteCreate, Attempts: 1, StateAt: noon,
	}
}

func preview(v review.NoteView, p review.Practitioner, m review.Meaning) review.Preview {
	var b strings.Builder
	fmt.Fprintf(&b, "PROGRESS NOTE\nDocument %s, version 1\n\nPatient: FEATHERSTONE, Marguerite\nBorn: 1961-04-02   Sex: female   MRN: 70012345\nVisit: 20 Nov 2026, 11:23 UTC\n", v.Note.DocumentNumber())
	for _, s := range v.Revision.Content.Sections {
		fmt.Fprintf(&b, "\n%s\n", strings.ToUpper(s.Title))
		for _, st := range s.Statements {
			fmt.Fprintf(&b, "- %s\n", string(st.Text))
		}
	}
	fmt.Fprintf(&b, "\nSigned by %s, 20 Nov 2026, 12:03 UTC\n%s\n", p.DisplayName(), review.AttestationText(m, p))
	return review.Preview{
		Attestation: review.AttestationText(m, p), Meaning: m, ContentSHA256: v.Revision.ContentSHA256, OpenFlags: v.Note.OpenFlags,
		Rendering: review.Rendering{Format: review.FormatText, Body: []byte(b.String())},
		Routes:    []review.Route{{DestinationID: "epic", Adapter: "epic"}, {DestinationID: "mdm", Adapter: "hl7mdm"}, {DestinationID: "files", Adapter: "filedir"}},
	}
}
