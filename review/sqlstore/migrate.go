package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
)

// migrationsTable is the only table outside the migrations.
const migrationsTable = `CREATE TABLE IF NOT EXISTS schema_migrations (
	name TEXT NOT NULL PRIMARY KEY, sha256 TEXT NOT NULL, applied_at BIGINT NOT NULL)`

// prepare brings the schema up to date and checks the environment id, on one
// connection.
func (d dialect) prepare(ctx context.Context, c *sql.Conn, o Options) error {
	files, err := fs.Glob(d.migrations(), "*.sql") // in name order
	if err != nil {
		return err
	}
	if err := d.inTx(ctx, c, func() error {
		_, err := c.ExecContext(ctx, migrationsTable)
		return err
	}); err != nil {
		return fmt.Errorf("migrate: %v", err)
	}
	for _, name := range files {
		if err := d.migrate(ctx, c, name, o); err != nil {
			return err
		}
	}
	var newer sql.NullString
	if err := c.QueryRowContext(ctx, `SELECT max(name) FROM schema_migrations`).Scan(&newer); err != nil {
		return err
	}
	if newer.String > files[len(files)-1] {
		return fmt.Errorf("%w: it has migration %s", ErrNewerSchema, newer.String)
	}
	return checkEnvironment(ctx, c, o.EnvironmentID)
}

// migrate applies one file if it was not, in a transaction of its own.
func (d dialect) migrate(ctx context.Context, c *sql.Conn, name string, o Options) error {
	text, err := fs.ReadFile(d.migrations(), name)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	want := hex.EncodeToString(sum[:])
	return d.inTx(ctx, c, func() error {
		var got string
		err := c.QueryRowContext(ctx, `SELECT sha256 FROM schema_migrations WHERE name = $1`, name).Scan(&got)
		switch {
		case err == nil && got == want:
			return nil
		case err == nil:
			return fmt.Errorf("migrate %s: the database was made with another text of it: use the program that made it", name)
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		if _, err := c.ExecContext(ctx, string(text)); err != nil {
			return fmt.Errorf("migrate %s: %v", name, err)
		}
		_, err = c.ExecContext(ctx, `INSERT INTO schema_migrations (name, sha256, applied_at) VALUES ($1, $2, $3)`,
			name, want, o.Clock.Now().UnixMicro())
		return err
	})
}

// inTx runs fn between BEGIN and COMMIT. On SQLite IMMEDIATE takes the write
// lock first; PostgreSQL takes an advisory lock.
func (d dialect) inTx(ctx context.Context, c *sql.Conn, fn func() error) error {
	begin := "BEGIN"
	if d.name == SQLite {
		begin = "BEGIN IMMEDIATE"
	}
	if _, err := c.ExecContext(ctx, begin); err != nil {
		return err
	}
	err := func() error {
		if d.lockSchema != "" {
			if _, err := c.ExecContext(ctx, d.lockSchema); err != nil {
				return err
			}
		}
		return fn()
	}()
	if err == nil {
		_, err = c.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		_, rerr := c.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		return errors.Join(err, rerr)
	}
	return nil
}

// checkEnvironment binds a new database to the environment id and refuses one
// that is bound to another.
func checkEnvironment(ctx context.Context, c *sql.Conn, id string) error {
	if _, err := c.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES ('environment_id', $1) ON CONFLICT DO NOTHING`, id); err != nil {
		return err
	}
	var got string
	if err := c.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = 'environment_id'`).Scan(&got); err != nil {
		return err
	}
	if got != id {
		return fmt.Errorf("%w: it says %q, the configuration %q", ErrOtherEnvironment, got, id)
	}
	return nil
}
