package embeddednats

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// DefaultCheckInterval is how often a Server looks after its store.
const DefaultCheckInterval = 2 * time.Second

// ErrShutdown is returned by a Server that has been shut down.
var ErrShutdown = errors.New("embedded nats: server is shut down")

// Options of an embedded server. The zero value is usable: no network, fsync
// as nats-server does by itself, no log.
type Options struct {
	// SyncAlways makes JetStream fsync before each acknowledgement.
	SyncAlways bool
	// Listen is a loopback address "127.0.0.1:4222" or "127.0.0.1:0" to open
	// for tools. Empty opens nothing. Other hosts are refused: the embedded
	// server asks nobody for a password.
	Listen string
	// MaxStoreBytes limits the store on disk; 0 leaves the choice to
	// nats-server (three quarters of the free space).
	MaxStoreBytes int64
	// CheckInterval is how often the store is looked after;
	// 0 means DefaultCheckInterval, below 0 never.
	CheckInterval time.Duration
	// Logger receives the server's messages; nil discards them.
	Logger *slog.Logger
}

// Server is a NATS server in this process with one shared connection to it.
// All methods are safe for concurrent use.
type Server struct {
	dir  string
	opts Options
	log  *slog.Logger
	conn *nats.Conn

	restart sync.Mutex // held over a whole restart or shutdown

	mu      sync.Mutex // guards the fields below
	current *server.Server
	port    int // kept over restarts, so that tools find the server again
	closed  bool

	stop context.CancelFunc
	done sync.WaitGroup
}

// Start starts a server that keeps JetStream under dir, creates dir with mode
// 0700 if it is missing, and returns when the server takes connections or ctx
// ends. ctx is not used afterwards.
func Start(ctx context.Context, dir string, opts Options) (*Server, error) {
	if dir == "" {
		return nil, errors.New("start embedded nats: store directory is empty: name one")
	}
	host, port, err := listenAddr(opts.Listen)
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, opts: opts, log: cmp.Or(opts.Logger, slog.New(slog.DiscardHandler)), port: port}
	s.opts.Listen = host
	s.opts.CheckInterval = cmp.Or(opts.CheckInterval, DefaultCheckInterval)
	if err := s.launch(ctx); err != nil {
		return nil, err
	}
	s.conn, err = s.Connect("countersign")
	if err != nil {
		s.halt()
		return nil, err
	}
	watchCtx, stop := context.WithCancel(context.Background())
	s.stop = stop
	if s.opts.CheckInterval > 0 {
		s.done.Go(func() { s.watch(watchCtx) })
	}
	return s, nil
}

func listenAddr(addr string) (host string, port int, err error) {
	if addr == "" {
		return "", 0, nil
	}
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, fmt.Errorf("start embedded nats: listen: %v: give it as 127.0.0.1:port", err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return "", 0, errors.New("start embedded nats: listen: address is not loopback: use 127.0.0.1, or an external nats server with authentication")
	}
	port, err = strconv.Atoi(p)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, errors.New("start embedded nats: listen: port is not a number from 0 to 65535")
	}
	return host, port, nil
}

// launch starts a nats-server on the store directory and makes it the current one.
func (s *Server) launch(ctx context.Context) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("start embedded nats: %w", err)
	}
	so := &server.Options{
		ServerName:        "countersign-embedded",
		JetStream:         true,
		StoreDir:          s.dir,
		JetStreamMaxStore: s.opts.MaxStoreBytes,
		SyncAlways:        s.opts.SyncAlways,
		DontListen:        s.opts.Listen == "",
		NoSigs:            true, // signals belong to the process, not to its library
	}
	if s.opts.Listen != "" {
		so.Host = s.opts.Listen
		so.Port = cmp.Or(s.port, server.RANDOM_PORT)
	}
	ns, err := server.NewServer(so)
	if err != nil {
		return fmt.Errorf("start embedded nats: %w", err)
	}
	ns.SetLoggerV2(serverLog{s.log}, false, false, false)
	ns.Start()
	for !ns.ReadyForConnections(20 * time.Millisecond) {
		if ctx.Err() != nil || !ns.Running() {
			ns.Shutdown()
			ns.WaitForShutdown()
			return errors.New("start embedded nats: server did not become ready: see its log lines")
		}
	}
	if !ns.JetStreamEnabled() {
		ns.Shutdown()
		ns.WaitForShutdown()
		return errors.New("start embedded nats: jetstream is off: is the store directory writable, and used by no other process?")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = ns
	if a, ok := ns.Addr().(*net.TCPAddr); ok && s.opts.Listen != "" {
		s.port = a.Port
	}
	return nil
}

// halt stops the current nats-server and waits until its files are closed.
func (s *Server) halt() {
	s.mu.Lock()
	ns := s.current
	s.current = nil
	s.mu.Unlock()
	if ns != nil {
		ns.Shutdown()
		ns.WaitForShutdown()
	}
}

// Conn returns the shared connection. It reconnects by itself after Restart
// and is closed by Shutdown.
func (s *Server) Conn() *nats.Conn { return s.conn }

// Connect opens a further connection of the given name; the caller closes it.
// It, too, survives Restart.
func (s *Server) Connect(name string) (*nats.Conn, error) {
	opts := append(connOptions(name, s.log), nats.InProcessServer(s), nats.ReconnectWait(20*time.Millisecond))
	nc, err := nats.Connect("", opts...)
	if err != nil {
		return nil, fmt.Errorf("connect to embedded nats: %w", err)
	}
	return nc, nil
}

// InProcessConn opens a pipe to the server that runs now. It lets connections
// survive a restart: nats.go asks again at each reconnect.
func (s *Server) InProcessConn() (net.Conn, error) {
	s.mu.Lock()
	ns, closed := s.current, s.closed
	s.mu.Unlock()
	switch {
	case closed:
		return nil, ErrShutdown
	case ns == nil:
		return nil, errors.New("connect to embedded nats: server is restarting: try again")
	}
	return ns.InProcessConn()
}

var _ nats.InProcessConnProvider = (*Server)(nil)

// URL is the address tools may use, "nats://127.0.0.1:port", or empty when the
// server listens on nothing.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opts.Listen == "" {
		return ""
	}
	return "nats://" + net.JoinHostPort(s.opts.Listen, strconv.Itoa(s.port))
}

// Dir is the directory under which JetStream keeps its files.
func (s *Server) Dir() string { return s.dir }

// Restart stops the server, calls between if it is not nil (all files are
// closed then), and starts it again on what is left in the store directory.
// Clients reconnect. When the new start fails the watch tries again.
func (s *Server) Restart(ctx context.Context, between func() error) error {
	s.restart.Lock()
	defer s.restart.Unlock()
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return ErrShutdown
	}
	s.halt()
	if between != nil {
		if err := between(); err != nil {
			return errors.Join(fmt.Errorf("restart embedded nats: between: %w", err), s.launch(ctx))
		}
	}
	return s.launch(ctx)
}

// Shutdown closes the shared connection and stops the server. When it returns
// all files are closed and nothing runs any more. A second call does nothing.
func (s *Server) Shutdown() {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return
	}
	s.stop()
	s.done.Wait()    // a restart by the watch ends first
	s.restart.Lock() // and so does one by a caller
	defer s.restart.Unlock()
	s.conn.Close()
	s.halt()
}

// watch restarts the server when its store is gone or switched off.
func (s *Server) watch(ctx context.Context) {
	tick := time.NewTicker(s.opts.CheckInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		reason := s.ailment()
		if reason == "" {
			continue
		}
		s.log.Error("embedded nats: restarting on what is left of its store", "reason", reason)
		if err := s.Restart(ctx, nil); err != nil && !errors.Is(err, ErrShutdown) {
			s.log.Error("embedded nats: restart did not succeed, trying again", "error", err)
		}
	}
}

// ailment says why the server must be restarted, or nothing. A nats-server
// whose files were removed goes on with open descriptors and does not notice
// before it needs a new block file, when it refuses everything.
func (s *Server) ailment() string {
	s.mu.Lock()
	ns := s.current
	s.mu.Unlock()
	if ns == nil {
		return "not running"
	}
	if !ns.JetStreamEnabled() {
		return "jetstream is switched off"
	}
	info, err := ns.Jsz(&server.JSzOptions{Accounts: true, Streams: true})
	if err != nil {
		return "" // in the middle of starting or stopping
	}
	for _, account := range info.AccountDetails {
		for _, stream := range account.Streams {
			dir := filepath.Join(info.Config.StoreDir, account.Name, "streams", stream.Name)
			if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
				return "directory of a stream is gone"
			}
		}
	}
	return ""
}
