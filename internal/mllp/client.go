package mllp

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"
)

// ClientOptions are the optional settings of a [Client]. Zero values mean the defaults.
type ClientOptions struct {
	TLS          *tls.Config   // nil: plain TCP
	DialTimeout  time.Duration // for TCP and again for TLS; default 10 s
	WriteTimeout time.Duration // default 30 s
	ReplyTimeout time.Duration // from the last byte written to the last byte of the reply; default 30 s
	MaxIdle      time.Duration // a connection unused for longer is replaced; default 1 min
	MaxReply     int           // longest reply in bytes; default 1 MiB

	// DialFunc opens connections; nil uses a net.Dialer. A place to refuse addresses after they were resolved.
	DialFunc func(ctx context.Context, network, address string) (net.Conn, error)
}

// Timings says how long the parts of one Send took. A part that did not happen is 0.
type Timings struct {
	Queue  time.Duration // waiting for the message before
	Dial   time.Duration
	TLS    time.Duration
	Write  time.Duration
	Reply  time.Duration // from written to answered
	Reused bool          // the connection was open already
}

// Client sends messages to one receiver over one connection, which it opens when needed. It is safe for concurrent
// use: messages go one after the other. Close it after use.
type Client struct {
	address string
	opt     ClientOptions
	turn    chan struct{} // full while someone has the right to use link
	link    *link         // open connection; only whoever has the turn touches it

	life context.Context // ends with Close, and so does every Send
	end  context.CancelFunc
}

// link is an open connection with its reader.
type link struct {
	conn     net.Conn // TLS where it is used
	raw      net.Conn // TCP below
	reader   *Reader
	lastUsed time.Time
}

// NewClient returns a client for a host:port. It does not connect.
func NewClient(address string, opt ClientOptions) *Client {
	opt.DialTimeout = orDefault(opt.DialTimeout, 10*time.Second)
	opt.WriteTimeout = orDefault(opt.WriteTimeout, 30*time.Second)
	opt.ReplyTimeout = orDefault(opt.ReplyTimeout, 30*time.Second)
	opt.MaxIdle = orDefault(opt.MaxIdle, time.Minute)
	if opt.MaxReply <= 0 {
		opt.MaxReply = 1 << 20
	}
	if opt.DialFunc == nil {
		opt.DialFunc = new(net.Dialer).DialContext
	}
	life, end := context.WithCancel(context.Background())
	return &Client{address: address, opt: opt, turn: make(chan struct{}, 1), life: life, end: end}
}

// Send writes msg as one frame and returns the receiver's reply without its frame; the caller owns the reply. It
// makes one attempt and blocks until it knows, until ctx ends, or until a time limit of its own. A connection found
// closed before anything was written is replaced. The error is a [*NotSentError] or an [*UnknownError]; the reply is
// then nil. Timings are set in any case.
func (c *Client) Send(ctx context.Context, msg []byte) (reply []byte, t Timings, err error) {
	frame, err := AppendFrame(make([]byte, 0, len(msg)+3), msg)
	if err != nil {
		return nil, t, &NotSentError{PhaseFrame, err}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.life, func() { cancel(ErrClosed) })()

	begun := time.Now()
	if err := c.acquire(ctx); err != nil {
		t.Queue = time.Since(begun)
		return nil, t, &NotSentError{PhaseQueue, err}
	}
	defer c.release()
	t.Queue = time.Since(begun)

	if err := c.connect(ctx, &t); err != nil {
		return nil, t, err
	}
	if err := context.Cause(ctx); err != nil {
		return nil, t, &NotSentError{PhaseWrite, err}
	}
	if err := c.write(ctx, frame, &t); err != nil {
		c.drop()
		return nil, t, err
	}
	reply, err = c.read(ctx, &t)
	if err != nil {
		c.drop()
		return nil, t, err
	}
	c.link.lastUsed = time.Now()
	return reply, t, nil
}

// Reset closes the connection, so that the next message gets a fresh one. It waits for a message in flight.
func (c *Client) Reset() {
	c.turn <- struct{}{}
	defer c.release()
	c.drop()
}

// Close ends a message in flight, whose outcome is then reported as for any broken connection, and closes the
// connection. Later messages are refused with [ErrClosed].
func (c *Client) Close() error {
	c.end()
	c.Reset()
	return nil
}

func (c *Client) acquire(ctx context.Context) error {
	if c.life.Err() != nil {
		return ErrClosed
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case c.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (c *Client) release() { <-c.turn }

// drop closes the connection. A TLS connection is closed below TLS: a goodbye could block on a dead peer.
func (c *Client) drop() {
	if c.link == nil {
		return
	}
	_ = c.link.raw.Close()
	c.link = nil
}

// connect makes sure that c.link is open, by the best that can be known before writing.
func (c *Client) connect(ctx context.Context, t *Timings) error {
	if c.link != nil && (time.Since(c.link.lastUsed) > c.opt.MaxIdle || !c.link.alive()) {
		c.drop()
	}
	if c.link != nil {
		t.Reused = true
		return nil
	}
	begun := time.Now()
	dialCtx, cancel := context.WithTimeout(ctx, c.opt.DialTimeout)
	defer cancel()
	raw, err := c.opt.DialFunc(dialCtx, "tcp", c.address)
	t.Dial = time.Since(begun)
	if err != nil {
		return &NotSentError{PhaseDial, cause(dialCtx, err)}
	}
	conn, err := c.secure(ctx, raw, t)
	if err != nil {
		_ = raw.Close()
		return err
	}
	c.link = &link{conn: conn, raw: raw, reader: NewReader(conn, c.opt.MaxReply), lastUsed: time.Now()}
	return nil
}

// secure does the TLS handshake where TLS is configured.
func (c *Client) secure(ctx context.Context, raw net.Conn, t *Timings) (net.Conn, error) {
	if c.opt.TLS == nil {
		return raw, nil
	}
	config := c.opt.TLS.Clone()
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(c.address)
		if err != nil {
			return nil, &NotSentError{PhaseTLS, err}
		}
		config.ServerName = host
	}
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, c.opt.DialTimeout)
	defer cancel()
	conn := tls.Client(raw, config)
	err := conn.HandshakeContext(ctx)
	t.TLS = time.Since(begun)
	if err != nil {
		return nil, &NotSentError{PhaseTLS, cause(ctx, err)}
	}
	return conn, nil
}

// write writes one frame. Only a plain connection that took no byte at all counts as not sent; TLS may have put
// records on the wire that its count does not show.
func (c *Client) write(ctx context.Context, frame []byte, t *Timings) error {
	begun := time.Now()
	var n int
	err := c.within(ctx, c.opt.WriteTimeout, func() (err error) {
		n, err = c.link.conn.Write(frame)
		return err
	})
	t.Write = time.Since(begun)
	switch {
	case err == nil:
		return nil
	case n == 0 && c.opt.TLS == nil:
		return &NotSentError{PhaseWrite, err}
	default:
		return &UnknownError{Phase: PhaseWrite, Err: err}
	}
}

// read waits for a reply that is neither empty nor a commit block. One deadline holds for all of it.
func (c *Client) read(ctx context.Context, t *Timings) ([]byte, error) {
	begun := time.Now()
	commit := NoCommit
	var reply []byte
	err := c.within(ctx, c.opt.ReplyTimeout, func() error {
		for {
			msg, err := c.link.reader.Next()
			if err != nil {
				return err
			}
			if seen := CommitOf(msg); seen != NoCommit {
				commit = seen
			} else if len(msg) > 0 {
				reply = msg
				return nil
			}
		}
	})
	t.Reply = time.Since(begun)
	if err != nil {
		return nil, &UnknownError{Phase: PhaseReply, Commit: commit, Err: err}
	}
	return reply, nil
}

// within runs one blocking step under a time limit and ctx; the end of either interrupts it through the deadline.
// After a step that succeeded the deadline is off again.
func (c *Client) within(ctx context.Context, limit time.Duration, step func() error) error {
	conn := c.link.conn
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		_ = conn.SetDeadline(time.Unix(1, 0))
	})
	err := step()
	if !stop() {
		<-interrupted // so that a late call cannot cut the next step short
	}
	if err != nil {
		return cause(ctx, err)
	}
	return conn.SetDeadline(time.Time{})
}

// cause prefers the end of ctx to the network error that it led to.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil && !errors.Is(err, io.EOF) {
		return context.Cause(ctx)
	}
	return err
}

func orDefault(d, fallback time.Duration) time.Duration {
	if d <= 0 {
		return fallback
	}
	return d
}
