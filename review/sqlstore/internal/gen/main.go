// Command gen writes migrations/*/0002_triggers.sql: the rules that hold even
// for a person with an SQL prompt. The life of a note and of a write-back is
// read from [review.Transitions] and [review.WriteBackTransitions], so that
// the triggers and the pure functions cannot differ.
//
// It is run by go generate in review/sqlstore; a test fails where a committed
// file is not what it writes.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	dir := flag.String("dir", "migrations", "folder of the migrations")
	flag.Parse()
	for _, d := range []string{"sqlite", "postgres"} {
		if err := os.WriteFile(filepath.Join(*dir, d, FileName), Triggers(d), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "gen:", err)
			os.Exit(1)
		}
	}
}
