//go:build integration

package integrationtests

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// peerDir holds the third-party software; npm ci fills its node_modules.
const peerDir = "peers"

// peerPatience bounds every wait for another process.
const peerPatience = 60 * time.Second

// peer is a running piece of third-party software on a loopback port.
type peer struct {
	addr   string // HOST:PORT
	events chan json.RawMessage
}

// needPeers skips the test where the peers are not installed, unless
// COUNTERSIGN_REQUIRE_PEERS says that they have to be.
func needPeers(t *testing.T) {
	t.Helper()
	_, err := os.Stat(filepath.Join(peerDir, "node_modules", ".package-lock.json")) // npm writes it last
	if err == nil {
		_, err = exec.LookPath("node")
	}
	switch {
	case err == nil:
	case os.Getenv("COUNTERSIGN_REQUIRE_PEERS") != "":
		t.Fatalf("peers are required and not installed (run .ci/install): %v", err)
	default:
		t.Skip("peers are not installed: run .ci/install, or npm ci --ignore-scripts in integration-tests/peers")
	}
}

// startPeer runs a script of peerDir and waits until it listens. env are
// NAME=VALUE. The process ends with the test, and when this process dies.
func startPeer(t *testing.T, env []string, script string, args ...string) *peer {
	t.Helper()
	needPeers(t)
	cmd := exec.Command("node", append([]string{"-r", "./loopback.cjs", script}, args...)...)
	cmd.Dir = peerDir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs peerLog
	cmd.Stderr = &errs
	stdin, err := cmd.StdinPipe() // the peer ends when it is closed
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &peer{events: make(chan json.RawMessage, 1024)}
	ready := make(chan string, 1)
	read := make(chan struct{})
	go p.read(out, ready, &errs, read)
	t.Cleanup(func() {
		stdin.Close()
		cmd.Process.Kill()
		<-read
		cmd.Wait() // reports the kill
		if t.Failed() {
			t.Logf("%s:\n%s", script, errs.String())
		}
	})
	select {
	case port := <-ready:
		p.addr = "127.0.0.1:" + port
	case <-read:
		t.Fatalf("%s ended before it listened:\n%s", script, errs.String())
	case <-time.After(peerPatience):
		t.Fatalf("%s does not listen", script)
	}
	return p
}

func (p *peer) read(out io.Reader, ready chan<- string, rest io.Writer, done chan<- struct{}) {
	defer close(done)
	defer close(p.events)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		line := lines.Text()
		if port, ok := strings.CutPrefix(line, "READY "); ok {
			ready <- port
		} else if event, ok := strings.CutPrefix(line, "EVENT "); ok {
			p.events <- json.RawMessage(event)
		} else {
			io.WriteString(rest, line+"\n")
		}
	}
}

// nextEvent waits for the next thing the peer tells that want accepts; the
// others are passed over. A nil want takes the first.
func nextEvent[T any](t *testing.T, p *peer, want func(T) bool) T {
	t.Helper()
	deadline := time.After(peerPatience)
	for {
		select {
		case raw, ok := <-p.events:
			if !ok {
				t.Fatal("the peer has ended")
			}
			var e T
			if err := json.Unmarshal(raw, &e); err != nil {
				t.Fatalf("event %s: %v", raw, err)
			}
			if want == nil || want(e) {
				return e
			}
		case <-deadline:
			t.Fatal("the peer did not tell what was waited for")
		}
	}
}

// runPeer runs a script of peerDir to its end and returns its output.
func runPeer(t *testing.T, env []string, script string, args ...string) []byte {
	t.Helper()
	needPeers(t)
	cmd := exec.Command("node", append([]string{script}, args...)...)
	cmd.Dir = peerDir
	cmd.Env = append(os.Environ(), env...)
	var errs peerLog
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, errs.String())
	}
	return out
}

type peerLog struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *peerLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *peerLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
