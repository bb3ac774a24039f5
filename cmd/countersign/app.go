package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"countersign/adapters"
	"countersign/api/ingest"
	"countersign/api/reviewrpc"
	"countersign/api/web"
	"countersign/internal/embeddednats"
	"countersign/internal/keyring"
	"countersign/internal/staff"
	"countersign/internal/workqueue"
	"countersign/notegen"
	"countersign/notegen/grounding"
	countersignpb "countersign/proto/countersign/v1"
	"countersign/review"
	"countersign/review/sqlstore"
)

// app is a running gateway. start builds it in reading order; close takes it
// down in reverse.
type app struct {
	config   Config
	log      *slog.Logger
	service  *review.Service
	queue    *workqueue.Queue
	events   *workqueue.Events
	nats     *embeddednats.Server // nil with an external NATS
	GRPCAddr string
	HTTPAddr string
	closers  []func(context.Context) error
}

// appOptions are what the demo does differently from serve.
type appOptions struct {
	people     []staff.Entry   // instead of a practitioners file
	authMethod string          // default "password"
	hint       string          // shown on the sign-in page
	writeRetry time.Duration   // first interval between attempts
	drafter    notegen.Drafter // instead of the configured one; tests
}

func startApp(ctx context.Context, c Config, log *slog.Logger, o appOptions) (_ *app, err error) {
	a := &app{config: c, log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close(context.WithoutCancel(ctx)))
		}
	}()
	people, devices, err := c.loadFiles(o.people)
	if err != nil {
		return a, err
	}
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return a, fmt.Errorf("data_dir: %w", err)
	}
	keys, err := openKeys(c.Keys.MasterKeyFile)
	if err != nil {
		return a, err
	}
	store, err := a.openStore(ctx, keys)
	if err != nil {
		return a, err
	}
	nc, err := a.openNATS(ctx)
	if err != nil {
		return a, err
	}
	// A message that a dead process held comes back within half a lease term.
	ackWait := max(time.Second, c.Workers.LeaseTerm/2)
	if a.queue, err = workqueue.Open(ctx, nc, workqueue.Options{Replicas: c.NATS.Replicas, AckWait: ackWait, Logger: log}); err != nil {
		return a, err
	}
	a.events = a.queue.Events()
	destinations, closeAdapters, err := openAdapters(c, log)
	if err != nil {
		return a, err
	}
	a.onClose(func(context.Context) error { closeAdapters(); return nil })
	lease := review.NewLease(c.Workers.LeaseTerm, c.Database.Driver == "sqlite")
	a.service = review.New(review.Dependencies{
		Store: store, Grounder: grounding.Checker{}, Planner: adapters.Planner{Adapters: destinations}, Signer: keys.Signer(),
		Work: publisher{a.queue, a.events, log}, Clock: review.SystemClock{}, Log: log, Lease: lease,
	}, review.Options{})
	if err := a.configure(ctx, people); err != nil {
		return a, err
	}
	drafter := o.drafter
	if drafter == nil {
		if drafter, err = openDrafter(c.Drafter); err != nil {
			return a, err
		}
	}
	a.startWorkers(drafter, destinations, o)
	auth := staff.NewAuthenticator(people, orDefault(o.authMethod, "password"), staff.Options{OnAttempt: a.signIns(people)})
	return a, a.listen(ctx, auth, devices, o)
}

// loadFiles reads the files that the configuration names and reports all
// their faults at once; people stands for a practitioners file where given.
func (c Config) loadFiles(people []staff.Entry) ([]staff.Entry, deviceAuth, error) {
	var faults []error
	if people == nil {
		var err error
		people, err = c.loadPeople()
		faults = append(faults, err)
	}
	devices, err := c.loadDevices(people)
	faults = append(faults, err)
	if c.DevicesFile == "" && !loopback(hostOf(c.Listen.GRPC)) {
		faults = append(faults, errors.New("devices_file: needed when listen.grpc is not a loopback address: devices show a token"))
	}
	return people, devices, errors.Join(faults...)
}

// signInTried logs who signed in, and at whose name somebody failed; what was
// typed is not known here.
func (a *app) signInTried(id review.PractitionerID, ok bool) {
	if ok {
		a.log.Info("sign-in", "practitioner_id", id, "outcome", "accepted")
		return
	}
	a.log.Warn("sign-in", "practitioner_id", id, "outcome", "refused")
}

// signIns puts sign-ins into the log and the audit trail, without keeping
// anybody waiting: authentication hands them over and goes on.
func (a *app) signIns(people []staff.Entry) func(id review.PractitionerID, ok bool) {
	type try struct {
		actor review.Actor
		ok    bool
	}
	site := map[review.PractitionerID]review.SiteID{}
	for _, e := range people {
		site[e.ID] = e.Site
	}
	tries, quit, done := make(chan try, 1024), make(chan struct{}), make(chan struct{})
	write := func(t try) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := a.service.SignInTried(ctx, t.actor, t.ok); err != nil {
			a.log.Error("audit sign-in", "practitioner_id", t.actor.PractitionerID, "kind", string(review.KindOf(err)))
		}
	}
	go func() {
		defer close(done)
		for {
			select {
			case t := <-tries:
				write(t)
			case <-quit:
				for len(tries) > 0 {
					write(<-tries)
				}
				return
			}
		}
	}()
	// The listeners, opened later, are closed before this.
	a.onClose(func(context.Context) error { close(quit); <-done; return nil })
	return func(id review.PractitionerID, ok bool) {
		a.signInTried(id, ok)
		if id == "" {
			return // a name that is not in the file: it belongs to no site
		}
		select {
		case tries <- try{review.Actor{PractitionerID: id, SiteID: site[id], AuthMethod: "password"}, ok}:
		default:
			a.log.Error("audit sign-in: too many at once: not in the audit trail", "practitioner_id", id)
		}
	}
}

func orDefault(s, d string) string {
	if s == "" {
		return d
	}
	return s
}

// onClose registers what close undoes; the last registered goes first.
func (a *app) onClose(f func(context.Context) error) { a.closers = append(a.closers, f) }

// close stops taking in, finishes what runs, and closes what was opened. It
// may take until ctx ends.
func (a *app) close(ctx context.Context) error {
	var errs []error
	for i := len(a.closers) - 1; i >= 0; i-- {
		errs = append(errs, a.closers[i](ctx))
	}
	a.closers = nil
	return errors.Join(errs...)
}

// openKeys opens the key file, or makes one where there is none yet.
func openKeys(path string) (*keyring.Keyring, error) {
	k, err := keyring.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return keyring.Create(path)
	}
	return k, err
}

func (a *app) openStore(ctx context.Context, keys *keyring.Keyring) (*sqlstore.Store, error) {
	o := sqlstore.Options{Driver: a.config.Database.Driver, EnvironmentID: a.config.Environment, Sealer: keys, Log: a.log}
	if o.Driver == sqlstore.SQLite {
		o.Path, o.Exclusive = filepath.Join(a.config.DataDir, "countersign.db"), true
	} else {
		b, err := os.ReadFile(a.config.Database.DSNFile)
		if err != nil {
			return nil, fmt.Errorf("database.dsn_file: %w", err)
		}
		o.DSN = string(trimSpace(b))
	}
	store, err := sqlstore.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	a.onClose(func(context.Context) error { return store.Close() })
	return store, nil
}

func (a *app) openNATS(ctx context.Context) (*nats.Conn, error) {
	if url := a.config.NATS.URL; url != "" {
		nc, err := embeddednats.Connect(ctx, url, embeddednats.ConnectOptions{
			CredentialsFile: a.config.NATS.CredentialsFile, CAFile: a.config.NATS.CAFile, Logger: a.log,
		})
		if err != nil {
			return nil, err
		}
		a.onClose(func(context.Context) error { nc.Close(); return nil })
		return nc, nil
	}
	ns, err := embeddednats.Start(ctx, filepath.Join(a.config.DataDir, "nats"), embeddednats.Options{Logger: a.log})
	if err != nil {
		return nil, err
	}
	a.nats = ns
	a.onClose(func(context.Context) error { ns.Shutdown(); return nil })
	return ns.Conn(), nil
}

// configure writes sites and people into the journal and makes this process
// known in it, before any work begins.
func (a *app) configure(ctx context.Context, people []staff.Entry) error {
	var list []review.Practitioner
	for _, e := range people {
		list = append(list, e.Practitioner())
	}
	if err := a.service.Configure(ctx, a.config.sites(), list); err != nil {
		return err
	}
	if err := a.service.Beat(ctx); err != nil {
		return err
	}
	a.onClose(a.service.EndLease)
	return nil
}

// startWorkers runs the lease, the drafters, the dispatcher and the sweep
// until close.
func (a *app) startWorkers(d notegen.Drafter, destinations map[review.DestinationID]adapters.Adapter, o appOptions) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	goes := func(name string, f func() error) {
		wg.Go(func() {
			if err := f(); err != nil && ctx.Err() == nil {
				a.log.Error("worker stopped", "worker", name, "error", err)
			}
		})
	}
	worker := &notegen.Worker{Journal: a.service, Drafter: d, Log: a.log}
	dispatcher := adapters.NewDispatcher(a.service, destinations, a.log, adapters.Options{
		AttemptTimeout: min(20*time.Second, a.config.Workers.LeaseTerm/2), FirstRetry: o.writeRetry,
		Later: func(d time.Duration) error { return workqueue.RetryAfter(d, nil) },
	})
	sweeper := &workqueue.Sweeper{Queue: a.queue, Owed: a.owed, Interval: a.config.Workers.Sweep}
	goes("lease", func() error { a.service.KeepAlive(ctx); return nil })
	goes("drafts", func() error {
		return a.queue.Run(ctx, workqueue.Worker{
			Kind: workqueue.Draft, Concurrency: a.config.Workers.Drafts, Handle: worker.Handle,
			StillOwed: func(ctx context.Context, id string) (bool, error) { return a.service.DraftOwed(ctx, review.NoteID(id)) },
		})
	})
	goes("write-backs", func() error {
		return a.queue.Run(ctx, workqueue.Worker{
			Kind: workqueue.Writeback, Concurrency: a.config.Workers.WriteBacks, Handle: dispatcher.Handle,
			StillOwed: func(ctx context.Context, id string) (bool, error) {
				return a.service.FamilyOwed(ctx, review.NoteID(id))
			},
		})
	})
	goes("sweep", func() error { return sweeper.Run(ctx) })
	a.onClose(func(context.Context) error { cancel(); wg.Wait(); return nil })
}

// owed is what the sweep publishes again.
func (a *app) owed(ctx context.Context) ([]workqueue.Item, error) {
	o, err := a.service.Owed(ctx, 1000)
	var items []workqueue.Item
	for _, id := range o.Drafts {
		items = append(items, workqueue.Item{Kind: workqueue.Draft, ID: string(id)})
	}
	for _, id := range o.Families {
		items = append(items, workqueue.Item{Kind: workqueue.Writeback, ID: string(id)})
	}
	return items, err
}

// publisher is the domain's WorkPublisher over the queue.
type publisher struct {
	queue  *workqueue.Queue
	events *workqueue.Events
	log    *slog.Logger
}

func (p publisher) PublishDraft(ctx context.Context, id review.NoteID) error {
	return p.queue.Publish(ctx, workqueue.Draft, string(id))
}

func (p publisher) PublishWriteBack(ctx context.Context, family review.NoteID) error {
	return p.queue.Publish(ctx, workqueue.Writeback, string(family))
}

func (p publisher) NoteChanged(id review.NoteID) { p.hint(workqueue.NoteChanged, string(id)) }

func (p publisher) WriteBackChanged(id review.WriteBackID) {
	p.hint(workqueue.WritebackChanged, string(id))
}

// hint tells live pages; nobody depends on it.
func (p publisher) hint(t workqueue.Topic, id string) {
	if err := p.events.Publish(t, id); err != nil {
		p.log.Debug("publish event", "topic", string(t))
	}
}

var _ review.WorkPublisher = publisher{}

// listen opens the gRPC and HTTP listeners.
func (a *app) listen(ctx context.Context, auth review.Authenticator, devices deviceAuth, o appOptions) error {
	var tlsConfig *tls.Config
	if a.config.Listen.TLSCertFile != "" {
		cert, err := tls.LoadX509KeyPair(a.config.Listen.TLSCertFile, a.config.Listen.TLSKeyFile)
		if err != nil {
			return fmt.Errorf("listen.tls_cert_file: %w", err)
		}
		tlsConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}
	if tlsConfig == nil {
		a.warnPlain("listen.grpc", a.config.Listen.GRPC)
		a.warnPlain("listen.http", a.config.Listen.HTTP)
	}
	if err := a.listenGRPC(auth, devices, tlsConfig); err != nil {
		return err
	}
	return a.listenHTTP(ctx, auth, tlsConfig, o)
}

// warnPlain says at every start what listen.plain_network means.
func (a *app) warnPlain(key, addr string) {
	if !loopback(hostOf(addr)) {
		a.log.Warn("listen.plain_network: passwords, tokens and what is said in visits cross this address without TLS: let nothing but a proxy that ends TLS reach it",
			"key", key, "address", addr)
	}
}

func hostOf(addr string) string {
	host, _, _ := net.SplitHostPort(addr)
	return host
}

func (a *app) listenGRPC(auth review.Authenticator, devices deviceAuth, tlsConfig *tls.Config) error {
	l, err := net.Listen("tcp", a.config.Listen.GRPC)
	if err != nil {
		return fmt.Errorf("listen.grpc: %w", err)
	}
	rpc := reviewrpc.Config{Service: a.service, Auth: auth, Log: a.log}
	options := append(ingest.ServerOptions(), reviewrpc.ServerOptions(rpc)...)
	if tlsConfig != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(tlsConfig)))
	}
	server := grpc.NewServer(options...)
	in := ingest.New(a.service, a.log, ingest.Options{DeviceAuth: devices})
	countersignpb.RegisterTranscriptIngestServer(server, in)
	reviewrpc.Register(server, rpc)
	a.GRPCAddr = l.Addr().String()
	go func() {
		if err := server.Serve(l); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			a.log.Error("grpc server", "error", err)
		}
	}()
	a.onClose(func(ctx context.Context) error {
		in.Drain()
		done := make(chan struct{})
		go func() { server.GracefulStop(); close(done) }()
		select {
		case <-done:
		case <-ctx.Done():
			server.Stop()
		}
		return nil
	})
	return nil
}

func (a *app) listenHTTP(ctx context.Context, auth review.Authenticator, tlsConfig *tls.Config, o appOptions) error {
	page, err := web.New(a.service, auth, a.log, web.Options{Hint: o.hint, SecureCookie: a.config.Listen.SecureCookie})
	if err != nil {
		return err
	}
	api, err := reviewrpc.NewGateway(ctx, reviewrpc.Config{Service: a.service, Auth: auth, Log: a.log})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/v1/", api)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", a.ready)
	mux.Handle("/", page)
	l, err := net.Listen("tcp", a.config.Listen.HTTP)
	if err != nil {
		return fmt.Errorf("listen.http: %w", err)
	}
	a.HTTPAddr = l.Addr().String()
	if tlsConfig != nil {
		l = tls.NewListener(l, tlsConfig)
	}
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	go func() {
		if err := server.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			a.log.Error("http server", "error", err)
		}
	}()
	a.onClose(server.Shutdown)
	return nil
}

// ready says whether the gateway can take work: the journal answers, and this
// process is alive in it.
func (a *app) ready(w http.ResponseWriter, r *http.Request) {
	if _, err := a.service.Owed(r.Context(), 1); err != nil {
		http.Error(w, "the journal does not answer", http.StatusServiceUnavailable)
		return
	}
	if a.service.LeaseRemaining() == 0 {
		http.Error(w, "the lease has run out", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}
