package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"countersign/review"
)

// maxRepeats bounds how often a closure is run again after a deadlock or a
// serialization failure.
const maxRepeats = 8

// postgresBackend is a pool of connections.
type postgresBackend struct{ db *sql.DB }

func openPostgres(ctx context.Context, o Options) (_ backend, err error) {
	cfg, err := pgx.ParseConfig(o.DSN)
	if err != nil {
		return nil, errors.New("dsn: not a PostgreSQL connection string or URL") // pgx would quote it, with its password
	}
	// What the connection string does not say. The caller's context does not
	// reach a transaction, so the server must bound its waits.
	for k, v := range map[string]string{
		"application_name": "countersign", "synchronous_commit": "on", "lock_timeout": "15s", "statement_timeout": "60s",
		"idle_in_transaction_session_timeout": "60s",
	} {
		if _, ok := cfg.RuntimeParams[k]; !ok {
			cfg.RuntimeParams[k] = v
		}
	}
	b := &postgresBackend{db: stdlib.OpenDB(*cfg)}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	b.db.SetMaxOpenConns(o.MaxConns)
	b.db.SetMaxIdleConns(o.MaxConns)
	conn, err := b.db.Conn(ctx)
	if err != nil {
		return nil, errors.New("connect to PostgreSQL: no connection: check host, port, database, user and password")
	}
	defer conn.Close()
	if err := checkPostgres(ctx, conn, o.AllowUnsafeDurability); err != nil {
		return nil, err
	}
	return b, postgresDialect.prepare(ctx, conn, o)
}

// checkPostgres refuses a server that would lose commits in a crash.
func checkPostgres(ctx context.Context, c *sql.Conn, allow []string) error {
	for name, good := range map[string][]string{
		"fsync": {"on"}, "full_page_writes": {"on"}, "synchronous_commit": {"on", "remote_apply"},
	} {
		var got string
		if err := c.QueryRowContext(ctx, "SHOW "+name).Scan(&got); err != nil {
			return err
		}
		if !slices.Contains(good, got) && !slices.Contains(allow, name) {
			return fmt.Errorf("%w: %s is %s, must be %s", ErrUnsafeDurability, name, got, good[0])
		}
	}
	return nil
}

func (b *postgresBackend) write(ctx context.Context, s *Store, fn func(review.Tx) error) error {
	conn, err := b.conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	var chains []string
	for repeat := 0; ; repeat++ {
		wanted, err := b.once(conn, s, chains, fn)
		var e *dbError
		if err == nil || repeat == maxRepeats || !errors.As(err, &e) || !e.retry {
			return err
		}
		chains = wanted
		// Those who met wait for different times, so as not to meet again.
		time.Sleep(time.Duration(rand.Int64N(int64(time.Millisecond) << repeat)))
	}
}

// conn waits for a place; ctx bounds it.
func (b *postgresBackend) conn(ctx context.Context) (*sql.Conn, error) {
	conn, err := b.db.Conn(ctx)
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil:
		return nil, noPlace(ctx.Err())
	case errors.Is(err, sql.ErrConnDone) || err.Error() == "sql: database is closed": // database/sql has no value for it
		return nil, errClosed
	}
	return nil, review.Errorf(review.KindUnavailable, "journal: no connection to the database")
}

// once runs a closure in one transaction. It first locks chains, which are
// those that the try before it wanted: a closure that met another one in the
// opposite order does not meet it again. It returns the chains it wanted.
func (b *postgresBackend) once(conn *sql.Conn, s *Store, chains []string, fn func(review.Tx) error) (wanted []string, err error) {
	ctx := context.Background()
	db, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return nil, mapError("write journal: begin", err)
	}
	defer db.Rollback() // after COMMIT it does nothing
	t := newTx(ctx, s, &session{ex: db}, postgresDialect)
	if err := t.lockRoots(chains); err != nil {
		return chains, err
	}
	if err := t.run(fn); err != nil {
		return t.chains(), err
	}
	if err := db.Commit(); err != nil {
		// The answer to COMMIT may be lost: the caller cannot know whether it
		// happened, and finds out by reading again.
		return t.chains(), mapError("write journal: commit", err)
	}
	s.transactions.Add(1)
	return nil, nil
}

func (b *postgresBackend) read(ctx context.Context, s *Store, fn func(review.Reader) error) error {
	conn, err := b.conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	db, err := conn.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return mapError("read journal", err)
	}
	defer db.Rollback()
	r := newReader(ctx, s, &session{ex: db}, postgresDialect)
	return r.result(fn(r))
}

func (b *postgresBackend) close() error { return b.db.Close() }
