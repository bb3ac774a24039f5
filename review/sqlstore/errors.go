package sqlstore

import (
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"countersign/review"
)

// dbError is an error of the database without its message, which could quote
// a value: only codes and names of the schema.
type dbError struct {
	code       string // SQLSTATE or SQLite result code
	constraint string
	retry      bool // the same closure may well succeed now
}

func (e *dbError) Error() string {
	if e.constraint != "" {
		return fmt.Sprintf("database error %s (%s)", e.code, e.constraint)
	}
	return "database error " + e.code
}

// mapError gives an error of the database its kind.
func mapError(op string, err error) error {
	kind, e := classify(err)
	return review.Errorf(kind, "%s: %w", op, e)
}

func classify(err error) (review.Kind, *dbError) {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return classifyPostgres(pg)
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return classifySQLite(lite)
	}
	var connect *pgconn.ConnectError
	if errors.Is(err, driver.ErrBadConn) || errors.As(err, &connect) || pgconn.Timeout(err) || pgconn.SafeToRetry(err) {
		return review.KindUnavailable, &dbError{code: "connection lost"}
	}
	return review.KindInternal, &dbError{code: fmt.Sprintf("%T", err)}
}

func classifyPostgres(e *pgconn.PgError) (review.Kind, *dbError) {
	d := &dbError{code: e.Code, constraint: e.ConstraintName}
	switch e.Code {
	case "CS001": // raised by our triggers, with fixed words
		d.constraint = e.Message
		return review.KindIllegal, d
	case "23505", "23503": // unique, foreign key
		return review.KindConflict, d
	case "22021": // PostgreSQL keeps no NUL and nothing that is not UTF-8
		return review.KindInvalid, d
	case "40001", "40P01": // serialization failure, deadlock
		d.retry = true
		return review.KindUnavailable, d
	case "55P03", "57014", "53300", "53100", "57P01", "57P02", "57P03": // lock wait, cancel, connections, disk, shutdown
		return review.KindUnavailable, d
	}
	if len(e.Code) == 5 && e.Code[:2] == "08" { // connection exception
		return review.KindUnavailable, d
	}
	return review.KindInternal, d
}

func classifySQLite(e *sqlite.Error) (review.Kind, *dbError) {
	// SQLite's messages name tables, columns and our triggers' fixed words,
	// never values.
	d := &dbError{code: fmt.Sprint(e.Code()), constraint: e.Error()}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_TRIGGER:
		return review.KindIllegal, d
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return review.KindConflict, d
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_INTERRUPT:
		return review.KindUnavailable, d
	}
	return review.KindInternal, d
}
