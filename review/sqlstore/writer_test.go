package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"countersign/internal/keyring"
	"countersign/review"
)

func openTest(t *testing.T) *Store {
	t.Helper()
	k, err := keyring.NewInMemory()
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(context.Background(), Options{Driver: SQLite, Path: filepath.Join(t.TempDir(), "db"), EnvironmentID: "test", Sealer: k})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if err := s.Write(t.Context(), func(tx review.Tx) error { return tx.PutSite(review.Site{ID: "main"}) }); err != nil {
		t.Fatal(err)
	}
	return s
}

func put(tx review.Tx, i int) error {
	return tx.PutPractitioner(review.Practitioner{ID: review.PractitionerID(fmt.Sprintf("p%03d", i)), SiteID: "main"})
}

// A COMMIT that fails fails every closure of its group: no closure is told
// that it succeeded whose rows are not there.
func TestFailedCommitFailsAll(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	const n = 64
	errs := make([]error, n)
	var entered, wg sync.WaitGroup
	entered.Add(n)
	for i := range n {
		wg.Go(func() {
			entered.Done()
			errs[i] = s.Write(t.Context(), func(rt review.Tx) error {
				if i%16 == 5 {
					// A foreign key that is only checked by COMMIT.
					ss := rt.(*tx).ss
					if _, err := ss.ex.ExecContext(context.Background(), `PRAGMA defer_foreign_keys = ON`); err != nil {
						return err
					}
					entered.Wait() // so that others queue up behind this one
					return rt.(*tx).insert("break", `INSERT INTO practitioners (id, site_id, config, updated_at) VALUES ('x', 'none', '', 0)`)
				}
				return put(rt, i)
			})
		})
	}
	wg.Wait()
	failed := 0
	if err := s.Read(t.Context(), func(r review.Reader) error {
		for i, err := range errs {
			_, rerr := r.Practitioner(review.PractitionerID(fmt.Sprintf("p%03d", i)))
			if there := rerr == nil; there != (err == nil) {
				t.Errorf("closure %d: error %v, then reading %v", i, err, rerr)
			}
			if err != nil {
				failed++
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if failed < n/16 {
		t.Errorf("%d failed: want at least the %d that broke the commit", failed, n/16)
	}
	if err := s.Write(t.Context(), func(tx review.Tx) error { return put(tx, 999) }); err != nil {
		t.Errorf("the store does not go on: %v", err)
	}
}

// A closure that ends its goroutine, as t.FailNow does, must not end the writer.
func TestGoexit(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	err := s.Write(t.Context(), func(tx review.Tx) error {
		if err := put(tx, 1); err != nil {
			return err
		}
		runtime.Goexit()
		return nil
	})
	if !errors.Is(err, errEnded) {
		t.Errorf("err = %v", err)
	}
	if err := s.Write(t.Context(), func(tx review.Tx) error { return put(tx, 2) }); err != nil {
		t.Error(err)
	}
	err = s.Read(t.Context(), func(r review.Reader) error { _, err := r.Practitioner("p001"); return err })
	if !errors.Is(err, review.ErrNotFound) {
		t.Errorf("it was not rolled back: %v", err)
	}
}

// Closures that wait while a transaction runs share the next one; alone, each
// has its own.
func TestGroupCommit(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	start := s.Stats()
	for i := range 10 {
		if err := s.Write(t.Context(), func(tx review.Tx) error { return put(tx, i) }); err != nil {
			t.Fatal(err)
		}
	}
	alone := s.Stats()
	if alone.Closures-start.Closures != 10 || alone.Transactions-start.Transactions != 10 {
		t.Errorf("one after the other: from %+v to %+v", start, alone)
	}
	const n = 200
	var entered, wg sync.WaitGroup
	entered.Add(n)
	for i := range n {
		wg.Go(func() {
			entered.Done()
			if err := s.Write(t.Context(), func(tx review.Tx) error {
				entered.Wait() // the first holds its transaction until all are on their way
				return put(tx, i)
			}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := s.Stats()
	if got.Closures-alone.Closures != n {
		t.Errorf("%d closures ran: want %d", got.Closures-alone.Closures, n)
	}
	if commits := got.Transactions - alone.Transactions; commits > n/2 {
		t.Errorf("%d closures took %d commits", n, commits)
	}
}

func TestCloseLeavesNothingBehind(t *testing.T) {
	// Not parallel: other tests' goroutines would be counted.
	before := goleak.IgnoreCurrent()
	s := openTest(t)
	if err := s.Read(t.Context(), func(r review.Reader) error { _, err := r.Sites(); return err }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	goleak.VerifyNone(t, before)
}

func TestNormalName(t *testing.T) {
	t.Parallel()
	for _, group := range [][]string{{"O'Brien", "OBRIEN", "Ó Brien", " o-brien "}, {"Müller", "MULLER", "Mu\u0308ller"}, {"de la Cruz", "DELACRUZ"}} {
		for _, name := range group {
			if got, want := normalName(name), normalName(group[0]); got != want || got == "" {
				t.Errorf("%s and %s are not one name", group[0], name)
			}
		}
	}
	if normalName("Smith") == normalName("Smyth") {
		t.Error("two names are one")
	}
}
