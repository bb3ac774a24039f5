package adapters

import (
	"fmt"
	"slices"
	"strings"

	"countersign/review"
)

// lack is one reason why a destination cannot take a note. Its code is for
// the journal, its text for a person; neither holds content.
type lack struct{ code, text string }

// subject is what a profile is asked about: the same for a note before its
// signature and for a document that is about to be sent.
type subject struct {
	destination  review.DestinationID
	action       review.WriteAction
	noteType     string
	confidential review.Confidentiality
	patient      review.Patient
	encounter    review.Encounter
	author       review.Practitioner
}

// lacks lists everything that p misses in s, in the order a person would
// mend it. Size and format are about a rendering and are asked apart.
func (p Profile) lacks(s subject) []lack {
	var out []lack
	add := func(code, format string, args ...any) {
		out = append(out, lack{code, fmt.Sprintf(format, args...)})
	}
	if !s.patient.Bound() {
		add("patient_unbound", "the patient is not identified: bind the visit to a patient with a record number, a name and a birth date")
	} else if !hasIdentifier(s.patient.Identifiers, s.destination, p.PatientIdentifier) {
		add("patient_identifier", "the patient has no %s there: add it, or open the visit from that EHR", identifierName(p.PatientIdentifier))
	}
	switch {
	case !p.EncounterRequired:
	case !s.encounter.Bound:
		add("encounter_unbound", "it takes notes of a known encounter only: bind the visit to its encounter first")
	case !hasIdentifier(s.encounter.Identifiers, s.destination, p.EncounterIdentifier):
		add("encounter_identifier", "the encounter has no %s there: add it, or open the visit from that EHR", identifierName(p.EncounterIdentifier))
	}
	if p.AuthorIdentifier != "" && !hasAuthor(s.author, s.destination, p.AuthorIdentifier) {
		add("author_identifier", "the author has no %s there: add it to the practitioners of this site", identifierName(p.AuthorIdentifier))
	}
	if !p.Can(s.action) {
		add("action_not_supported", "it cannot %s a note by itself: do that in the EHR by hand, or take this destination out of the site's configuration", s.action)
	}
	if len(p.Types) > 0 && !slices.Contains(p.Types, s.noteType) {
		add("type_not_supported", "it does not take notes of type %s (%s): choose another note type, or file the note there by hand", s.noteType, review.NoteTypeTitle(s.noteType))
	}
	if !p.keeps(s.confidential) {
		add("mark_not_kept", "it cannot keep the confidentiality mark %s: file the note there by hand, or take this destination out of the site's configuration", s.confidential)
	}
	return out
}

// keeps reports whether the destination keeps a confidentiality level. A note
// without a level is usual.
func (p Profile) keeps(c review.Confidentiality) bool {
	if c == "" || c == review.ConfidentialityUsual {
		return len(p.Marks) == 0 || slices.Contains(p.Marks, review.ConfidentialityUsual)
	}
	return slices.Contains(p.Marks, c)
}

func (p Profile) tooLarge(n int) (lack, bool) {
	if p.MaxBytes == 0 || n <= p.MaxBytes {
		return lack{}, false
	}
	return lack{"too_large", fmt.Sprintf("the note is %d bytes and it takes %d: shorten the note", n, p.MaxBytes)}, true
}

// hasIdentifier reports whether one of the ids may be sent to d and is of the
// type; any type when it is empty.
func hasIdentifier(ids []review.Identifier, d review.DestinationID, idType string) bool {
	_, ok := IdentifierFor(ids, d, idType)
	return ok
}

func hasAuthor(a review.Practitioner, d review.DestinationID, idType string) bool {
	return idType == "NPI" && a.NPI != "" || hasIdentifier(a.Identifiers, d, idType)
}

func identifierName(idType string) string {
	if idType == "" {
		return "identifier"
	}
	return "identifier of type " + idType
}

// IdentifierFor returns the first identifier of the type (any when it is
// empty) that may be sent to d: one of the destination's own before one that
// is valid everywhere, but a FHIR id only if it is the destination's own.
func IdentifierFor(ids []review.Identifier, d review.DestinationID, idType string) (review.Identifier, bool) {
	for _, id := range review.For(ids, d) {
		foreign := id.Type == review.IdentifierFHIR && id.Destination != d
		if id.Value != "" && !foreign && (idType == "" || id.Type == idType) {
			return id, true
		}
	}
	return review.Identifier{}, false
}

// Check is what every adapter asks before it builds its message: that the
// bytes are those that were stored, that the destination takes their format,
// size and action, and that patient, encounter and author are known there.
// The error is a PermanentError.
func Check(p Profile, d review.Document) error {
	if err := CheckRendering(d.Rendering); err != nil {
		return err
	}
	if !slices.Contains(p.Formats, d.Rendering.Format) {
		return Permanent("format_not_supported", "this destination takes "+strings.Join(p.Formats, ", "))
	}
	if l, ok := p.tooLarge(len(d.Rendering.Body)); ok {
		return Permanent(l.code, l.text)
	}
	ls := p.lacks(subject{d.Destination.ID, d.Action, d.Type, d.Confidential, d.Patient, d.Encounter, d.Author})
	if len(ls) > 0 {
		return Permanent(ls[0].code, ls[0].text)
	}
	return nil
}

// CheckRendering refuses a rendering that does not hash to what was stored:
// those are not the bytes that somebody signed.
func CheckRendering(r review.Rendering) error {
	if r.SHA256.IsZero() || review.DigestOf(r.Body) != r.SHA256 {
		return Permanent("rendering_changed", "the stored bytes are not those that were signed: tell the operator, do not send again")
	}
	return nil
}
