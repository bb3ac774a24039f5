package sqlstore

import (
	"embed"
	"io/fs"
)

//go:embed migrations/sqlite/*.sql migrations/postgres/*.sql
var migrationFiles embed.FS

// dialect is where the two databases need different text.
type dialect struct {
	name string
	// lockRow is appended to a SELECT of a root row. SQLite has one writer and
	// needs none. NO KEY: inserting a child must not wait for it.
	lockRow string
	// lockSchema keeps two processes from migrating at once.
	lockSchema string
}

var (
	sqliteDialect   = dialect{name: SQLite}
	postgresDialect = dialect{
		name: Postgres, lockRow: " FOR NO KEY UPDATE",
		lockSchema: "SELECT pg_advisory_xact_lock(7235426181935498)", // any constant
	}
)

// migrations is the folder of the dialect.
func (d dialect) migrations() fs.FS {
	sub, err := fs.Sub(migrationFiles, "migrations/"+d.name)
	if err != nil {
		panic("sqlstore: embedded migrations: " + err.Error()) // the folder is in the binary
	}
	return sub
}
