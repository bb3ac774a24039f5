package epic

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"countersign/adapters"
	"countersign/internal/fhirr4"
	"countersign/review"
)

// Find implements adapters.Finder. A note with exactly our words is preferred
// to one that only carries our number: a clinician may have copied it.
func (a *Adapter) Find(ctx context.Context, d review.Document) (review.Receipt, bool, error) {
	r, err := references(d)
	if err != nil {
		return review.Receipt{}, false, err
	}
	notes, err := a.client.Search(ctx, documentReference, url.Values{
		"patient": {r.patient}, "encounter": {r.encounter}, "category": {"clinical-note"}})
	if err != nil {
		return review.Receipt{}, false, a.before(err)
	}
	best, rank := review.Receipt{}, 0
	var unread error
	for _, raw := range notes {
		doc, ok := fhirr4.ReadDocument(raw)
		if !ok || !fhirr4.ValidID(doc.ID) {
			return review.Receipt{}, false, adapters.NotArrived("epic_document_unreadable")
		}
		text, err := a.text(ctx, doc)
		if err != nil {
			unread = err
			continue
		}
		rec := review.Receipt{ResourceID: doc.ID, At: a.opts.Clock.Now()}
		switch {
		case text == fhirr4.Words(string(d.Rendering.Body)):
			rec.WrittenSHA256 = d.Rendering.SHA256
			return rec, true, nil
		case rank == 0 && carries(text, d):
			best, rank = rec, 1
		}
	}
	if rank == 0 && unread != nil {
		return review.Receipt{}, false, a.before(unread) // it may be the one
	}
	return best, rank > 0, nil
}

// Verify implements adapters.Verifier. A note that is gone, or of another
// patient or encounter, is a mismatch; one that was withdrawn, or that still
// carries our number in other words, was edited in Epic.
func (a *Adapter) Verify(ctx context.Context, d review.Document, rec review.Receipt) (review.Verification, error) {
	r, err := references(d)
	if err != nil {
		return "", err
	}
	if rec.ResourceID == "" {
		return "", errors.New("verify note: the receipt has no resource id")
	}
	resp, err := a.client.Read(ctx, documentReference, rec.ResourceID)
	if err != nil {
		return "", a.before(err)
	}
	if resp.Status == 404 || resp.Status == 410 {
		return review.VerificationMismatch, nil
	}
	if !resp.OK() || !resp.Complete {
		return "", a.before(&fhirr4.StatusError{Status: resp.Status, RetryAfter: resp.Header.Get("Retry-After")})
	}
	doc, ok := fhirr4.ReadDocument(resp.Body)
	if !ok || doc.ID != rec.ResourceID {
		return "", fmt.Errorf("verify note: the answer is not the DocumentReference that was asked for")
	}
	if !a.belongs(doc, r) {
		return review.VerificationMismatch, nil
	}
	text, err := a.text(ctx, doc)
	if err != nil {
		return "", a.before(err)
	}
	switch {
	case doc.Status != "current" || doc.DocStatus == "entered-in-error":
		return review.VerificationEdited, nil
	case text == fhirr4.Words(string(d.Rendering.Body)):
		return review.VerificationVerified, nil
	case carries(text, d):
		return review.VerificationEdited, nil
	}
	return review.VerificationMismatch, nil
}

func (a *Adapter) belongs(doc fhirr4.Document, r refs) bool {
	base := a.client.Base()
	return fhirr4.SameReference(doc.Subject.Reference, base, "Patient", r.patient) &&
		slices.ContainsFunc(doc.Context.Encounter, func(e fhirr4.Ref) bool { return fhirr4.SameReference(e.Reference, base, "Encounter", r.encounter) })
}

// text reads the note's words from the attachment that can be read best.
func (a *Adapter) text(ctx context.Context, doc fhirr4.Document) (string, error) {
	err := fhirr4.ErrAttachment
	for _, want := range []string{"text/plain", "text/html", "text/rtf", "application/rtf"} {
		for _, c := range doc.Content {
			if !strings.HasPrefix(strings.ToLower(c.Attachment.ContentType), want) {
				continue
			}
			content, openErr := a.client.Open(ctx, c.Attachment)
			if openErr != nil {
				err = openErr
				continue
			}
			if text, ok := fhirr4.PlainText(content); ok {
				return text, nil
			}
		}
	}
	return "", err
}

// carries reports whether the words of a note hold our document number, and
// the revision after it where the rendering prints one.
func carries(text string, d review.Document) bool {
	mark := fhirr4.Words("Document number: " + d.DocumentNumber)
	if withRevision := fmt.Sprintf("%s Revision: %d", mark, d.Revision); strings.Contains(fhirr4.Words(string(d.Rendering.Body))+" ", withRevision+" ") {
		mark = withRevision
	}
	return strings.Contains(text+" ", mark+" ")
}
