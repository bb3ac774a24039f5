package sqlstore_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/review"
	"countersign/review/sqlstore"
)

func both(t *testing.T, run func(t *testing.T, o sqlstore.Options, raw *sql.DB)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		o := sqliteOptions(t)
		run(t, o, rawDB(t, "sqlite", "file:"+o.Path+"?_pragma=busy_timeout(10000)"))
	})
	t.Run("Postgres", func(t *testing.T) {
		t.Parallel()
		o := postgresOptions(t)
		run(t, o, rawDB(t, "pgx", o.DSN))
	})
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, o sqlstore.Options, raw *sql.DB) {
		s := mustOpen(t, o)
		if err := s.Write(t.Context(), func(tx review.Tx) error { return tx.PutSite(review.Site{ID: "main"}) }); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		refused := func(what string, o sqlstore.Options, want error, text string) {
			t.Helper()
			s, err := sqlstore.Open(t.Context(), o)
			if err == nil {
				s.Close()
			}
			if err == nil || want != nil && !errors.Is(err, want) || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v", what, err)
			}
		}
		other := o
		other.EnvironmentID = "production"
		refused("other environment", other, sqlstore.ErrOtherEnvironment, `"test"`)
		other = o
		other.Sealer = newSealer(t)
		refused("other key file", other, nil, "key file does not fit")

		exec := func(text string) {
			t.Helper()
			if _, err := raw.Exec(text); err != nil {
				t.Fatal(err)
			}
		}
		exec(`INSERT INTO schema_migrations (name, sha256, applied_at) VALUES ('9999_future.sql', '', 0)`)
		refused("newer database", o, sqlstore.ErrNewerSchema, "9999_future.sql")
		exec(`DELETE FROM schema_migrations WHERE name = '9999_future.sql'`)
		exec(`UPDATE schema_migrations SET sha256 = 'x' WHERE name = '0001_schema.sql'`)
		refused("changed migration", o, nil, "0001_schema.sql")
	})
}

func TestOpenOptions(t *testing.T) {
	t.Parallel()
	good := sqliteOptions(t)
	for name, c := range map[string]struct {
		change func(*sqlstore.Options)
		text   string
	}{
		"Driver":      {func(o *sqlstore.Options) { o.Driver = "mysql" }, "driver"},
		"Path":        {func(o *sqlstore.Options) { o.Path = "" }, "path"},
		"DSN":         {func(o *sqlstore.Options) { o.Driver = sqlstore.Postgres }, "dsn"},
		"BadDSN":      {func(o *sqlstore.Options) { o.Driver, o.DSN = sqlstore.Postgres, "postgres://u:hunter2@[::1:x/" }, "dsn"},
		"Environment": {func(o *sqlstore.Options) { o.EnvironmentID = "" }, "environment_id"},
		"Sealer":      {func(o *sqlstore.Options) { o.Sealer = nil }, "sealer"},
		"NoFolder":    {func(o *sqlstore.Options) { o.Path = filepath.Join(o.Path, "none", "db") }, "no such"},
	} {
		o := good
		c.change(&o)
		s, err := sqlstore.Open(t.Context(), o)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSQLiteExclusive(t *testing.T) {
	t.Parallel()
	o := sqliteOptions(t)
	o.Exclusive = true
	s := mustOpen(t, o)
	if _, err := sqlstore.Open(t.Context(), o); !errors.Is(err, sqlstore.ErrLocked) {
		t.Errorf("second open: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := mustOpen(t, o).Close(); err != nil {
		t.Error(err)
	}
}

func TestSQLiteFileMode(t *testing.T) {
	t.Parallel()
	o := sqliteOptions(t)
	s := mustOpen(t, o)
	defer s.Close()
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(o.Path + suffix)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", suffix, info.Mode(), err)
		}
	}
}

func TestSQLitePathWithSpecialCharacters(t *testing.T) {
	t.Parallel()
	o := sqliteOptions(t)
	o.Path = filepath.Join(t.TempDir(), "a b?c#d%20.db")
	if err := mustOpen(t, o).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(o.Path); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(o.Path); err == nil && info.Size() == 0 {
		t.Error("the database went to another file")
	}
}

func TestPostgresDurability(t *testing.T) {
	t.Parallel()
	o := postgresOptions(t)
	o.DSN += map[bool]string{true: "&", false: "?"}[strings.Contains(o.DSN, "?")] + "synchronous_commit=off"
	if _, err := sqlstore.Open(t.Context(), o); !errors.Is(err, sqlstore.ErrUnsafeDurability) {
		t.Errorf("synchronous_commit off: %v", err)
	}
	o.AllowUnsafeDurability = []string{"synchronous_commit"}
	if err := mustOpen(t, o).Close(); err != nil {
		t.Error(err)
	}
}
