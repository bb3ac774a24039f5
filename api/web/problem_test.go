package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"countersign/review"
)

func TestUnknownAndMalformedIdsLookTheSame(t *testing.T) {
	t.Parallel()
	b := setup(t, inReview()).signIn()
	other := "/notes/" + strings.Repeat("z", 26)
	want := b.get(other).want(http.StatusNotFound)
	checkPage(t, want.Body)
	for _, path := range []string{"/notes/1", "/notes/..%2f..%2fetc", "/notes/%3Cscript%3E", "/notes/" + strings.Repeat("N", 26), other + "/sign", "/notes/1/sign", "/elsewhere", "/notes/"} {
		if got := b.get(path); got.Status != want.Status || got.Body != want.Body {
			t.Errorf("GET %s: %d and another page:\n%s", path, got.Status, got.Body)
		}
	}
	for _, act := range []string{"edit", "confirm", "sign", "return", "discard", "redraft"} {
		fields := []string{"seen", strings.Repeat("0", 64), "shown", strings.Repeat("0", 64), "op", "replace", "text", "typed", "agree", "yes", "reason", "duplicate"}
		for _, id := range []string{other, "/notes/1"} {
			if got := b.post(id+"/"+act, fields...); got.Status != want.Status || got.Body != want.Body {
				t.Errorf("POST %s/%s: %d and another page:\n%s", id, act, got.Status, got.Body)
			}
		}
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	const internals = "pq: relation"
	for _, c := range []struct {
		err    error
		status int
		words  string
	}{
		{review.Errorf(review.KindInternal, internals), 500, "Something went wrong on our side"},
		{errors.New(internals), 500, "Something went wrong on our side"},
		{fmt.Errorf("read: %w", context.DeadlineExceeded), 503, "try again in a moment"},
		{review.Errorf(review.KindUnavailable, internals), 503, "try again in a moment"},
		{review.Errorf(review.KindNotFound, internals), 404, "There is no such page"},
		{review.Errorf(review.KindUnknownSite, internals), 404, "There is no such page"},
		{review.Errorf(review.KindConflict, internals), 409, "changed after you were shown it"},
		{review.Errorf(review.KindContentConflict, internals), 409, "changed after you were shown it"},
		{review.Errorf(review.KindUnauthenticated, internals), 401, "sign in again"},
		{review.Errorf(review.KindInvalid, "edit note: text: give 1 to 4000 bytes"), 400, ">Text: give 1 to 4000 bytes.<"},
		{review.Errorf(review.KindSequenceGap, "utterance 3: is missing"), 400, ">Utterance 3: is missing.<"},
		{review.Errorf(review.KindConsent, "consent is missing"), 400, ">Consent is missing.<"},
		{review.Errorf(review.KindIllegal, "sign_last: not possible while the note is in_review"), 409, ">Not possible while the note is in review.<"},
		{review.Errorf(review.KindFlagged, "sign note: 2 blocking flags are open"), 409, ">2 blocking flags are open.<"},
		{review.Errorf(review.KindRefused, "sign note: epic cannot take it: too long"), 409, ">Epic cannot take it: too long.<"},
		{review.Errorf(review.KindClosed, "the recording is closed"), 409, ">The recording is closed.<"},
		{review.Errorf(review.KindForbidden, "co-sign note: nobody co-signs their own note"), 403, ">Nobody co-signs their own note.<"},
	} {
		t.Run(string(review.KindOf(c.err)), func(t *testing.T) {
			t.Parallel()
			f := inReview()
			f.fail["OpenNote"] = c.err
			b := setup(t, f).signIn()
			a := b.get(notePath).want(c.status).has(c.words, `class="button"`).hasNot(internals, "pq", "note:", "_")
			checkPage(t, a.Body)
			if strings.Contains(b.log.String(), internals) {
				t.Errorf("the log has the text of the cause: %s", b.log)
			}
			if c.status == 500 && !strings.Contains(b.log.String(), "GET /notes/{id}") {
				t.Errorf("the log does not name the route: %s", b.log)
			}
		})
	}
}

// A client that goes away is nobody's fault and not worth a line of log.
func TestCancelledRequestIsNotLogged(t *testing.T) {
	t.Parallel()
	f := inReview()
	f.fail["OpenNote"] = fmt.Errorf("read: %w", context.Canceled)
	b := setup(t, f).signIn()
	b.get(notePath).want(http.StatusInternalServerError)
	if got := b.log.String(); got != "" {
		t.Errorf("logged: %s", got)
	}
}

// A body above the limit is refused, not cut.
func TestLargeBodyIsRefused(t *testing.T) {
	t.Parallel()
	f := inReview()
	b := setup(t, f).signIn()
	b.post(notePath+"/edit", "seen", hash(f), "op", "replace", "statement", string(stID(0)), "text", strings.Repeat("x", 70<<10)).want(http.StatusBadRequest)
	if len(f.edits) > 0 {
		t.Error("it was saved")
	}
}
