package workqueue

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"countersign/internal/embeddednats"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// limit is how long a test waits for an event that must come.
const limit = time.Minute

func newID() string { return strings.ToLower(rand.Text()) }

func setup(t testing.TB, opts Options) (*Queue, *embeddednats.Server) {
	t.Helper()
	return setupChecked(t, opts, 20*time.Millisecond)
}

// setupChecked is setup with the interval at which the server looks after its
// store; below 0 it never does.
func setupChecked(t testing.TB, opts Options, check time.Duration) (*Queue, *embeddednats.Server) {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	ns, err := embeddednats.Start(t.Context(), filepath.Join(t.TempDir(), "nats"),
		embeddednats.Options{CheckInterval: check, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ns.Shutdown)
	opts.Logger = log
	q, err := Open(t.Context(), ns.Conn(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return q, ns
}

// start runs w until the test ends or the returned function is called.
func start(t testing.TB, q *Queue, w Worker) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- q.Run(ctx, w) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, ErrClosed) {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// receive waits for the next value of c.
func receive[T any](t testing.TB, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(limit):
		t.Fatalf("%s: not within %v", what, limit)
		panic("unreachable")
	}
}

// mustPublish publishes and checks whether a message was added.
func mustPublish(t testing.TB, q *Queue, kind Kind, id string, wantAdded bool) {
	t.Helper()
	added, err := q.publish(t.Context(), kind, id)
	if err != nil {
		t.Fatalf("publish: %v", err)
	}
	if added != wantAdded {
		t.Fatalf("publish added a message: %v, want %v", added, wantAdded)
	}
}

// queued is the number of messages in the stream.
func queued(t testing.TB, q *Queue) uint64 {
	t.Helper()
	st, err := q.js.Stream(t.Context(), q.opts.Stream)
	if err != nil {
		t.Fatal(err)
	}
	return st.CachedInfo().State.Msgs
}

// waitFor polls what NATS offers no event for.
func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
}
