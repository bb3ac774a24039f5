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
	ID IncarnationID
	// Term is T of design section 6. A request's total deadline is below it.
	Term time.Duration
	// Exclusive says that no other process can have this journal open (an
	// embedded SQLite file under a lock): whoever else is there is dead now.
	Exclusive bool

	mu     sync.Mutex
	beatAt time.Time // start of the last beat that succeeded, monotonic
	seen   map[IncarnationID]sighting
}

type sighting struct {
	counter int64
	at      time.Time
}

// NewLease returns a lease with a fresh incarnation id.
func NewLease(term time.Duration, exclusive bool) *Lease {
	return &Lease{ID: NewID[IncarnationID](), Term: term, Exclusive: exclusive, seen: map[IncarnationID]sighting{}}
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
// start before any work, and then from KeepAlive.
func (s *Service) Beat(ctx context.Context) error {
	start := time.Now()
	if err := s.store.Write(ctx, func(tx Tx) error { return tx.Beat(s.lease.ID) }); err != nil {
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

// takeOver ends incarnations that stood still for a term.
func (s *Service) takeOver(ctx context.Context) error {
	var all []Incarnation
	if err := s.store.Read(ctx, func(r Reader) (err error) {
		all, err = r.Incarnations()
		return err
	}); err != nil {
		return err
	}
	for _, in := range s.lease.dead(all) {
		if err := s.bury(ctx, in); err != nil && KindOf(err) != KindConflict {
			return err
		}
		s.log.Warn("took over from a process that stopped", slog.String("incarnation", string(in.ID)))
	}
	return nil
}

func (l *Lease) dead(all []Incarnation) []Incarnation {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	var out []Incarnation
	for _, in := range all {
		if in.ID == l.ID || !in.EndedAt.IsZero() {
			continue
		}
		last, ok := l.seen[in.ID]
		switch {
		case l.Exclusive, ok && last.counter == in.Counter && now.Sub(last.at) > l.Term:
			out = append(out, in)
		case !ok || last.counter != in.Counter:
			l.seen[in.ID] = sighting{in.Counter, now}
		}
	}
	return out
}

// bury ends an incarnation and makes its sending rows unknown, in one
// transaction guarded by its counter.
func (s *Service) bury(ctx context.Context, in Incarnation) error {
	var families []NoteID
	err := s.store.Write(ctx, func(tx Tx) error {
		families = nil
		if err := tx.EndIncarnation(in.ID, in.Counter); err != nil {
			return err
		}
		list, err := tx.WriteBacks(WriteBackFilter{Holder: in.ID, States: []WriteBackState{WriteBackSending}, Limit: 500})
		if err != nil {
			return err
		}
		for _, w := range list {
			o := Outcome{Event: EventLose, ErrorCode: "holder_died", RetryAt: tx.Now().Add(s.options.SettleAfter)}
			if err := settle(tx, w, w.Attempts, o); err != nil {
				return err
			}
			families = append(families, w.Family)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, f := range families {
		s.publishFamily(ctx, f)
	}
	return nil
}

// EndLease marks this incarnation as gone, at an orderly stop: nothing of it
// is sending any more.
func (s *Service) EndLease(ctx context.Context) error {
	return s.store.Write(ctx, func(tx Tx) error {
		all, err := tx.Incarnations()
		if err != nil {
			return err
		}
		for _, in := range all {
			if in.ID == s.lease.ID {
				return tx.EndIncarnation(in.ID, in.Counter)
			}
		}
		return nil
	})
}
