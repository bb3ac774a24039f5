package adapters

import (
	"errors"
	"fmt"
	"net"
	"time"
)

// ErrUnknownOutcome says that the document may have arrived. Wrap it with a
// code by [Unknown].
var ErrUnknownOutcome = errors.New("outcome unknown")

// UnknownError is ErrUnknownOutcome with a code.
type UnknownError struct{ Code string }

// Unknown returns an error that errors.Is(err, ErrUnknownOutcome).
func Unknown(code string) error { return &UnknownError{code} }

// Error implements error.
func (e *UnknownError) Error() string { return "outcome unknown: " + e.Code }

// Unwrap returns ErrUnknownOutcome.
func (e *UnknownError) Unwrap() error { return ErrUnknownOutcome }

// PermanentError says that the same document will be refused again.
type PermanentError struct {
	// Code is fixed wording, such as "epic_59108" or "mllp_ae_101".
	Code string
	// Hint says what a person can do; no content.
	Hint string
}

// Permanent returns a PermanentError.
func Permanent(code, hint string) error { return &PermanentError{code, hint} }

// Error implements error.
func (e *PermanentError) Error() string {
	if e.Hint == "" {
		return "refused: " + e.Code
	}
	return fmt.Sprintf("refused: %s: %s", e.Code, e.Hint)
}

// RetryAfterError says that the document certainly did not arrive and when
// to try again.
type RetryAfterError struct {
	Code  string
	After time.Duration
}

// RetryAfter returns a RetryAfterError.
func RetryAfter(code string, d time.Duration) error { return &RetryAfterError{code, d} }

// Error implements error.
func (e *RetryAfterError) Error() string {
	return fmt.Sprintf("busy: %s: retry after %s", e.Code, e.After)
}

// CommittedError says that the interface has taken the document and its
// application has not answered yet.
type CommittedError struct{ Code string }

// Error implements error.
func (e *CommittedError) Error() string { return "committed: " + e.Code }

// NotArrivedError is an error with a code for a document that certainly did
// not arrive and may be sent again.
type NotArrivedError struct{ Code string }

// NotArrived returns a NotArrivedError.
func NotArrived(code string) error { return &NotArrivedError{code} }

// Error implements error.
func (e *NotArrivedError) Error() string { return "not arrived: " + e.Code }

// CodeOf is the fixed code of an adapter's error, for the journal and
// metrics; "internal" for an error without one.
func CodeOf(err error) string {
	var (
		u *UnknownError
		p *PermanentError
		r *RetryAfterError
		c *CommittedError
		n *NotArrivedError
	)
	switch {
	case err == nil:
		return ""
	case errors.As(err, &u):
		return u.Code
	case errors.As(err, &p):
		return p.Code
	case errors.As(err, &r):
		return r.Code
	case errors.As(err, &c):
		return c.Code
	case errors.As(err, &n):
		return n.Code
	case errors.Is(err, ErrUnknownOutcome):
		return "unknown"
	}
	return "internal"
}

// CheckLoopback is a [net.Dialer] Control function's rule: until sites have
// gates, adapters other than filedir connect to loopback addresses only. It
// is checked at dial, after name resolution.
func CheckLoopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return Permanent("not_loopback", "the destination's address cannot be read")
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return Permanent("not_loopback", "only simulated destinations on loopback addresses can be written until the site's gates are open")
	}
	return nil
}
