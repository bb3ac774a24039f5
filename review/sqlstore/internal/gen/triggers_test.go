package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCommittedFilesAreCurrent(t *testing.T) {
	t.Parallel()
	for _, d := range []string{"sqlite", "postgres"} {
		got, err := os.ReadFile(filepath.Join("..", "..", "migrations", d, FileName))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(Triggers(d)), string(got)); diff != "" {
			t.Errorf("%s: run go generate ./review/sqlstore/... (-want +committed):\n%s", d, diff)
		}
	}
}
