package pgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestMain(m *testing.M) {
	if os.Getenv("PGTEST_CHILD") != "" {
		child()
	}
	Main(m)
}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(t.Context()) })
	return conn
}

func one(t *testing.T, conn *pgx.Conn, sql string) string {
	t.Helper()
	var s string
	if err := conn.QueryRow(t.Context(), sql).Scan(&s); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return s
}

func TestStart(t *testing.T) {
	t.Parallel()
	t.Run("FreshDatabaseForEachCaller", func(t *testing.T) {
		t.Parallel()
		a, b := connect(t, Start(t)), connect(t, Start(t))
		if _, err := a.Exec(t.Context(), "CREATE TABLE x (n int)"); err != nil {
			t.Fatal(err)
		}
		if got := one(t, b, "SELECT count(*)::text FROM pg_tables WHERE tablename = 'x'"); got != "0" {
			t.Errorf("the other database holds %s tables x, want none", got)
		}
	})
	t.Run("Durable", func(t *testing.T) {
		t.Parallel()
		conn := connect(t, Start(t))
		for setting, want := range map[string]string{"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "listen_addresses": "", "server_encoding": "UTF8"} {
			if got := one(t, conn, "SHOW "+setting); got != want {
				t.Errorf("%s = %q, want %q", setting, got, want)
			}
		}
	})
	t.Run("SortsByALocale", func(t *testing.T) {
		t.Parallel()
		conn := connect(t, Start(t))
		if one(t, conn, "SELECT datlocprovider::text FROM pg_database WHERE datname = current_database()") != "i" {
			t.Skip("this postgresql has no icu")
		}
		if got := one(t, conn, `SELECT ('a' < 'B')::text || ('a' < 'B' COLLATE "C")::text`); got != "truefalse" {
			t.Errorf("a < B: by locale, by bytes = %s, want truefalse", got)
		}
	})
	t.Run("DropsDatabaseAfterwards", func(t *testing.T) {
		t.Parallel()
		var name string
		t.Run("user", func(t *testing.T) {
			conn, err := pgx.Connect(t.Context(), Start(t)) // left open on purpose
			if err != nil {
				t.Fatal(err)
			}
			name = one(t, conn, "SELECT current_database()")
		})
		conn := connect(t, Start(t))
		if got := one(t, conn, "SELECT count(*)::text FROM pg_database WHERE datname = '"+name+"'"); got != "0" {
			t.Errorf("database %s is still there", name)
		}
	})
}

// child starts a cluster, says where, and waits to be killed.
func child() {
	c, err := start()
	if err != nil {
		os.Stdout.WriteString("error " + err.Error() + "\n")
		os.Exit(1)
	}
	os.Stdout.WriteString(c.dir + "\n")
	select {}
}

func TestClusterEndsWithAKilledTestProcess(t *testing.T) {
	t.Parallel()
	Start(t) // skips where there is no PostgreSQL
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PGTEST_CHILD=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, err := out.Read(buf)
	dir := strings.TrimSpace(string(buf[:n]))
	if err != nil || !filepath.IsAbs(dir) {
		t.Fatalf("child said %q, %v", dir, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed is how it must end
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(dir); os.IsNotExist(err) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is still there a minute after the test process was killed", dir)
		}
	}
}

// recorder is a test that is only watched.
type recorder struct {
	testing.TB
	said string
}

func (r *recorder) Helper()                   {}
func (r *recorder) Skipf(f string, v ...any)  { r.said = fmt.Sprintf("skip: "+f, v...) }
func (r *recorder) Fatalf(f string, v ...any) { r.said = fmt.Sprintf("fatal: "+f, v...) }

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err      error
		required bool
		want     string
	}{
		"OK":              {nil, true, ""},
		"SkipMissing":     {errNotInstalled, false, "skip: pgtest: postgresql is not installed: apt-get install postgresql (a skip, because COUNTERSIGN_REQUIRE_POSTGRES is not set)"},
		"FailRequired":    {errNotInstalled, true, "fatal: pgtest: postgresql is not installed: apt-get install postgresql"},
		"FailOtherFaults": {errors.New("disk full"), false, "fatal: pgtest: disk full"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r recorder
			check(&r, tc.err, tc.required)
			if r.said != tc.want {
				t.Errorf("said %q, want %q", r.said, tc.want)
			}
		})
	}
}
