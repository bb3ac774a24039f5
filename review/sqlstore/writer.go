package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"countersign/review"
)

// A group ends when nobody waits, or at one of these: later closures must not
// hold back the answer to the first for long.
const (
	maxGroup     = 1024
	maxGroupTime = 20 * time.Millisecond
)

// job is one closure on its way through the writer.
type job struct {
	s    *Store
	fn   func(review.Tx) error
	done chan error // buffered
	err  error      // of the closure; the answer once the group commits
}

// writer runs closures in shared transactions on one connection.
type writer struct {
	conn *sql.Conn
	ss   *session
	// jobs is unbuffered: a job that was sent is in a group, and will be
	// answered.
	jobs    chan *job
	quit    chan struct{}
	ended   chan struct{}
	started bool
	once    sync.Once
}

func newWriter(c *sql.Conn) *writer {
	return &writer{
		conn: c, ss: &session{ex: c, stmts: map[string]*sql.Stmt{}},
		jobs: make(chan *job), quit: make(chan struct{}), ended: make(chan struct{}),
	}
}

func (w *writer) start() {
	w.started = true
	go w.run()
}

// stop waits for the group that is running.
func (w *writer) stop() error {
	w.once.Do(func() { close(w.quit) })
	if w.started {
		<-w.ended
	}
	for _, st := range w.ss.stmts {
		st.Close()
	}
	return w.conn.Close()
}

func (w *writer) do(ctx context.Context, s *Store, fn func(review.Tx) error) error {
	j := &job{s: s, fn: fn, done: make(chan error, 1)}
	select {
	case w.jobs <- j:
		return <-j.done
	case <-ctx.Done():
		return noPlace(ctx.Err())
	case <-w.quit:
		return errClosed
	}
}

func (w *writer) run() {
	defer close(w.ended)
	for {
		select {
		case <-w.quit:
			return
		default:
		}
		select {
		case <-w.quit:
			return
		case j := <-w.jobs:
			// A goroutine for each group: a closure that calls runtime.Goexit
			// (t.FailNow in a test) ends the group and not the writer.
			g := &group{w: w, jobs: []*job{j}}
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				defer g.finish()
				g.run()
			}()
			<-ended
		}
	}
}

// group is one transaction.
type group struct {
	w         *writer
	jobs      []*job
	begun     bool
	committed bool
	err       error // fails all
}

func (g *group) exec(text string) error {
	_, err := g.w.ss.exec(context.Background(), text)
	return err
}

func (g *group) run() {
	start := time.Now()
	if err := g.exec("BEGIN IMMEDIATE"); err != nil {
		g.err = mapError("write journal: begin", err)
		return
	}
	g.begun = true
	g.closure(g.jobs[0])
	for g.err == nil && len(g.jobs) < maxGroup && time.Since(start) < maxGroupTime {
		j := g.next()
		if j == nil {
			break
		}
		g.jobs = append(g.jobs, j)
		g.closure(j)
	}
	if g.err != nil {
		return
	}
	if err := g.exec("COMMIT"); err != nil {
		g.err = mapError("write journal: commit", err)
		return
	}
	g.committed = true
	g.jobs[0].s.transactions.Add(1)
}

// next takes a job that is waiting, or nil. Nobody is waited for.
func (g *group) next() *job {
	select {
	case j := <-g.w.jobs:
		return j
	default:
		return nil
	}
}

// closure runs one job in a savepoint.
func (g *group) closure(j *job) {
	if err := g.exec("SAVEPOINT closure"); err != nil {
		g.err = mapError("write journal: savepoint", err)
		return
	}
	t := newTx(context.Background(), j.s, g.w.ss, sqliteDialect)
	if j.err = t.run(j.fn); j.err != nil {
		// Where SQLite has rolled the transaction back by itself (disk full,
		// I/O error), there is no savepoint any more and all of it is lost.
		if err := g.exec("ROLLBACK TO closure"); err != nil {
			g.err = j.err
			return
		}
	}
	if err := g.exec("RELEASE closure"); err != nil {
		g.err = mapError("write journal: release", err)
	}
}

var errEnded = errors.New("a closure ended its goroutine")

// finish answers everyone; it runs however run ended.
func (g *group) finish() {
	if !g.committed {
		if g.err == nil {
			g.err = review.Errorf(review.KindInternal, "write journal: %w", errEnded)
		}
		if g.begun {
			// The error is of no use: a transaction that is already gone is
			// what is wanted.
			_ = g.exec("ROLLBACK")
		}
	}
	for _, j := range g.jobs {
		if g.committed {
			j.done <- j.err
		} else {
			j.done <- g.err
		}
	}
}
