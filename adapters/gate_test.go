package adapters_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/adapters"
	"countersign/review"
)

func TestBreaker(t *testing.T) {
	t.Parallel()

	t.Run("opens after consecutive failures, probes once, closes on success", func(t *testing.T) {
		t.Parallel()
		var mu sync.Mutex
		up := false
		a := &scripted{write: func(_ context.Context, d review.Document) (review.Receipt, error) {
			mu.Lock()
			defer mu.Unlock()
			if up {
				return receiptOf(d), nil
			}
			return review.Receipt{}, adapters.NotArrived("dial")
		}}
		clock := newClock()
		many := manyJournals{}
		d := adapters.NewDispatcher(&many, map[review.DestinationID]adapters.Adapter{epic.ID: a}, slog.New(slog.NewTextHandler(io.Discard, nil)),
			adapters.Options{Clock: clock, BreakerFailures: 3, BreakerPause: time.Minute})
		run := func() *fakeJournal { // one more family at the same destination
			j := newJournal(clock, document(t))
			many.fakeJournal = j
			if err := d.Handle(t.Context(), "any"); err != nil {
				t.Fatal(err)
			}
			return j
		}
		for range 3 {
			run()
		}
		if j := run(); a.count() != 3 || j.last().ErrorCode != "destination_paused" {
			t.Errorf("%d calls, code %q: want the fourth family to be paused", a.count(), j.last().ErrorCode)
		}
		clock.set(clock.Now().Add(time.Minute))
		run() // the probe does not succeed
		if j := run(); a.count() != 4 || j.last().ErrorCode != "destination_paused" {
			t.Errorf("%d calls, code %q: want one probe", a.count(), j.last().ErrorCode)
		}
		clock.set(clock.Now().Add(time.Minute))
		up = true
		for range 3 {
			if j := run(); j.state(0).State != review.WriteBackAccepted {
				t.Errorf("write-back is %s after the destination came back", j.state(0).State)
			}
		}
	})

	t.Run("refusals do not open it", func(t *testing.T) {
		t.Parallel()
		a := &scripted{write: answers(adapters.Permanent("http_422", ""))}
		clock := newClock()
		many := manyJournals{}
		d := adapters.NewDispatcher(&many, map[review.DestinationID]adapters.Adapter{epic.ID: a}, slog.New(slog.NewTextHandler(io.Discard, nil)),
			adapters.Options{Clock: clock, BreakerFailures: 2})
		for range 5 {
			many.fakeJournal = newJournal(clock, document(t))
			if err := d.Handle(t.Context(), "any"); err != nil {
				t.Fatal(err)
			}
		}
		if a.count() != 5 {
			t.Errorf("%d calls, want 5", a.count())
		}
	})

	t.Run("a probe that is not made leaves it as it was", func(t *testing.T) {
		t.Parallel()
		for code, unasked := range map[string]func(*fakeJournal) context.Context{
			"lease_short": func(j *fakeJournal) context.Context {
				j.lease = time.Second
				return t.Context()
			},
			"stopping": func(j *fakeJournal) context.Context {
				ctx := &endsUnnoticed{Context: t.Context()}
				j.onClaim = ctx.end
				return ctx
			},
		} {
			a := &scripted{write: answers(adapters.NotArrived("dial"))}
			clock := newClock()
			many := manyJournals{}
			d := adapters.NewDispatcher(&many, map[review.DestinationID]adapters.Adapter{epic.ID: a}, slog.New(slog.NewTextHandler(io.Discard, nil)),
				adapters.Options{Clock: clock, BreakerFailures: 2, BreakerPause: time.Minute, PerDestination: 1})
			run := func(ctx context.Context) string {
				if err := d.Handle(ctx, "any"); err != nil && !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				return many.last().ErrorCode
			}
			next := func() *fakeJournal { // one more family at the same destination
				many.fakeJournal = newJournal(clock, document(t))
				return many.fakeJournal
			}
			for range 2 { // it opens
				next()
				run(t.Context())
			}
			clock.set(clock.Now().Add(time.Minute))
			for range 2 { // slot and probe are free again
				if got := run(unasked(next())); got != code || a.count() != 2 {
					t.Fatalf("%d calls, code %q: want no probe, and %s", a.count(), got, code)
				}
			}
			next()
			if got := run(t.Context()); got != "dial" || a.count() != 3 {
				t.Errorf("%s: %d calls, code %q: want a probe at once", code, a.count(), got)
			}
			next() // one failure is enough: the count was not cleared
			if got := run(t.Context()); got != "destination_paused" || a.count() != 3 {
				t.Errorf("%s: %d calls, code %q: want the destination paused after one failed probe", code, a.count(), got)
			}
		}
	})

	t.Run("failures around a call that is not made add up", func(t *testing.T) {
		t.Parallel()
		a := &scripted{write: answers(adapters.NotArrived("dial"))}
		clock := newClock()
		many := manyJournals{}
		d := adapters.NewDispatcher(&many, map[review.DestinationID]adapters.Adapter{epic.ID: a}, slog.New(slog.NewTextHandler(io.Discard, nil)),
			adapters.Options{Clock: clock, BreakerFailures: 2})
		for _, lease := range []time.Duration{time.Hour, time.Second, time.Hour, time.Hour} {
			many.fakeJournal = newJournal(clock, document(t))
			many.lease = lease
			if err := d.Handle(t.Context(), "any"); err != nil {
				t.Fatal(err)
			}
		}
		if a.count() != 2 || many.last().ErrorCode != "destination_paused" {
			t.Errorf("%d calls, code %q: want two failures to open it", a.count(), many.last().ErrorCode)
		}
	})

	t.Run("hint pauses the destination for other families", func(t *testing.T) {
		t.Parallel()
		a := &scripted{write: answers(adapters.RetryAfter("http_429", time.Minute), nil)}
		clock := newClock()
		many := manyJournals{}
		d := adapters.NewDispatcher(&many, map[review.DestinationID]adapters.Adapter{epic.ID: a}, slog.New(slog.NewTextHandler(io.Discard, nil)), adapters.Options{Clock: clock})
		for range 2 {
			many.fakeJournal = newJournal(clock, document(t))
			if err := d.Handle(t.Context(), "any"); err != nil {
				t.Fatal(err)
			}
		}
		if a.count() != 1 || many.last().ErrorCode != "destination_paused" || many.last().RetryAt.Sub(clock.Now()) != time.Minute {
			t.Errorf("%d calls, then %+v: want the second family to wait for a minute", a.count(), many.last())
		}
	})
}

// endsUnnoticed is a context whose end Err tells before Done does, as when it
// ends just after somebody has waited on it.
type endsUnnoticed struct {
	context.Context
	ended atomic.Bool
}

func (c *endsUnnoticed) end() { c.ended.Store(true) }

func (c *endsUnnoticed) Err() error {
	if c.ended.Load() {
		return context.Canceled
	}
	return c.Context.Err()
}

// manyJournals lets a test change the family under one dispatcher.
type manyJournals struct{ *fakeJournal }

func TestConcurrencyPerDestinationIsBounded(t *testing.T) {
	t.Parallel()
	const limit = 3
	var mu sync.Mutex
	running, most := 0, 0
	full := make(chan struct{})
	var reached sync.Once
	release := make(chan struct{})
	a := &scripted{write: func(_ context.Context, d review.Document) (review.Receipt, error) {
		mu.Lock()
		running++
		most = max(most, running)
		if running == limit {
			reached.Do(func() { close(full) })
		}
		mu.Unlock()
		<-release
		mu.Lock()
		running--
		mu.Unlock()
		return receiptOf(d), nil
	}}
	clock := newClock()
	families := familyJournals{}
	for range 9 {
		doc := document(t)
		families[doc.NoteID] = newJournal(clock, doc)
	}
	d := adapters.NewDispatcher(families, map[review.DestinationID]adapters.Adapter{epic.ID: a}, slog.New(slog.NewTextHandler(io.Discard, nil)),
		adapters.Options{Clock: clock, PerDestination: limit})
	var wg sync.WaitGroup
	for id := range families {
		wg.Go(func() {
			if err := d.Handle(t.Context(), string(id)); err != nil {
				t.Error(err)
			}
		})
	}
	<-full // the limit is reached
	close(release)
	wg.Wait()
	if most != limit {
		t.Errorf("%d calls ran at once, want %d", most, limit)
	}
	for _, j := range families {
		if got := j.state(0).State; got != review.WriteBackAccepted {
			t.Errorf("write-back is %s, want accepted", got)
		}
	}
}

func TestWaitingForASlotEndsWithTheProcess(t *testing.T) {
	t.Parallel()
	started, release := make(chan struct{}), make(chan struct{})
	a := &scripted{write: func(_ context.Context, d review.Document) (review.Receipt, error) {
		close(started)
		<-release
		return receiptOf(d), nil
	}}
	clock := newClock()
	first, second := document(t), document(t)
	families := familyJournals{first.NoteID: newJournal(clock, first), second.NoteID: newJournal(clock, second)}
	d := adapters.NewDispatcher(families, map[review.DestinationID]adapters.Adapter{epic.ID: a}, slog.New(slog.NewTextHandler(io.Discard, nil)),
		adapters.Options{Clock: clock, PerDestination: 1})
	var wg sync.WaitGroup
	wg.Go(func() { _ = d.Handle(t.Context(), string(first.NoteID)) })
	<-started
	ctx, cancel := context.WithCancel(t.Context())
	families[second.NoteID].onClaim = cancel // the process stops while the second waits
	if err := d.Handle(ctx, string(second.NoteID)); !errors.Is(err, context.Canceled) {
		t.Errorf("Handle: %v, want context.Canceled", err)
	}
	if got := families[second.NoteID].state(0); got.State != review.WriteBackPending || got.ErrorCode != "stopping" {
		t.Errorf("write-back is %s with code %q, want pending with stopping: nothing was sent", got.State, got.ErrorCode)
	}
	close(release)
	wg.Wait()
}

// familyJournals is one journal per family.
type familyJournals map[review.NoteID]*fakeJournal

func (f familyJournals) NextWork(ctx context.Context, family review.NoteID) (review.Work, bool, time.Time, error) {
	return f[family].NextWork(ctx, family)
}

func (f familyJournals) Settle(ctx context.Context, w review.Work, o review.Outcome) error {
	return f[w.WriteBack.Family].Settle(ctx, w, o)
}

func (f familyJournals) Verified(ctx context.Context, w review.Work, v review.Verification, at time.Time) error {
	return f[w.WriteBack.Family].Verified(ctx, w, v, at)
}

func (f familyJournals) LeaseRemaining() time.Duration { return time.Hour }
