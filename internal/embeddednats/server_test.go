package embeddednats

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func setup(t *testing.T, opts Options) *Server {
	t.Helper()
	s, err := Start(t.Context(), filepath.Join(t.TempDir(), "nats"), opts)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

func stream(t *testing.T, nc *nats.Conn) jetstream.Stream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	st, err := js.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{Name: "T", Subjects: []string{"t.>"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "t.1", nil); err != nil {
		t.Fatal(err)
	}
	return st
}

func TestStart(t *testing.T) {
	t.Parallel()
	t.Run("OpensNoPort", func(t *testing.T) {
		t.Parallel()
		s := setup(t, Options{SyncAlways: true})
		stream(t, s.Conn())
		if s.URL() != "" {
			t.Errorf("URL() = %q, want none", s.URL())
		}
		if addr := s.current.Addr(); addr != nil {
			t.Errorf("listens on %v, want nothing", addr)
		}
	})
	t.Run("ListensOnLoopback", func(t *testing.T) {
		t.Parallel()
		s := setup(t, Options{Listen: "127.0.0.1:0"})
		nc, err := Connect(t.Context(), s.URL(), ConnectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		stream(t, nc)
	})
	t.Run("RefusesOtherHosts", func(t *testing.T) {
		t.Parallel()
		for _, addr := range []string{"0.0.0.0:0", "192.0.2.1:4222", ":4222", "localhost", "127.0.0.1:x"} {
			if _, err := Start(t.Context(), t.TempDir(), Options{Listen: addr}); err == nil {
				t.Errorf("Listen %q: no error", addr)
			}
		}
	})
	t.Run("RefusesUnusableDirectory", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, dir := range []string{"", filepath.Join(file, "below")} {
			if _, err := Start(t.Context(), dir, Options{}); err == nil {
				t.Errorf("dir %q: no error", dir)
			}
		}
	})
	t.Run("StoreIsPrivate", func(t *testing.T) {
		t.Parallel()
		s := setup(t, Options{})
		info, err := os.Stat(s.Dir())
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o700 {
			t.Errorf("mode %v, want 0700", info.Mode().Perm())
		}
	})
}

// waitFor polls because reconnecting and the watch are not ours to hook into.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}

func TestRestart(t *testing.T) {
	t.Parallel()
	t.Run("KeepsStoreAndPort", func(t *testing.T) {
		t.Parallel()
		s := setup(t, Options{Listen: "127.0.0.1:0", CheckInterval: -1})
		st := stream(t, s.Conn())
		url := s.URL()
		if err := s.Restart(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "stream info", func() bool { _, err := st.Info(t.Context()); return err == nil })
		if n := st.CachedInfo().State.Msgs; n != 1 {
			t.Errorf("stream holds %d messages, want 1", n)
		}
		if s.URL() != url {
			t.Errorf("URL %s, want %s", s.URL(), url)
		}
	})
	t.Run("StartsEmptyWhenStoreIsGone", func(t *testing.T) {
		t.Parallel()
		s := setup(t, Options{CheckInterval: -1})
		st := stream(t, s.Conn())
		if err := s.Restart(t.Context(), func() error { return os.RemoveAll(s.Dir()) }); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "stream not found", func() bool {
			_, err := st.Info(t.Context())
			return errors.Is(err, jetstream.ErrStreamNotFound)
		})
		stream(t, s.Conn())
	})
	t.Run("ErrShutdown", func(t *testing.T) {
		t.Parallel()
		s := setup(t, Options{})
		s.Shutdown()
		s.Shutdown()
		if err := s.Restart(t.Context(), nil); !errors.Is(err, ErrShutdown) {
			t.Errorf("Restart after Shutdown: %v", err)
		}
		if _, err := s.InProcessConn(); !errors.Is(err, ErrShutdown) {
			t.Errorf("InProcessConn after Shutdown: %v", err)
		}
	})
}

func TestWatch(t *testing.T) {
	t.Parallel()
	t.Run("RestartsWhenStoreIsRemovedUnderIt", func(t *testing.T) {
		t.Parallel()
		s := setup(t, Options{CheckInterval: 10 * time.Millisecond})
		stream(t, s.Conn())
		first := s.current
		if err := os.RemoveAll(s.Dir()); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "a new server", func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.current != nil && s.current != first
		})
		waitFor(t, "reconnect", s.Conn().IsConnected)
		stream(t, s.Conn())
	})
	t.Run("RestartsWhenJetStreamIsOff", func(t *testing.T) {
		t.Parallel()
		s := setup(t, Options{CheckInterval: 10 * time.Millisecond})
		st := stream(t, s.Conn())
		if err := s.current.ShutdownJetStream(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "stream info", func() bool {
			// A request that meets the restart is never answered.
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			_, err := st.Info(ctx)
			return err == nil
		})
	})
	t.Run("LeavesHealthyServerAlone", func(t *testing.T) {
		t.Parallel()
		s := setup(t, Options{CheckInterval: -1})
		stream(t, s.Conn())
		if why := s.ailment(); why != "" {
			t.Errorf("ailment() = %q on a healthy server", why)
		}
	})
}

func TestConnect(t *testing.T) {
	t.Parallel()
	t.Run("ErrBadURL", func(t *testing.T) {
		t.Parallel()
		for _, u := range []string{"", "http://127.0.0.1", "127.0.0.1:4222", "nats://u:secret@127.0.0.1:1", "nats://u:secret@%zz"} {
			_, err := Connect(t.Context(), u, ConnectOptions{})
			if err == nil {
				t.Errorf("%q: no error", u)
				continue
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("%q: error repeats the password: %v", u, err)
			}
		}
	})
	t.Run("ErrHalfACertificate", func(t *testing.T) {
		t.Parallel()
		if _, err := Connect(t.Context(), "nats://127.0.0.1:1", ConnectOptions{CertFile: "x"}); err == nil {
			t.Error("no error")
		}
	})
	t.Run("GivesUpWithContext", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := l.Addr().String()
		l.Close() // nobody answers there now
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := Connect(ctx, "nats://"+addr, ConnectOptions{}); err == nil || !strings.Contains(err.Error(), addr) {
			t.Errorf("error %v, want one that names %s", err, addr)
		}
	})
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func TestLogGoesToSlog(t *testing.T) {
	t.Parallel()
	var buf syncBuffer
	s := setup(t, Options{Logger: slog.New(slog.NewTextHandler(&buf, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	s.Shutdown()
	buf.mu.Lock()
	defer buf.mu.Unlock()
	if !strings.Contains(buf.b.String(), `msg="nats-server: Server is ready"`) {
		t.Errorf("log holds no start-up line:\n%s", buf.b.String())
	}
}
