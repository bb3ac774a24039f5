package workqueue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrClosed means that the connection was closed for good.
var ErrClosed = errors.New("connection to nats is closed")

// Handler works off one debt. It is called from many goroutines, must be
// idempotent, and must return soon after ctx is cancelled. The package comment
// says what its error means. Errors are logged: nothing clinical in them.
type Handler func(ctx context.Context, id string) error

// Worker is what Run needs to know.
type Worker struct {
	Kind        Kind
	Concurrency int // handlers at the same time in this process, 1–256
	Handle      Handler
	// StillOwed is asked once after each acknowledgement whether id is owed
	// again; optional. See the package comment.
	StillOwed func(ctx context.Context, id string) (bool, error)
}

// Consume is Run without StillOwed.
func (q *Queue) Consume(ctx context.Context, kind Kind, concurrency int, handle Handler) error {
	return q.Run(ctx, Worker{Kind: kind, Concurrency: concurrency, Handle: handle})
}

// Run hands work to w until ctx ends, then waits for the running handlers and
// returns nil. Lost streams, consumers and connections are repaired and
// logged; the only errors are a Worker that makes no sense and ErrClosed.
func (q *Queue) Run(ctx context.Context, w Worker) error {
	switch {
	case !w.Kind.valid():
		return fmt.Errorf("consume work: kind %q: use draft or writeback", w.Kind)
	case w.Concurrency < 1 || w.Concurrency > 256:
		return fmt.Errorf("consume work: concurrency %d: use 1 to 256", w.Concurrency)
	case w.Handle == nil:
		return errors.New("consume work: handler is missing")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &consumption{Queue: q, worker: w, delayed: make(chan struct{}, maxDelayed)}

	// Pulls that were under way on the old connection are never answered:
	// give them up at once instead of waiting for a missed heartbeat.
	status := q.nc.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer q.nc.RemoveStatusListener(status)
	c.running.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case s, ok := <-status:
				if !ok || s == nats.CLOSED {
					cancel()
					return
				}
				c.giveUp(nil)
			}
		}
	})
	var workers sync.WaitGroup
	for range w.Concurrency {
		workers.Go(func() { c.work(ctx) })
	}
	workers.Wait() // they also end when the connection was closed before we listened
	cancel()
	c.running.Wait()
	if q.nc.IsClosed() {
		return fmt.Errorf("consume work: %w", ErrClosed)
	}
	return nil
}

// consumption is one Run.
type consumption struct {
	*Queue
	worker  Worker
	running sync.WaitGroup // helpers of the workers
	delayed chan struct{}  // a slot for each id that waits to be published again

	mu      sync.Mutex
	session *session // nil: to be made by whoever needs it first
}

// session is the consumer as long as it is believed to exist.
type session struct {
	consumer jetstream.Consumer
	ctx      context.Context // ends when the session is given up
	end      context.CancelFunc
}

// open returns the current session or makes one.
func (c *consumption) open(ctx context.Context) (*session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session != nil {
		return c.session, nil
	}
	consumer, err := c.ensureConsumer(ctx, c.worker.Kind)
	if err != nil {
		return nil, err
	}
	s := &session{consumer: consumer}
	s.ctx, s.end = context.WithCancel(ctx)
	c.session = s
	return s, nil
}

// giveUp ends s, or whatever session is current when s is nil, so that the
// next open looks at stream and consumer again.
func (c *consumption) giveUp(s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session != nil && (s == nil || s == c.session) {
		c.session.end()
		c.session = nil
	}
}

// work is one of Concurrency loops: pull one message, handle it, again. One
// pull each, so no message waits in a buffer while its AckWait runs.
func (c *consumption) work(ctx context.Context) {
	faults := 0
	for ctx.Err() == nil {
		s, err := c.open(ctx)
		var msg jetstream.Msg
		if err == nil {
			msg, err = s.consumer.Next(jetstream.FetchContext(s.ctx), jetstream.FetchHeartbeat(5*time.Second))
		}
		switch {
		case msg != nil:
			faults = 0
			c.handle(ctx, msg)
		case errors.Is(err, nats.ErrTimeout): // thirty seconds without work
			faults = 0
		case ctx.Err() != nil || c.nc.IsClosed():
			return
		case s != nil && s.ctx.Err() != nil: // another loop or a reconnect gave it up
		default:
			if s != nil {
				c.giveUp(s)
			}
			c.log.Warn("work queue: consumer lost, making it again", "kind", c.worker.Kind, "error", err)
			faults++
			pause(ctx, min(20*time.Millisecond<<min(faults, 10), 5*time.Second))
		}
	}
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
