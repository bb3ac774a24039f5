package adapters

import (
	"context"
	"errors"
	"sync"
	"time"
)

// gate guards one destination: how many calls run at once, and a circuit
// breaker that leaves a destination in trouble alone for a while. After the
// pause one call is let through as a probe; its success closes the breaker.
type gate struct {
	slots     chan struct{}
	threshold int           // consecutive failures that open the breaker
	pause     time.Duration // how long it stays open

	mu       sync.Mutex
	failures int
	until    time.Time // no calls before
	probing  bool
}

// result is what a stay behind the gate told about the destination.
type result int

const (
	notAsked result = iota // there was no call: nothing is known
	answered               // it answered, be it a refusal
	failed                 // it did not
)

func newGate(o Options) *gate {
	return &gate{slots: make(chan struct{}, o.PerDestination), threshold: o.BreakerFailures, pause: o.BreakerPause}
}

// enter waits for a free slot and asks the breaker. When ok, leave must be
// called with what came of it; else retryAt says when to come back.
func (g *gate) enter(ctx context.Context, now func() time.Time) (retryAt time.Time, ok bool, err error) {
	select {
	case g.slots <- struct{}{}:
	case <-ctx.Done():
		return time.Time{}, false, ctx.Err()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	t := now()
	open := t.Before(g.until)
	switch {
	case !open && g.failures < g.threshold:
	case !open && !g.probing:
		g.probing = true
	default:
		<-g.slots
		if !open { // somebody else is probing
			return t.Add(g.pause), false, nil
		}
		return g.until, false, nil
	}
	return time.Time{}, true, nil
}

// leave frees the slot, and lets another call probe. An answer closes the
// breaker, a failure counts towards it, and notAsked leaves the count alone.
// hold is how long the destination asked to be left alone.
func (g *gate) leave(now time.Time, r result, hold time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	<-g.slots
	g.probing = false
	switch r {
	case answered:
		g.failures = 0
	case failed:
		if g.failures++; g.failures >= g.threshold {
			g.until = later(g.until, now.Add(g.pause))
		}
	}
	if hold > 0 {
		g.until = later(g.until, now.Add(hold))
	}
}

// maxHold is the longest that a destination is left alone because it asked
// for it: a mistaken "come back in a year" must not strand its notes.
const maxHold = time.Hour

// holdOf is how long the error asks to leave the destination alone, at most
// maxHold; 0 when it does not.
func holdOf(err error) time.Duration {
	var busy *RetryAfterError
	if !errors.As(err, &busy) {
		return 0
	}
	return min(max(busy.After, 0), maxHold)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
