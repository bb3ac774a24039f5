package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"runtime/debug"
	"time"

	"countersign/review"
)

// reader is one snapshot, or the reading half of a transaction.
type reader struct {
	ctx context.Context
	s   *Store
	ss  *session
	d   dialect
	// broken is the first error of the database: nothing works after it.
	broken error
	// What was looked up in this transaction.
	sites map[review.SiteID]review.SiteKey
	data  map[keyRef]review.DataKey
}

var _ review.Reader = (*reader)(nil)

func newReader(ctx context.Context, s *Store, ss *session, d dialect) *reader {
	return &reader{ctx: ctx, s: s, ss: ss, d: d, sites: map[review.SiteID]review.SiteKey{}, data: map[keyRef]review.DataKey{}}
}

// result is the error of a closure: one of the database counts even where the
// closure has swallowed it.
func (r *reader) result(err error) error {
	if r.broken != nil {
		return r.broken
	}
	return err
}

// fail breaks the transaction.
func (r *reader) fail(op string, err error) error {
	if cause := r.ctx.Err(); cause != nil {
		r.broken = review.Errorf(review.KindUnavailable, "%s: the caller gave up: %w", op, cause)
	} else {
		r.broken = mapError(op, err)
	}
	return r.broken
}

// query runs scan on each row. scan must not use the reader: on PostgreSQL
// the connection is busy with the rows.
func (r *reader) query(op string, scan func(*sql.Rows) error, text string, args ...any) error {
	if r.broken != nil {
		return r.broken
	}
	rows, err := r.ss.query(r.ctx, text, args...)
	if err != nil {
		return r.fail(op, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return r.fail(op, err)
		}
	}
	if err := rows.Err(); err != nil {
		return r.fail(op, err)
	}
	return nil
}

// one reads one row into dest; no row is KindNotFound.
func (r *reader) one(op string, dest []any, text string, args ...any) error {
	found := false
	err := r.query(op, func(rows *sql.Rows) error {
		found = true
		return rows.Scan(dest...)
	}, text, args...)
	if err == nil && !found {
		return notFound(op)
	}
	return err
}

// all reads rows with scan, which fills a T.
func all[T any](r *reader, op string, scan func(*T) []any, text string, args ...any) ([]T, error) {
	var out []T
	err := r.query(op, func(rows *sql.Rows) error {
		var v T
		if err := rows.Scan(scan(&v)...); err != nil {
			return err
		}
		out = append(out, v)
		return nil
	}, text, args...)
	return out, err
}

// exists is KindNotFound where the table has no such id: for lists that are
// empty.
func (r *reader) exists(op, table string, id any) error {
	var n int64
	return r.one(op, []any{&n}, `SELECT 1 FROM `+table+` WHERE id = $1`, id)
}

func notFound(op string) error {
	return review.Errorf(review.KindNotFound, "%s: there is no such thing", op)
}

// tx is the whole of a transaction.
type tx struct {
	*reader
	now time.Time
	// heads are the chains that are locked; wanted are those asked for.
	heads  map[string]chainHead
	wanted map[string]bool
}

var _ review.Tx = (*tx)(nil)

func newTx(ctx context.Context, s *Store, ss *session, d dialect) *tx {
	return &tx{reader: newReader(ctx, s, ss, d), now: cut(s.clock.Now()), heads: map[string]chainHead{}, wanted: map[string]bool{}}
}

// cut brings a time to what the database keeps.
func cut(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// Now implements [review.Tx].
func (t *tx) Now() time.Time { return t.now }

// run runs a closure; its panic is an error like any other, and its value
// goes nowhere: it could quote content.
func (t *tx) run(fn func(review.Tx) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			t.s.log.Error("write journal: a closure panicked", "type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
			err = review.Errorf(review.KindInternal, "write journal: the closure panicked")
		}
	}()
	t.s.closures.Add(1)
	return t.result(fn(t))
}

func (t *tx) exec(op, text string, args ...any) (int64, error) {
	if t.broken != nil {
		return 0, t.broken
	}
	n, err := t.ss.exec(t.ctx, text, args...)
	if err != nil {
		return 0, t.fail(op, err)
	}
	return n, nil
}

// guard runs a statement that must change a row.
func (t *tx) guard(op, text string, args ...any) error {
	n, err := t.exec(op, text, args...)
	if err == nil && n == 0 {
		return review.Errorf(review.KindConflict, "%s: it is not as it was read: read it again", op)
	}
	return err
}

// insert adds ON CONFLICT DO NOTHING: a row that exists is a conflict that
// leaves the transaction whole.
func (t *tx) insert(op, text string, args ...any) error {
	n, err := t.exec(op, text+" ON CONFLICT DO NOTHING", args...)
	if err == nil && n == 0 {
		return review.Errorf(review.KindConflict, "%s: it exists already", op)
	}
	return err
}
