package workqueue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// DefaultInterval is the time between two sweeps.
const DefaultInterval = 15 * time.Second

// Swept is what one sweep did.
type Swept struct {
	Owed      int // debts that Owed listed
	Published int // of these, how many were not in the queue
}

// Sweeper publishes what is owed, so that NATS may lose it. Every replica runs
// one; a debt that is queued already costs one refused publish.
type Sweeper struct {
	Queue *Queue // required
	// Owed lists the debts whose deadline has passed without a move (for new
	// debts: as soon as they are due), at most some thousands a call; the rest
	// comes with the next sweep. Required.
	Owed func(ctx context.Context) ([]Item, error)
	// Interval between sweeps, ±10 % so that replicas drift apart; default
	// DefaultInterval.
	Interval time.Duration
	// OnSwept, if not nil, is called after each sweep, also a failed one.
	OnSwept func(Swept, error)
}

// Run sweeps at the start, every Interval, and whenever the queue had to make
// its stream anew, until ctx ends. It then returns nil. A sweep that fails is
// logged and tried again at the next turn.
func (s *Sweeper) Run(ctx context.Context) error {
	if s.Queue == nil || s.Owed == nil || s.Interval < 0 {
		return errors.New("sweep work: queue and owed are required, and interval is not below 0")
	}
	interval := cmp.Or(s.Interval, DefaultInterval)
	for {
		swept, err := s.Once(ctx)
		if ctx.Err() != nil {
			return nil
		}
		switch {
		case err != nil:
			s.Queue.log.Error("work queue: sweep did not finish, trying again", "error", err, "owed", swept.Owed, "published", swept.Published)
		case swept.Published > 0:
			s.Queue.log.Info("work queue: sweep published owed work", "owed", swept.Owed, "published", swept.Published)
		}
		if s.OnSwept != nil {
			s.OnSwept(swept, err)
		}
		timer := time.NewTimer(interval*9/10 + rand.N(interval/5+1))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		case <-s.Queue.renewed:
			timer.Stop()
		}
	}
}

// Once makes sure of the stream, lists what is owed and publishes it. It goes
// on after an id that is not valid and stops at the first publish that fails.
func (s *Sweeper) Once(ctx context.Context) (Swept, error) {
	if err := s.Queue.EnsureStream(ctx); err != nil {
		return Swept{}, fmt.Errorf("sweep work: %w", err)
	}
	// A stream that is lost from here on is swept for again.
	select {
	case <-s.Queue.renewed:
	default:
	}
	items, err := s.Owed(ctx)
	if err != nil {
		return Swept{}, fmt.Errorf("sweep work: list what is owed: %w", err)
	}
	swept := Swept{Owed: len(items)}
	var invalid error
	for _, item := range items {
		added, err := s.Queue.publish(ctx, item.Kind, item.ID)
		switch {
		case errors.Is(err, ErrInvalidID):
			invalid = err
		case err != nil:
			return swept, fmt.Errorf("sweep work: %w", err)
		case added:
			swept.Published++
		}
	}
	if invalid != nil {
		return swept, fmt.Errorf("sweep work: %w", invalid)
	}
	return swept, nil
}
