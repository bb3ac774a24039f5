package workqueue

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"countersign/internal/embeddednats"
)

// ledger stands for the database: it alone knows what is owed.
type ledger struct {
	mu    sync.Mutex
	owed  map[Item]bool
	moved chan struct{} // one token for each debt worked off
}

func newLedger(n int) *ledger {
	l := &ledger{owed: map[Item]bool{}, moved: make(chan struct{}, n)}
	for i := range n {
		l.owed[Item{[]Kind{Draft, Writeback}[i%2], newID()}] = true
	}
	return l
}

func (l *ledger) list(context.Context) ([]Item, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var items []Item
	for item := range l.owed {
		items = append(items, item)
	}
	return items, nil
}

func (l *ledger) worker(kind Kind) Worker {
	return Worker{Kind: kind, Concurrency: 2, Handle: func(_ context.Context, id string) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.owed[Item{kind, id}] {
			delete(l.owed, Item{kind, id})
			l.moved <- struct{}{}
		}
		return nil
	}}
}

// TestNATSMayLoseEverything destroys the queue in the middle of the work, in
// all ways we know. Everything owed must be worked off all the same, by the
// consumers that were running before.
func TestNATSMayLoseEverything(t *testing.T) {
	t.Parallel()
	const debts = 300
	for name, disaster := range map[string]struct {
		interval time.Duration
		strike   func(context.Context, *Queue, *embeddednats.Server) error
	}{
		// The interval of an hour shows that a sweep follows the loss at once.
		"StreamDeleted": {time.Hour, func(ctx context.Context, q *Queue, _ *embeddednats.Server) error {
			return q.js.DeleteStream(ctx, "WORK")
		}},
		"StreamPurged": {50 * time.Millisecond, func(ctx context.Context, q *Queue, _ *embeddednats.Server) error {
			st, err := q.js.Stream(ctx, "WORK")
			if err != nil {
				return err
			}
			return st.Purge(ctx)
		}},
		"ConsumersDeleted": {50 * time.Millisecond, func(ctx context.Context, q *Queue, _ *embeddednats.Server) error {
			if err := q.js.DeleteConsumer(ctx, "WORK", "draft"); err != nil {
				return err
			}
			return q.js.DeleteConsumer(ctx, "WORK", "writeback")
		}},
		"ServerRestarted": {50 * time.Millisecond, func(ctx context.Context, _ *Queue, ns *embeddednats.Server) error {
			return ns.Restart(ctx, nil)
		}},
		"ServerStoppedAndStoreDeleted": {50 * time.Millisecond, func(ctx context.Context, _ *Queue, ns *embeddednats.Server) error {
			return ns.Restart(ctx, func() error { return os.RemoveAll(ns.Dir()) })
		}},
		"StoreDeletedUnderRunningServer": {50 * time.Millisecond, func(_ context.Context, _ *Queue, ns *embeddednats.Server) error {
			return os.RemoveAll(ns.Dir())
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// A message that was on its way when the connection broke comes again
			// after AckWait.
			q, ns := setup(t, Options{AckWait: 2 * time.Second})
			l := newLedger(debts)
			ctx, cancel := context.WithCancel(context.Background())
			var running sync.WaitGroup
			t.Cleanup(func() { cancel(); running.Wait() })
			swept := make(chan struct{}, 1)
			running.Go(func() {
				s := Sweeper{Queue: q, Owed: l.list, Interval: disaster.interval, OnSwept: func(Swept, error) {
					select {
					case swept <- struct{}{}:
					default:
					}
				}}
				if err := s.Run(ctx); err != nil {
					t.Errorf("Sweeper: %v", err)
				}
			})
			receive(t, "first sweep", swept)
			start(t, q, l.worker(Draft))
			start(t, q, l.worker(Writeback))
			for range debts / 5 {
				receive(t, "a debt worked off", l.moved)
			}
			if err := disaster.strike(t.Context(), q, ns); err != nil {
				t.Fatal(err)
			}
			for i := range debts - debts/5 {
				receive(t, fmt.Sprintf("debt %d of %d worked off after the loss", i, debts), l.moved)
			}
			if left, _ := l.list(ctx); len(left) != 0 {
				t.Errorf("%d debts left", len(left))
			}
		})
	}
}

func TestSweeper(t *testing.T) {
	t.Parallel()
	t.Run("PublishesOnlyWhatIsMissing", func(t *testing.T) {
		t.Parallel()
		q, _ := setup(t, Options{})
		l := newLedger(10)
		s := Sweeper{Queue: q, Owed: l.list}
		for _, want := range []Swept{{Owed: 10, Published: 10}, {Owed: 10}, {Owed: 10}} {
			got, err := s.Once(t.Context())
			if err != nil || got != want {
				t.Fatalf("Once = %+v, %v; want %+v", got, err, want)
			}
		}
		if n := queued(t, q); n != 10 {
			t.Errorf("stream holds %d messages, want 10", n)
		}
	})
	t.Run("GoesOnAfterAnInvalidID", func(t *testing.T) {
		t.Parallel()
		q, _ := setup(t, Options{})
		s := Sweeper{Queue: q, Owed: func(context.Context) ([]Item, error) {
			return []Item{{Draft, "bad"}, {Draft, newID()}}, nil
		}}
		got, err := s.Once(t.Context())
		if err == nil || got.Published != 1 {
			t.Errorf("Once = %+v, %v; want one published and an error", got, err)
		}
	})
	t.Run("TriesAgainAfterAFault", func(t *testing.T) {
		t.Parallel()
		q, _ := setup(t, Options{})
		turns := make(chan error, 100)
		l := newLedger(1)
		failed := false
		s := Sweeper{Queue: q, Interval: time.Millisecond, OnSwept: func(_ Swept, err error) { turns <- err },
			Owed: func(ctx context.Context) ([]Item, error) {
				if !failed {
					failed = true
					return nil, fmt.Errorf("database is away")
				}
				return l.list(ctx)
			}}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		if err := receive(t, "first turn", turns); err == nil {
			t.Error("first turn: no error")
		}
		if err := receive(t, "second turn", turns); err != nil {
			t.Errorf("second turn: %v", err)
		}
		cancel()
		if err := receive(t, "end", done); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Run("ErrIncomplete", func(t *testing.T) {
		t.Parallel()
		if err := (&Sweeper{}).Run(t.Context()); err == nil {
			t.Error("no error")
		}
	})
}
