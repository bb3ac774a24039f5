package workqueue

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

func TestRun(t *testing.T) {
	t.Parallel()
	t.Run("HandlesOnceAndFreesTheSubject", func(t *testing.T) {
		t.Parallel()
		q, _ := setup(t, Options{})
		got := make(chan string, 10)
		handle := func(_ context.Context, id string) error { got <- id; return nil }
		start(t, q, Worker{Kind: Draft, Concurrency: 2, Handle: handle})
		id := newID()
		for range 3 {
			mustPublish(t, q, Draft, id, true)
			if g := receive(t, "handler", got); g != id {
				t.Fatalf("handled %s, want %s", g, id)
			}
			waitFor(t, "acknowledgement", func() bool { return queued(t, q) == 0 })
		}
	})
	t.Run("KeepsKindsApart", func(t *testing.T) {
		t.Parallel()
		q, _ := setup(t, Options{})
		drafts, writes := make(chan string, 10), make(chan string, 10)
		start(t, q, Worker{Kind: Draft, Concurrency: 1, Handle: func(_ context.Context, id string) error { drafts <- id; return nil }})
		start(t, q, Worker{Kind: Writeback, Concurrency: 1, Handle: func(_ context.Context, id string) error { writes <- id; return nil }})
		a, b := newID(), newID()
		mustPublish(t, q, Draft, a, true)
		mustPublish(t, q, Writeback, b, true)
		if g := receive(t, "draft", drafts); g != a {
			t.Errorf("draft %s, want %s", g, a)
		}
		if g := receive(t, "write-back", writes); g != b {
			t.Errorf("write-back %s, want %s", g, b)
		}
	})
	t.Run("RunsAtMostConcurrencyHandlers", func(t *testing.T) {
		t.Parallel()
		q, _ := setup(t, Options{})
		var now, most atomic.Int64
		full, release, done := make(chan struct{}, 100), make(chan struct{}), make(chan struct{}, 100)
		start(t, q, Worker{Kind: Draft, Concurrency: 3, Handle: func(context.Context, string) error {
			n := now.Add(1)
			most.Store(max(most.Load(), n))
			full <- struct{}{}
			<-release
			now.Add(-1)
			done <- struct{}{}
			return nil
		}})
		for range 20 {
			mustPublish(t, q, Draft, newID(), true)
		}
		for range 3 {
			receive(t, "three handlers at once", full)
		}
		close(release)
		for range 20 {
			receive(t, "handler", done)
		}
		if most.Load() != 3 {
			t.Errorf("%d handlers at once, want 3", most.Load())
		}
	})
	t.Run("OffersAgainAfterAnError", func(t *testing.T) {
		t.Parallel()
		q, _ := setup(t, Options{})
		calls := make(chan int64, 10)
		var n atomic.Int64
		start(t, q, Worker{Kind: Draft, Concurrency: 1, Handle: func(context.Context, string) error {
			c := n.Add(1)
			calls <- c
			switch c {
			case 1:
				return errors.New("drafter is busy")
			case 2:
				return RetryAfter(time.Millisecond, nil)
			case 3:
				panic("patient said something unprintable")
			}
			return nil
		}})
		id := newID()
		mustPublish(t, q, Draft, id, true)
		for want := int64(1); want <= 4; want++ {
			if got := receive(t, "call", calls); got != want {
				t.Fatalf("call %d, want %d", got, want)
			}
		}
		waitFor(t, "acknowledgement", func() bool { return queued(t, q) == 0 })
	})
	t.Run("LongWaitsLeaveNATS", func(t *testing.T) {
		t.Parallel()
		q, _ := setup(t, Options{MaxAckPending: 1})
		calls := make(chan string, 10)
		start(t, q, Worker{Kind: Writeback, Concurrency: 1, Handle: func(_ context.Context, id string) error {
			calls <- id
			return RetryAfter(time.Hour, errors.New("ehr is down"))
		}})
		first, second := newID(), newID()
		mustPublish(t, q, Writeback, first, true)
		receive(t, "first", calls)
		// With the message still pending, MaxAckPending 1 would hold this back for an hour.
		mustPublish(t, q, Writeback, second, true)
		if got := receive(t, "second", calls); got != second {
			t.Errorf("handled %s, want %s", got, second)
		}
		waitFor(t, "empty stream", func() bool { return queued(t, q) == 0 })
	})
	t.Run("LongWaitsArePublishedAgain", func(t *testing.T) {
		t.Parallel()
		q, _ := setup(t, Options{})
		q.maxNak = time.Millisecond
		calls := make(chan string, 10)
		start(t, q, Worker{Kind: Writeback, Concurrency: 1, Handle: func(_ context.Context, id string) error {
			calls <- id
			if len(calls) == 1 {
				return RetryAfter(10*time.Millisecond, nil)
			}
			return nil
		}})
		mustPublish(t, q, Writeback, newID(), true)
		waitFor(t, "second call", func() bool { return len(calls) == 2 })
	})
	t.Run("HeartbeatsKeepALongHandlersMessage", func(t *testing.T) {
		t.Parallel()
		q, _ := setup(t, Options{AckWait: 300 * time.Millisecond})
		var calls atomic.Int64
		done := make(chan struct{})
		start(t, q, Worker{Kind: Draft, Concurrency: 2, Handle: func(context.Context, string) error {
			if calls.Add(1) == 1 {
				<-time.After(4 * q.opts.AckWait) // the passing of AckWait is what is tested
				close(done)
			}
			return nil
		}})
		mustPublish(t, q, Draft, newID(), true)
		receive(t, "handler", done)
		waitFor(t, "acknowledgement", func() bool { return queued(t, q) == 0 })
		if calls.Load() != 1 {
			t.Errorf("handled %d times, want once", calls.Load())
		}
	})
	t.Run("TakesOverFromADeadProcess", func(t *testing.T) {
		t.Parallel()
		q, _ := setup(t, Options{AckWait: 200 * time.Millisecond})
		id := newID()
		mustPublish(t, q, Draft, id, true)
		consumer, err := q.ensureConsumer(t.Context(), Draft)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := consumer.Next(); err != nil { // taken, never heard of again
			t.Fatal(err)
		}
		got := make(chan string, 1)
		start(t, q, Worker{Kind: Draft, Concurrency: 1, Handle: func(_ context.Context, id string) error { got <- id; return nil }})
		if g := receive(t, "redelivery", got); g != id {
			t.Errorf("handled %s, want %s", g, id)
		}
	})
	t.Run("HandsOverAtOnceWhenStopped", func(t *testing.T) {
		t.Parallel()
		q, _ := setup(t, Options{AckWait: time.Hour})
		started := make(chan struct{})
		stop := start(t, q, Worker{Kind: Draft, Concurrency: 1, Handle: func(ctx context.Context, _ string) error {
			close(started)
			<-ctx.Done()
			return ctx.Err()
		}})
		mustPublish(t, q, Draft, newID(), true)
		receive(t, "start", started)
		stop()
		got := make(chan string, 1)
		start(t, q, Worker{Kind: Draft, Concurrency: 1, Handle: func(_ context.Context, id string) error { got <- id; return nil }})
		receive(t, "the other process", got)
	})
	t.Run("StillOwedClosesTheGap", func(t *testing.T) {
		t.Parallel()
		q, _ := setup(t, Options{})
		var owed atomic.Int64
		calls := make(chan struct{}, 10)
		start(t, q, Worker{Kind: Writeback, Concurrency: 1,
			Handle: func(ctx context.Context, id string) error {
				if len(calls) == 0 {
					// Committed after the handler's last look, before its acknowledgement.
					owed.Store(1)
					if added, err := q.publish(ctx, Writeback, id); err != nil || added {
						t.Errorf("publish: added %v, error %v; want it refused as queued", added, err)
					}
				} else {
					owed.Store(0)
				}
				calls <- struct{}{}
				return nil
			},
			StillOwed: func(context.Context, string) (bool, error) { return owed.Load() > 0, nil },
		})
		mustPublish(t, q, Writeback, newID(), true)
		waitFor(t, "second call", func() bool { return len(calls) == 2 })
		waitFor(t, "acknowledgement", func() bool { return queued(t, q) == 0 })
	})
	t.Run("RemovesWhatIsNotOurs", func(t *testing.T) {
		t.Parallel()
		q, _ := setup(t, Options{})
		if _, err := q.js.Publish(t.Context(), "work.draft.NOT-AN-ID", nil); err != nil {
			t.Fatal(err)
		}
		start(t, q, Worker{Kind: Draft, Concurrency: 1, Handle: func(context.Context, string) error {
			t.Error("handler called")
			return nil
		}})
		waitFor(t, "removal", func() bool { return queued(t, q) == 0 })
	})
	t.Run("ErrInvalidWorker", func(t *testing.T) {
		t.Parallel()
		q, _ := setup(t, Options{})
		nop := func(context.Context, string) error { return nil }
		for name, w := range map[string]Worker{
			"kind":        {Kind: "x", Concurrency: 1, Handle: nop},
			"concurrency": {Kind: Draft, Handle: nop},
			"too many":    {Kind: Draft, Concurrency: 1000, Handle: nop},
			"handler":     {Kind: Draft, Concurrency: 1},
		} {
			if err := q.Run(t.Context(), w); err == nil {
				t.Errorf("%s: no error", name)
			}
		}
	})
	t.Run("ErrClosed", func(t *testing.T) {
		t.Parallel()
		q, ns := setup(t, Options{})
		done := make(chan error, 1)
		go func() {
			done <- q.Consume(context.Background(), Draft, 2, func(context.Context, string) error { return nil })
		}()
		ns.Shutdown()
		if err := receive(t, "end of Consume", done); !errors.Is(err, ErrClosed) {
			t.Errorf("Consume: %v, want ErrClosed", err)
		}
	})
}

func BenchmarkPublishAndConsume(b *testing.B) {
	q, _ := setup(b, Options{})
	done := make(chan string, 1024)
	start(b, q, Worker{Kind: Draft, Concurrency: 8, Handle: func(_ context.Context, id string) error { done <- id; return nil }})
	go func() {
		for range b.N {
			if err := q.Publish(b.Context(), Draft, newID()); err != nil {
				b.Error(err)
				return
			}
		}
	}()
	for range b.N {
		<-done
	}
}
