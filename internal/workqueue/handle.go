package workqueue

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	firstDelay = time.Second      // before a failed debt is offered again
	maxNak     = 30 * time.Second // longer waits do not stay in NATS
	maxDelayed = 1024             // ids that wait in this process; the sweep has the rest
	settleTime = 5 * time.Second  // for an acknowledgement, also after ctx ended
)

// RetryAfterError is returned by a Handler to be offered the same id again
// after Delay.
type RetryAfterError struct {
	Delay time.Duration
	Err   error // the cause, for the log; may be nil
}

// RetryAfter returns a *RetryAfterError.
func RetryAfter(delay time.Duration, err error) error {
	return &RetryAfterError{Delay: delay, Err: err}
}

func (e *RetryAfterError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("retry after %v", e.Delay)
	}
	return fmt.Sprintf("retry after %v: %v", e.Delay, e.Err)
}

// Unwrap returns the cause.
func (e *RetryAfterError) Unwrap() error { return e.Err }

// handle runs the handler on one message and settles it.
func (c *consumption) handle(ctx context.Context, msg jetstream.Msg) {
	kind := c.worker.Kind
	id := strings.TrimPrefix(msg.Subject(), kind.subject(""))
	// Settling must get through even while the process stops.
	settle, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	if checkID(id) != nil {
		c.log.Error("work queue: message with a subject that is not ours, removed", "kind", kind)
		c.ack(settle, msg)
		return
	}
	err := c.call(ctx, msg, id)
	var retry *RetryAfterError
	switch {
	case err == nil:
		if c.ack(settle, msg) {
			c.again(ctx, id)
		}
	case ctx.Err() != nil:
		c.nak(msg, 0)
	case errors.As(err, &retry) && retry.Delay > c.maxNak:
		if c.ack(settle, msg) {
			c.later(ctx, id, retry.Delay)
		}
	case errors.As(err, &retry):
		c.nak(msg, max(retry.Delay, 0))
	default:
		delay := firstDelay
		if meta, err := msg.Metadata(); err == nil {
			delay = min(firstDelay<<min(meta.NumDelivered-1, 5), c.maxNak)
		}
		c.log.Warn("work queue: handler failed, offering the id again", "kind", kind, "id", id, "delay", delay, "error", err)
		c.nak(msg, delay)
	}
}

// call runs the handler with heartbeats to NATS. A panic is an error: one
// note that cannot be drafted must not stop the others. Its value is not
// logged, it may hold clinical text.
func (c *consumption) call(ctx context.Context, msg jetstream.Msg, id string) (err error) {
	done := make(chan struct{})
	c.running.Go(func() {
		tick := time.NewTicker(c.opts.AckWait / 3)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				if err := msg.InProgress(); err != nil && !errors.Is(err, jetstream.ErrMsgAlreadyAckd) {
					c.log.Warn("work queue: heartbeat not sent", "kind", c.worker.Kind, "id", id, "error", err)
				}
			}
		}
	})
	defer close(done)
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("handler panicked with a %T", v)
			c.log.Error("work queue: handler panicked", "kind", c.worker.Kind, "id", id, "stack", string(debug.Stack()))
		}
	}()
	return c.worker.Handle(ctx, id)
}

// ack acknowledges and waits for the server's word. Without it the message may
// come again, which handlers bear.
func (c *consumption) ack(ctx context.Context, msg jetstream.Msg) bool {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	if err := msg.DoubleAck(ctx); err != nil {
		c.log.Warn("work queue: acknowledgement not confirmed", "kind", c.worker.Kind, "error", err)
		return false
	}
	return true
}

func (c *consumption) nak(msg jetstream.Msg, delay time.Duration) {
	if err := msg.NakWithDelay(delay); err != nil {
		c.log.Warn("work queue: negative acknowledgement not sent", "kind", c.worker.Kind, "error", err)
	}
}

// again publishes id once more if it became owed between the handler's last
// look and the acknowledgement.
func (c *consumption) again(ctx context.Context, id string) {
	if c.worker.StillOwed == nil {
		return
	}
	owed, err := c.worker.StillOwed(ctx, id)
	if err == nil && owed {
		err = c.Publish(ctx, c.worker.Kind, id)
	}
	if err != nil && ctx.Err() == nil {
		c.log.Warn("work queue: second look did not succeed, left to the sweep", "kind", c.worker.Kind, "id", id, "error", err)
	}
}

// later publishes id after delay. When the process stops before, or too many
// wait, the sweep does it.
func (c *consumption) later(ctx context.Context, id string, delay time.Duration) {
	select {
	case c.delayed <- struct{}{}:
	default:
		return
	}
	c.running.Go(func() {
		defer func() { <-c.delayed }()
		pause(ctx, delay)
		if ctx.Err() != nil {
			return
		}
		if err := c.Publish(ctx, c.worker.Kind, id); err != nil {
			c.log.Warn("work queue: delayed publish did not succeed, left to the sweep", "kind", c.worker.Kind, "id", id, "error", err)
		}
	})
}
