package adapters

import (
	"context"
	"time"

	"countersign/review"
)

// settleTimeout bounds the recording of one outcome with all its tries, which
// must get through even while the process stops.
const settleTimeout = 10 * time.Second

// firstSettleRetry is the wait before the second try; it doubles each time.
const firstSettleRetry = 50 * time.Millisecond

// unsettled is a send whose outcome the journal would not take.
type unsettled struct {
	w review.Work
	o review.Outcome
}

// record puts an outcome into the journal. A row that stays sending is looked
// at by nobody while its process lives, so it is tried a few times, as long
// as the lease lasts; after that a rival may have made the row unknown.
func (d *Dispatcher) record(ctx context.Context, put func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	wait := firstSettleRetry
	for try := 1; ; try++ {
		err := put(ctx)
		if err == nil || overtaken(err) || try >= d.options.SettleTries || d.journal.LeaseRemaining() <= wait {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		}
		wait *= 2
	}
}

// overtaken reports that the row has moved on, or is gone: the same outcome
// will be refused again. So will one that was recorded although its commit
// was reported to have failed.
func overtaken(err error) bool {
	switch review.KindOf(err) {
	case review.KindConflict, review.KindIllegal, review.KindNotFound, review.KindInvalid:
		return true
	}
	return false
}

// keep remembers an outcome for the next call of Handle.
func (d *Dispatcher) keep(u ...unsettled) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unsettled = append(d.unsettled, u...)
}

// settleKept records what could not be recorded before, whichever family it
// is of: the queue may not offer one again whose row is sending. An outcome
// stays true however late it comes: the journal takes it only while the row
// is still at that attempt, sending, or made unknown by a rival.
func (d *Dispatcher) settleKept(ctx context.Context) {
	kept := d.takeKept()
	for i, u := range kept {
		once, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
		err := d.settleLate(once, u)
		cancel()
		if err != nil { // the journal is still in trouble; the next call begins with another one
			d.keep(kept[i+1:]...)
			d.keep(u)
			return
		}
	}
}

// Flush tries once more to record each outcome that the journal would not
// take, oldest first; a failure does not stop the others. Call it when the
// process stops, after the last Handle has returned and before the lease
// ends: what Handle keeps is in memory only, and a send without an outcome
// becomes unknown, so that the destination or a person has to be asked.
//
// ctx bounds it, and 10 s in total do: give it a context that outlives the
// stop. What could not be recorded is logged by id and stays kept; calling
// Flush again is right. With nothing kept it does nothing.
func (d *Dispatcher) Flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	for _, u := range d.takeKept() {
		if err := d.settleLate(ctx, u); err != nil {
			d.keep(u)
			d.log.Error("write-back: outcome not recorded at the end", append(u.args(), "error", err)...)
		}
	}
}

func (d *Dispatcher) takeKept() []unsettled {
	d.mu.Lock()
	defer d.mu.Unlock()
	kept := d.unsettled
	d.unsettled = nil
	return kept
}

// settleLate tries a kept outcome once. An error means that it is to be kept.
func (d *Dispatcher) settleLate(ctx context.Context, u unsettled) error {
	err := d.journal.Settle(ctx, u.w, u.o)
	switch {
	case err == nil:
		d.log.Warn("write-back: outcome recorded late", u.args()...)
	case overtaken(err):
		d.log.Warn("write-back: outcome came too late, the write has moved on", u.args()...)
	default:
		return err
	}
	return nil
}

// args are the log's words for it.
func (u unsettled) args() []any {
	return []any{"writeback_id", string(u.w.WriteBack.ID), "attempt", u.w.WriteBack.Attempts, "outcome", string(u.o.Event)}
}
