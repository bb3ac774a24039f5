package epic

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"countersign/adapters"
	"countersign/adapters/adaptertest"
	"countersign/internal/ehrsim"
	"countersign/review"

	"github.com/google/go-cmp/cmp"
)

// oneRow is a journal of one write-back, and its clock.
type oneRow struct {
	mu     sync.Mutex
	now    time.Time
	row    review.WriteBack
	doc    review.Document
	events []review.WriteBackEvent
}

func (j *oneRow) Now() time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.now
}

func (j *oneRow) move(e review.WriteBackEvent) error {
	to, err := review.NextWriteBack(j.row.State, e)
	if err == nil {
		j.row.State, j.row.StateAt, j.events = to, j.now, append(j.events, e)
	}
	return err
}

func (j *oneRow) NextWork(context.Context, review.NoteID) (w review.Work, ok bool, next time.Time, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.row.NextAttemptAt.After(j.now) {
		return w, false, j.row.NextAttemptAt, nil
	}
	switch j.row.State {
	case review.WriteBackPending:
		err = j.move(review.EventClaim)
		j.row.Attempts++
		w.Kind = review.WorkSend
	case review.WriteBackUnknown:
		w.Kind = review.WorkResolve
	default:
		return w, false, next, nil
	}
	w.WriteBack, w.Document, w.Attempt = j.row, j.doc, j.row.Attempts
	return w, true, next, err
}

func (j *oneRow) Settle(_ context.Context, _ review.Work, o review.Outcome) (err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if o.Event != "" {
		err = j.move(o.Event)
	}
	j.row.ErrorCode, j.row.NextAttemptAt, j.row.Receipt = o.ErrorCode, o.RetryAt, o.Receipt
	return err
}

func (j *oneRow) Verified(context.Context, review.Work, review.Verification, time.Time) error {
	return nil
}

func (j *oneRow) LeaseRemaining() time.Duration { return time.Hour }

// TestLostReply writes to a door that loses the answer. Epic takes every
// create as a new note: what it files after it was asked must not be sent
// again, what it never got must.
func TestLostReply(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault  ehrsim.Fault
		late   time.Duration // when the note is filed
		events []review.WriteBackEvent
	}{
		"filed after the first question": {ehrsim.Fault{Kind: ehrsim.Late, Delay: 3600}, 10 * time.Second,
			[]review.WriteBackEvent{review.EventClaim, review.EventLose, review.EventAccept}},
		"filed at the end of the settling time": {ehrsim.Fault{Kind: ehrsim.Late, Delay: 3600}, 40 * time.Second,
			[]review.WriteBackEvent{review.EventClaim, review.EventLose, review.EventAccept}},
		"never received": {ehrsim.Fault{Kind: ehrsim.DropBefore}, 0,
			[]review.WriteBackEvent{review.EventClaim, review.EventLose, review.EventNotArrived, review.EventClaim, review.EventAccept}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim := startSim(t, ehrsim.Options{})
			c.fault.Endpoint, c.fault.Count = ehrsim.Epic, 1
			if err := sim.SetFault(c.fault); err != nil {
				t.Fatal(err)
			}
			dest := destination()
			dest.Settle = 40 * time.Second
			doc := adaptertest.Document(t, dest)
			start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
			j := &oneRow{now: start, doc: doc, row: review.WriteBack{ID: doc.WriteBackID, NoteID: doc.NoteID, Revision: doc.Revision,
				DestinationID: dest.ID, Action: doc.Action, State: review.WriteBackPending, CreatedAt: start, StateAt: start, RenderingID: doc.Rendering.SHA256}}
			d := adapters.NewDispatcher(j, map[review.DestinationID]adapters.Adapter{dest.ID: newAdapter(t, sim.EpicBase(), Options{})},
				slog.New(slog.DiscardHandler), adapters.Options{Clock: j})
			for range 20 {
				if err := d.Handle(t.Context(), string(doc.NoteID)); err != nil {
					t.Fatal(err)
				}
				if j.row.State == review.WriteBackAccepted {
					break
				}
				if j.now = j.row.NextAttemptAt; c.late > 0 && j.now.Sub(start) >= c.late {
					sim.FileLate()
				}
			}
			if diff := cmp.Diff(c.events, j.events); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			docs := sim.Documents()
			if len(docs) != 1 || docs[0].TimesFiled != 1 || !slices.Equal([]byte(docs[0].Text), doc.Rendering.Body) {
				t.Errorf("the door has %d notes, want ours once", len(docs))
			}
		})
	}
}
