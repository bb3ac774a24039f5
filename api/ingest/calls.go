package ingest

import (
	"sync"

	"countersign/review"
)

// calls knows which call of this replica serves a stream, so that a call
// whose stream was resumed by another ends at once. Calls on other replicas
// end at their next commit, by the epoch in the journal.
type calls struct {
	mu sync.Mutex
	by map[review.StreamID]holder
}

type holder struct {
	epoch int64
	stale chan struct{} // closed when a later epoch has taken over
}

func newCalls() *calls { return &calls{by: map[review.StreamID]holder{}} }

// enter makes st the current call of its stream. The channel is closed when
// a later one enters; it is closed already when a later one has.
func (c *calls) enter(st review.OpenStream) <-chan struct{} {
	mine := holder{epoch: st.Epoch, stale: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	old, ok := c.by[st.StreamID]
	if ok && old.epoch > st.Epoch {
		close(mine.stale)
		return mine.stale
	}
	if ok && old.epoch < st.Epoch {
		close(old.stale)
	}
	// Equal epochs are two calls for a stream that has ended: both may ask.
	c.by[st.StreamID] = mine
	return mine.stale
}

func (c *calls) leave(st review.OpenStream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by[st.StreamID].epoch == st.Epoch {
		delete(c.by, st.StreamID)
	}
}
