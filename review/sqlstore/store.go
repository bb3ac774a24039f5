package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"countersign/review"
)

// Drivers.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

// Options of a store.
type Options struct {
	Driver string // SQLite or Postgres
	// Path is the SQLite database file. It is created with mode 0600; its
	// folder must exist.
	Path string
	// DSN is the PostgreSQL connection string or URL.
	DSN string
	// EnvironmentID is bound into a new database; another one refuses to open
	// it, so that a copy of production never writes to charts.
	EnvironmentID string
	Sealer        review.Sealer
	Clock         review.Clock // default review.SystemClock
	Log           *slog.Logger // default discards
	// Exclusive takes a lock on a SQLite file that no second process can
	// take; Open is ErrLocked where another one has it.
	Exclusive bool
	// MaxReaders is the number of read connections on SQLite, default 4.
	MaxReaders int
	// MaxConns is the size of the PostgreSQL pool, default 16.
	MaxConns int
	// AllowUnsafeDurability names settings that may be weaker than they must
	// be, such as "fsync" on a test cluster.
	AllowUnsafeDurability []string
}

// Errors of Open that a caller may want to tell apart.
var (
	// ErrLocked: another process has the database open exclusively.
	ErrLocked = errors.New("the database is in use by another process: stop it first")
	// ErrNewerSchema: the database was written by a newer Countersign.
	ErrNewerSchema = errors.New("the database is newer than this program: use the newer program")
	// ErrOtherEnvironment: the database belongs to another environment.
	ErrOtherEnvironment = errors.New("the database belongs to another environment: check environment_id and which database this is")
	// ErrUnsafeDurability: a commit could be lost in a crash.
	ErrUnsafeDurability = errors.New("the database could lose what it has committed")
)

// Store is the journal. It may be used concurrently.
type Store struct {
	backend backend
	keys    *keyCache
	clock   review.Clock
	log     *slog.Logger
	closing sync.Once

	closures, transactions atomic.Int64
}

// Stats counts since Open. Closures ÷ Transactions is how many share a commit.
type Stats struct {
	Closures     int64 // that ran, with those that failed or were repeated
	Transactions int64 // that committed
}

// Stats returns the counts of writing so far.
func (s *Store) Stats() Stats {
	return Stats{Closures: s.closures.Load(), Transactions: s.transactions.Load()}
}

var _ review.Store = (*Store)(nil)

// backend is what differs in how transactions are run.
type backend interface {
	write(ctx context.Context, s *Store, fn func(review.Tx) error) error
	read(ctx context.Context, s *Store, fn func(review.Reader) error) error
	close() error
}

// Open opens or creates the database, brings its schema up to date, and
// checks durability, environment and keys. Close it when done.
func Open(ctx context.Context, o Options) (*Store, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	s := &Store{keys: newKeyCache(o.Sealer), clock: o.Clock, log: o.Log}
	var err error
	if o.Driver == Postgres {
		s.backend, err = openPostgres(ctx, o)
	} else {
		s.backend, err = openSQLite(ctx, o)
	}
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	if err := s.Read(ctx, checkKeys); err != nil {
		return nil, errors.Join(fmt.Errorf("open journal: %w", err), s.Close())
	}
	return s, nil
}

func (o *Options) complete() error {
	switch {
	case o.Driver != SQLite && o.Driver != Postgres:
		return fmt.Errorf("open journal: driver %q: use %s or %s", o.Driver, SQLite, Postgres)
	case o.Driver == SQLite && o.Path == "":
		return errors.New("open journal: path is missing: name the database file")
	case o.Driver == Postgres && o.DSN == "":
		return errors.New("open journal: dsn is missing: give a PostgreSQL connection string")
	case o.EnvironmentID == "":
		return errors.New("open journal: environment_id is missing: name the environment, such as production")
	case o.Sealer == nil:
		return errors.New("open journal: sealer is missing: open a key file")
	}
	if o.Clock == nil {
		o.Clock = review.SystemClock{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxReaders <= 0 {
		o.MaxReaders = 4
	}
	if o.MaxConns <= 0 {
		o.MaxConns = 16
	}
	return nil
}

// checkKeys opens every site key, so that a wrong key file is found at start
// and not at the first visit.
func checkKeys(r review.Reader) error {
	rd := r.(*reader)
	sites, err := rd.Sites()
	if err != nil {
		return err
	}
	for _, site := range sites {
		if _, err := rd.siteKey(site.ID); err != nil {
			return err
		}
	}
	return nil
}

// Write implements [review.Store]. Where ctx ends before there was a place,
// the error is of KindUnavailable and wraps ctx's.
func (s *Store) Write(ctx context.Context, fn func(review.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return noPlace(err)
	}
	return s.backend.write(ctx, s, fn)
}

// Read implements [review.Store].
func (s *Store) Read(ctx context.Context, fn func(review.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return noPlace(err)
	}
	return s.backend.read(ctx, s, fn)
}

// Close waits for transactions that are running and closes the database.
// Writes and reads after it are KindUnavailable; closing again does nothing.
func (s *Store) Close() (err error) {
	s.closing.Do(func() { err = s.backend.close() })
	return err
}

func noPlace(err error) error {
	return review.Errorf(review.KindUnavailable, "journal: no place before the caller gave up: %w", err)
}

var errClosed = review.Errorf(review.KindUnavailable, "journal: it is closed")
