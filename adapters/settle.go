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
	d.mu.Lock()
	kept := d.unsettled
	d.unsettled = nil
	d.mu.Unlock()
	for i, u := range kept {
		args := []any{"writeback_id", string(u.w.WriteBack.ID), "attempt", u.w.WriteBack.Attempts, "outcome", string(u.o.Event)}
		err := d.settleOnce(ctx, u)
		switch {
		case err == nil:
			d.log.Warn("write-back: outcome recorded late", args...)
		case overtaken(err):
			d.log.Warn("write-back: outcome came too late, the write has moved on", args...)
		default: // the journal is still in trouble; the next call begins with another one
			d.keep(kept[i+1:]...)
			d.keep(u)
			return
		}
	}
}

func (d *Dispatcher) settleOnce(ctx context.Context, u unsettled) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	return d.journal.Settle(ctx, u.w, u.o)
}
