package mllp

import (
	"errors"
	"fmt"
)

// ErrClosed says that the client was closed.
var ErrClosed = errors.New("mllp client is closed")

// Phase is the part of a Send in which something happened.
type Phase string

// Phases of [Client.Send], in their order.
const (
	PhaseFrame Phase = "frame" // the message cannot be framed
	PhaseQueue Phase = "queue" // waiting for the connection to be free
	PhaseDial  Phase = "dial"
	PhaseTLS   Phase = "tls"
	PhaseWrite Phase = "write"
	PhaseReply Phase = "reply"
)

// NotSentError says that no byte of the message can have reached the receiver: sending it again is safe.
type NotSentError struct {
	Phase Phase
	Err   error
}

// Error names the phase and the cause.
func (e *NotSentError) Error() string {
	return fmt.Sprintf("send mllp message: not sent (%s): %v", e.Phase, e.Err)
}

// Unwrap returns the cause, as context.DeadlineExceeded or [ErrForbiddenByte].
func (e *NotSentError) Unwrap() error { return e.Err }

// UnknownError says that bytes of the message may have left and no answer was read: the receiver may have it.
type UnknownError struct {
	Phase  Phase  // PhaseWrite or PhaseReply
	Commit Commit // last release 2 commit block that came instead of an answer
	Err    error
}

// Error names the phase and the cause.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("send mllp message: outcome unknown (%s): %v", e.Phase, e.Err)
}

// Unwrap returns the cause, as io.EOF, os.ErrDeadlineExceeded or context.Canceled.
func (e *UnknownError) Unwrap() error { return e.Err }
