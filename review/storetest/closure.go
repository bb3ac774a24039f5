package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"countersign/review"
)

// together runs n closures at the same time and returns their errors.
func (e *env) together(n int, fn func(i int, tx review.Tx) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = e.try(func(tx review.Tx) error { return fn(i, tx) })
		})
	}
	close(start)
	wg.Wait()
	return errs
}

var errMine = errors.New("mine")

func testClosureFailsAlone(t *testing.T, e *env) {
	e.write(t, func(tx review.Tx) error { return tx.PutSite(site("main")) })
	const n = 60
	ids := make([]review.PractitionerID, n)
	for i := range ids {
		ids[i] = review.PractitionerID(fmt.Sprintf("p%02d", i))
	}
	errs := e.together(n, func(i int, tx review.Tx) error {
		if err := tx.PutPractitioner(practitioner(ids[i], "main", review.RoleAttending)); err != nil {
			return err
		}
		if i%3 == 0 {
			return errMine
		}
		return nil
	})
	e.read(t, func(r review.Reader) error {
		for i, err := range errs {
			_, got := r.Practitioner(ids[i])
			if failed := i%3 == 0; failed != errors.Is(err, errMine) || failed != errors.Is(got, review.ErrNotFound) {
				t.Errorf("closure %d: error %v, then reading %v", i, err, got)
			}
		}
		return nil
	})
}

func testClosurePanicsAlone(t *testing.T, e *env) {
	e.write(t, func(tx review.Tx) error { return tx.PutSite(site("main")) })
	const n = 30
	errs := e.together(n, func(i int, tx review.Tx) error {
		err := tx.PutPractitioner(practitioner(review.PractitionerID(fmt.Sprintf("p%02d", i)), "main", review.RoleAttending))
		if i == 7 {
			panic(canarySpoken)
		}
		return err
	})
	for i, err := range errs {
		if (i == 7) != (review.KindOf(err) == review.KindInternal) || i != 7 && err != nil {
			t.Errorf("closure %d: %v", i, err)
		}
	}
	if got := get(t, e, func(r review.Reader) ([]review.Practitioner, error) { return r.Practitioners("main") }); len(got) != n-1 {
		t.Errorf("%d rows: want %d", len(got), n-1)
	}
}

// An error of the database counts even where the closure swallows it, so that
// both databases do the same.
func testClosureBroken(t *testing.T, e *env) {
	v := e.made(t, 1, (*visit).draft)
	e.refused(t, "swallowed", review.ErrIllegal, func(tx review.Tx) error {
		n := v.note
		n.State = review.StateCompleted
		_ = tx.UpdateNote(n, review.StateDrafting, 0)
		_ = tx.PutSite(site("late"))
		return nil
	})
	e.refused(t, "rolled back", review.ErrNotFound, func(tx review.Tx) error { _, err := tx.Site("late"); return err })
}

// A guard that matched nothing is an answer, not a break.
func testClosureConflictLeavesWhole(t *testing.T, e *env) {
	v := e.made(t, 1, (*visit).draft)
	e.write(t, func(tx review.Tx) error {
		if err := tx.InsertPatient(v.patient); !errors.Is(err, review.ErrConflict) {
			return fmt.Errorf("insert again: %v", err)
		}
		if err := tx.UpdateNote(v.note, review.StateInReview, 0); !errors.Is(err, review.ErrConflict) {
			return fmt.Errorf("update: %v", err)
		}
		if _, err := tx.Note("none"); !errors.Is(err, review.ErrNotFound) {
			return fmt.Errorf("read: %v", err)
		}
		return tx.PutSite(site("late"))
	})
	e.read(t, func(r review.Reader) error { _, err := r.Site("late"); return err })
}

func testContext(t *testing.T, e *env) {
	ctx, cancel := context.WithCancel(context.Background())
	// A closure that runs is not reached by its caller's context.
	if err := e.store.Write(ctx, func(tx review.Tx) error {
		cancel()
		return tx.PutSite(site("main"))
	}); err != nil {
		t.Errorf("cancelled while it ran: %v", err)
	}
	for name, err := range map[string]error{
		"Write": e.store.Write(ctx, func(review.Tx) error { t.Error("ran"); return nil }),
		"Read":  e.store.Read(ctx, func(review.Reader) error { t.Error("ran"); return nil }),
	} {
		if !errors.Is(err, context.Canceled) || review.KindOf(err) != review.KindUnavailable {
			t.Errorf("%s after cancel: %v", name, err)
		}
	}
	// Where every place is taken, a context ends the wait. The holders wait on
	// release; that more than the pool's size of them do not run at once is
	// what makes the last one wait.
	release, running := make(chan struct{}), make(chan struct{}, 100)
	var once sync.Once
	free := func() { once.Do(func() { close(release) }) }
	defer free()
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			_ = e.try(func(review.Tx) error {
				running <- struct{}{}
				<-release
				return nil
			})
		})
	}
	<-running
	short, stop := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer stop()
	// It may take any number of tries until all places are taken.
	for {
		err := e.store.Write(short, func(review.Tx) error { return nil })
		if err == nil {
			continue
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("no place: %v", err)
		}
		break
	}
	free()
	wg.Wait()
}

func testOneNow(t *testing.T, e *env) {
	e.write(t, func(tx review.Tx) error {
		a := tx.Now()
		if err := tx.PutSite(site("main")); err != nil {
			return err
		}
		if b := tx.Now(); !a.Equal(b) || a.Location() != time.UTC || a.Nanosecond()%1000 != 0 {
			t.Errorf("now is %v, then %v", a, b)
		}
		return nil
	})
}

func testSnapshot(t *testing.T, e *env) {
	e.write(t, func(tx review.Tx) error { return tx.PutSite(site("main")) })
	e.read(t, func(r review.Reader) error {
		if _, err := r.Site("main"); err != nil {
			return err
		}
		e.write(t, func(tx review.Tx) error { return tx.PutSite(site("later")) })
		if _, err := r.Site("later"); !errors.Is(err, review.ErrNotFound) {
			t.Errorf("a later commit shows in an older snapshot: %v", err)
		}
		return nil
	})
	e.read(t, func(r review.Reader) error { _, err := r.Site("later"); return err })
}

func testClose(t *testing.T, e *env) {
	s := e.Open(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	for name, err := range map[string]error{
		"Write": s.Write(t.Context(), func(review.Tx) error { return nil }),
		"Read":  s.Read(t.Context(), func(review.Reader) error { return nil }),
	} {
		if review.KindOf(err) != review.KindUnavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}
