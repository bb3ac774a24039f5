package mllp

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// pipeListener hands out ends of net.Pipe, for tests inside a synctest bubble.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (l *pipeListener) dial() net.Conn {
	ours, theirs := net.Pipe()
	l.conns <- theirs
	return ours
}

// serve runs s on l until the test ends and checks that it stops as told.
func serve(t *testing.T, s *Server, l net.Listener) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Shutdown(context.Background())
		if err := <-done; !errors.Is(err, ErrServerClosed) {
			t.Errorf("Serve: %v, want ErrServerClosed", err)
		}
	})
}

func startServer(t *testing.T, s *Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, s, l)
	return l.Addr().String()
}

func echo(_ context.Context, msg []byte) Reply {
	return Reply{Message: append([]byte("re:"), msg...)}
}

func dialRaw(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func wantNext(t *testing.T, r *Reader, want string) {
	t.Helper()
	got, err := r.Next()
	if err != nil || string(got) != want {
		t.Fatalf("reply %q, %v; want %q", got, err, want)
	}
}

func TestServerAnswersClient(t *testing.T) {
	t.Parallel()
	c := newClient(t, startServer(t, &Server{Handler: echo}), ClientOptions{})
	for _, msg := range []string{"1", "2", "3"} {
		wantReply(t, c, msg, "re:"+msg)
	}
}

func TestServerAnswersTwoFramesOfOnePacketInOrder(t *testing.T) {
	t.Parallel()
	conn := dialRaw(t, startServer(t, &Server{Handler: echo}))
	if _, err := io.WriteString(conn, "noise\x0bA\x1c\r\x0b\x06\x1c\r\x0bB\x1c\r"); err != nil {
		t.Fatal(err)
	}
	r := NewReader(conn, 0)
	wantNext(t, r, "re:A")
	wantNext(t, r, "re:B")
}

func TestServerObeysTheHandler(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]Reply{
		"OK: close without an answer": {Close: true},
		"OK: close after the answer":  {Message: []byte("bye"), Close: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := dialRaw(t, startServer(t, &Server{Handler: func(context.Context, []byte) Reply { return reply }}))
			if err := WriteFrame(conn, []byte("A")); err != nil {
				t.Fatal(err)
			}
			r := NewReader(conn, 0)
			if reply.Message != nil {
				wantNext(t, r, "bye")
			}
			if got, err := r.Next(); !errors.Is(err, io.EOF) {
				t.Errorf("got %q, %v; want the connection closed", got, err)
			}
		})
	}
	t.Run("OK: no answer and the connection stays", func(t *testing.T) {
		t.Parallel()
		conn := dialRaw(t, startServer(t, &Server{Handler: func(_ context.Context, msg []byte) Reply {
			if string(msg) == "quiet" {
				return Reply{}
			}
			return Reply{Message: msg}
		}}))
		_, _ = io.WriteString(conn, "\x0bquiet\x1c\r\x0bloud\x1c\r")
		wantNext(t, NewReader(conn, 0), "loud")
	})
}

func TestServerClosesOnABadStream(t *testing.T) {
	t.Parallel()
	for name, stream := range map[string]string{
		"ErrFrameTooLarge": "\x0b123456",
		"ErrHalfFrame":     "\x0b12\x0b34\x1c\r",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var handled atomic.Int32
			addr := startServer(t, &Server{MaxFrame: 5, Handler: func(context.Context, []byte) Reply {
				handled.Add(1)
				return Reply{}
			}})
			conn := dialRaw(t, addr)
			_, _ = io.WriteString(conn, stream)
			if got, err := NewReader(conn, 0).Next(); err == nil {
				t.Errorf("got %q; want the connection closed", got)
			}
			if n := handled.Load(); n != 0 {
				t.Errorf("%d messages handled, want none", n)
			}
		})
	}
}

func TestServerTimeLimits(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, sent string
		want       time.Duration
	}{
		{name: "idle", want: 5 * time.Minute},
		{name: "a late carriage return is still idle", sent: "\r", want: 5 * time.Minute},
		{name: "half a frame", sent: "\x0bMSH|", want: 30 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := newPipeListener()
				serve(t, &Server{Handler: echo}, l)
				conn := l.dial()
				defer func() { _ = conn.Close() }()
				begun := time.Now()
				_, _ = io.WriteString(conn, tc.sent)
				untilClosed(conn)
				if got := time.Since(begun); got != tc.want {
					t.Errorf("closed after %v, want %v", got, tc.want)
				}
			})
		})
	}
	t.Run("peer does not take the reply", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			l := newPipeListener()
			serve(t, &Server{Handler: echo, WriteTimeout: time.Second}, l)
			conn := l.dial()
			defer func() { _ = conn.Close() }()
			_ = WriteFrame(conn, []byte("A"))
			time.Sleep(2 * time.Second) // fake clock
			if _, err := NewReader(conn, 0).Next(); !errors.Is(err, io.EOF) {
				t.Errorf("error %v, want the connection closed", err)
			}
		})
	})
}

func TestServerLimitsConnections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newPipeListener()
		serve(t, &Server{Handler: echo, MaxConns: 1}, l)
		first := l.dial()
		accepted := make(chan net.Conn)
		go func() { accepted <- l.dial() }()
		synctest.Wait()
		select {
		case <-accepted:
			t.Fatal("a second connection was accepted")
		default:
		}
		_ = first.Close()
		_ = (<-accepted).Close()
	})
}

func TestShutdownLetsARunningHandlerAnswer(t *testing.T) {
	t.Parallel()
	running, release := make(chan struct{}), make(chan struct{})
	s := &Server{Handler: func(_ context.Context, msg []byte) Reply {
		close(running)
		<-release
		return Reply{Message: msg}
	}}
	addr := startServer(t, s)
	idle := dialRaw(t, addr)
	busy := dialRaw(t, addr)
	_ = WriteFrame(busy, []byte("A"))
	<-running
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(context.Background()) }()
	untilClosed(idle)
	close(release)
	r := NewReader(busy, 0)
	wantNext(t, r, "A")
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("error %v, want the connection closed after the answer", err)
	}
	if err := <-done; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

func TestShutdownGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	running := make(chan struct{})
	s := &Server{Handler: func(ctx context.Context, _ []byte) Reply {
		close(running)
		<-ctx.Done() // never answers, as a fault of ehrsim
		return Reply{}
	}}
	addr := startServer(t, s)
	conn := dialRaw(t, addr)
	_ = WriteFrame(conn, []byte("A"))
	<-running
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v, want context.Canceled", err)
	}
	untilClosed(conn)
}

func TestServeReportsABrokenListener(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	s := &Server{Handler: echo}
	if err := s.Serve(l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve: %v, want net.ErrClosed", err)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if err := s.Serve(newPipeListener()); !errors.Is(err, ErrServerClosed) {
		t.Errorf("Serve after Shutdown: %v, want ErrServerClosed", err)
	}
}
