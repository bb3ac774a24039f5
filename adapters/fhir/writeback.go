package fhir

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"countersign/adapters"
	"countersign/internal/fhirr4"
	"countersign/internal/smartauth"
	"countersign/review"
)

const documentReference = "DocumentReference"

// WriteBack implements adapters.Adapter.
func (a *Adapter) WriteBack(ctx context.Context, d review.Document) (review.Receipt, error) {
	if err := adapters.Check(a.Profile(), d); err != nil {
		return review.Receipt{}, err
	}
	r, err := a.resolve(ctx, d)
	if err != nil {
		return review.Receipt{}, err
	}
	body, written, err := a.encode(d, r)
	if err != nil {
		return review.Receipt{}, err
	}
	condition, err := a.condition(ctx, d)
	if err != nil {
		return review.Receipt{}, err
	}
	resp, err := a.client.Create(ctx, documentReference, body, condition)
	if err != nil {
		return review.Receipt{}, a.transport(err)
	}
	if !resp.OK() {
		return review.Receipt{}, a.refused(resp)
	}
	if resp.Status == http.StatusAccepted {
		return review.Receipt{}, &adapters.CommittedError{Code: "fhir_202"}
	}
	rec := a.receipt(resp)
	rec.WrittenSHA256 = written
	if rec.ResourceID == "" {
		found, ok, err := a.Find(ctx, d)
		if err != nil || !ok {
			return review.Receipt{}, adapters.Unknown("fhir_no_id")
		}
		rec.ResourceID, rec.Version = found.ResourceID, found.Version
	}
	if resp.Status == http.StatusOK && condition != "" {
		return rec, a.checkExisting(ctx, d, rec)
	}
	return rec, nil
}

// receipt takes id and version from wherever the server put them.
func (a *Adapter) receipt(resp fhirr4.Response) review.Receipt {
	rec := review.Receipt{Status: resp.Status, At: a.opts.Clock.Now()}
	var fromLocation string
	rec.ResourceID, fromLocation = fhirr4.ParseLocation(resp.Header.Get("Location"), documentReference)
	rec.Version = fhirr4.ParseETag(resp.Header.Get("ETag"))
	if rec.Version == "" {
		rec.Version = fromLocation
	}
	doc, ok := fhirr4.ReadDocument(resp.Body)
	if !ok {
		return rec
	}
	if rec.ResourceID == "" && fhirr4.ValidID(doc.ID) {
		rec.ResourceID = doc.ID
	}
	if rec.Version == "" && doc.ID == rec.ResourceID && fhirr4.ValidID(doc.Meta.VersionID) {
		rec.Version = doc.Meta.VersionID
	}
	return rec
}

// checkExisting makes sure that the document a conditional create found is
// this one: another text under our number is not a success.
func (a *Adapter) checkExisting(ctx context.Context, d review.Document, rec review.Receipt) error {
	v, err := a.Verify(ctx, d, rec)
	switch {
	case err != nil:
		return adapters.Unknown("fhir_existing_unread")
	case v != review.VerificationVerified:
		return adapters.Permanent("fhir_number_taken", "the server holds another text under this document number")
	}
	return nil
}

// refused says what a status other than 2xx means for the create.
func (a *Adapter) refused(resp fhirr4.Response) error {
	code := fmt.Sprintf("fhir_%d", resp.Status)
	switch {
	case resp.Status == http.StatusUnauthorized, resp.Status == http.StatusTooManyRequests, resp.Status == http.StatusServiceUnavailable:
		return adapters.RetryAfter(code, a.after(resp.Header.Get("Retry-After")))
	case resp.Status == http.StatusRequestTimeout, resp.Status >= 500 && resp.Status != http.StatusNotImplemented:
		return adapters.Unknown(code)
	case resp.Status >= 300 && resp.Status < 400:
		return adapters.Permanent(code, "the server redirects: configure the address it redirects to")
	case resp.Status == http.StatusForbidden:
		return adapters.Permanent(code, "the server does not allow it: ask its operator for the right to create DocumentReference")
	}
	hint := "the server refuses the document"
	if i, ok := fhirr4.FirstError(fhirr4.Issues(resp.Body)); ok {
		if i.Code != "" {
			code += "_" + strings.ToLower(i.Code)
		}
		if i.Expression != "" {
			hint += " because of " + i.Expression
		}
	}
	return adapters.Permanent(code, hint)
}

// after is when to come back.
func (a *Adapter) after(header string) time.Duration {
	if d, ok := fhirr4.ParseRetryAfter(header, a.opts.Clock.Now()); ok {
		return d
	}
	return a.opts.BusyAfter
}

// transport says what a create without an answer means.
func (a *Adapter) transport(err error) error {
	var p *adapters.PermanentError
	var token *smartauth.TokenError
	var t *fhirr4.TransportError
	switch {
	case errors.As(err, &p): // the address was refused
		return p
	case errors.As(err, &token):
		return adapters.RetryAfter("auth_"+token.Code, a.after(token.RetryAfter))
	case errors.As(err, &t) && t.MaySent:
		return adapters.Unknown("fhir_" + t.Code)
	case errors.As(err, &t):
		return adapters.NotArrived("fhir_" + t.Code)
	}
	return adapters.Permanent("fhir_request", "the request cannot be made: check the address of the destination")
}

// before says what a failed read means while nothing has been sent yet.
func (a *Adapter) before(err error) error {
	var s *fhirr4.StatusError
	var t *fhirr4.TransportError
	switch {
	case errors.As(err, &s):
		return a.beforeStatus(s)
	case errors.As(err, &t) && t.MaySent: // a read changes nothing
		return adapters.NotArrived("fhir_read_" + t.Code)
	}
	if err = a.transport(err); adapters.CodeOf(err) == "fhir_request" {
		return adapters.NotArrived("fhir_read_unreadable")
	}
	return err
}

func (a *Adapter) beforeStatus(s *fhirr4.StatusError) error {
	code := fmt.Sprintf("fhir_read_%d", s.Status)
	switch {
	case s.Status == http.StatusUnauthorized, s.Status == http.StatusTooManyRequests, s.Status == http.StatusServiceUnavailable:
		return adapters.RetryAfter(code, a.after(s.RetryAfter))
	case s.Status >= 400 && s.Status < 500 && s.Status != http.StatusRequestTimeout:
		return adapters.Permanent(code, "the server does not let patient or encounter be looked up: ask its operator")
	}
	return adapters.NotArrived(code)
}
