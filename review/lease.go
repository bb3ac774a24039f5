package review

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Lease keeps one process's incarnation alive in the journal and takes over
// from those that have died.
//
// An incarnation is alive while its counter moves. A rival that sees, by its
// own monotonic clock, the counter unchanged for Term declares it dead: its
// sending rows become unknown, never pending. A process that could not beat
// must stop acting before that: see [Lease.Remaining].
type Lease struct {
	// Term is T of design section 6. A request's total deadline is below it.
	Term time.Duration
	// Exclusive says that no other process can have this journal open (an
	// embedded SQLite file under a lock): whoever else is there is dead now.
	Exclusive bool

	mu     sync.Mutex
	id     IncarnationID
	beatAt time.Time // start of the last beat that succeeded, monotonic
	looked time.Time // when the others were last seen
	seen   map[IncarnationID]sighting
	// active are the sends that this process is making now, by attempt.
	active map[WriteBackID]int
}

type sighting struct {
	counter int64
	at      time.Time
}

// NewLease returns a lease with a fresh incarnation id.
func NewLease(term time.Duration, exclusive bool) *Lease {
	return &Lease{
		id: NewID[IncarnationID](), Term: term, Exclusive: exclusive, seen: map[IncarnationID]sighting{}, active: map[WriteBackID]int{},
	}
}

// Holder is the incarnation's id. It changes when a rival has declared this
// one dead: what it held then is no longer ours.
func (l *Lease) Holder() IncarnationID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.id
}

// renew begins a new incarnation in place of one that was declared dead.
func (l *Lease) renew() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.id, l.beatAt = NewID[IncarnationID](), time.Time{}
}

func (l *Lease) begin(id WriteBackID, attempt int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active[id] = attempt
}

func (l *Lease) end(id WriteBackID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.active, id)
}

func (l *Lease) sends(id WriteBackID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ok := l.active[id]
	return ok
}

// Remaining is how long this process may still act before a rival may take
// its work over; 0 when it must not act.
func (l *Lease) Remaining() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.beatAt.IsZero() {
		return 0
	}
	return max(0, l.Term-time.Since(l.beatAt))
}

// Beat moves the counter on and takes over from the dead, once. Call it at
// start before any work, and then from KeepAlive. A process that was declared
// dead begins a new incarnation.
func (s *Service) Beat(ctx context.Context) error {
	start, id := time.Now(), s.lease.Holder()
	err := s.store.Write(ctx, func(tx Tx) error { return tx.Beat(id) })
	if KindOf(err) == KindConflict {
		s.log.Warn("this process was declared dead: going on as a new one", "incarnation", id)
		s.lease.renew()
		start, id = time.Now(), s.lease.Holder()
		err = s.store.Write(ctx, func(tx Tx) error { return tx.Beat(id) })
	}
	if err != nil {
		return err
	}
	s.lease.mu.Lock()
	s.lease.beatAt = start
	s.lease.mu.Unlock()
	return s.takeOver(ctx)
}

// KeepAlive beats until ctx ends, four times in a term.
func (s *Service) KeepAlive(ctx context.Context) {
	t := time.NewTicker(s.lease.Term / 4)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if err := s.Beat(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("keep lease alive", "kind", string(KindOf(err)))
			}
		}
	}
}

// LeaseRemaining is [Lease.Remaining] of the service's lease.
func (s *Service) LeaseRemaining() time.Duration { return s.lease.Remaining() }

// takeOver ends incarnations that stood still for a term, and settles what
// nobody is sending any more.
func (s *Service) takeOver(ctx context.Context) error {
	var all []Incarnation
	var sending []WriteBack
	if err := s.store.Read(ctx, func(r Reader) (err error) {
		if all, err = r.Incarnations(); err != nil {
			return err
		}
		sending, err = r.WriteBacks(WriteBackFilter{States: []WriteBackState{WriteBackSending}, Limit: 500})
		return err
	}); err != nil {
		return err
	}
	for _, in := range s.lease.dead(all) {
		err := s.bury(ctx, in)
		if KindOf(err) == KindConflict {
			continue // it lives
		} else if err != nil {
			return err
		}
		s.log.Warn("took over from a process that stopped", slog.String("incarnation", string(in.ID)))
	}
	return s.orphans(ctx, all, sending)
}

// orphans makes unknown what is sending without a sender: its holder has
// ended or never was, or it is ours and no call of ours is at it (the answer
// to a commit, or the record of an outcome, was lost).
func (s *Service) orphans(ctx context.Context, all []Incarnation, sending []WriteBack) error {
	alive := map[IncarnationID]bool{}
	for _, in := range all {
		alive[in.ID] = in.EndedAt.IsZero()
	}
	me, now := s.lease.Holder(), s.clock.Now()
	for _, w := range sending {
		mine := w.Holder == me && !s.lease.sends(w.ID) && now.Sub(w.StateAt) > s.lease.Term
		if !mine && alive[w.Holder] {
			continue
		}
		err := s.store.Write(ctx, func(tx Tx) error { return settle(tx, w, w.Attempts, s.died(tx, "holder_died")) })
		if err != nil && KindOf(err) != KindConflict {
			return err
		}
		s.publishFamily(ctx, w.Family)
	}
	return nil
}

// died is the outcome of a send whose process is gone.
func (s *Service) died(tx Tx, code string) Outcome {
	return Outcome{Event: EventLose, ErrorCode: code, RetryAt: tx.Now().Add(s.options.SettleAfter)}
}

// dead lists the others that stood still for a term, by our own monotonic
// clock. Only time in which we could look counts: after a gap (the database
// was away, we were asleep) everybody gets a full term anew.
func (l *Lease) dead(all []Incarnation) []Incarnation {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	gap := now.Sub(l.looked) > l.Term/2
	l.looked = now
	var out []Incarnation
	for _, in := range all {
		if in.ID == l.id || !in.EndedAt.IsZero() {
			continue
		}
		last, ok := l.seen[in.ID]
		switch {
		case l.Exclusive:
			out = append(out, in)
		case !ok || gap || last.counter != in.Counter:
			l.seen[in.ID] = sighting{in.Counter, now}
		case now.Sub(last.at) > l.Term:
			out = append(out, in)
		}
	}
	return out
}

// bury ends an incarnation and makes its sending rows unknown, in one
// transaction guarded by its counter.
func (s *Service) bury(ctx context.Context, in Incarnation) error {
	families := map[NoteID]bool{}
	err := s.store.Write(ctx, func(tx Tx) error {
		clear(families)
		if err := tx.EndIncarnation(in.ID, in.Counter); err != nil {
			return err
		}
		for {
			list, err := tx.WriteBacks(WriteBackFilter{Holder: in.ID, States: []WriteBackState{WriteBackSending}, Limit: 500})
			if err != nil || len(list) == 0 {
				return err
			}
			for _, w := range list {
				if err := settle(tx, w, w.Attempts, s.died(tx, "holder_died")); err != nil {
					return err
				}
				families[w.Family] = true
			}
		}
	})
	if err != nil {
		return err
	}
	for f := range families {
		s.publishFamily(ctx, f)
	}
	return nil
}

// EndLease marks this incarnation as gone, at an orderly stop. Whatever it
// has not settled becomes unknown with it.
func (s *Service) EndLease(ctx context.Context) error {
	var mine Incarnation
	if err := s.store.Read(ctx, func(r Reader) error {
		all, err := r.Incarnations()
		for _, in := range all {
			if in.ID == s.lease.Holder() {
				mine = in
			}
		}
		return err
	}); err != nil || mine.ID == "" || !mine.EndedAt.IsZero() {
		return err
	}
	return s.bury(ctx, mine)
}
