package staff

import (
	"context"

	"countersign/review"
)

const (
	// hashSlots passwords are hashed at a time (19 MiB each).
	hashSlots = 2
	// slotQueue names may wait for a slot; each waits for at most
	// slotQueue/hashSlots hashes, one or two seconds.
	slotQueue = 100
	// turnQueue callers may wait for their turn at one name.
	turnQueue = 64
)

func errBusy() error {
	return review.Errorf(review.KindUnavailable, "sign in: too many people sign in at once: try again in a moment")
}

// queue lets in one caller per name and hashSlots in all, first come, first
// served: whoever guesses at one name takes one place, however many
// connections are used, and who finds no place is told so at once.
type queue struct {
	names map[digest]*turn // guarded by the Authenticator's mu
	slots chan struct{}    // a blocked send is served in order
	line  chan struct{}    // a place in the line for a slot
}

// turn is the right to hash for one name.
type turn struct {
	held  chan struct{} // cap 1
	users int           // holder and waiters
}

func newQueue() *queue {
	return &queue{names: map[digest]*turn{}, slots: make(chan struct{}, hashSlots), line: make(chan struct{}, hashSlots+slotQueue)}
}

// takeTurn waits until nobody else hashes for the name. leave must be called
// after it succeeded.
func (a *Authenticator) takeTurn(ctx context.Context, name digest) (leave func(), err error) {
	a.mu.Lock()
	t := a.queue.names[name]
	if t == nil {
		t = &turn{held: make(chan struct{}, 1)}
		a.queue.names[name] = t
	}
	if t.users > turnQueue {
		a.mu.Unlock()
		return nil, errBusy()
	}
	t.users++
	a.mu.Unlock()
	gone := func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if t.users--; t.users == 0 {
			delete(a.queue.names, name)
		}
	}
	select {
	case t.held <- struct{}{}:
		return func() { <-t.held; gone() }, nil
	case <-ctx.Done():
		gone()
		return nil, errBusy()
	}
}

// takeSlot waits for one of the slots; release must be called after it
// succeeded.
func (q *queue) takeSlot(ctx context.Context) (release func(), err error) {
	select {
	case q.line <- struct{}{}:
	default:
		return nil, errBusy()
	}
	select {
	case q.slots <- struct{}{}:
		return func() { <-q.slots; <-q.line }, nil
	case <-ctx.Done():
		<-q.line
		return nil, errBusy()
	}
}
