package ingest

import (
	"sync"

	"countersign/review"

	countersignpb "countersign/proto/countersign/v1"
)

// item is one message as the handler takes it: a final utterance, a control
// event, or why reading has stopped.
type item struct {
	utterance *review.Utterance
	control   *countersignpb.StreamUtterancesRequest
	fault     error
	size      int
}

// inbox is the bounded buffer between the reader and the handler of a call.
type inbox struct {
	mu       sync.Mutex
	items    []item
	bytes    int
	closed   bool
	maxItems int
	maxBytes int
	ready    chan struct{} // has a token when there is something to take
	room     chan struct{} // has a token when something was taken
	gone     chan struct{} // closed when the handler has left
}

func newInbox(maxItems, maxBytes int) *inbox {
	return &inbox{
		maxItems: maxItems, maxBytes: maxBytes, ready: make(chan struct{}, 1), room: make(chan struct{}, 1), gone: make(chan struct{}),
	}
}

// put waits for room and adds an item; false means the handler has left. A
// single item larger than the bound is taken when the inbox is empty.
func (b *inbox) put(it item) bool {
	for {
		b.mu.Lock()
		if b.closed {
			b.mu.Unlock()
			return false
		}
		if len(b.items) == 0 || len(b.items) < b.maxItems && b.bytes+it.size <= b.maxBytes {
			b.items, b.bytes = append(b.items, it), b.bytes+it.size
			b.mu.Unlock()
			signal(b.ready)
			return true
		}
		b.mu.Unlock()
		select {
		case <-b.room:
		case <-b.gone:
			return false
		}
	}
}

// touch says that the device is alive although it has sent nothing to store.
func (b *inbox) touch() { signal(b.ready) }

// take returns everything that has gathered.
func (b *inbox) take() []item {
	b.mu.Lock()
	items := b.items
	b.items, b.bytes = nil, 0
	b.mu.Unlock()
	signal(b.room)
	return items
}

// close lets the reader go.
func (b *inbox) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	close(b.gone)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
