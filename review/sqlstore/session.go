package sqlstore

import (
	"context"
	"database/sql"
)

// executor is *sql.Conn or *sql.Tx.
type executor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

// maxStatements bounds the statements kept prepared on one connection: the
// filters make a few forms each.
const maxStatements = 256

// session is one connection with its prepared statements. It is used by one
// goroutine at a time.
type session struct {
	ex executor
	// stmts is nil where the driver keeps prepared statements itself (pgx).
	stmts map[string]*sql.Stmt
}

func (s *session) stmt(ctx context.Context, text string) (*sql.Stmt, error) {
	if st, ok := s.stmts[text]; ok {
		return st, nil
	}
	if len(s.stmts) >= maxStatements {
		for k, st := range s.stmts {
			st.Close()
			delete(s.stmts, k)
		}
	}
	st, err := s.ex.PrepareContext(ctx, text)
	if err == nil {
		s.stmts[text] = st
	}
	return st, err
}

func (s *session) exec(ctx context.Context, text string, args ...any) (int64, error) {
	var res sql.Result
	var err error
	if s.stmts == nil {
		res, err = s.ex.ExecContext(ctx, text, args...)
	} else {
		var st *sql.Stmt
		if st, err = s.stmt(ctx, text); err == nil {
			res, err = st.ExecContext(ctx, args...)
		}
	}
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (s *session) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	if s.stmts == nil {
		return s.ex.QueryContext(ctx, text, args...)
	}
	st, err := s.stmt(ctx, text)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(ctx, args...)
}
