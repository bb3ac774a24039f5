package adaptertest

import (
	"testing"
	"time"

	"countersign/adapters/render"
	"countersign/review"
)

// Identity of the test patient, encounter and practitioners. They are made
// up; the suite searches errors and logs for them.
const (
	PatientFamily    = "Quillfeather"
	PatientGiven     = "Rosamund"
	PatientBirthDate = "1961-04-17"
	MRN              = "MRN7734019"     // type MR
	MRNAuthority     = "HOSPMRN"        // its assigning authority
	VisitNumber      = "VN5520187"      // type VN
	VisitAuthority   = "HOSPVN"         // its assigning authority
	PatientFHIR      = "pat-e63wRTbPfr" // FHIR logical ids at the destination
	EncounterFHIR    = "enc-eXyF4n1Zq"
	AuthorFHIR       = "prac-eM5CWtq15"
	CoSignerFHIR     = "prac-e3MBXCOmc"
	AuthorNPI        = "1234567893"
	CoSignerNPI      = "1245319599"
)

// Times of the test visit.
var (
	visitStart = time.Date(2026, 11, 23, 14, 5, 0, 0, time.UTC)
	visitEnd   = time.Date(2026, 11, 23, 14, 31, 20, 0, time.UTC)
	signedAt   = time.Date(2026, 11, 23, 14, 40, 2, 120000, time.UTC)
	coSignedAt = time.Date(2026, 11, 23, 15, 12, 45, 0, time.UTC)
	createdAt  = time.Date(2026, 11, 23, 15, 12, 45, 310000, time.UTC)
)

// Document is a realistic completed document for a destination: a progress
// note, authored by a resident and co-signed, never seen before (its note id
// is random; all else is the same every time).
func Document(t testing.TB, dest review.Destination) review.Document {
	t.Helper()
	return DocumentOf(Request(dest), dest)
}

// Request is what a Planner is asked for Document. Change it and give it to
// DocumentOf for other notes.
func Request(dest review.Destination) review.PlanRequest {
	id := review.NewID[review.NoteID]()
	author, coSigner := practitioners(dest.ID)
	r := review.PlanRequest{
		Site:      review.Site{ID: "test", Name: "Test site", Destinations: []review.Destination{dest}},
		Patient:   patient(dest.ID),
		Encounter: encounter(dest.ID),
		Author:    author,
		Action:    review.WriteCreate,
		StartedAt: visitStart,
		EndedAt:   visitEnd,
		Note: review.Note{
			ID: id, SiteID: "test", Kind: review.NoteOriginal, Family: id, Recordings: []review.RecordingID{"mmmmnnnnooooppppqqqqrrrr44"}, Type: "11506-3", State: review.StateCompleted,
			Author: author.ID, Revision: 2, Confidential: review.ConfidentialityUsual, CreatedAt: visitEnd, StateAt: coSignedAt,
		},
		Revision: review.Revision{
			NoteID: id, Number: 2, Content: review.Content{Sections: sections()}, Signed: true, CreatedAt: visitEnd,
			Generator: review.Generator{Drafter: "extractive", Version: "1"},
		},
	}
	r.Note.PatientID, r.Note.EncounterID = r.Patient.ID, r.Encounter.ID
	r.Revision.ContentSHA256 = review.ContentDigest(r.Revision.Content)
	r.Signatures = []review.Signature{
		signature(r, 1, author, review.MeaningAuthor, signedAt),
		signature(r, 2, coSigner, review.MeaningCoSignature, coSignedAt),
	}
	return r
}

// DocumentOf renders r and puts it into the envelope for dest.
func DocumentOf(r review.PlanRequest, dest review.Destination) review.Document {
	author, coSigner := practitioners(dest.ID)
	body := render.Text(r)
	sigs := append([]review.Signature(nil), r.Signatures...)
	var signers []review.Practitioner
	for i := range sigs {
		sigs[i].RenderingSHA256 = body.SHA256
		signers = append(signers, map[review.PractitionerID]review.Practitioner{author.ID: author, coSigner.ID: coSigner}[sigs[i].Practitioner])
	}
	return review.Document{
		WriteBackID: review.NewID[review.WriteBackID](), SiteID: r.Site.ID, Destination: dest, Action: r.Action,
		ControlID: review.NewControlID(), NoteID: r.Note.ID, DocumentNumber: r.Note.DocumentNumber(), Revision: r.Revision.Number,
		Type: r.Note.Type, Title: review.NoteTypeTitle(r.Note.Type), Confidential: r.Note.Confidential,
		Patient: r.Patient, Encounter: r.Encounter, Author: r.Author, Signatures: sigs, Signers: signers, Completed: true,
		Rendering: body, StartedAt: r.StartedAt, EndedAt: r.EndedAt, CreatedAt: createdAt,
	}
}

// WithBody replaces the rendering by any bytes, with a hash and one part
// that fit: what a faulty renderer could have stored.
func WithBody(d review.Document, body []byte) review.Document {
	d.Rendering.Body = body
	d.Rendering.SHA256 = review.DigestOf(body)
	d.Rendering.Parts = []review.Part{{Start: 0, End: len(body)}}
	return d
}

func signature(r review.PlanRequest, pos int, p review.Practitioner, m review.Meaning, at time.Time) review.Signature {
	return review.Signature{
		NoteID: r.Note.ID, Revision: r.Revision.Number, Position: pos, Practitioner: p.ID, Name: p.DisplayName(),
		Credential: p.Credential, Role: p.Roles[0], Meaning: m, Attestation: review.AttestationText(m, p),
		ContentSHA256: r.Revision.ContentSHA256, SignedAt: at, AuthMethod: "password",
	}
}

func practitioners(d review.DestinationID) (author, coSigner review.Practitioner) {
	author = review.Practitioner{
		ID: "res-1", SiteID: "test", Family: "Okafor", Given: "Amara", Credential: "MD", NPI: AuthorNPI,
		Roles: []review.PractitionerRole{review.RoleResident}, Supervisor: "att-1",
		Identifiers: []review.Identifier{{Type: review.IdentifierFHIR, Value: AuthorFHIR, Destination: d}},
	}
	coSigner = review.Practitioner{
		ID: "att-1", SiteID: "test", Family: "Lindqvist", Given: "Jonas", Credential: "MD, PhD", NPI: CoSignerNPI,
		Roles:       []review.PractitionerRole{review.RoleAttending},
		Identifiers: []review.Identifier{{Type: review.IdentifierFHIR, Value: CoSignerFHIR, Destination: d}},
	}
	return author, coSigner
}

func patient(d review.DestinationID) review.Patient {
	return review.Patient{
		ID: "aaaabbbbccccddddeeeeffff22", SiteID: "test", Family: PatientFamily, Given: PatientGiven,
		BirthDate: PatientBirthDate, Sex: review.SexFemale,
		Identifiers: []review.Identifier{
			{Type: "MR", Authority: MRNAuthority, Value: MRN},
			{Type: review.IdentifierFHIR, Value: PatientFHIR, Destination: d},
		},
	}
}

func encounter(d review.DestinationID) review.Encounter {
	return review.Encounter{
		ID: "gggghhhhiiiijjjjkkkkllll33", SiteID: "test", PatientID: "aaaabbbbccccddddeeeeffff22", Bound: true,
		Class: review.ClassAmbulatory, PeriodStart: visitStart, CreatedAt: visitStart,
		Identifiers: []review.Identifier{
			{Type: "VN", Authority: VisitAuthority, Value: VisitNumber},
			{Type: review.IdentifierFHIR, Value: EncounterFHIR, Destination: d},
		},
	}
}

// Statement is one statement of a section, for Request's content.
func Statement(heading, text string) review.Statement {
	return review.Statement{
		ID: review.NewID[review.StatementID](), Text: review.ClinicalText(text), Heading: review.ClinicalText(heading), Origin: review.OriginAI,
	}
}

func sections() []review.Section {
	return []review.Section{
		{Code: "10154-3", Title: "Chief complaint", Statements: []review.Statement{Statement("", "Right knee pain.")}},
		{Code: "10164-2", Title: "History of present illness", Statements: []review.Statement{
			Statement("", "The patient reports right knee pain since Saturday, after moving boxes up and down the basement stairs."),
			Statement("", "She rates it 6 out of 10; it woke her twice."),
			Statement("", "She denies fever, chills and redness – “just sore”."),
		}},
		{Code: "29545-1", Title: "Physical examination", Statements: []review.Statement{
			Statement("", "Blood pressure 142/88 mmHg, temperature 36.9 °C."),
			Statement("", "Right knee: mild effusion, tender at the medial joint line; flexion to 110°."),
		}},
		{Code: "51847-2", Title: "Assessment and plan", Statements: []review.Statement{
			Statement("Knee osteoarthritis, acute on chronic", "Acetaminophen 650 mg every 6 hours as needed; X-ray & follow-up in 2 weeks."),
			Statement("Knee osteoarthritis, acute on chronic", "Call sooner for fever or swelling."),
			Statement("Hypertension", "Above goal today; continue lisinopril 20 mg daily and bring home readings."),
		}},
	}
}
