package notegen

import (
	"context"
	"errors"
	"fmt"
	"time"

	"countersign/review"
)

// Drafter makes a draft note of a conversation.
//
// Concurrency: Draft may be called by many goroutines at once on one value.
//
// Blocking: Draft blocks until the draft is whole or ctx ends. A local
// drafter takes milliseconds; one behind a network may take minutes, so the
// caller sets the deadline in ctx. When ctx ends Draft returns an error for
// which errors.Is(err, ctx.Err()) is true, and no draft.
//
// Retries: a drafter may repeat a request to its own model within one call,
// bounded by ctx and by its own limit. It never schedules a later attempt:
// the caller does, from the error.
//
// Keeping: Draft keeps neither c nor anything it points to after it returns,
// does not change it, and the returned draft shares no memory with it that
// either side writes.
//
// Draft: sections come in the order of templates.Sections, none is empty,
// and no code comes twice. Every statement has origin ai, an id that is
// unique in the draft, text, and evidence that exists in c.Transcript; a
// statement whose evidence a model invented comes without evidence, and the
// groundedness check marks it. Statements carry no flags: the check sets
// them. A conversation with nothing to write about gives a [PermanentError]
// with [CodeEmpty].
//
// Errors: [PermanentError] when the same conversation will fail again,
// [RetryAfterError] when the model said when to come back, anything else is
// transient and safe to repeat. No error text holds content.
type Drafter interface {
	Draft(ctx context.Context, c review.Conversation) (review.Draft, error)
}

// Codes of drafting errors. They are stored beside the note, counted, and
// shown to a person, so they are short, fixed, and free of content.
const (
	CodeEmpty         = "empty_transcript" // nothing was said that can be written down
	CodeTooLong       = "transcript_too_long"
	CodeContentFilter = "content_filter" // the model's filter refused the prompt or the answer
	CodeLength        = "output_truncated"
	CodeMalformed     = "output_malformed"
	CodeNoOutput      = "output_empty"
	CodeRefused       = "model_refused" // the model declined in its own words
	CodeRateLimited   = "rate_limited"
	CodeUnavailable   = "model_unavailable"
	CodeUnauthorized  = "model_unauthorized"
	CodeBadRequest    = "model_bad_request"
	CodeNotCovered    = "deployment_not_covered" // not in the register, or its entry has expired
	CodeTimeout       = "timeout"
	CodeInternal      = "internal"
)

// PermanentError says that the same conversation will be refused again. A
// person writes the note, or an operator repairs the configuration and asks
// for a new draft.
type PermanentError struct {
	Code string
	Err  error // cause without content, for errors.Is; may be nil
}

// Error implements error.
func (e *PermanentError) Error() string { return fmt.Sprintf("draft note: %s: not repeated", e.Code) }

// Unwrap returns the cause.
func (e *PermanentError) Unwrap() error { return e.Err }

// RetryAfterError says that the drafter cannot serve now and when to ask
// again. After counts from the return of Draft and is never negative.
type RetryAfterError struct {
	After time.Duration
	Code  string
}

// Error implements error.
func (e *RetryAfterError) Error() string {
	return fmt.Sprintf("draft note: %s: try again after %s", e.Code, e.After)
}

// TransientError gives a transient failure a code. It is optional: an error
// without a type is transient too and has the code [CodeInternal].
type TransientError struct {
	Code string
	Err  error // cause without content; may be nil
}

// Error implements error.
func (e *TransientError) Error() string { return fmt.Sprintf("draft note: %s: safe to repeat", e.Code) }

// Unwrap returns the cause.
func (e *TransientError) Unwrap() error { return e.Err }

// Classify reads an error of [Drafter.Draft]: its code, how long to wait (0:
// the caller's own backoff) and whether repeating is useless.
func Classify(err error) (code string, after time.Duration, permanent bool) {
	var perm *PermanentError
	var wait *RetryAfterError
	var trans *TransientError
	switch {
	case err == nil:
		return "", 0, false
	case errors.As(err, &perm):
		return perm.Code, 0, true
	case errors.As(err, &wait):
		return wait.Code, max(wait.After, 0), false
	case errors.As(err, &trans):
		return trans.Code, 0, false
	case errors.Is(err, context.DeadlineExceeded):
		return CodeTimeout, 0, false
	}
	return CodeInternal, 0, false
}
