package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"countersign/review"
)

// sqliteBackend is one writer connection with its goroutine, and a pool of
// readers on connections that cannot write.
type sqliteBackend struct {
	writeDB, readDB *sql.DB
	writer          *writer
	readers         chan *session // a nil session is a place not opened yet
	unlock          func() error
}

// setting is something that durability or secrecy rests on.
type setting struct{ name, value string }

var sqliteSettings = []setting{
	{"journal_mode", "wal"},
	{"synchronous", "2"},   // FULL
	{"secure_delete", "1"}, // deleted content is overwritten
	{"temp_store", "2"},    // MEMORY: nothing is spilled to files
	{"foreign_keys", "1"},
}

func openSQLite(ctx context.Context, o Options) (_ backend, err error) {
	b := &sqliteBackend{readers: make(chan *session, o.MaxReaders), unlock: func() error { return nil }}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	if err := createFile(o.Path); err != nil {
		return nil, err
	}
	if o.Exclusive {
		if b.unlock, err = lockFile(o.Path + ".lock"); err != nil {
			b.unlock = func() error { return nil }
			return nil, err
		}
	}
	if b.writeDB, err = sql.Open(SQLite, sqliteDSN(o.Path, "busy_timeout(10000)", "journal_mode(wal)", "synchronous(full)",
		"secure_delete(on)", "temp_store(memory)", "foreign_keys(on)")); err != nil {
		return nil, err
	}
	conn, err := b.writeDB.Conn(ctx)
	if err != nil {
		return nil, err
	}
	b.writer = newWriter(conn)
	if err := checkSQLite(ctx, conn, o.AllowUnsafeDurability); err != nil {
		return nil, err
	}
	if err := sqliteDialect.prepare(ctx, conn, o); err != nil {
		return nil, err
	}
	if b.readDB, err = sql.Open(SQLite, sqliteDSN(o.Path, "busy_timeout(10000)", "query_only(on)", "temp_store(memory)")); err != nil {
		return nil, err
	}
	for range o.MaxReaders {
		b.readers <- nil
	}
	b.writer.start()
	return b, nil
}

// createFile makes the database file readable by its owner only; SQLite gives
// the WAL the same mode.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func sqliteDSN(path string, pragmas ...string) string {
	q := url.Values{"_pragma": pragmas}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}
	return u.String()
}

// checkSQLite reads the settings back: a file system without shared memory
// has no WAL, and SQLite would silently go on without.
func checkSQLite(ctx context.Context, c *sql.Conn, allow []string) error {
	for _, s := range sqliteSettings {
		var got string
		if err := c.QueryRowContext(ctx, "PRAGMA "+s.name).Scan(&got); err != nil {
			return err
		}
		if !strings.EqualFold(got, s.value) && !slices.Contains(allow, s.name) {
			return fmt.Errorf("%w: %s is %s, must be %s", ErrUnsafeDurability, s.name, got, s.value)
		}
	}
	return nil
}

func (b *sqliteBackend) write(ctx context.Context, s *Store, fn func(review.Tx) error) error {
	return b.writer.do(ctx, s, fn)
}

func (b *sqliteBackend) read(ctx context.Context, s *Store, fn func(review.Reader) error) error {
	var ss *session
	select {
	case got, ok := <-b.readers:
		if !ok {
			return errClosed
		}
		ss = got
	case <-ctx.Done():
		return noPlace(ctx.Err())
	}
	defer func() { b.readers <- ss }()
	if ss == nil {
		conn, err := b.readDB.Conn(ctx)
		if err != nil {
			return mapError("read journal", err)
		}
		ss = &session{ex: conn, stmts: map[string]*sql.Stmt{}}
	}
	if _, err := ss.exec(ctx, "BEGIN"); err != nil {
		return mapError("read journal", err)
	}
	defer ss.exec(context.WithoutCancel(ctx), "ROLLBACK")
	r := newReader(ctx, s, ss, sqliteDialect)
	return r.result(fn(r))
}

func (b *sqliteBackend) close() error {
	var errs []error
	if b.writer != nil {
		errs = append(errs, b.writer.stop())
	}
	if b.readDB != nil {
		// Every place comes back when its reader is done.
		for range cap(b.readers) {
			if ss := <-b.readers; ss != nil {
				errs = append(errs, ss.ex.(*sql.Conn).Close())
			}
		}
		close(b.readers)
		errs = append(errs, b.readDB.Close())
	}
	if b.writeDB != nil {
		// The readers were last to have the file open and may not write: only
		// a writer folds the log into the database and removes it.
		if _, err := b.writeDB.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
			errs = append(errs, err)
		}
		errs = append(errs, b.writeDB.Close())
	}
	return errors.Join(append(errs, b.unlock())...)
}
