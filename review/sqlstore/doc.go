// Package sqlstore is the journal on SQLite or PostgreSQL, behind
// database/sql. It implements [review.Store].
//
// # Writing
//
// Everything goes through [Store.Write]. On SQLite one goroutine runs the
// closures of many callers in one transaction, each in a SAVEPOINT: a closure
// that fails or panics is rolled back alone, a COMMIT that fails fails all of
// them. What waits while a transaction commits makes up the next one, so that
// an idle store commits at once and a busy one shares its fsyncs. On
// PostgreSQL each closure has its own READ COMMITTED transaction from a pool,
// repeated a bounded number of times after a deadlock or a serialization
// failure. On both, the caller's context bounds the wait for a place and
// never reaches the transaction.
//
// A closure must not call the store again: on SQLite it would wait for itself.
//
// Every guard is part of its statement: no row changed is
// [review.KindConflict], and the transaction stays usable. Any other error of
// the database breaks the transaction, as PostgreSQL has it: what comes after
// it fails, and so does the closure, even where it swallows the error.
//
// # Reading
//
// [Store.Read] runs over one snapshot: a read transaction on SQLite, which
// never waits for the writer, and REPEATABLE READ, READ ONLY on PostgreSQL.
//
// # Durability
//
// [Open] sets and then reads back what durability rests on: on SQLite
// journal_mode WAL, synchronous FULL, secure_delete, temp_store MEMORY; on
// PostgreSQL fsync, full_page_writes and synchronous_commit. With less it
// refuses to run, unless [Options].AllowUnsafeDurability names the setting.
//
// # One text for both
//
// Every statement is one text with $1 placeholders, which both databases
// take. What differs is in dialect.go. Times are microseconds in BIGINT,
// booleans 0 or 1, key text COLLATE "C". Migrations are embedded, run in name
// order, one transaction each, and recorded with their hash: a database that
// is newer than the binary, or whose migrations were others, is refused. So is
// one that carries another environment id.
//
// # Sealing
//
// PHI columns hold ciphertext whose associated data is "table|column|row id".
// Data keys live in data_keys, wrapped by the site's key:
//
//	class        owner      seals
//	transcript   recording  chunks; a revision that is the drafter's alone
//	note         note       a revision a clinician touched or that is signed,
//	                        renderings, attestations
//	site         site       patients, identifiers, consents, recording details,
//	                        stream labels, receipts
//
// A key row is looked up in every transaction that needs it, so that a key
// destroyed by another process is gone here too; what is cached is only the
// work of unwrapping it. See [KeyDestroyer].
//
// Content of a revision is one sealed JSON document. The tables statements
// and flags exist and stay empty: they will index that content for reports.
package sqlstore

//go:generate go run ./internal/gen
