package epic

import (
	"context"
	"unicode/utf8"

	"countersign/adapters"
	"countersign/internal/fhirr4"
	"countersign/review"
)

const documentReference = "DocumentReference"

// refs are Epic's own ids of what a document belongs to.
type refs struct{ patient, encounter, author string }

// WriteBack implements adapters.Adapter.
func (a *Adapter) WriteBack(ctx context.Context, d review.Document) (review.Receipt, error) {
	if err := adapters.Check(a.Profile(), d); err != nil {
		return review.Receipt{}, err
	}
	r, err := references(d)
	if err != nil {
		return review.Receipt{}, err
	}
	body, written, err := a.encode(d, r)
	if err != nil {
		return review.Receipt{}, err
	}
	if err := a.checkEncounter(ctx, r); err != nil {
		return review.Receipt{}, err
	}
	resp, err := a.client.Create(ctx, documentReference, body, "")
	if err != nil {
		return review.Receipt{}, a.transport(err)
	}
	if err := a.refused(resp); err != nil {
		return review.Receipt{}, err
	}
	rec := review.Receipt{Status: resp.Status, At: a.opts.Clock.Now(), WrittenSHA256: written}
	rec.ResourceID, _ = fhirr4.ParseLocation(resp.Header.Get("Location"), documentReference)
	if doc, ok := fhirr4.ReadDocument(resp.Body); ok && rec.ResourceID == "" && fhirr4.ValidID(doc.ID) {
		rec.ResourceID = doc.ID
	}
	if rec.ResourceID == "" {
		return review.Receipt{}, adapters.Unknown("epic_no_id")
	}
	return rec, nil
}

// references takes the ids that Epic itself gave; adapters.Check has made
// sure that they are there.
func references(d review.Document) (refs, error) {
	var r refs
	for _, x := range []struct {
		to  *string
		ids []review.Identifier
	}{{&r.patient, d.Patient.Identifiers}, {&r.encounter, d.Encounter.Identifiers}, {&r.author, d.Author.Identifiers}} {
		id, _ := adapters.IdentifierFor(x.ids, d.Destination.ID, review.IdentifierFHIR)
		if !fhirr4.ValidID(string(id.Value)) {
			return refs{}, adapters.Permanent("fhir_id_malformed", "an Epic id of patient, encounter or author has not the form of a FHIR id")
		}
		*x.to = string(id.Value)
	}
	return r, nil
}

// encode builds the resource around the stored rendering and proves, by
// decoding what will be sent, that the rendering is in it unchanged.
func (a *Adapter) encode(d review.Document, r refs) (body []byte, written review.Digest, err error) {
	if len(d.Rendering.Body) == 0 || !utf8.Valid(d.Rendering.Body) {
		return nil, written, adapters.Permanent("rendering_not_text", "the stored rendering is empty or not UTF-8")
	}
	body, err = a.codec.Encode(fhirr4.Build(fhirr4.Envelope{
		Final: d.Completed, Type: a.opts.NoteTypes[d.Type], PatientID: r.patient, EncounterID: r.encounter,
		Authors: []fhirr4.Person{{ID: r.author}}, ContentType: "text/plain", Data: d.Rendering.Body,
	}))
	if err != nil {
		return nil, written, adapters.Permanent("fhir_invalid", "the note cannot be put into a valid DocumentReference")
	}
	data, err := fhirr4.Attachment(body)
	if err != nil {
		return nil, written, adapters.Permanent("fhir_invalid", "the outgoing message cannot be read back")
	}
	if written = review.DigestOf(data); written != d.Rendering.SHA256 {
		return nil, written, adapters.Permanent("rendering_altered", "the outgoing message does not hold the signed bytes")
	}
	return body, written, nil
}

// checkEncounter reads the encounter: a note must not reach another patient.
func (a *Adapter) checkEncounter(ctx context.Context, r refs) error {
	resp, err := a.client.Read(ctx, "Encounter", r.encounter)
	if err != nil {
		return a.before(err)
	}
	if resp.Status == 404 || resp.Status == 410 {
		return adapters.Permanent("encounter_not_found", "Epic does not know the encounter")
	}
	if !resp.OK() || !resp.Complete {
		return a.before(&fhirr4.StatusError{Status: resp.Status, RetryAfter: resp.Header.Get("Retry-After")})
	}
	e, ok := fhirr4.ReadEncounter(resp.Body)
	switch {
	case !ok || e.ID != r.encounter:
		return adapters.NotArrived("epic_encounter_unreadable")
	case e.Status == "entered-in-error":
		return adapters.Permanent("encounter_entered_in_error", "the encounter was withdrawn in Epic: bind the visit to the right one")
	case !fhirr4.SameReference(e.Subject.Reference, a.client.Base(), "Patient", r.patient):
		return adapters.Permanent("encounter_other_patient", "the encounter belongs to another patient: bind the visit anew, nothing was sent")
	}
	return nil
}
