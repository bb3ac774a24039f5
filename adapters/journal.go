package adapters

import (
	"context"
	"time"

	"countersign/review"
)

// Journal is what the dispatcher needs of the record. review.Service
// implements it. It may be called concurrently for different families.
type Journal interface {
	// NextWork claims what is due in a family: a send (the row is sending and
	// its attempt row durable), a resolve (an unknown write to ask about) or
	// a verify. ok=false means that nothing is due; next is when something
	// will be, zero for nothing.
	NextWork(ctx context.Context, family review.NoteID) (w review.Work, ok bool, next time.Time, err error)
	// Settle ends a send or a resolve.
	Settle(ctx context.Context, w review.Work, o review.Outcome) error
	// Verified ends a verify. A retryAt that is not zero keeps it owed.
	Verified(ctx context.Context, w review.Work, v review.Verification, retryAt time.Time) error
	// LeaseRemaining is how long this process may still act before a rival
	// may take its work over.
	LeaseRemaining() time.Duration
}

// Observation is one finished step of the dispatcher. It holds ids and fixed
// words only.
type Observation struct {
	Kind        review.WorkKind
	Destination review.DestinationID
	Adapter     string
	// Outcome is the event of a send or resolve ("accept", "lose", …;
	// "waiting" for none) or the result of a verify.
	Outcome string
	Code    string // empty on success
	Took    time.Duration
}

// Observer counts what the dispatcher does. Observe must not block and may
// be called concurrently.
type Observer interface{ Observe(Observation) }
