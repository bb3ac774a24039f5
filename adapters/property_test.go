package adapters_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign/adapters"
	"countersign/review"
)

// world is a destination that tells the truth in its own way: what its
// adapter says about an attempt is never more than what the adapter can know.
//
// It may be slow: a document that it has received is filed up to settle
// later, and is not to be found until then. recognises says that it takes no
// second copy of a document, also of one that it has not filed yet.
type world struct {
	mu         sync.Mutex
	clock      *fakeClock
	draw       func(n int, label string) int
	filedAt    map[review.NoteID][]time.Time
	settle     time.Duration
	recognises bool
	sends      int
}

// copies is what it has of a note in the end; filed is what can be found now.
func (w *world) copies(id review.NoteID) int { return len(w.filedAt[id]) }

func (w *world) filed(id review.NoteID) bool {
	now := w.clock.Now()
	return slices.ContainsFunc(w.filedAt[id], func(t time.Time) bool { return !t.After(now) })
}

func (w *world) write(_ context.Context, d review.Document) (review.Receipt, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sends++
	file := func(after time.Duration) {
		if !w.recognises || len(w.filedAt[d.NoteID]) == 0 {
			w.filedAt[d.NoteID] = append(w.filedAt[d.NoteID], w.clock.Now().Add(after))
		}
	}
	keep := func() { file(0) }
	late := func() { file(w.settle * time.Duration(w.draw(101, "delay")) / 100) }
	switch w.draw(14, "write") {
	case 0, 13:
		keep()
		return receiptOf(d), nil
	case 2:
		return review.Receipt{}, adapters.NotArrived("dial")
	case 3:
		return review.Receipt{}, adapters.RetryAfter("http_429", 3*time.Second)
	case 4:
		return review.Receipt{}, adapters.Permanent("http_422", "")
	case 5: // the reply is lost
		keep()
		return review.Receipt{}, adapters.Unknown("eof")
	case 6: // the request is lost
		return review.Receipt{}, adapters.Unknown("eof")
	case 7:
		keep()
		panic("after")
	case 8:
		panic("before")
	case 9:
		keep()
		return review.Receipt{}, context.DeadlineExceeded
	case 1, 10: // the reply is lost, and the document is filed later
		late()
		return review.Receipt{}, adapters.Unknown("eof")
	case 11:
		late()
		return review.Receipt{}, context.DeadlineExceeded
	case 12: // taken by the interface
		late()
		return review.Receipt{}, &adapters.CommittedError{Code: "http_202"}
	default:
		return review.Receipt{}, errors.New("not arrived, for a reason without a class")
	}
}

func (w *world) find(_ context.Context, d review.Document) (review.Receipt, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.draw(4, "find") == 0:
		return review.Receipt{}, false, adapters.NotArrived("dial")
	case w.filed(d.NoteID):
		return receiptOf(d), true, nil
	}
	return review.Receipt{}, false, nil
}

func (w *world) verify(context.Context, review.Document, review.Receipt) (review.Verification, error) {
	if w.draw(3, "verify") == 0 {
		return "", adapters.NotArrived("dial")
	}
	return review.VerificationVerified, nil
}

// TestNothingIsRepeatedBlindly runs families against destinations that fail
// in every way while the process dies at random, and checks what the EHR and
// the journal hold in the end.
func TestNothingIsRepeatedBlindly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		clock := newClock()
		w := &world{clock: clock, filedAt: map[review.NoteID][]time.Time{}, draw: func(n int, label string) int { return rapid.IntRange(0, n-1).Draw(rt, label) }}
		findable := rapid.Bool().Draw(rt, "findable")
		repeatSafe := rapid.Bool().Draw(rt, "repeat safe")
		safeCreate := rapid.Bool().Draw(rt, "safe create")
		declared := time.Duration(rapid.IntRange(0, 600).Draw(rt, "settle in seconds")) * time.Second
		w.recognises = repeatSafe || safeCreate
		if w.settle = declared; declared == 0 {
			w.settle = 2 * time.Minute
		}
		docs := make([]review.Document, rapid.IntRange(1, 3).Draw(rt, "documents"))
		for i := range docs {
			docs[i] = document(t)
			docs[i].Destination.RepeatSafe, docs[i].Destination.Settle = repeatSafe, declared
		}
		j := newJournal(clock, docs...)
		j.dies = func() bool { return rapid.IntRange(0, 9).Draw(rt, "dies") == 0 }
		var a adapters.Adapter = &scripted{write: w.write, profile: adapters.Profile{SafeCreate: safeCreate}}
		if findable {
			a = reading{finding{a.(*scripted), w.find}, w.verify}
		}
		life := func() *adapters.Dispatcher {
			return adapters.NewDispatcher(j, map[review.DestinationID]adapters.Adapter{epic.ID: a},
				slog.New(slog.NewTextHandler(io.Discard, nil)), adapters.Options{Clock: clock, GiveUpAfter: time.Hour, SettleTries: 1})
		}
		d := life()
		for steps := 0; ; steps++ {
			if steps > 2000 {
				rt.Fatal("the family does not come to rest")
			}
			if err := d.Handle(context.Background(), string(docs[0].NoteID)); err != nil {
				if !errors.Is(err, errDied) {
					rt.Fatalf("Handle: %v", err)
				}
				d = life()
				continue
			}
			next := soonest(j)
			if next.IsZero() {
				break
			}
			clock.set(next)
		}
		for i, doc := range docs {
			check(rt, j.state(i), j.trail(i), w.copies(doc.NoteID), findable, repeatSafe, w.recognises)
		}
	})
}

// soonest is when something of the journal is due, without claiming it.
func soonest(j *fakeJournal) time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	var next time.Time
	earlier := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for _, r := range j.rows {
		switch r.State {
		case review.WriteBackAccepted:
			earlier(r.VerifyAt)
			continue
		case review.WriteBackPending, review.WriteBackUnknown, review.WriteBackCommitted:
			earlier(r.NextAttemptAt)
		}
		break // later ones wait for it
	}
	return next
}

func check(t *rapid.T, row review.WriteBack, trail []string, copies int, findable, repeatSafe, recognises bool) {
	// Between two sends somebody knew that the first had not arrived.
	for i, e := range trail {
		if e != "claim" || i == 0 {
			continue
		}
		if trail[i-1] != string(review.EventNotArrived) {
			t.Errorf("a send follows %s: %v", trail[i-1], trail)
		}
		// After a lost reply that somebody is the destination itself, asked,
		// or the declaration that repeats are safe there.
		if slices.Contains(trail[:i], string(review.EventLose)) && !findable && !repeatSafe {
			t.Errorf("a lost send was repeated though nobody could be asked: %v", trail)
		}
	}
	// A destination that recognises repeats makes one of many; any other is
	// never given two, however late it files.
	if copies > 1 {
		t.Errorf("the destination has %d copies: %v", copies, trail)
	}
	switch row.State {
	case review.WriteBackAccepted:
		if copies == 0 {
			t.Errorf("accepted, and the destination has nothing: %v", trail)
		}
	case review.WriteBackRejected:
		if copies > 0 && !recognises {
			t.Errorf("rejected, and the destination has %d: %v", copies, trail)
		}
	case review.WriteBackManual, review.WriteBackPending:
	default:
		t.Errorf("at rest as %s: %v", row.State, trail)
	}
}
