package review

import (
	"errors"
	"fmt"
	"time"
)

// Kind is the closed set of reasons for which an operation is refused. Each
// front end has one table from Kind to its own codes.
type Kind string

// Kinds of error. Anything without a kind is KindInternal: the caller sees a
// fixed sentence, the log has the cause.
const (
	KindInternal        Kind = "internal"
	KindInvalid         Kind = "invalid"          // the input is wrong; the text names the field
	KindNotFound        Kind = "not_found"        // no such thing, or not for this person
	KindConflict        Kind = "conflict"         // somebody else changed it first: read again
	KindIllegal         Kind = "illegal"          // not possible in this state
	KindForbidden       Kind = "forbidden"        // this person may not
	KindUnauthenticated Kind = "unauthenticated"  // who is asking is not known
	KindFlagged         Kind = "flagged"          // blocking flags are open
	KindRefused         Kind = "refused"          // a destination cannot take it; the text says why
	KindUnavailable     Kind = "unavailable"      // try again later
	KindClosed          Kind = "closed"           // the recording or stream is closed
	KindSequenceGap     Kind = "sequence_gap"     // utterances are missing
	KindContentConflict Kind = "content_conflict" // other content under a used sequence number
	KindConsent         Kind = "consent"          // consent is missing
	KindUnknownSite     Kind = "unknown_site"     // the site is not configured
)

// Error is an error with a Kind. Its text is for the person who asked and
// never holds content.
type Error struct {
	Kind Kind
	Text string
	Err  error // cause, for errors.Is; may be nil
}

// Error implements error.
func (e *Error) Error() string { return e.Text }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is(err, ErrConflict) true for every error of that kind.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Text == "" && t.Kind == e.Kind
}

// Errorf makes an Error. A %w in the format is kept as its cause.
func Errorf(k Kind, format string, args ...any) error {
	w := fmt.Errorf(format, args...)
	return &Error{Kind: k, Text: w.Error(), Err: errors.Unwrap(w)}
}

// KindOf returns the kind of err, KindInternal when it has none, and the
// empty string for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindInternal
}

// Sentinels for errors.Is; each matches every Error of its kind.
var (
	ErrInvalid         = &Error{Kind: KindInvalid}
	ErrNotFound        = &Error{Kind: KindNotFound}
	ErrConflict        = &Error{Kind: KindConflict}
	ErrIllegal         = &Error{Kind: KindIllegal}
	ErrForbidden       = &Error{Kind: KindForbidden}
	ErrUnauthenticated = &Error{Kind: KindUnauthenticated}
	ErrFlagged         = &Error{Kind: KindFlagged}
	ErrRefused         = &Error{Kind: KindRefused}
	ErrUnavailable     = &Error{Kind: KindUnavailable}
	ErrClosed          = &Error{Kind: KindClosed}
	ErrSequenceGap     = &Error{Kind: KindSequenceGap}
	ErrContentConflict = &Error{Kind: KindContentConflict}
	ErrConsent         = &Error{Kind: KindConsent}
	ErrUnknownSite     = &Error{Kind: KindUnknownSite}
)

// Clock tells the time; tests replace it. Times are UTC, cut to microseconds,
// which is what both databases keep.
type Clock interface{ Now() time.Time }

// SystemClock is the machine's clock.
type SystemClock struct{}

// Now implements Clock.
func (SystemClock) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
