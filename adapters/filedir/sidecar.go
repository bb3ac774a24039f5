package filedir

import (
	"bytes"
	"encoding/json"
	"time"

	"countersign/adapters"
	"countersign/review"
)

// envelope is the sidecar. Times are RFC 3339 in UTC. It is the same bytes
// for every attempt, so that a repeat is recognised.
type envelope struct {
	Version         int                    `json:"version"`
	DocumentNumber  string                 `json:"document_number"`
	ParentNumber    string                 `json:"parent_number,omitempty"`
	Revision        int                    `json:"revision"`
	Action          review.WriteAction     `json:"action"`
	Type            string                 `json:"type"` // LOINC
	Title           string                 `json:"title"`
	Confidentiality review.Confidentiality `json:"confidentiality,omitempty"`
	Completed       bool                   `json:"completed"`
	ControlID       string                 `json:"control_id"`
	TextFile        string                 `json:"text_file"`
	TextFormat      string                 `json:"text_format"`
	TextSHA256      review.Digest          `json:"text_sha256"`
	Patient         person                 `json:"patient"`
	Encounter       contact                `json:"encounter"`
	Author          signer                 `json:"author"`
	Signatures      []signer               `json:"signatures,omitempty"`
	StartedAt       time.Time              `json:"started_at,omitzero"`
	EndedAt         time.Time              `json:"ended_at,omitzero"`
	CreatedAt       time.Time              `json:"created_at"`
}

type person struct {
	Family      review.ClinicalText `json:"family"`
	Given       review.ClinicalText `json:"given"`
	BirthDate   review.ClinicalText `json:"birth_date,omitempty"`
	Sex         review.Sex          `json:"sex,omitempty"`
	Identifiers []review.Identifier `json:"identifiers"`
}

type contact struct {
	Class       review.EncounterClass `json:"class,omitempty"`
	PeriodStart time.Time             `json:"period_start,omitzero"`
	Identifiers []review.Identifier   `json:"identifiers,omitempty"`
}

type signer struct {
	Name     string         `json:"name"`
	NPI      string         `json:"npi,omitempty"`
	Meaning  review.Meaning `json:"meaning,omitempty"`
	SignedAt time.Time      `json:"signed_at,omitzero"`
}

// sidecar is the envelope of d. Identifiers of other destinations stay out.
func sidecar(d review.Document, name string) ([]byte, error) {
	e := envelope{
		Version: 1, DocumentNumber: d.DocumentNumber, ParentNumber: d.ParentNumber, Revision: d.Revision, Action: d.Action,
		Type: d.Type, Title: d.Title, Confidentiality: d.Confidential, Completed: d.Completed, ControlID: d.ControlID,
		TextFile: name + ".txt", TextFormat: d.Rendering.Format, TextSHA256: d.Rendering.SHA256,
		Patient: person{
			Family: d.Patient.Family, Given: d.Patient.Given, BirthDate: d.Patient.BirthDate, Sex: d.Patient.Sex,
			Identifiers: review.For(d.Patient.Identifiers, d.Destination.ID),
		},
		Encounter: contact{
			Class: d.Encounter.Class, PeriodStart: d.Encounter.PeriodStart.UTC(),
			Identifiers: review.For(d.Encounter.Identifiers, d.Destination.ID),
		},
		Author:    signer{Name: d.Author.DisplayName(), NPI: d.Author.NPI},
		StartedAt: d.StartedAt.UTC(), EndedAt: d.EndedAt.UTC(), CreatedAt: d.CreatedAt.UTC(),
	}
	for i, s := range d.Signatures {
		one := signer{Name: s.Name, Meaning: s.Meaning, SignedAt: s.SignedAt.UTC()}
		if i < len(d.Signers) {
			one.NPI = d.Signers[i].NPI
		}
		e.Signatures = append(e.Signatures, one)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(e); err != nil {
		return nil, adapters.Permanent("envelope", "the envelope cannot be written as JSON")
	}
	return b.Bytes(), nil
}
