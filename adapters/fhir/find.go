package fhir

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"countersign/adapters"
	"countersign/internal/fhirr4"
	"countersign/review"
)

// Find implements adapters.Finder: a search by document number. A document
// that was withdrawn there does not count, except when it is all there is:
// then it has arrived, and what somebody did with it is for Verify to say.
func (a *Adapter) Find(ctx context.Context, d review.Document) (review.Receipt, bool, error) {
	found, err := a.client.Search(ctx, documentReference, url.Values{"identifier": {token(a.opts.IdentifierSystem, d.DocumentNumber)}})
	if err != nil {
		return review.Receipt{}, false, a.before(err)
	}
	var best review.Receipt
	rank := -1
	for _, raw := range found {
		doc, ok := fhirr4.ReadDocument(raw)
		if !ok || !fhirr4.ValidID(doc.ID) {
			return review.Receipt{}, false, adapters.NotArrived("fhir_document_unreadable")
		}
		rec := review.Receipt{ResourceID: doc.ID, At: a.opts.Clock.Now()}
		if fhirr4.ValidID(doc.Meta.VersionID) {
			rec.Version = doc.Meta.VersionID
		}
		n := 0
		if doc.Status == "current" {
			n++
		}
		if data, err := fhirr4.Attachment(raw); err == nil && review.DigestOf(data) == d.Rendering.SHA256 {
			rec.WrittenSHA256 = d.Rendering.SHA256
			n += 2
		}
		if n > rank {
			best, rank = rec, n
		}
	}
	return best, rank >= 0, nil
}

// Verify implements adapters.Verifier. A document that is gone, or that is
// another patient's, is a mismatch; one that has a new version, was withdrawn
// or still carries our number in another text was edited in the EHR.
func (a *Adapter) Verify(ctx context.Context, d review.Document, r review.Receipt) (review.Verification, error) {
	if r.ResourceID == "" {
		return "", errors.New("verify document: the receipt has no resource id")
	}
	resp, err := a.client.Read(ctx, documentReference, r.ResourceID)
	if err != nil {
		return "", a.before(err)
	}
	if resp.Status == 404 || resp.Status == 410 {
		return review.VerificationMismatch, nil
	}
	doc, ok := fhirr4.ReadDocument(resp.Body)
	if !resp.OK() || !resp.Complete {
		return "", a.before(&fhirr4.StatusError{Status: resp.Status, RetryAfter: resp.Header.Get("Retry-After")})
	}
	if !ok || doc.ID != r.ResourceID {
		return "", fmt.Errorf("verify document: the answer is not the DocumentReference that was asked for")
	}
	patient, _, err := a.lookUp(ctx, "Patient", d.Patient.Identifiers, d.Destination.ID)
	if err != nil {
		return "", err
	}
	if !fhirr4.SameReference(doc.Subject.Reference, a.client.Base(), "Patient", patient) || len(doc.Content) == 0 {
		return review.VerificationMismatch, nil
	}
	c, err := a.client.Open(ctx, doc.Content[0].Attachment)
	if err != nil {
		return "", a.before(err)
	}
	switch edited := r.Version != "" && doc.Meta.VersionID != "" && doc.Meta.VersionID != r.Version; {
	case doc.Status != "current":
		return review.VerificationEdited, nil
	case fhirr4.Same(d.Rendering.Body, c):
		return review.VerificationVerified, nil
	case edited:
		return review.VerificationEdited, nil
	}
	return review.VerificationMismatch, nil
}
