package adapters

import (
	"context"
	"errors"
	"time"

	"countersign/review"
)

// resolve asks a destination whether a write whose reply was lost arrived.
// Found is accepted; "not there" makes it owed again. A destination that
// cannot be asked gets the same bytes again only where it is declared safe
// for repeats; otherwise a person looks.
func (d *Dispatcher) resolve(ctx context.Context, w review.Work) review.Outcome {
	now := d.options.Clock.Now()
	if settled := w.WriteBack.StateAt.Add(d.options.SettleAfter); now.Before(settled) {
		// Too early to believe a "not there": it may still be filing it.
		return review.Outcome{ErrorCode: w.WriteBack.ErrorCode, RetryAt: settled}
	}
	a := d.adapters[w.WriteBack.DestinationID]
	if a == nil {
		return d.unresolved(w, "no_adapter")
	}
	f, ok := a.(Finder)
	switch {
	case !ok && w.Document.Destination.RepeatSafe:
		return review.Outcome{Event: review.EventNotArrived, ErrorCode: "repeat_safe", RetryAt: now.Add(d.options.interval(w.WriteBack.Attempts))}
	case !ok:
		return review.Outcome{Event: review.EventGiveUp, ErrorCode: "cannot_be_asked"}
	}
	var receipt review.Receipt
	var found bool
	err := d.ask(ctx, w, func(ctx context.Context) (err error) {
		receipt, found, err = f.Find(ctx, w.Document)
		return err
	})
	switch {
	case err != nil:
		return d.unresolved(w, codeOf(err))
	case !found:
		return d.notArrived(w, "not_found", d.options.FirstRetry)
	case receipt.WrittenSHA256.IsZero():
		// It keeps the document in its own form; the read-back compares it.
		return d.found(a, receipt)
	}
	return d.accepted(w, a, receipt)
}

// found is a write that is there; a read-back is owed where it can be made.
func (d *Dispatcher) found(a Adapter, r review.Receipt) review.Outcome {
	o := review.Outcome{Event: review.EventAccept, Receipt: r}
	if _, ok := a.(Verifier); ok {
		o.VerifyAt = d.options.Clock.Now().Add(d.options.VerifyAfter)
	}
	return o
}

// unresolved leaves the write unknown and asks again later, or puts it before
// a person when nobody has answered for ResolveFor.
func (d *Dispatcher) unresolved(w review.Work, code string) review.Outcome {
	now := d.options.Clock.Now()
	open := now.Sub(w.WriteBack.StateAt)
	if open >= d.options.ResolveFor {
		return review.Outcome{Event: review.EventGiveUp, ErrorCode: code}
	}
	return review.Outcome{ErrorCode: code, RetryAt: now.Add(d.options.since(open))}
}

// verify reads an accepted document back. A result ends it; an error is tried
// again for VerifyFor, then the write stays accepted and unverified.
func (d *Dispatcher) verify(ctx context.Context, w review.Work) (v review.Verification, retryAt time.Time, code string) {
	f, ok := d.adapters[w.WriteBack.DestinationID].(Verifier)
	if !ok {
		return review.VerificationNone, time.Time{}, "not_readable"
	}
	err := d.ask(ctx, w, func(ctx context.Context) (err error) {
		v, err = f.Verify(ctx, w.Document, w.WriteBack.Receipt)
		return err
	})
	if err == nil {
		return v, time.Time{}, ""
	}
	now := d.options.Clock.Now()
	open := now.Sub(w.WriteBack.StateAt)
	var permanent *PermanentError
	if errors.As(err, &permanent) || open >= d.options.VerifyFor {
		return review.VerificationNone, time.Time{}, codeOf(err)
	}
	return review.VerificationNone, now.Add(d.options.since(open)), codeOf(err)
}

// ask runs a question behind the destination's gate. Questions change nothing
// there, so any error leaves the answer open.
func (d *Dispatcher) ask(ctx context.Context, w review.Work, question func(context.Context) error) error {
	now := d.options.Clock.Now
	g := d.gate(w.WriteBack.DestinationID)
	_, ok, err := g.enter(ctx, now)
	if err != nil {
		return NotArrived("stopping")
	}
	if !ok {
		return NotArrived("destination_paused")
	}
	call, cancel := d.attempt(ctx)
	defer cancel()
	err = guarded(func() error { return question(call) })
	var busy *RetryAfterError
	if !errors.As(err, &busy) {
		busy = &RetryAfterError{}
	}
	g.leave(now(), healthy(err), busy.After)
	return err
}
