// Package pgtest gives tests a real PostgreSQL.
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
//	func TestStore(t *testing.T) {
//		t.Parallel()
//		dsn := pgtest.Start(t)
//		…
//	}
//
// Start runs one private cluster for each test process, the first time it is
// asked, and gives every caller a fresh database in it. The cluster lies in a
// temporary directory, is reached over a Unix socket in it (no port is open),
// commits with fsync as production does, and sorts text by an ICU locale where
// PostgreSQL has ICU, so that a forgotten COLLATE "C" shows.
//
// When PostgreSQL is not installed the test is skipped; with the environment
// variable COUNTERSIGN_REQUIRE_POSTGRES set (make test sets it) it fails.
//
// As root, PostgreSQL's programs run as user postgres (or nobody): they refuse
// to run as root. The cluster ends with the test process, however that ends:
// a shell waits on a pipe from it. Main only waits until the files are gone.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// RequireVariable makes a missing PostgreSQL a failure instead of a skip.
const RequireVariable = "COUNTERSIGN_REQUIRE_POSTGRES"

// shared is the cluster of this test process: starting one for each test
// would cost seconds.
var shared struct {
	once    sync.Once
	cluster *cluster
	err     error
	count   atomic.Int64
}

// errNotInstalled means that initdb was not found.
var errNotInstalled = errors.New("postgresql is not installed: apt-get install postgresql")

// Start returns the URL of an empty database that is dropped when t ends.
func Start(t testing.TB) (dsn string) {
	t.Helper()
	shared.once.Do(func() { shared.cluster, shared.err = start() })
	check(t, shared.err, os.Getenv(RequireVariable) != "")
	name := "test_" + strconv.FormatInt(shared.count.Add(1), 10)
	if err := shared.cluster.exec("CREATE DATABASE " + name); err != nil {
		t.Fatalf("pgtest: create database: %v", err)
	}
	t.Cleanup(func() {
		if err := shared.cluster.exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Errorf("pgtest: drop database: %v", err)
		}
	})
	return shared.cluster.dsn(name)
}

// check ends the test when there is no cluster: with a skip only where
// PostgreSQL is missing and nobody asked for it.
func check(t testing.TB, err error, required bool) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, errNotInstalled) && !required:
		t.Skipf("pgtest: %v (a skip, because %s is not set)", err, RequireVariable)
	default:
		t.Fatalf("pgtest: %v", err)
	}
}

// Main runs the tests, stops the cluster if one was started, and exits.
func Main(m interface{ Run() int }) {
	code := m.Run()
	if shared.cluster != nil {
		shared.cluster.stop()
	}
	os.Exit(code)
}

// cluster is a running PostgreSQL.
type cluster struct {
	dir     string
	process *exec.Cmd
	pipe    interface{ Close() error } // its end ends the cluster
	ended   chan struct{}
}

// supervise runs postgres until standard input ends, which it does when the
// test process is gone, then stops it and removes its files. When postgres ends
// by itself, so does the shell.
// $1 is the directory, the rest the command.
const supervise = `dir=$1; shift
"$@" </dev/null >>"$dir/log" 2>&1 &
pid=$!
(while kill -0 $pid 2>/dev/null; do sleep 0.2; done; kill $$) &
watch=$!
trap 'exit 1' TERM
read _
kill $watch
kill -INT $pid
wait $pid
cd / && rm -rf "$dir"`

func start() (*cluster, error) {
	bin, err := findBin()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "countersign-pg-")
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: dir, ended: make(chan struct{})}
	attr, err := unprivileged(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := initdb(bin, dir, attr); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	c.process = command(attr, "/bin/sh", "-c", supervise, "sh", dir, filepath.Join(bin, "postgres"),
		"-D", filepath.Join(dir, "data"), "-k", dir, "-c", "listen_addresses=",
		"-c", "fsync=on", "-c", "synchronous_commit=on", "-c", "max_connections=200",
		"-c", "shared_buffers=64MB", "-c", "log_min_messages=warning")
	c.process.Dir = dir
	if c.pipe, err = c.process.StdinPipe(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := c.process.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	go func() {
		_ = c.process.Wait() // how it ended is in the log
		close(c.ended)
	}()
	return c, c.awaitReady()
}

// awaitReady polls: PostgreSQL tells nobody when it takes connections.
func (c *cluster) awaitReady() error {
	for deadline := time.Now().Add(time.Minute); ; {
		err := c.exec("SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-c.ended:
		case <-time.After(20 * time.Millisecond):
			if time.Now().Before(deadline) {
				continue
			}
		}
		log, _ := os.ReadFile(filepath.Join(c.dir, "log")) // best effort, for the message
		c.stop()
		return fmt.Errorf("postgresql did not start: %w: its log says: %s", err, log)
	}
}

// stop ends PostgreSQL and waits until its files are removed.
func (c *cluster) stop() {
	_ = c.pipe.Close() // already closed is as good
	<-c.ended
	_ = os.RemoveAll(c.dir) // the shell has done it, unless postgres died by itself
}

// dsn is a URL that pgx and libpq take.
func (c *cluster) dsn(database string) string {
	q := url.Values{"host": {c.dir}, "sslmode": {"disable"}}
	return (&url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/" + database, RawQuery: q.Encode()}).String()
}

// exec runs one statement in the maintenance database.
func (c *cluster) exec(sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.dsn("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	return err
}

// findBin looks for the directory that holds initdb and postgres: Debian keeps
// them out of PATH, one directory for each version; the newest wins.
func findBin() (string, error) {
	dirs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	best, version := "", -1
	for _, dir := range dirs {
		v, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir))) // not a number: version 0
		if isExecutable(filepath.Join(dir, "initdb")) && isExecutable(filepath.Join(dir, "postgres")) && v > version {
			best, version = dir, v
		}
	}
	if best != "" {
		return best, nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", errNotInstalled
	}
	// initdb looks for postgres beside the file a link points to, and so do we.
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", err
	}
	if !isExecutable(filepath.Join(filepath.Dir(path), "postgres")) {
		return "", errNotInstalled
	}
	return filepath.Dir(path), nil
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

// unprivileged gives dir to the user that PostgreSQL shall run as and returns
// how to become it.
func unprivileged(dir string) (*syscall.SysProcAttr, error) {
	// A group of its own: Ctrl-C reaches only the tests, and the pipe does the rest.
	if os.Geteuid() != 0 {
		return &syscall.SysProcAttr{Setpgid: true}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		if err := os.Chown(dir, int(uid), int(gid)); err != nil {
			return nil, err
		}
		return &syscall.SysProcAttr{Setpgid: true, Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
	}
	return nil, errors.New("running as root, and there is no user postgres or nobody to run postgresql as")
}

func initdb(bin, dir string, attr *syscall.SysProcAttr) error {
	run := func(locale ...string) error {
		args := append([]string{"-D", filepath.Join(dir, "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"}, locale...)
		cmd := command(attr, filepath.Join(bin, "initdb"), args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("initdb: %w: %s", err, strings.TrimSpace(string(out)))
		}
		return nil
	}
	err := run("--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
	if err != nil { // before version 15, or built without ICU
		err = run("--locale=C.UTF-8")
	}
	if err != nil { // not Debian
		err = run("--locale=C")
	}
	return err
}

// command runs without the environment: PGHOST and its kin would reach it.
func command(attr *syscall.SysProcAttr, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC"}
	cmd.SysProcAttr = attr
	return cmd
}
