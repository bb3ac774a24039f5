package sqlstore_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/internal/keyring"
	"countersign/internal/pgtest"
	"countersign/review"
	"countersign/review/sqlstore"
	"countersign/review/storetest"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(appenderVariable); path != "" {
		appender(path) // does not return
	}
	pgtest.Main(m)
}

func newSealer(t testing.TB) review.Sealer {
	t.Helper()
	k, err := keyring.NewInMemory()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sqliteOptions(t testing.TB) sqlstore.Options {
	return sqlstore.Options{
		Driver: sqlstore.SQLite, Path: filepath.Join(t.TempDir(), "journal.db"), EnvironmentID: "test", Sealer: newSealer(t),
	}
}

func postgresOptions(t testing.TB) sqlstore.Options {
	return sqlstore.Options{Driver: sqlstore.Postgres, DSN: pgtest.Start(t), EnvironmentID: "test", Sealer: newSealer(t), MaxConns: 8}
}

func mustOpen(t testing.TB, o sqlstore.Options) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func rawDB(t testing.TB, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestSQLite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		o := sqliteOptions(t)
		return storetest.Harness{
			Open:   func(t testing.TB) storetest.Store { return mustOpen(t, o) },
			Raw:    rawDB(t, "sqlite", "file:"+o.Path+"?_pragma=busy_timeout(10000)&_pragma=foreign_keys(on)"),
			AtRest: func(t testing.TB) []byte { return files(t, filepath.Dir(o.Path)) },
		}
	})
}

// files is every byte of every file of a folder.
func files(t testing.TB, dir string) []byte {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, f := range list {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString(f.Name())
		out.Write(b)
	}
	return out.Bytes()
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		o := postgresOptions(t)
		raw := rawDB(t, "pgx", o.DSN)
		return storetest.Harness{
			Open:   func(t testing.TB) storetest.Store { return mustOpen(t, o) },
			Raw:    raw,
			AtRest: func(t testing.TB) []byte { return columns(t, raw) },
		}
	})
}

// columns is every text and binary value of every table.
func columns(t testing.TB, db *sql.DB) []byte {
	t.Helper()
	rows, err := db.Query(`SELECT table_name, column_name, data_type FROM information_schema.columns
		WHERE table_schema = 'public' AND data_type IN ('text', 'bytea')`)
	if err != nil {
		t.Fatal(err)
	}
	var queries []string
	for rows.Next() {
		var table, column, kind string
		if err := rows.Scan(&table, &column, &kind); err != nil {
			t.Fatal(err)
		}
		if kind == "text" {
			column = fmt.Sprintf("convert_to(%s, 'UTF8')", column)
		}
		queries = append(queries, fmt.Sprintf("SELECT %s FROM %s", column, table))
	}
	if err := rows.Err(); err != nil || len(queries) < 100 {
		t.Fatalf("%d columns: %v", len(queries), err)
	}
	var out bytes.Buffer
	for _, q := range queries {
		rows, err := db.Query(q)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var b []byte
			if err := rows.Scan(&b); err != nil {
				t.Fatal(err)
			}
			out.Write(b)
			out.WriteByte(0)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

func TestErrorsHoldNoValues(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]sqlstore.Options{"SQLite": sqliteOptions(t), "Postgres": postgresOptions(t)} {
		t.Run(name, func(t *testing.T) {
			s := mustOpen(t, o)
			defer s.Close()
			err := s.Write(t.Context(), func(tx review.Tx) error {
				if err := tx.PutSite(review.Site{ID: "main"}); err != nil {
					return err
				}
				return tx.InsertNote(review.Note{ID: "n", SiteID: "main", EncounterID: "e", Type: "secret-value", State: "secret-value"})
			})
			if err == nil || strings.Contains(err.Error(), "secret") {
				t.Errorf("err = %v", err)
			}
		})
	}
}
