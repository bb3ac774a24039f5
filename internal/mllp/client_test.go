package mllp

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

// peer is a receiver whose behaviour on each connection a test writes out.
type peer struct {
	addr string
	wg   sync.WaitGroup
}

// startPeer runs script i on connection i, then closes that connection. More connections than scripts fail the test,
// and so do fewer.
func startPeer(t *testing.T, scripts ...func(net.Conn)) *peer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{addr: l.Addr().String()}
	used := 0
	p.wg.Add(1)
	go func() {
		defer p.wg.Done()
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			used++
			if used > len(scripts) {
				t.Errorf("connection %d, want %d", used, len(scripts))
				_ = conn.Close()
				continue
			}
			script := scripts[used-1]
			p.wg.Add(1)
			go func() {
				defer p.wg.Done()
				defer func() { _ = conn.Close() }()
				script(conn)
			}()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		p.wg.Wait()
		if used < len(scripts) {
			t.Errorf("%d connections, want %d", used, len(scripts))
		}
	})
	return p
}

func newClient(t *testing.T, addr string, opt ClientOptions) *Client {
	t.Helper()
	c := NewClient(addr, opt)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// answer reads one frame and writes raw bytes.
func answer(t *testing.T, r *Reader, conn io.Writer, raw string) {
	if _, err := r.Next(); err != nil {
		t.Errorf("peer: %v", err)
		return
	}
	if _, err := io.WriteString(conn, raw); err != nil {
		t.Errorf("peer: %v", err)
	}
}

// untilClosed waits until the client closes the connection.
func untilClosed(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

func wantReply(t *testing.T, c *Client, msg, want string) Timings {
	t.Helper()
	reply, timings, err := c.Send(context.Background(), []byte(msg))
	if err != nil || string(reply) != want {
		t.Fatalf("Send(%q) = %q, %v; want %q", msg, reply, err, want)
	}
	return timings
}

func wantUnknown(t *testing.T, reply []byte, err error, phase Phase, cause error) *UnknownError {
	t.Helper()
	var unknown *UnknownError
	if !errors.As(err, &unknown) || unknown.Phase != phase || !errors.Is(err, cause) {
		t.Fatalf("error %v; want unknown outcome in phase %s by %v", err, phase, cause)
	}
	if reply != nil {
		t.Errorf("reply %q beside an error", reply)
	}
	return unknown
}

func wantNotSent(t *testing.T, reply []byte, err error, phase Phase, cause error) {
	t.Helper()
	var notSent *NotSentError
	if !errors.As(err, &notSent) || notSent.Phase != phase || !errors.Is(err, cause) {
		t.Fatalf("error %v; want not sent in phase %s by %v", err, phase, cause)
	}
	if reply != nil {
		t.Errorf("reply %q beside an error", reply)
	}
}

func TestSendReusesTheConnection(t *testing.T) {
	t.Parallel()
	p := startPeer(t, func(conn net.Conn) {
		r := NewReader(conn, 0)
		answer(t, r, conn, "\x0bone\x1c\r")
		answer(t, r, conn, "\x0btwo\x1c\r")
	})
	c := newClient(t, p.addr, ClientOptions{})
	first := wantReply(t, c, "1", "one")
	second := wantReply(t, c, "2", "two")
	if first.Reused || first.Dial <= 0 || first.Write <= 0 || first.Reply <= 0 {
		t.Errorf("first timings %+v: want a dial, a write and a wait", first)
	}
	if !second.Reused || second.Dial != 0 || second.Reply <= 0 {
		t.Errorf("second timings %+v: want the connection reused", second)
	}
}

func TestSendReadsTolerantly(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"OK: commit block first":        "\x0b\x06\x1c\r\x0breply\x1c\r",
		"OK: rejected commit, then ACK": "\x0b\x15\x1c\r\x0breply\x1c\r",
		"OK: empty frame first":         "\x0b\x1c\r\x0breply\x1c\r",
		"OK: line ends around":          "\r\n\x0breply\x1c",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPeer(t, func(conn net.Conn) { answer(t, NewReader(conn, 0), conn, raw); untilClosed(conn) })
			c := newClient(t, p.addr, ClientOptions{})
			wantReply(t, c, "1", "reply")
		})
	}
}

func TestSendTakesAReplyByteByByte(t *testing.T) {
	t.Parallel()
	p := startPeer(t, func(conn net.Conn) {
		r := NewReader(iotest.OneByteReader(conn), 0)
		for range 2 {
			if _, err := r.Next(); err != nil {
				t.Errorf("peer: %v", err)
			}
			for _, b := range []byte("\x0bslow\x1c\r") {
				_, _ = conn.Write([]byte{b})
			}
		}
	})
	c := newClient(t, p.addr, ClientOptions{})
	wantReply(t, c, "1", "slow")
	if second := wantReply(t, c, "2", "slow"); !second.Reused {
		t.Error("the late carriage return cost the connection")
	}
}

func TestSendReplacesAConnectionThatCannotBeTrusted(t *testing.T) {
	t.Parallel()
	second := func(conn net.Conn) { answer(t, NewReader(conn, 0), conn, "\x0btwo\x1c\r"); untilClosed(conn) }

	t.Run("OK: peer closed after the reply", func(t *testing.T) {
		t.Parallel()
		closed := make(chan struct{})
		p := startPeer(t, func(conn net.Conn) {
			answer(t, NewReader(conn, 0), conn, "\x0bone\x1c\r")
			_ = conn.Close()
			close(closed)
		}, second)
		c := newClient(t, p.addr, ClientOptions{})
		wantReply(t, c, "1", "one")
		<-closed
		if again := wantReply(t, c, "2", "two"); again.Reused {
			t.Error("a closed connection was reused")
		}
	})
	t.Run("OK: a second reply came in the same packet", func(t *testing.T) {
		t.Parallel()
		p := startPeer(t, func(conn net.Conn) {
			answer(t, NewReader(conn, 0), conn, "\x0bone\x1c\r\x0blate\x1c\r")
			untilClosed(conn)
		}, second)
		c := newClient(t, p.addr, ClientOptions{})
		wantReply(t, c, "1", "one")
		wantReply(t, c, "2", "two")
	})
	t.Run("OK: a second reply came later", func(t *testing.T) {
		t.Parallel()
		late := make(chan struct{})
		p := startPeer(t, func(conn net.Conn) {
			answer(t, NewReader(conn, 0), conn, "\x0bone\x1c\r")
			<-late
			_, _ = io.WriteString(conn, "\x0blate\x1c\r")
			late <- struct{}{}
			untilClosed(conn)
		}, second)
		c := newClient(t, p.addr, ClientOptions{})
		wantReply(t, c, "1", "one")
		late <- struct{}{}
		<-late
		wantReply(t, c, "2", "two")
	})
	t.Run("OK: reset by the caller", func(t *testing.T) {
		t.Parallel()
		p := startPeer(t, func(conn net.Conn) {
			answer(t, NewReader(conn, 0), conn, "\x0bone\x1c\r")
			untilClosed(conn)
		}, second)
		c := newClient(t, p.addr, ClientOptions{})
		wantReply(t, c, "1", "one")
		c.Reset()
		wantReply(t, c, "2", "two")
	})
}

func TestSendNeverTakesALateReply(t *testing.T) {
	t.Parallel()
	received, cancelled := make(chan struct{}), make(chan struct{})
	p := startPeer(t, func(conn net.Conn) {
		_, _ = NewReader(conn, 0).Next()
		close(received)
		<-cancelled
		_, _ = io.WriteString(conn, "\x0banswer to 1\x1c\r")
	}, func(conn net.Conn) {
		answer(t, NewReader(conn, 0), conn, "\x0banswer to 2\x1c\r")
		untilClosed(conn)
	})
	c := newClient(t, p.addr, ClientOptions{})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-received
		cancel()
	}()
	reply, _, err := c.Send(ctx, []byte("1"))
	wantUnknown(t, reply, err, PhaseReply, context.Canceled)
	close(cancelled)
	wantReply(t, c, "2", "answer to 2")
}

func TestSendReportsAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, raw string
		opt       ClientOptions
		cause     error
		commit    Commit
	}{
		{name: "peer closes without a reply", cause: io.EOF},
		{name: "peer closes in the middle of a reply", raw: "\x0bMSH|^~\\&|\rMSA|AA", cause: io.ErrUnexpectedEOF},
		{name: "reply starts again in the middle", raw: "\x0bMSA|AA\x0bMSA|AA|1\x1c\r", cause: ErrHalfFrame},
		{name: "reply above the limit", raw: "\x0b12345\x1c\r", opt: ClientOptions{MaxReply: 4}, cause: ErrFrameTooLarge},
		{name: "commit block but no reply", raw: "\x0b\x15\x1c\r", cause: io.EOF, commit: CommitRejected},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p := startPeer(t, func(conn net.Conn) { answer(t, NewReader(conn, 0), conn, tc.raw) })
			c := newClient(t, p.addr, tc.opt)
			reply, _, err := c.Send(context.Background(), []byte("MSH|secret"))
			unknown := wantUnknown(t, reply, err, PhaseReply, tc.cause)
			if unknown.Commit != tc.commit {
				t.Errorf("commit %v, want %v", unknown.Commit, tc.commit)
			}
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "MSA") {
				t.Errorf("message content in error %q", err)
			}
		})
	}
}

func TestSendReportsThatNothingWasSent(t *testing.T) {
	t.Parallel()
	t.Run("connection refused", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		c := newClient(t, l.Addr().String(), ClientOptions{})
		reply, _, err := c.Send(context.Background(), []byte("1"))
		wantNotSent(t, reply, err, PhaseDial, syscall.ECONNREFUSED)
	})
	t.Run("address refused by the dial function", func(t *testing.T) {
		t.Parallel()
		refused := errors.New("not a loopback address")
		c := newClient(t, "ehr.example:2575", ClientOptions{
			DialFunc: func(context.Context, string, string) (net.Conn, error) { return nil, refused },
		})
		reply, _, err := c.Send(context.Background(), []byte("1"))
		wantNotSent(t, reply, err, PhaseDial, refused)
	})
	t.Run("message cannot be framed", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, "127.0.0.1:1", ClientOptions{})
		reply, _, err := c.Send(context.Background(), []byte("a\x1c\rb"))
		wantNotSent(t, reply, err, PhaseFrame, ErrForbiddenByte)
	})
	t.Run("ctx ended before", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, "127.0.0.1:1", ClientOptions{})
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		reply, _, err := c.Send(ctx, []byte("1"))
		wantNotSent(t, reply, err, PhaseQueue, context.Canceled)
	})
	t.Run("client closed", func(t *testing.T) {
		t.Parallel()
		c := NewClient("127.0.0.1:1", ClientOptions{})
		_ = c.Close()
		reply, _, err := c.Send(context.Background(), []byte("1"))
		wantNotSent(t, reply, err, PhaseQueue, ErrClosed)
	})
}

func TestCloseEndsAMessageInFlightAndTheQueueBehindIt(t *testing.T) {
	t.Parallel()
	received := make(chan struct{})
	p := startPeer(t, func(conn net.Conn) {
		_, _ = NewReader(conn, 0).Next()
		close(received)
		untilClosed(conn)
	})
	c := NewClient(p.addr, ClientOptions{})
	type result struct {
		reply []byte
		err   error
	}
	send := func(msg string) chan result {
		done := make(chan result, 1)
		go func() {
			reply, _, err := c.Send(context.Background(), []byte(msg))
			done <- result{reply, err}
		}()
		return done
	}
	first := send("1")
	<-received
	second := send("2")
	_ = c.Close()
	got := <-first
	wantUnknown(t, got.reply, got.err, PhaseReply, ErrClosed)
	got = <-second
	wantNotSent(t, got.reply, got.err, PhaseQueue, ErrClosed)
}

// pipeClient returns a client over net.Pipe, which lives inside a synctest bubble: its deadlines use the fake clock.
func pipeClient(t *testing.T, opt ClientOptions, script func(net.Conn)) *Client {
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait) // runs after the client is closed
	opt.DialFunc = func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		wg.Go(func() {
			defer func() { _ = theirs.Close() }()
			script(theirs)
		})
		return ours, nil
	}
	return newClient(t, "pipe", opt)
}

func TestSendTimeLimits(t *testing.T) {
	t.Parallel()
	t.Run("unknown: peer never replies", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := pipeClient(t, ClientOptions{ReplyTimeout: 7 * time.Second}, untilClosed)
			reply, timings, err := c.Send(context.Background(), []byte("1"))
			wantUnknown(t, reply, err, PhaseReply, os.ErrDeadlineExceeded)
			if timings.Reply != 7*time.Second {
				t.Errorf("waited %v, want 7s", timings.Reply)
			}
		})
	})
	t.Run("unknown: a reply that drips does not extend the limit", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := pipeClient(t, ClientOptions{ReplyTimeout: 7 * time.Second}, func(conn net.Conn) {
				_, _ = NewReader(conn, 0).Next()
				for _, err := io.WriteString(conn, "\x0b"); err == nil; _, err = io.WriteString(conn, "x") {
					time.Sleep(time.Second) // fake clock
				}
			})
			reply, timings, err := c.Send(context.Background(), []byte("1"))
			wantUnknown(t, reply, err, PhaseReply, os.ErrDeadlineExceeded)
			if timings.Reply != 7*time.Second {
				t.Errorf("waited %v, want 7s", timings.Reply)
			}
		})
	})
	t.Run("unknown: ctx ends first", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := pipeClient(t, ClientOptions{}, untilClosed)
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
			defer cancel()
			reply, timings, err := c.Send(ctx, []byte("1"))
			wantUnknown(t, reply, err, PhaseReply, context.DeadlineExceeded)
			if timings.Reply != 3*time.Second {
				t.Errorf("waited %v, want 3s", timings.Reply)
			}
		})
	})
	t.Run("not sent: peer takes no byte", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			stop := make(chan struct{})
			c := pipeClient(t, ClientOptions{WriteTimeout: time.Second}, func(net.Conn) { <-stop })
			defer close(stop)
			reply, _, err := c.Send(context.Background(), []byte("1"))
			wantNotSent(t, reply, err, PhaseWrite, os.ErrDeadlineExceeded)
		})
	})
	t.Run("unknown: peer takes half the frame", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			stop := make(chan struct{})
			c := pipeClient(t, ClientOptions{WriteTimeout: time.Second}, func(conn net.Conn) {
				_, _ = io.ReadFull(conn, make([]byte, 2))
				<-stop
			})
			defer close(stop)
			reply, _, err := c.Send(context.Background(), []byte("1234"))
			wantUnknown(t, reply, err, PhaseWrite, os.ErrDeadlineExceeded)
		})
	})
	t.Run("OK: an idle connection is replaced", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := pipeClient(t, ClientOptions{MaxIdle: time.Minute}, func(conn net.Conn) {
				r := NewReader(conn, 0)
				for {
					if _, err := r.Next(); err != nil {
						return
					}
					_ = WriteFrame(conn, []byte("ok"))
				}
			})
			wantReply(t, c, "1", "ok")
			time.Sleep(59 * time.Second) // fake clock
			if tm := wantReply(t, c, "2", "ok"); !tm.Reused {
				t.Error("connection replaced too early")
			}
			time.Sleep(61 * time.Second)
			if tm := wantReply(t, c, "3", "ok"); tm.Reused {
				t.Error("connection idle for 61 s reused")
			}
		})
	})
	t.Run("not sent: ctx ends in the queue", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := pipeClient(t, ClientOptions{}, untilClosed)
			go func() { _, _, _ = c.Send(context.Background(), []byte("1")) }()
			synctest.Wait()
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			reply, timings, err := c.Send(ctx, []byte("2"))
			wantNotSent(t, reply, err, PhaseQueue, context.DeadlineExceeded)
			if timings.Queue != time.Second {
				t.Errorf("queued %v, want 1s", timings.Queue)
			}
		})
	})
}
