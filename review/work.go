package review

import "time"

// WorkKind says what the dispatcher is asked to do.
type WorkKind string

// Kinds of work.
const (
	WorkSend    WorkKind = "send"    // the row is sending, its attempt row is on disk
	WorkResolve WorkKind = "resolve" // the row is unknown: ask whether it arrived
	WorkVerify  WorkKind = "verify"  // the row is accepted: read it back
)

// Work is one thing to do for one write-back, with the document to do it with.
type Work struct {
	Kind      WorkKind
	WriteBack WriteBack
	Attempt   int // number of the attempt, for a send
	Document  Document
}

// Outcome is what came of a send or a resolve.
type Outcome struct {
	// Event is what happened; empty changes no state and only sets ErrorCode
	// and RetryAt.
	Event     WriteBackEvent
	Receipt   Receipt
	ErrorCode string    // fixed wording
	RetryAt   time.Time // when to look again; for not_arrived and lose
	VerifyAt  time.Time // when to read back; for accept; zero for never
}
