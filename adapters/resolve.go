package adapters

import (
	"context"
	"errors"
	"time"

	"countersign/review"
)

// defaultSettle is how long a destination that says nothing of its own may
// still be filing a document whose reply was lost.
const defaultSettle = 2 * time.Minute

// Codes of a write that a destination was asked about and does not have. They
// are the only count of the questions that outlives the process: any other
// answer, or none, begins it anew.
const (
	codeAbsentOnce  = "not_found_once"
	codeAbsentTwice = "not_found_twice"
	codeAbsent      = "not_found"
)

// codeUnanswered marks a write that the interface took and that never came to
// light.
const codeUnanswered = "commit_unanswered"

// resolve asks a destination whether a write arrived whose reply was lost, or
// that only the interface has answered for. Found is accepted; "not there"
// makes a lost one owed again once the destination has had the time to file
// it ([Dispatcher.absent]). A destination that cannot be asked gets the same
// bytes again only where it is declared safe for repeats; otherwise a person
// looks.
func (d *Dispatcher) resolve(ctx context.Context, w review.Work) review.Outcome {
	asked := d.options.Clock.Now() // an answer is about now, however late it comes
	if first := w.WriteBack.StateAt.Add(d.options.SettleAfter); asked.Before(first) {
		return review.Outcome{ErrorCode: w.WriteBack.ErrorCode, RetryAt: first}
	}
	a := d.adapters[w.WriteBack.DestinationID]
	if a == nil {
		return d.unresolved(w, "no_adapter")
	}
	f, ok := a.(Finder)
	if !ok {
		return d.unaskable(w)
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
		return d.absent(w, a.Profile(), asked)
	case receipt.WrittenSHA256.IsZero():
		// It keeps the document in its own form; the read-back compares it.
		return d.found(a, receipt)
	}
	o := d.accepted(w, a, receipt)
	if o.Event == review.EventGiveUp && isCommitted(w) {
		return d.lost(o.ErrorCode) // asked once more as unknown, then a person's
	}
	return o
}

// unaskable is the outcome where nobody can be asked. Repeating the same
// bytes is what RepeatSafe declares safe, also while the first are still
// being filed: an MLLP receiver knows the MSH-10 again. Where every reply is
// lost, GiveUpAfter ends it; a person then sees that nobody could be asked.
func (d *Dispatcher) unaskable(w review.Work) review.Outcome {
	switch {
	case isCommitted(w):
		return d.unanswered(w, w.WriteBack.ErrorCode)
	case w.Document.Destination.RepeatSafe:
		o := d.notArrived(w, "repeat_safe", d.options.interval(w.WriteBack.Attempts))
		if o.Event != review.EventGiveUp {
			return o
		}
	}
	return review.Outcome{Event: review.EventGiveUp, ErrorCode: "cannot_be_asked"}
}

// absent is what becomes of a write that the destination, asked at a time,
// does not have. A destination may be slow: the document may turn up after
// the question, and one that does not recognise a repeat would then have it
// twice. So it is owed again only when three answers in a row said no, the
// last of them to a question put after the settling time, counted from when
// the write became unknown. In between it is asked at growing intervals.
//
// One answer is enough where a repeat cannot make a second document: where
// the create itself is atomic (Profile.SafeCreate), or where the operator
// declared repeats safe (Destination.RepeatSafe).
func (d *Dispatcher) absent(w review.Work, p Profile, asked time.Time) review.Outcome {
	dest, row := w.Document.Destination, w.WriteBack
	if isCommitted(w) {
		return d.unanswered(w, row.ErrorCode)
	}
	if dest.RepeatSafe || p.SafeCreate {
		return d.notArrived(w, codeAbsent, d.options.FirstRetry)
	}
	settle := settleOf(dest)
	settled := row.StateAt.Add(settle)
	code, enough := nextAbsent(row.ErrorCode)
	if asked.Before(settled) {
		next := d.options.Clock.Now().Add(d.options.since(asked.Sub(row.StateAt)))
		return review.Outcome{ErrorCode: code, RetryAt: earlier(next, settled)}
	}
	if !enough {
		// It could not be asked before, and may be filing only now what it
		// had queued: the answers are spread over one more settling time.
		return review.Outcome{ErrorCode: code, RetryAt: d.options.Clock.Now().Add(max(settle/3, d.options.FirstRetry))}
	}
	if code == codeUnanswered {
		// Its interface said that it has it. Nobody but a person knows in
		// which queue it lies.
		return review.Outcome{Event: review.EventGiveUp, ErrorCode: code}
	}
	return d.notArrived(w, codeAbsent, d.options.FirstRetry)
}

// nextAbsent counts one more "not found" after the code of the last answer.
// A committed write was asked about for CommitFor already.
func nextAbsent(last string) (code string, enough bool) {
	switch last {
	case codeUnanswered:
		return codeUnanswered, true
	case codeAbsentOnce:
		return codeAbsentTwice, false
	case codeAbsentTwice, codeAbsent:
		return codeAbsent, true
	}
	return codeAbsentOnce, false
}

func settleOf(d review.Destination) time.Duration {
	if d.Settle <= 0 {
		return defaultSettle
	}
	return d.Settle
}

func isCommitted(w review.Work) bool { return w.WriteBack.State == review.WriteBackCommitted }

// unanswered leaves a committed write waiting for its application, or makes
// it unknown when CommitFor has passed.
func (d *Dispatcher) unanswered(w review.Work, code string) review.Outcome {
	now := d.options.Clock.Now()
	deadline := w.WriteBack.StateAt.Add(d.options.CommitFor)
	if !now.Before(deadline) {
		return d.lost(codeUnanswered)
	}
	return review.Outcome{ErrorCode: code, RetryAt: earlier(now.Add(d.options.since(now.Sub(w.WriteBack.StateAt))), deadline)}
}

// found is a write that is there; a read-back is owed where it can be made.
func (d *Dispatcher) found(a Adapter, r review.Receipt) review.Outcome {
	o := review.Outcome{Event: review.EventAccept, Receipt: r}
	if _, ok := a.(Verifier); ok {
		o.VerifyAt = d.options.Clock.Now().Add(d.options.VerifyAfter)
	}
	return o
}

// unresolved leaves the write as it is and asks again later, or puts it
// before a person when nobody has answered for ResolveFor and for the
// settling time.
func (d *Dispatcher) unresolved(w review.Work, code string) review.Outcome {
	if isCommitted(w) {
		return d.unanswered(w, code)
	}
	if w.WriteBack.ErrorCode == codeUnanswered {
		code = codeUnanswered
	}
	now := d.options.Clock.Now()
	open := now.Sub(w.WriteBack.StateAt)
	if open >= max(d.options.ResolveFor, settleOf(w.Document.Destination)) {
		return review.Outcome{Event: review.EventGiveUp, ErrorCode: code}
	}
	return review.Outcome{ErrorCode: code, RetryAt: now.Add(d.options.since(open))}
}

// verify reads an accepted document back. A result ends it; an error is tried
// again for VerifyFor, then the write stays accepted and its verification has
// failed. None is for a destination that cannot be read back at all.
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
		return review.VerificationFailed, time.Time{}, codeOf(err)
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
	g.leave(now(), resultOf(err), holdOf(err))
	return err
}
