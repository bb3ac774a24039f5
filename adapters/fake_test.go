package adapters_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"countersign/adapters"
	"countersign/adapters/adaptertest"
	"countersign/review"
)

// fakeClock stands still until it is moved.
type fakeClock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *fakeClock { return &fakeClock{t: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)} }

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *fakeClock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.After(c.t) {
		c.t = t
	}
}

var errDisk = errors.New("the journal cannot write just now")

var errDied = errors.New("the process died before it could record the outcome")

// fakeJournal is the journal in memory, with the guards of the real one: the
// state machine of package review, and the attempt count.
type fakeJournal struct {
	clock *fakeClock

	mu       sync.Mutex
	rows     []*review.WriteBack
	docs     map[review.WriteBackID]review.Document
	events   map[review.WriteBackID][]string // "claim" and events, in order
	lease    time.Duration
	settled  []review.Outcome
	dies     func() bool // true: an outcome is not recorded
	fails    int         // that many recordings fail
	tries    int         // of recordings
	nextErr  error
	verified int
	onClaim  func()
}

func newJournal(clock *fakeClock, docs ...review.Document) *fakeJournal {
	j := &fakeJournal{
		clock: clock, docs: map[review.WriteBackID]review.Document{}, events: map[review.WriteBackID][]string{}, lease: time.Hour,
		dies: func() bool { return false },
	}
	for i, d := range docs {
		j.docs[d.WriteBackID] = d
		j.rows = append(j.rows, &review.WriteBack{
			ID: d.WriteBackID, NoteID: d.NoteID, Family: docs[0].NoteID, Seq: int64(i), Revision: d.Revision, DestinationID: d.Destination.ID,
			Adapter: d.Destination.Adapter, Action: d.Action, Format: d.Rendering.Format, State: review.WriteBackPending,
			ControlID: d.ControlID, StateAt: clock.Now(), CreatedAt: clock.Now(), OwedSince: clock.Now(), RenderingID: d.Rendering.SHA256,
		})
	}
	return j
}

func (j *fakeJournal) NextWork(_ context.Context, _ review.NoteID) (w review.Work, ok bool, next time.Time, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.nextErr != nil {
		return w, false, next, j.nextErr
	}
	now := j.clock.Now()
	due := func(t time.Time) bool {
		if !t.After(now) {
			return true
		}
		if next.IsZero() || t.Before(next) {
			next = t
		}
		return false
	}
	blocked := map[review.DestinationID]bool{}
	for _, r := range j.rows {
		if r.State == review.WriteBackAccepted && !r.VerifyAt.IsZero() && due(r.VerifyAt) {
			return j.work(review.WorkVerify, r), true, next, nil
		}
		if r.State.Settled() || blocked[r.DestinationID] {
			continue
		}
		blocked[r.DestinationID] = true
		switch {
		case r.State == review.WriteBackPending && due(r.NextAttemptAt):
			j.move(r, review.EventClaim)
			r.Attempts++
			if j.onClaim != nil {
				j.onClaim()
			}
			return j.work(review.WorkSend, r), true, next, nil
		case (r.State == review.WriteBackUnknown || r.State == review.WriteBackCommitted) && due(r.NextAttemptAt):
			return j.work(review.WorkResolve, r), true, next, nil
		}
	}
	return w, false, next, nil
}

func (j *fakeJournal) work(k review.WorkKind, r *review.WriteBack) review.Work {
	d := j.docs[r.ID]
	d.Receipt = r.Receipt
	return review.Work{Kind: k, WriteBack: *r, Attempt: r.Attempts, Document: d}
}

// move panics on an illegal step: the dispatcher must never try one.
func (j *fakeJournal) move(r *review.WriteBack, e review.WriteBackEvent) {
	to, err := review.NextWriteBack(r.State, e)
	if err != nil {
		panic(err)
	}
	j.events[r.ID] = append(j.events[r.ID], string(e))
	r.State, r.StateAt = to, j.clock.Now()
}

func (j *fakeJournal) Settle(ctx context.Context, w review.Work, o review.Outcome) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if j.tries++; j.fails > 0 {
		j.fails--
		return errDisk
	}
	r := j.row(w.WriteBack.ID)
	if r.Attempts != w.WriteBack.Attempts || r.State != w.WriteBack.State {
		return review.Errorf(review.KindConflict, "settle: it has moved on")
	}
	if j.dies() {
		if r.State == review.WriteBackSending { // a rival finds the row of a dead holder
			j.move(r, review.EventLose)
			r.NextAttemptAt = j.clock.Now().Add(2 * time.Second)
		}
		return errDied
	}
	j.settled = append(j.settled, o)
	r.ErrorCode, r.NextAttemptAt = o.ErrorCode, o.RetryAt
	if o.Event != "" {
		j.move(r, o.Event)
	}
	if o.Event == review.EventAccept || o.Event == review.EventCommit {
		r.Receipt, r.VerifyAt = o.Receipt, o.VerifyAt
	}
	return nil
}

func (j *fakeJournal) Verified(_ context.Context, w review.Work, v review.Verification, retryAt time.Time) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.row(w.WriteBack.ID)
	r.Verification, r.VerifyAt = v, retryAt
	j.verified++
	return nil
}

func (j *fakeJournal) LeaseRemaining() time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lease
}

func (j *fakeJournal) row(id review.WriteBackID) *review.WriteBack {
	for _, r := range j.rows {
		if r.ID == id {
			return r
		}
	}
	panic("no such row")
}

func (j *fakeJournal) state(i int) review.WriteBack {
	j.mu.Lock()
	defer j.mu.Unlock()
	return *j.rows[i]
}

func (j *fakeJournal) trail(i int) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.events[j.rows[i].ID])
}

func (j *fakeJournal) last() review.Outcome {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.settled) == 0 {
		return review.Outcome{}
	}
	return j.settled[len(j.settled)-1]
}

var _ adapters.Journal = (*fakeJournal)(nil)

// scripted is an adapter that does as it is told. Its optional sides are
// added by finding and reading.
type scripted struct {
	mu      sync.Mutex
	profile adapters.Profile
	write   func(ctx context.Context, d review.Document) (review.Receipt, error)
	calls   int
}

func (a *scripted) Profile() adapters.Profile { return a.profile }

func (a *scripted) WriteBack(ctx context.Context, d review.Document) (review.Receipt, error) {
	a.mu.Lock()
	a.calls++
	a.mu.Unlock()
	return a.write(ctx, d)
}

func (a *scripted) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.calls
}

type finding struct {
	*scripted
	find func(ctx context.Context, d review.Document) (review.Receipt, bool, error)
}

func (a finding) Find(ctx context.Context, d review.Document) (review.Receipt, bool, error) {
	return a.find(ctx, d)
}

type reading struct {
	finding
	verify func(ctx context.Context, d review.Document, r review.Receipt) (review.Verification, error)
}

func (a reading) Verify(ctx context.Context, d review.Document, r review.Receipt) (review.Verification, error) {
	return a.verify(ctx, d, r)
}

// answers makes a WriteBack that gives the errors in order, the last for ever.
func answers(errs ...error) func(context.Context, review.Document) (review.Receipt, error) {
	var mu sync.Mutex
	return func(_ context.Context, d review.Document) (review.Receipt, error) {
		mu.Lock()
		defer mu.Unlock()
		err := errs[0]
		if len(errs) > 1 {
			errs = errs[1:]
		}
		if err != nil {
			return review.Receipt{}, err
		}
		return receiptOf(d), nil
	}
}

func receiptOf(d review.Document) review.Receipt {
	return review.Receipt{ResourceID: "there-" + d.DocumentNumber, WrittenSHA256: d.Rendering.SHA256}
}

var epic = review.Destination{ID: "epic", Name: "Epic (simulated)", Adapter: "epic", Mode: review.ModeSimulated}

func document(t testing.TB) review.Document { return adaptertest.Document(t, epic) }
