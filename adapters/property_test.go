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
type world struct {
	mu     sync.Mutex
	draw   func(n int, label string) int
	copies map[review.NoteID]int
	sends  int
}

func (w *world) write(_ context.Context, d review.Document) (review.Receipt, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sends++
	keep := func() { w.copies[d.NoteID]++ }
	switch w.draw(11, "write") {
	case 0, 1:
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
	case w.copies[d.NoteID] > 0:
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
		w := &world{copies: map[review.NoteID]int{}, draw: func(n int, label string) int { return rapid.IntRange(0, n-1).Draw(rt, label) }}
		findable := rapid.Bool().Draw(rt, "findable")
		repeatSafe := rapid.Bool().Draw(rt, "repeat safe")
		docs := make([]review.Document, rapid.IntRange(1, 3).Draw(rt, "documents"))
		for i := range docs {
			docs[i] = document(t)
			docs[i].Destination.RepeatSafe = repeatSafe
		}
		clock := newClock()
		j := newJournal(clock, docs...)
		j.dies = func() bool { return rapid.IntRange(0, 9).Draw(rt, "dies") == 0 }
		var a adapters.Adapter = &scripted{write: w.write}
		if findable {
			a = reading{finding{a.(*scripted), w.find}, w.verify}
		}
		life := func() *adapters.Dispatcher {
			return adapters.NewDispatcher(j, map[review.DestinationID]adapters.Adapter{epic.ID: a},
				slog.New(slog.NewTextHandler(io.Discard, nil)), adapters.Options{Clock: clock, MaxAttempts: 20})
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
			check(rt, j.state(i), j.trail(i), w.copies[doc.NoteID], findable, repeatSafe)
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
		case review.WriteBackPending, review.WriteBackUnknown:
			earlier(r.NextAttemptAt)
		}
		break // later ones wait for it
	}
	return next
}

func check(t *rapid.T, row review.WriteBack, trail []string, copies int, findable, repeatSafe bool) {
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
	// A destination that recognises repeats makes one of many; one that can
	// be asked is never given two.
	if copies > 1 && (findable || !repeatSafe) {
		t.Errorf("the destination has %d copies: %v", copies, trail)
	}
	switch row.State {
	case review.WriteBackAccepted:
		if copies == 0 {
			t.Errorf("accepted, and the destination has nothing: %v", trail)
		}
	case review.WriteBackRejected:
		if copies > 0 && !repeatSafe {
			t.Errorf("rejected, and the destination has %d: %v", copies, trail)
		}
	case review.WriteBackManual, review.WriteBackPending:
	default:
		t.Errorf("at rest as %s: %v", row.State, trail)
	}
}
