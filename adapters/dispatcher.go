package adapters

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"time"

	"countersign/review"
)

// Dispatcher does what the journal says is owed: it sends, asks about writes
// whose reply was lost, and reads back what was accepted. It alone retries.
//
// What it decides is in the journal before anything depends on it, so that it
// may die at any moment: a send whose outcome was not recorded becomes
// unknown, and an unknown write is asked about, never repeated blindly.
type Dispatcher struct {
	journal  Journal
	adapters map[review.DestinationID]Adapter
	log      *slog.Logger
	options  Options

	mu    sync.Mutex
	gates map[review.DestinationID]*gate
	// unsettled are sends whose outcome could not be recorded, oldest first.
	// Their rows stay sending, which keeps the list short.
	unsettled []unsettled
}

// NewDispatcher returns a Dispatcher. It has no side effects. The map of
// adapters must not change afterwards.
func NewDispatcher(j Journal, adapters map[review.DestinationID]Adapter, log *slog.Logger, o Options) *Dispatcher {
	return &Dispatcher{journal: j, adapters: adapters, log: log, options: o.withDefaults(), gates: map[review.DestinationID]*gate{}}
}

// Handle drains a document family until it is empty or not due; it is what
// the queue calls. One family must be handled by one caller at a time,
// different ones may be handled at once. When ctx ends it finishes the call
// that is under way (Options.Drain), records its outcome, and returns ctx's
// error. Other errors come from the journal; trying again is right.
//
// An outcome that cannot be recorded does not stop the others of the family:
// the order within a destination is the journal's, where the write stays
// sending. It is kept and tried again by the next call for any family, or by
// Flush, and all such errors are returned, joined, in the end.
func (d *Dispatcher) Handle(ctx context.Context, family string) error {
	id := review.NoteID(family)
	var errs []error
	d.settleKept(ctx)
	failed := map[review.WriteBackID]bool{}
	for {
		if err := ctx.Err(); err != nil {
			return errors.Join(append(errs, fmt.Errorf("dispatch: %w", err))...)
		}
		w, ok, next, err := d.journal.NextWork(ctx, id)
		switch {
		case err != nil:
			return errors.Join(append(errs, fmt.Errorf("dispatch: next work: %w", err))...)
		case !ok && len(errs) > 0:
			return errors.Join(errs...)
		case !ok && !next.IsZero() && d.options.Later != nil:
			return d.options.Later(max(next.Sub(d.options.Clock.Now()), 0))
		case !ok:
			return nil
		case failed[w.WriteBack.ID] && w.Kind != review.WorkSend:
			// The same question again: its answer cannot be recorded now. A
			// send is claimed by now and must not be left lying.
			return errors.Join(errs...)
		}
		if err := d.do(ctx, w); err != nil {
			failed[w.WriteBack.ID] = true
			errs = append(errs, fmt.Errorf("dispatch: %s: %w", w.Kind, err))
		}
	}
}

// do carries out one piece of work and records its end.
func (d *Dispatcher) do(ctx context.Context, w review.Work) error {
	start := d.options.Clock.Now()
	switch w.Kind {
	case review.WorkSend, review.WorkResolve:
		var o review.Outcome
		if w.Kind == review.WorkSend {
			o = d.send(ctx, w)
		} else {
			o = d.resolve(ctx, w)
		}
		err := d.record(ctx, func(ctx context.Context) error { return d.journal.Settle(ctx, w, o) })
		if w.Kind == review.WorkSend && err != nil && !overtaken(err) {
			d.keep(unsettled{w, o})
		}
		outcome := string(o.Event)
		if outcome == "" {
			outcome = "waiting"
		}
		d.report(w, outcome, o.ErrorCode, start, err)
		return err
	case review.WorkVerify:
		v, retryAt, code := d.verify(ctx, w)
		err := d.record(ctx, func(ctx context.Context) error { return d.journal.Verified(ctx, w, v, retryAt) })
		d.report(w, string(v), code, start, err)
		return err
	}
	return fmt.Errorf("work of unknown kind %q", w.Kind)
}

// report writes one log line and counts. Ids and fixed words only.
func (d *Dispatcher) report(w review.Work, outcome, code string, start time.Time, settleErr error) {
	level := slog.LevelInfo
	if code != "" {
		level = slog.LevelWarn
	}
	args := []any{
		"kind", string(w.Kind), "writeback_id", string(w.WriteBack.ID), "note_id", string(w.WriteBack.NoteID),
		"destination", string(w.WriteBack.DestinationID), "adapter", w.WriteBack.Adapter, "attempt", w.WriteBack.Attempts,
		"outcome", outcome, "code", code,
	}
	d.log.Log(context.Background(), level, "write-back", args...)
	if settleErr != nil {
		d.log.Error("write-back: outcome not recorded", append(args, "error", settleErr)...)
	}
	if o := d.options.Observer; o != nil {
		o.Observe(Observation{
			Kind: w.Kind, Destination: w.WriteBack.DestinationID, Adapter: w.WriteBack.Adapter, Outcome: outcome, Code: code,
			Took: d.options.Clock.Now().Sub(start),
		})
	}
}

func (d *Dispatcher) gate(id review.DestinationID) *gate {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.gates[id]
	if g == nil {
		g = newGate(d.options)
		d.gates[id] = g
	}
	return g
}

// attempt is the context of one call: it outlives ctx by Drain, because a
// reply that nobody awaits is lost, and never exceeds AttemptTimeout.
func (d *Dispatcher) attempt(ctx context.Context) (context.Context, context.CancelFunc) {
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.options.AttemptTimeout)
	stop := context.AfterFunc(ctx, func() {
		if d.options.Drain > 0 {
			select {
			case <-time.After(d.options.Drain):
			case <-call.Done():
			}
		}
		cancel()
	})
	return call, func() { stop(); cancel() }
}

var reCode = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// codeOf is CodeOf, held to the form of a code: it goes into the journal and
// the log, and an adapter that puts text there must not reach them.
func codeOf(err error) string {
	c := CodeOf(err)
	if err != nil && !reCode.MatchString(c) {
		return "internal"
	}
	return c
}

// panicError is a panic of an adapter. Its value is not kept: it may hold content.
type panicError struct{}

func (panicError) Error() string { return "adapter panicked" }

// guarded turns a panic of f into panicError.
func guarded(f func() error) (err error) {
	defer func() {
		if recover() != nil {
			err = panicError{}
		}
	}()
	return f()
}
