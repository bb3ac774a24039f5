package epic

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"countersign/adapters"
	"countersign/internal/fhirr4"
	"countersign/internal/smartauth"
)

var reEpicCode = regexp.MustCompile(`^[0-9]{4,6}$`)

// refused says what a status other than 200 and 201 means for the create;
// nil for those two.
func (a *Adapter) refused(resp fhirr4.Response) error {
	code := fmt.Sprintf("epic_%d", resp.Status)
	hinted := resp.Header.Get("Retry-After") != ""
	switch s := resp.Status; {
	case s == http.StatusOK, s == http.StatusCreated:
		return nil
	case s == http.StatusAccepted:
		return &adapters.CommittedError{Code: code}
	case s == http.StatusUnauthorized, s == http.StatusTooManyRequests, s == http.StatusServiceUnavailable && hinted:
		return adapters.RetryAfter(code, a.after(resp.Header.Get("Retry-After")))
	case s < 300, s >= 500, s == http.StatusRequestTimeout:
		return adapters.Unknown(code)
	case s < 400:
		return adapters.Permanent(code, "Epic redirects: configure the address it redirects to")
	case s == http.StatusForbidden:
		return adapters.Permanent(code, "DocumentReference.Create (Clinical Notes) is not on this app, or the background user may not: ask the Epic team")
	}
	issue, ok := fhirr4.FirstError(fhirr4.Issues(resp.Body))
	if !ok {
		return adapters.Permanent(code, "Epic refuses the note")
	}
	if reEpicCode.MatchString(issue.Detail) {
		code = "epic_" + issue.Detail
	}
	if issue.Detail == "59141" {
		return adapters.Unknown(code)
	}
	return adapters.Permanent(code, hint(issue))
}

// hint maps code and expression, never text: texts change with releases and
// may quote the request.
func hint(i fhirr4.Issue) string {
	place := strings.TrimPrefix(strings.ReplaceAll(i.Expression, ".", "/"), documentReference+"/")
	switch {
	case strings.HasPrefix(place, "context/encounter"):
		return "Epic does not accept the encounter: it must exist and be of the same patient"
	case strings.HasPrefix(place, "subject"):
		return "Epic does not accept the patient id"
	case strings.HasPrefix(place, "author"):
		return "Epic does not accept the author: check the practitioner's Epic id"
	case strings.HasPrefix(place, "type"):
		return "Epic has no note type for it: map the type to one of the organisation's own"
	}
	text := map[string]string{
		"59012": "Epic does not accept a modifier element", "59102": "Epic finds a wrong data type",
		"59108": "Epic misses an element", "59138": "Epic does not support a value", "59189": "Epic could not file the note",
	}[i.Detail]
	if text == "" {
		text = "Epic refuses the note"
	}
	if place != "" {
		text += ": " + place
	}
	return text
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
		return adapters.Unknown("epic_" + t.Code)
	case errors.As(err, &t):
		return adapters.NotArrived("epic_" + t.Code)
	}
	return adapters.Permanent("epic_request", "the request cannot be made: check the address of the destination")
}

// before says what a failed read means while nothing has been sent yet.
func (a *Adapter) before(err error) error {
	var s *fhirr4.StatusError
	var t *fhirr4.TransportError
	switch {
	case errors.As(err, &s):
		return a.beforeStatus(s)
	case errors.As(err, &t) && t.MaySent: // a read changes nothing
		return adapters.NotArrived("epic_read_" + t.Code)
	}
	if err = a.transport(err); adapters.CodeOf(err) == "epic_request" {
		return adapters.NotArrived("epic_read_unreadable")
	}
	return err
}

func (a *Adapter) beforeStatus(s *fhirr4.StatusError) error {
	code := fmt.Sprintf("epic_read_%d", s.Status)
	switch {
	case s.Status == http.StatusUnauthorized, s.Status == http.StatusTooManyRequests, s.Status == http.StatusServiceUnavailable:
		return adapters.RetryAfter(code, a.after(s.RetryAfter))
	case s.Status == http.StatusForbidden:
		return adapters.Permanent(code, "a read API is not on this app: ask the Epic team for Encounter.Read, DocumentReference.Search and Binary.Read")
	case s.Status >= 400 && s.Status < 500 && s.Status != http.StatusRequestTimeout:
		return adapters.Permanent(code, "Epic does not let the record be looked up")
	}
	return adapters.NotArrived(code)
}
