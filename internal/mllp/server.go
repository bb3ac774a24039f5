package mllp

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"
)

// ErrServerClosed is what [Server.Serve] returns after Shutdown.
var ErrServerClosed = errors.New("mllp server is shut down")

// Handler answers one message. It is called by many goroutines, one for each connection, and owns msg. ctx ends when
// Shutdown gives up waiting. A panic is not recovered.
type Handler func(ctx context.Context, msg []byte) Reply

// Reply is what a handler wants done.
type Reply struct {
	Message []byte // sent as one frame; nil: no answer
	Close   bool   // close the connection afterwards
}

// Server receives messages. Set the fields before Serve and leave them alone afterwards; zero limits mean the
// defaults.
type Server struct {
	Handler      Handler
	TLS          *tls.Config   // nil: plain TCP
	MaxFrame     int           // longest message in bytes; default [DefaultMaxFrame]
	MaxConns     int           // open connections at once, others wait in the backlog; default 256
	IdleTimeout  time.Duration // between frames; default 5 min
	FrameTimeout time.Duration // from the first to the last byte of a frame, and for the TLS handshake; default 30 s
	WriteTimeout time.Duration // for a reply; default 30 s

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	conns     map[*serverConn]struct{}
	wg        sync.WaitGroup
	stopping  chan struct{}      // closed when Shutdown begins
	base      context.Context    // of handlers
	cancel    context.CancelFunc // ends base
}

// serverConn is one connection. busy is guarded by Server.mu.
type serverConn struct {
	net.Conn
	busy bool // a handler runs or its reply is being written
}

// start makes the shared state on first use. The caller holds mu.
func (s *Server) start() {
	if s.stopping != nil {
		return
	}
	s.listeners = make(map[net.Listener]struct{})
	s.conns = make(map[*serverConn]struct{})
	s.stopping = make(chan struct{})
	s.base, s.cancel = context.WithCancel(context.Background())
}

// Serve accepts connections from l until Shutdown, which makes it return [ErrServerClosed], or until l breaks. It
// closes l. Errors of single connections are not reported.
func (s *Server) Serve(l net.Listener) error {
	defer func() { _ = l.Close() }()
	if !s.register(l) {
		return ErrServerClosed
	}
	slots := make(chan struct{}, positive(s.MaxConns, 256))
	for {
		select {
		case slots <- struct{}{}:
		case <-s.stopping:
			return ErrServerClosed
		}
		conn, err := l.Accept()
		if err != nil {
			select {
			case <-s.stopping:
				return ErrServerClosed
			default:
				return err
			}
		}
		c := &serverConn{Conn: conn}
		if !s.track(c) {
			_ = conn.Close()
			return ErrServerClosed
		}
		go func() {
			defer func() { <-slots }()
			defer s.untrack(c)
			s.serveConn(c)
		}()
	}
}

// Shutdown stops accepting, closes connections on which no handler runs, and waits until the others have answered.
// When ctx ends first it ends the handlers' ctx, closes their connections, waits for the handlers to return and
// returns the error of ctx.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.start()
	if !s.isStopping() {
		close(s.stopping)
	}
	for l := range s.listeners {
		_ = l.Close()
	}
	s.closeConns(func(c *serverConn) bool { return !c.busy })
	s.mu.Unlock()

	done := make(chan struct{})
	go func() {
		defer close(done)
		s.wg.Wait()
	}()
	defer s.cancel()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	s.cancel()
	s.mu.Lock()
	s.closeConns(func(*serverConn) bool { return true })
	s.mu.Unlock()
	<-done
	return ctx.Err()
}

// serveConn reads frames and answers them in order, until the peer closes, a limit is passed or the server stops.
func (s *Server) serveConn(c *serverConn) {
	conn := net.Conn(c)
	if s.TLS != nil {
		secure := tls.Server(c, s.TLS)
		ctx, cancel := context.WithTimeout(s.base, orDefault(s.FrameTimeout, 30*time.Second))
		err := secure.HandshakeContext(ctx)
		cancel()
		if err != nil {
			return
		}
		conn = secure
	}
	r := NewReader(conn, s.MaxFrame)
	for {
		msg, err := s.next(conn, r)
		if err != nil || !s.setBusy(c, true) {
			return
		}
		reply := s.Handler(s.base, msg)
		if reply.Message != nil {
			_ = conn.SetWriteDeadline(time.Now().Add(orDefault(s.WriteTimeout, 30*time.Second)))
			if err := WriteFrame(conn, reply.Message); err != nil {
				return
			}
		}
		if reply.Close || !s.setBusy(c, false) {
			return
		}
	}
}

// next reads one frame: the idle limit holds until it starts, the frame limit from there to its end.
func (s *Server) next(conn net.Conn, r *Reader) ([]byte, error) {
	for {
		_ = conn.SetReadDeadline(time.Now().Add(orDefault(s.IdleTimeout, 5*time.Minute)))
		if err := r.skipToStart(); err != nil {
			return nil, err
		}
		_ = conn.SetReadDeadline(time.Now().Add(orDefault(s.FrameTimeout, 30*time.Second)))
		msg, err := r.payload()
		if err != nil || CommitOf(msg) == NoCommit && len(msg) > 0 {
			return msg, err
		}
	}
}

func (s *Server) register(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.start()
	if s.isStopping() {
		return false
	}
	s.listeners[l] = struct{}{}
	return true
}

func (s *Server) track(c *serverConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isStopping() {
		return false
	}
	s.conns[c] = struct{}{}
	s.wg.Add(1)
	return true
}

func (s *Server) untrack(c *serverConn) {
	_ = c.Close()
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.wg.Done()
}

// setBusy marks c; false means that the server stops and c must take no further message.
func (s *Server) setBusy(c *serverConn, busy bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.busy = busy
	return !s.isStopping()
}

func (s *Server) isStopping() bool {
	select {
	case <-s.stopping:
		return true
	default:
		return false
	}
}

// closeConns closes the connections that match. The caller holds mu.
func (s *Server) closeConns(match func(*serverConn) bool) {
	for c := range s.conns {
		if match(c) {
			_ = c.Close()
		}
	}
}

func positive(n, fallback int) int {
	if n <= 0 {
		return fallback
	}
	return n
}
