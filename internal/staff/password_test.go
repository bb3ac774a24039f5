package staff

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"countersign/review"

	"github.com/google/go-cmp/cmp"
)

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// bench is an Authenticator whose hashes are counted and cost nothing: the
// password of an entry is its PasswordHash. hold, where it is not nil, makes
// every check wait for a value.
type bench struct {
	*Authenticator
	t      *testing.T
	clock  *clock
	hold   chan struct{}
	hashes atomic.Int64
	mu     sync.Mutex
	told   []string
}

func setup(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, clock: &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}}
	people := []Entry{{ID: "dr-a", Site: "s", Login: "a", PasswordHash: "right-a"}, {ID: "dr-b", Site: "s", Login: "b", PasswordHash: "right-b"}}
	b.Authenticator = NewAuthenticator(people, "password", Options{Clock: b.clock, OnAttempt: func(id review.PractitionerID, ok bool) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.told = append(b.told, fmt.Sprintf("%s %v", id, ok))
	}})
	b.check = func(hash, password string) bool {
		b.hashes.Add(1)
		if b.hold != nil {
			<-b.hold
		}
		return hash == password
	}
	return b
}

// try signs in and says what came of it: ok, wrong, wait or busy.
func (b *bench) try(name, secret string) string {
	b.t.Helper()
	a, err := b.Authenticate(b.t.Context(), name, secret)
	switch {
	case err == nil && a.PractitionerID == review.PractitionerID("dr-"+name):
		return "ok"
	case errors.Is(err, review.ErrUnauthenticated):
		return "wrong"
	case errors.Is(err, review.ErrUnavailable) && err.Error() == errBusy().Error():
		return "busy"
	case errors.Is(err, review.ErrUnavailable):
		return "wait"
	}
	b.t.Errorf("Authenticate = %+v, %v", a, err)
	return "?"
}

func (b *bench) want(want, name, secret string) {
	b.t.Helper()
	if got := b.try(name, secret); got != want {
		b.t.Errorf("got %s, want %s", got, want)
	}
}

func TestGuessingIsSlow(t *testing.T) {
	t.Parallel()
	// A name that exists and one that does not behave the same.
	for _, name := range []string{"a", "nobody"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			for range freeGuesses {
				b.want("wrong", name, "guess")
			}
			for _, wait := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
				b.clock.add(wait*time.Second - time.Microsecond)
				before := b.hashes.Load()
				b.want("wait", name, "guess")
				b.want("wait", name, "right-a") // the right one too, or it could be told
				if b.hashes.Load() != before {
					t.Error("a name that has to wait was hashed")
				}
				b.clock.add(time.Microsecond)
				b.want("wrong", name, "guess")
			}
			b.clock.add(forgetAfter)
			for range freeGuesses {
				b.want("wrong", name, "guess")
			}
		})
	}
}

func TestRightPasswordEndsTheDelay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range freeGuesses {
		b.want("wrong", "a", "guess")
	}
	b.clock.add(firstDelay)
	b.want("ok", "a", "right-a")
	for range freeGuesses {
		b.want("wrong", "a", "guess")
	}
	b.want("wait", "a", "guess")
}

func TestKnownPairIsNotHeldUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.want("ok", "a", "right-a")
	for range freeGuesses {
		b.want("wrong", "a", "guess")
	}
	before := b.hashes.Load()
	for range 10 {
		b.want("ok", "a", "right-a")
		b.want("wait", "a", "guess") // and it does not reset what others guessed
	}
	b.want("ok", "b", "right-b") // another name is not concerned
	if n := b.hashes.Load() - before; n != 1 {
		t.Errorf("%d hashes, want 1", n)
	}
}

func TestParallelGuessesAtOneName(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		b.hold = make(chan struct{})
		var got sync.Map
		for i := range 500 {
			go func() {
				n, _ := got.LoadOrStore(b.try("a", fmt.Sprint("guess", i)), new(atomic.Int64))
				n.(*atomic.Int64).Add(1)
			}()
		}
		synctest.Wait()
		if n := b.hashes.Load(); n != 1 {
			t.Errorf("%d hashes at a time for one name, want 1", n)
		}
		// A real person of another name goes past all of them.
		done := make(chan string, 1)
		go func() { done <- b.try("b", "right-b") }()
		synctest.Wait()
		if n := b.hashes.Load(); n != 2 {
			t.Errorf("%d hashes run, want the guesser's and the other person's", n)
		}
		close(b.hold)
		if r := <-done; r != "ok" {
			t.Errorf("the other person: %s", r)
		}
		synctest.Wait()
		counts := map[string]int64{}
		got.Range(func(k, v any) bool { counts[k.(string)] = v.(*atomic.Int64).Load(); return true })
		want := map[string]int64{"wrong": freeGuesses, "wait": turnQueue + 1 - freeGuesses, "busy": 500 - turnQueue - 1}
		if diff := cmp.Diff(want, counts); diff != "" {
			t.Errorf("outcomes (-want +got):\n%s", diff)
		}
		if n := b.hashes.Load(); n != freeGuesses+1 {
			t.Errorf("%d hashes, want %d", n, freeGuesses+1)
		}
		if len(b.queue.names) != 0 || len(b.queue.line) != 0 || len(b.queue.slots) != 0 {
			t.Error("the queue is not empty")
		}
	})
}

func TestParallelGuessesAtManyNames(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		b.want("ok", "a", "right-a")
		b.hold = make(chan struct{})
		outcomes := make(chan string, 1000)
		for i := range 500 {
			go func() { outcomes <- b.try(fmt.Sprint("name", i), "guess") }()
		}
		synctest.Wait()
		const places = hashSlots + slotQueue
		if n := len(outcomes); n != 500-places || b.hashes.Load() != 1+hashSlots {
			t.Errorf("%d answered at once, %d hashes: want %d and %d", n, b.hashes.Load(), 500-places, 1+hashSlots)
		}
		b.want("ok", "a", "right-a") // known: not held up
		b.want("busy", "b", "right-b")
		// Two checks later a place is free, and nobody who comes later is served first.
		b.hold <- struct{}{}
		b.hold <- struct{}{}
		synctest.Wait()
		done := make(chan string, 1)
		go func() { done <- b.try("b", "right-b") }()
		synctest.Wait()
		for range places - 1 {
			b.hold <- struct{}{}
		}
		synctest.Wait()
		if r := <-done; r != "ok" {
			t.Errorf("the real person: %s", r)
		}
		close(b.hold)
		synctest.Wait()
	})
}

// Many first calls of one client, as of a command run in parallel, are one hash.
func TestParallelRightPairIsHashedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		b.hold = make(chan struct{})
		outcomes := make(chan string, turnQueue)
		for range turnQueue {
			go func() { outcomes <- b.try("a", "right-a") }()
		}
		synctest.Wait()
		close(b.hold)
		for range turnQueue {
			if r := <-outcomes; r != "ok" {
				t.Errorf("got %s", r)
			}
		}
		if n := b.hashes.Load(); n != 1 {
			t.Errorf("%d hashes, want 1", n)
		}
	})
}

func TestCallerGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		b.hold = make(chan struct{})
		for _, name := range []string{"x", "y"} {
			go b.try(name, "guess")
		}
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error, 2)
		for _, name := range []string{"x", "z"} { // one waits for its turn, one for a slot
			go func() { _, err := b.Authenticate(ctx, name, "guess"); errs <- err }()
		}
		synctest.Wait()
		cancel()
		for range 2 {
			if err := <-errs; !errors.Is(err, review.ErrUnavailable) {
				t.Errorf("got %v, want unavailable", err)
			}
		}
		close(b.hold)
		synctest.Wait()
		if len(b.queue.names) != 0 || len(b.queue.line) != 0 || len(b.queue.slots) != 0 {
			t.Error("the queue is not empty")
		}
	})
}

func TestOnAttempt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.want("ok", "a", "right-a")
	b.want("ok", "a", "right-a") // within a minute: not again
	b.want("wrong", "a", "guess")
	b.want("wrong", "s3cret typed as name", "x")
	b.clock.add(reportAgain)
	b.want("ok", "a", "right-a")
	for range freeGuesses + 3 { // refused ones are not told
		b.try("b", "guess")
	}
	want := []string{"dr-a true", "dr-a false", " false", "dr-a true"}
	for range freeGuesses {
		want = append(want, "dr-b false")
	}
	if diff := cmp.Diff(want, b.told); diff != "" {
		t.Errorf("attempts (-want +got):\n%s", diff)
	}
}

func TestGuessesAreBounded(t *testing.T) {
	t.Parallel()
	g, now := newGuesses(3), time.Now()
	name := func(i int) digest { return digest{byte(i)} }
	for range freeGuesses {
		g.wrong(name(1), now)
	}
	g.wrong(name(2), now)
	g.wrong(name(3), now)
	g.wrong(name(1), now)
	g.wrong(name(4), now) // drives out 2, the one left alone longest
	if len(g.byName) != 3 || g.order.Len() != 3 || g.byName[name(2)] != nil || !g.delayed(name(1), now) {
		t.Errorf("%d names, want 1, 3 and 4", len(g.byName))
	}
	g.wrong(name(5), now.Add(forgetAfter))
	if len(g.byName) != 1 || g.order.Len() != 1 {
		t.Errorf("%d names after an hour, want 1", len(g.byName))
	}
}
