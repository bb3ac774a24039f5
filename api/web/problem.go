package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"countersign/review"
)

// statusOf is the one table from Kind to HTTP status.
func statusOf(k review.Kind) int {
	switch k {
	case review.KindInvalid, review.KindSequenceGap, review.KindConsent:
		return http.StatusBadRequest
	case review.KindNotFound, review.KindUnknownSite:
		return http.StatusNotFound
	case review.KindConflict, review.KindIllegal, review.KindFlagged, review.KindRefused, review.KindClosed, review.KindContentConflict:
		return http.StatusConflict
	case review.KindForbidden:
		return http.StatusForbidden
	case review.KindUnauthenticated:
		return http.StatusUnauthorized
	case review.KindUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// told is the sentence for the person who asked: one table from Kind, and
// the service's own words where they say what to do. It has no internals.
func told(err error) string {
	switch kindOf(err) {
	case review.KindInternal:
		return "Something went wrong on our side. Nothing was changed. Try again, and tell your IT department if it happens twice."
	case review.KindUnavailable:
		return "This cannot be done right now. Nothing was changed: try again in a moment."
	case review.KindNotFound, review.KindUnknownSite:
		return "There is no such page, or it is not one of yours."
	case review.KindConflict, review.KindContentConflict:
		return "The note changed after you were shown it. Nothing of it was overwritten: open it again and look."
	case review.KindUnauthenticated:
		return "Who you are is not known any more: sign in again."
	}
	return sentence(err.Error())
}

// kindOf is review.KindOf, with a request that took too long as unavailable.
func kindOf(err error) review.Kind {
	k := review.KindOf(err)
	if k == review.KindInternal && errors.Is(err, context.DeadlineExceeded) {
		return review.KindUnavailable
	}
	return k
}

// operation is how an error of the service begins: "sign note: ".
var operation = regexp.MustCompile(`^[a-z_-]+( [a-z_-]+)?: `)

// sentence makes a service's error text readable: without the operation,
// with a capital and a full stop.
func sentence(s string) string {
	s = strings.ReplaceAll(s, "_", " ")
	if rest := s[len(operation.FindString(s)):]; rest != "" {
		s = rest
	}
	if s == "" {
		return "That was refused."
	}
	s = strings.ToUpper(s[:1]) + s[1:]
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}

type problemPage struct {
	frame
	Text string
	Back string
}

// problem shows an error. The log has the kind, the route and the type of the
// cause, but never its text, which may quote anything.
func (s *Server) problem(w http.ResponseWriter, r *http.Request, err error) {
	kind := kindOf(err)
	id, idErr := noteID(r)
	if kind == review.KindInternal && !errors.Is(err, context.Canceled) {
		s.log.Error("web request", "route", r.Pattern, "kind", string(kind), "note_id", string(id), "cause", fmt.Sprintf("%T", root(err)))
	}
	p := problemPage{frame: frame{Title: "That did not work"}, Text: told(err), Back: "/"}
	if idErr == nil && kind != review.KindNotFound {
		p.Back = "/notes/" + string(id)
	}
	_, p.SignedIn = s.sessions.peek(r)
	if err := s.render(w, statusOf(kind), "problem", p); err != nil {
		s.log.Error("render problem page")
		http.Error(w, "internal error", http.StatusInternalServerError)
	}
}

func root(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
