package adapters_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/adapters"
	"countersign/review"
)

func TestOutcomeThatCannotBeRecorded(t *testing.T) {
	t.Parallel()

	t.Run("is tried again at once", func(t *testing.T) {
		t.Parallel()
		a := &scripted{write: answers(nil)}
		b := setup(t, a, nil)
		b.j.fails = 3
		b.handle(t)
		b.want(t, review.WriteBackAccepted, "", "claim", "accept")
		if a.count() != 1 || b.j.tries != 4 {
			t.Errorf("%d sends and %d recordings, want 1 and 4", a.count(), b.j.tries)
		}
	})

	t.Run("is kept for the next call", func(t *testing.T) {
		t.Parallel()
		a := &scripted{write: answers(nil)}
		b := setup(t, a, func(o *adapters.Options) { o.SettleTries = 2 })
		b.j.fails = 3
		for range 2 { // two tries, then one more
			err := b.Handle(t.Context(), b.family)
			if got := b.j.state(0).State; got != review.WriteBackSending {
				t.Fatalf("write-back is %s after %v, want sending", got, err)
			}
		}
		b.handle(t)
		b.want(t, review.WriteBackAccepted, "", "claim", "accept")
		if a.count() != 1 {
			t.Errorf("%d sends, want 1", a.count())
		}
	})

	t.Run("is dropped when a rival has settled the write", func(t *testing.T) {
		t.Parallel()
		a := finding{&scripted{write: answers(nil)}, finder(true)}
		b := setup(t, a, func(o *adapters.Options) { o.SettleTries = 1 })
		b.j.fails = 1
		if err := b.Handle(t.Context(), b.family); !errors.Is(err, errDisk) {
			t.Errorf("Handle: %v, want the journal's error", err)
		}
		b.j.move(b.j.rows[0], review.EventLose)
		b.j.move(b.j.rows[0], review.EventAccept)
		b.handle(t)
		b.handle(t)
		b.want(t, review.WriteBackAccepted, "", "claim", "lose", "accept")
		if b.j.tries != 2 {
			t.Errorf("%d recordings, want 2: the second is refused", b.j.tries)
		}
	})

	t.Run("is not tried again without a lease", func(t *testing.T) {
		t.Parallel()
		b := setup(t, nil, nil)
		b.adapt(&scripted{write: func(_ context.Context, d review.Document) (review.Receipt, error) {
			b.j.mu.Lock()
			b.j.lease = 0 // a long call: a rival may have taken over
			b.j.mu.Unlock()
			return receiptOf(d), nil
		}})
		b.j.fails = 1
		if err := b.Handle(t.Context(), b.family); !errors.Is(err, errDisk) || b.j.tries != 1 {
			t.Errorf("Handle: %v after %d recordings, want the journal's error after 1", err, b.j.tries)
		}
	})

	t.Run("does not stop other destinations of the family", func(t *testing.T) {
		t.Parallel()
		first, second := document(t), document(t)
		second.Destination.ID, second.Destination.Adapter = "files", "filedir"
		clock := newClock()
		j := newJournal(clock, first, second)
		j.fails = 1
		a, other := &scripted{write: answers(nil)}, &scripted{write: answers(nil)}
		d := adapters.NewDispatcher(j, map[review.DestinationID]adapters.Adapter{epic.ID: a, "files": other},
			slog.New(slog.NewTextHandler(io.Discard, nil)), adapters.Options{Clock: clock, SettleTries: 1})
		if err := d.Handle(t.Context(), string(first.NoteID)); !errors.Is(err, errDisk) {
			t.Errorf("Handle: %v, want the journal's error", err)
		}
		if one, two := j.state(0).State, j.state(1).State; one != review.WriteBackSending || two != review.WriteBackAccepted {
			t.Errorf("write-backs are %s and %s, want sending and accepted", one, two)
		}
		if err := d.Handle(t.Context(), string(first.NoteID)); err != nil || j.state(0).State != review.WriteBackAccepted {
			t.Errorf("write-back is %s after the next call: %v, want accepted", j.state(0).State, err)
		}
	})

	t.Run("of a question is asked for again by the next call", func(t *testing.T) {
		t.Parallel()
		a := finding{&scripted{write: answers(adapters.Unknown("eof"))}, finder(true)}
		b := setup(t, a, func(o *adapters.Options) { o.SettleTries = 1 })
		b.handle(t)
		b.clock.set(b.clock.Now().Add(2 * time.Second))
		b.j.fails = 1
		if err := b.Handle(t.Context(), b.family); !errors.Is(err, errDisk) {
			t.Errorf("Handle: %v, want the journal's error", err)
		}
		b.handle(t)
		b.want(t, review.WriteBackAccepted, "", "claim", "lose", "accept")
	})
}

func TestFlush(t *testing.T) {
	t.Parallel()

	// kept is a dispatcher that has sent two documents and recorded neither.
	kept := func(t *testing.T) (*bundle, *scripted) {
		t.Helper()
		first, second := document(t), document(t)
		second.Destination.ID = "files"
		a := &scripted{write: answers(nil)}
		b := setup(t, nil, func(o *adapters.Options) { o.SettleTries = 1 }, first, second)
		b.Dispatcher = adapters.NewDispatcher(b.j, map[review.DestinationID]adapters.Adapter{epic.ID: a, "files": a},
			slog.New(slog.NewTextHandler(b.log, nil)), b.options)
		b.j.fails = 2
		if err := b.Handle(t.Context(), b.family); !errors.Is(err, errDisk) || a.count() != 2 {
			t.Fatalf("Handle: %v after %d sends, want the journal's error after 2", err, a.count())
		}
		return b, a
	}
	states := func(b *bundle) []review.WriteBackState {
		return []review.WriteBackState{b.j.state(0).State, b.j.state(1).State}
	}
	const sending, accepted = review.WriteBackSending, review.WriteBackAccepted

	t.Run("records what was kept", func(t *testing.T) {
		t.Parallel()
		b, a := kept(t)
		b.Flush(t.Context())
		if diff := cmp.Diff([]review.WriteBackState{accepted, accepted}, states(b)); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
		b.Flush(t.Context())
		if a.count() != 2 || b.j.tries != 4 {
			t.Errorf("%d sends and %d recordings, want 2 and 4: nothing is done twice", a.count(), b.j.tries)
		}
	})

	t.Run("tries each once, and keeps and names what fails", func(t *testing.T) {
		t.Parallel()
		b, _ := kept(t)
		b.j.fails = 1
		b.Flush(t.Context())
		if diff := cmp.Diff([]review.WriteBackState{sending, accepted}, states(b)); diff != "" || b.j.tries != 4 {
			t.Errorf("after %d recordings, states (-want +got):\n%s", b.j.tries, diff)
		}
		if line := "not recorded at the end\" writeback_id=" + string(b.j.rows[0].ID); !strings.Contains(b.log.String(), line) {
			t.Errorf("the log does not name it:\n%s", b.log)
		}
		b.Flush(t.Context())
		if got := b.j.state(0).State; got != accepted {
			t.Errorf("write-back is %s after another Flush, want accepted", got)
		}
	})

	t.Run("drops what a rival has settled", func(t *testing.T) {
		t.Parallel()
		b, _ := kept(t)
		b.j.move(b.j.rows[0], review.EventLose)
		b.Flush(t.Context())
		b.Flush(t.Context())
		if diff := cmp.Diff([]review.WriteBackState{review.WriteBackUnknown, accepted}, states(b)); diff != "" || b.j.tries != 4 {
			t.Errorf("after %d recordings, want 4; states (-want +got):\n%s", b.j.tries, diff)
		}
	})

	t.Run("keeps everything when its context has ended", func(t *testing.T) {
		t.Parallel()
		b, _ := kept(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		b.Flush(ctx)
		if diff := cmp.Diff([]review.WriteBackState{sending, sending}, states(b)); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
		b.Flush(t.Context())
		if diff := cmp.Diff([]review.WriteBackState{accepted, accepted}, states(b)); diff != "" {
			t.Errorf("states after another Flush (-want +got):\n%s", diff)
		}
	})
}
