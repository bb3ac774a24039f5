package adapters_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"countersign/adapters"
	"countersign/adapters/adaptertest"
	"countersign/review"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bundle is a dispatcher over a fake journal and one adapter.
type bundle struct {
	*adapters.Dispatcher
	j       *fakeJournal
	clock   *fakeClock
	log     *bytes.Buffer
	family  string
	options adapters.Options
}

func setup(t *testing.T, a adapters.Adapter, change func(*adapters.Options), docs ...review.Document) *bundle {
	t.Helper()
	b := &bundle{clock: newClock(), log: &bytes.Buffer{}}
	if len(docs) == 0 {
		docs = []review.Document{document(t)}
	}
	b.family = string(docs[0].NoteID)
	b.j = newJournal(b.clock, docs...)
	b.options = adapters.Options{Clock: b.clock}
	if change != nil {
		change(&b.options)
	}
	m := map[review.DestinationID]adapters.Adapter{}
	if a != nil {
		m[epic.ID] = a
	}
	b.Dispatcher = adapters.NewDispatcher(b.j, m, slog.New(slog.NewTextHandler(b.log, nil)), b.options)
	return b
}

// adapt gives the bundle a dispatcher over another adapter.
func (b *bundle) adapt(a adapters.Adapter) {
	b.Dispatcher = adapters.NewDispatcher(b.j, map[review.DestinationID]adapters.Adapter{epic.ID: a}, slog.New(slog.NewTextHandler(b.log, nil)), b.options)
}

func (b *bundle) handle(t *testing.T) {
	t.Helper()
	if err := b.Handle(t.Context(), b.family); err != nil {
		t.Fatalf("Handle: %v", err)
	}
}

// drain handles the family and moves the clock to whatever is due next,
// until nothing is.
func (b *bundle) drain(t *testing.T) {
	t.Helper()
	for range 500 {
		b.handle(t)
		_, ok, next, err := b.j.NextWork(t.Context(), review.NoteID(b.family))
		if ok || err != nil {
			t.Fatalf("work is left after Handle: %v, %v", ok, err)
		}
		if next.IsZero() {
			return
		}
		b.clock.set(next)
	}
	t.Fatal("the family does not come to rest")
}

func (b *bundle) want(t *testing.T, state review.WriteBackState, code string, trail ...string) {
	t.Helper()
	if got := b.j.state(0); got.State != state || got.ErrorCode != code {
		t.Errorf("write-back is %s with code %q, want %s with %q", got.State, got.ErrorCode, state, code)
	}
	if diff := cmp.Diff(trail, b.j.trail(0)); trail != nil && diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestSendOutcomes(t *testing.T) {
	t.Parallel()
	wrong := func(_ context.Context, d review.Document) (review.Receipt, error) {
		r := receiptOf(d)
		r.WrittenSHA256 = review.DigestOf([]byte("something else"))
		return r, nil
	}
	tests := map[string]struct {
		write func(context.Context, review.Document) (review.Receipt, error)
		state review.WriteBackState
		code  string
	}{
		"success is accepted":               {answers(nil), review.WriteBackAccepted, ""},
		"taken by the interface":            {answers(&adapters.CommittedError{Code: "ca"}), review.WriteBackCommitted, ""},
		"refusal is rejected":               {answers(adapters.Permanent("epic_59108", "hint")), review.WriteBackRejected, "epic_59108"},
		"wrapped refusal is rejected":       {answers(fmt.Errorf("x: %w", adapters.Permanent("epic_59108", ""))), review.WriteBackRejected, "epic_59108"},
		"busy is owed again":                {answers(adapters.RetryAfter("http_429", time.Minute)), review.WriteBackPending, "http_429"},
		"not arrived is owed again":         {answers(adapters.NotArrived("dial")), review.WriteBackPending, "dial"},
		"error without a class is owed":     {answers(errors.New("some text")), review.WriteBackPending, "internal"},
		"lost reply is unknown":             {answers(adapters.Unknown("eof")), review.WriteBackUnknown, "eof"},
		"bare sentinel is unknown":          {answers(adapters.ErrUnknownOutcome), review.WriteBackUnknown, "unknown"},
		"deadline is unknown":               {answers(context.DeadlineExceeded), review.WriteBackUnknown, "deadline"},
		"cancellation is unknown":           {answers(fmt.Errorf("post: %w", context.Canceled)), review.WriteBackUnknown, "deadline"},
		"other bytes are for a person":      {wrong, review.WriteBackManual, "written_mismatch"},
		"a receipt without a hash likewise": {func(context.Context, review.Document) (review.Receipt, error) { return review.Receipt{}, nil }, review.WriteBackManual, "written_mismatch"},
		"panic is unknown": {func(context.Context, review.Document) (review.Receipt, error) {
			panic(adaptertest.PatientFamily)
		}, review.WriteBackUnknown, "adapter_panic"},
		"text instead of a code is dropped": {answers(adapters.Unknown("patient " + adaptertest.PatientFamily)), review.WriteBackUnknown, "internal"},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, &scripted{write: c.write}, nil)
			b.handle(t)
			b.want(t, c.state, c.code)
			if got := b.log.String(); !strings.Contains(got, "attempt=1") || strings.Contains(got, adaptertest.PatientFamily) {
				t.Errorf("log = %q, want the attempt and nothing of the patient", got)
			}
		})
	}
}

func TestSendRefusesBeforeTheCall(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*review.Document)
		code   string
	}{
		"changed bytes":     {func(d *review.Document) { d.Rendering.Body[0] ^= 1 }, "rendering_changed"},
		"other rendering":   {func(d *review.Document) { *d = adaptertest.WithBody(*d, []byte("other")) }, "rendering_changed"},
		"other destination": {func(d *review.Document) { d.Destination.ID = "elsewhere" }, "document_mismatch"},
		"other revision":    {func(d *review.Document) { d.Revision++ }, "document_mismatch"},
		"other note":        {func(d *review.Document) { d.NoteID = review.NewID[review.NoteID]() }, "document_mismatch"},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &scripted{write: answers(nil)}
			b := setup(t, a, nil)
			d := b.j.docs[b.j.rows[0].ID]
			d.Rendering.Body = bytes.Clone(d.Rendering.Body)
			c.change(&d)
			b.j.docs[b.j.rows[0].ID] = d
			b.handle(t)
			b.want(t, review.WriteBackRejected, c.code)
			if a.count() != 0 {
				t.Error("the adapter was called")
			}
		})
	}
}

func TestOnlySimulatedDestinationsAreWritten(t *testing.T) {
	t.Parallel()
	for _, mode := range []review.Mode{review.ModeProduction, review.ModeTest, ""} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			a := &scripted{write: answers(nil)}
			d := document(t)
			d.Destination.Mode = mode
			b := setup(t, a, func(o *adapters.Options) { o.GiveUpAfter = time.Nanosecond }, d)
			b.clock.set(b.clock.Now().Add(time.Hour))
			b.handle(t)
			b.want(t, review.WriteBackPending, "gate_closed", "claim", "not_arrived")
			if wait := b.j.last().RetryAt.Sub(b.clock.Now()); a.count() != 0 || wait != time.Minute {
				t.Errorf("%d sends, looked at again after %s, want none and 1m", a.count(), wait)
			}
		})
	}
}

func TestLeaseMustOutlastTheAttempt(t *testing.T) {
	t.Parallel()
	a := &scripted{write: answers(nil)}
	b := setup(t, a, nil)
	b.j.lease = 20 * time.Second // the deadline of an attempt: not longer than it
	b.handle(t)
	b.want(t, review.WriteBackPending, "lease_short", "claim", "not_arrived")
	if a.count() != 0 {
		t.Error("the adapter was called")
	}
	b.j.lease = 21 * time.Second
	b.drain(t)
	b.want(t, review.WriteBackAccepted, "")
}

func TestAttemptHasADeadlineBelowTheLease(t *testing.T) {
	t.Parallel()
	a := &scripted{write: func(ctx context.Context, _ review.Document) (review.Receipt, error) {
		<-ctx.Done() // a destination that never answers
		return review.Receipt{}, adapters.Unknown("no_answer")
	}}
	b := setup(t, a, func(o *adapters.Options) { o.AttemptTimeout = 5 * time.Millisecond })
	b.handle(t)
	b.want(t, review.WriteBackUnknown, "no_answer")
}

func TestStoppingProcess(t *testing.T) {
	t.Parallel()

	t.Run("call under way is finished and recorded", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		a := &scripted{write: func(_ context.Context, d review.Document) (review.Receipt, error) {
			cancel()
			return receiptOf(d), nil
		}}
		b := setup(t, a, nil)
		if err := b.Handle(ctx, b.family); !errors.Is(err, context.Canceled) {
			t.Errorf("Handle: %v, want context.Canceled", err)
		}
		b.want(t, review.WriteBackAccepted, "", "claim", "accept")
	})

	t.Run("call that outlasts the grace is lost", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		a := &scripted{write: func(call context.Context, _ review.Document) (review.Receipt, error) {
			cancel()
			<-call.Done()
			return review.Receipt{}, call.Err()
		}}
		b := setup(t, a, func(o *adapters.Options) { o.Drain = -1 })
		_ = b.Handle(ctx, b.family)
		b.want(t, review.WriteBackUnknown, "deadline", "claim", "lose")
	})
}

func TestRetries(t *testing.T) {
	t.Parallel()

	t.Run("interval doubles with jitter up to a limit", func(t *testing.T) {
		t.Parallel()
		b := setup(t, &scripted{write: answers(adapters.NotArrived("dial"))}, func(o *adapters.Options) { o.BreakerFailures = 1000 })
		want := time.Second
		for range 14 {
			b.handle(t)
			wait := b.j.last().RetryAt.Sub(b.clock.Now())
			if wait < want*79/100 || wait > want*121/100 {
				t.Fatalf("wait = %s, want %s within a fifth", wait, want)
			}
			b.clock.set(b.j.last().RetryAt)
			want = min(2*want, 10*time.Minute)
		}
	})

	t.Run("hint of the destination is obeyed", func(t *testing.T) {
		t.Parallel()
		b := setup(t, &scripted{write: answers(adapters.RetryAfter("http_429", 90*time.Second), nil)}, nil)
		b.handle(t)
		if wait := b.j.last().RetryAt.Sub(b.clock.Now()); wait != 90*time.Second {
			t.Errorf("wait = %s, want 90s", wait)
		}
		b.drain(t)
		b.want(t, review.WriteBackAccepted, "")
	})

	t.Run("hint beyond all measure is cut to an hour", func(t *testing.T) {
		t.Parallel()
		b := setup(t, &scripted{write: answers(adapters.RetryAfter("http_429", 9000*time.Hour), nil)}, nil)
		b.handle(t)
		if wait := b.j.last().RetryAt.Sub(b.clock.Now()); wait != time.Hour {
			t.Errorf("wait = %s, want 1h", wait)
		}
		b.drain(t)
		b.want(t, review.WriteBackAccepted, "", "claim", "not_arrived", "claim", "accept") // the gate opens again, too
	})

	t.Run("destination that is down overnight is tried until it is back", func(t *testing.T) {
		t.Parallel()
		var clock *fakeClock
		var back time.Time
		a := &scripted{write: func(_ context.Context, d review.Document) (review.Receipt, error) {
			if clock.Now().Before(back) {
				return review.Receipt{}, adapters.NotArrived("dial")
			}
			return receiptOf(d), nil
		}}
		b := setup(t, a, func(o *adapters.Options) { o.BreakerFailures = 1 << 30 }) // many claims
		clock, back = b.clock, b.clock.Now().Add(20*time.Hour)
		b.drain(t)
		b.want(t, review.WriteBackAccepted, "")
		if a.count() < 60 {
			t.Errorf("%d attempts: the case wants more than any count would have allowed", a.count())
		}
	})

	t.Run("debt of three days goes before a person", func(t *testing.T) {
		t.Parallel()
		a := &scripted{write: answers(adapters.NotArrived("dial"))}
		b := setup(t, a, nil)
		start := b.clock.Now()
		b.drain(t)
		b.want(t, review.WriteBackManual, "dial")
		if open := b.clock.Now().Sub(start); open < 72*time.Hour || open > 73*time.Hour {
			t.Errorf("given up after %s, want 72h", open)
		}
	})

	t.Run("sent again by a person, it is owed anew", func(t *testing.T) {
		t.Parallel()
		a := &scripted{write: answers(adapters.NotArrived("dial"), adapters.NotArrived("dial"), nil)}
		b := setup(t, a, func(o *adapters.Options) { o.GiveUpAfter = time.Hour })
		b.clock.set(b.clock.Now().Add(2 * time.Hour))
		b.handle(t)
		b.want(t, review.WriteBackManual, "dial")
		row := b.j.rows[0]
		b.j.move(row, review.EventResend)
		row.OwedSince, row.NextAttemptAt = b.clock.Now(), time.Time{}
		b.drain(t)
		b.want(t, review.WriteBackAccepted, "", "claim", "give_up", "resend", "claim", "not_arrived", "claim", "accept")
	})

	t.Run("destination without an adapter goes before a person in the end", func(t *testing.T) {
		t.Parallel()
		b := setup(t, nil, func(o *adapters.Options) { o.GiveUpAfter = time.Hour })
		b.drain(t)
		b.want(t, review.WriteBackManual, "no_adapter")
	})

	t.Run("time until the next work is handed to the queue", func(t *testing.T) {
		t.Parallel()
		var later time.Duration
		errLater := errors.New("later")
		b := setup(t, &scripted{write: answers(adapters.RetryAfter("http_503", time.Minute))}, func(o *adapters.Options) {
			o.Later = func(d time.Duration) error { later = d; return errLater }
		})
		if err := b.Handle(t.Context(), b.family); !errors.Is(err, errLater) || later != time.Minute {
			t.Errorf("Handle: %v after %s, want what Later returned for 1m", err, later)
		}
	})

	t.Run("error of the journal is returned", func(t *testing.T) {
		t.Parallel()
		b := setup(t, &scripted{write: answers(nil)}, nil)
		b.j.nextErr = review.ErrUnavailable
		if err := b.Handle(t.Context(), b.family); !errors.Is(err, review.ErrUnavailable) {
			t.Errorf("Handle: %v, want the journal's error", err)
		}
	})
}

func TestOrderWithinAFamily(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var order []review.NoteID
	first, second := document(t), document(t)
	failures := 2
	a := &scripted{write: func(_ context.Context, d review.Document) (review.Receipt, error) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, d.NoteID)
		if failures--; failures >= 0 {
			return review.Receipt{}, adapters.NotArrived("dial")
		}
		return receiptOf(d), nil
	}}
	b := setup(t, a, nil, first, second)
	b.drain(t)
	want := []review.NoteID{first.NoteID, first.NoteID, first.NoteID, second.NoteID}
	if diff := cmp.Diff(want, order); diff != "" {
		t.Errorf("order of sends (-want +got):\n%s", diff)
	}
}
