package adapters

import (
	"context"
	"errors"
	"time"

	"countersign/review"
)

// send makes one attempt. The point of no return is the call of WriteBack:
// everything before it that goes wrong is "not arrived", everything after it
// that the adapter does not classify is "may have arrived".
//
//  1. refuse bytes that are not the signed ones, or an envelope for another row
//  2. hold what is not for a simulated destination
//  3. wait for a free slot at the destination, and ask its breaker
//  4. check that the lease outlasts the deadline of the attempt
//  5. call the adapter
//  6. check that it wrote the signed bytes
func (d *Dispatcher) send(ctx context.Context, w review.Work) review.Outcome {
	now := d.options.Clock.Now
	if code := mismatch(w); code != "" {
		return review.Outcome{Event: review.EventReject, ErrorCode: code}
	}
	if w.Document.Destination.Mode != review.ModeSimulated {
		// Sites have no gates yet that a person could open. The journal holds
		// such rows; this is the second barrier, should it hand one out.
		return d.postponed("gate_closed", now().Add(gateClosedRetry))
	}
	a := d.adapters[w.WriteBack.DestinationID]
	if a == nil {
		return d.notArrived(w, "no_adapter", d.options.MaxRetry)
	}
	g := d.gate(w.WriteBack.DestinationID)
	retryAt, ok, err := g.enter(ctx, now)
	if err != nil {
		return d.postponed("stopping", now().Add(d.options.FirstRetry))
	}
	if !ok {
		return d.postponed("destination_paused", later(retryAt, now().Add(d.options.interval(w.Attempt))))
	}
	if ctx.Err() != nil {
		g.leave(now(), notAsked, 0)
		return d.postponed("stopping", now().Add(d.options.FirstRetry))
	}
	if d.journal.LeaseRemaining() <= d.options.AttemptTimeout {
		g.leave(now(), notAsked, 0)
		return d.postponed("lease_short", now().Add(d.options.interval(w.Attempt)))
	}

	call, cancel := d.attempt(ctx)
	defer cancel()
	var receipt review.Receipt
	err = guarded(func() (err error) { receipt, err = a.WriteBack(call, w.Document); return err })
	g.leave(now(), resultOf(err), holdOf(err))
	return d.outcome(w, a, receipt, err)
}

// gateClosedRetry is when a row behind a closed gate is looked at again.
const gateClosedRetry = time.Minute

// mismatch names what is wrong with the bytes or the envelope, if anything.
func mismatch(w review.Work) string {
	d, row := w.Document, w.WriteBack
	switch {
	case CheckRendering(d.Rendering) != nil || d.Rendering.SHA256 != row.RenderingID:
		return "rendering_changed"
	case d.WriteBackID != row.ID || d.Destination.ID != row.DestinationID || d.NoteID != row.NoteID || d.Revision != row.Revision ||
		d.Rendering.NoteID != row.NoteID || d.Rendering.Revision != row.Revision || d.Action != row.Action:
		return "document_mismatch"
	}
	return ""
}

// outcome maps what WriteBack returned to an event: see the package comment.
func (d *Dispatcher) outcome(w review.Work, a Adapter, r review.Receipt, err error) review.Outcome {
	var (
		permanent *PermanentError
		committed *CommittedError
		busy      *RetryAfterError
		absent    *NotArrivedError
	)
	code := codeOf(err)
	switch {
	case err == nil:
		return d.accepted(w, a, r)
	case errors.Is(err, ErrUnknownOutcome):
		return d.lost(code)
	case errors.As(err, &committed):
		return d.committed(a, r)
	case errors.As(err, &permanent):
		return review.Outcome{Event: review.EventReject, ErrorCode: code}
	case errors.As(err, &busy):
		return d.notArrived(w, code, max(holdOf(err), d.options.FirstRetry))
	case errors.As(err, &absent):
		return d.notArrived(w, code, d.options.interval(w.Attempt))
	case errors.Is(err, panicError{}):
		return d.lost("adapter_panic")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		// The adapter does not say whether bytes had left.
		return d.lost("deadline")
	}
	return d.notArrived(w, code, d.options.interval(w.Attempt))
}

// accepted is a destination's yes. One that took other bytes than the signed
// ones is not ours to mend: a person has to look at the chart.
func (d *Dispatcher) accepted(w review.Work, a Adapter, r review.Receipt) review.Outcome {
	if r.WrittenSHA256 != w.Document.Rendering.SHA256 {
		return review.Outcome{Event: review.EventGiveUp, Receipt: r, ErrorCode: "written_mismatch"}
	}
	return d.found(a, r)
}

// committed is a yes of the interface only. Where the application can be
// asked it is, from soon on; else the write waits for its answer until
// CommitFor has passed.
func (d *Dispatcher) committed(a Adapter, r review.Receipt) review.Outcome {
	wait := d.options.CommitFor
	if _, ok := a.(Finder); ok {
		wait = min(wait, d.options.SettleAfter)
	}
	return review.Outcome{Event: review.EventCommit, Receipt: r, RetryAt: d.options.Clock.Now().Add(wait)}
}

func (d *Dispatcher) lost(code string) review.Outcome {
	return review.Outcome{Event: review.EventLose, ErrorCode: code, RetryAt: d.options.Clock.Now().Add(d.options.SettleAfter)}
}

// notArrived owes the send again, or puts it before a person when it has been
// owed for GiveUpAfter.
func (d *Dispatcher) notArrived(w review.Work, code string, wait time.Duration) review.Outcome {
	now := d.options.Clock.Now()
	if now.Sub(owedSince(w.WriteBack)) >= d.options.GiveUpAfter {
		return review.Outcome{Event: review.EventGiveUp, ErrorCode: code}
	}
	return d.postponed(code, now.Add(wait))
}

// owedSince is when the write-back was made, or last sent again by a person.
func owedSince(w review.WriteBack) time.Time { return later(w.CreatedAt, w.OwedSince) }

// postponed owes the send again however long it has been owed: nothing was
// tried.
func (d *Dispatcher) postponed(code string, at time.Time) review.Outcome {
	return review.Outcome{Event: review.EventNotArrived, ErrorCode: code, RetryAt: at}
}

// resultOf is what a call tells about the destination. A refusal is an
// answer; so is a request to come back later, which pauses the gate by itself.
func resultOf(err error) result {
	var (
		permanent *PermanentError
		committed *CommittedError
		busy      *RetryAfterError
	)
	if err == nil || errors.As(err, &permanent) || errors.As(err, &committed) || errors.As(err, &busy) {
		return answered
	}
	return failed
}
