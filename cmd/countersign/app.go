package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"countersign/adapters"
	"countersign/internal/embeddednats"
	"countersign/internal/keyring"
	"countersign/internal/staff"
	"countersign/internal/workqueue"
	"countersign/notegen"
	"countersign/notegen/grounding"
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
	method := orDefault(o.authMethod, "password")
	auth := staff.NewAuthenticator(people, method, staff.Options{OnAttempt: a.signIns(people, method)})
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
	a.onClose(func(ctx context.Context) error {
		// Time of its own: a rival waits a full term for a lease that did not end.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		return a.service.EndLease(ctx)
	})
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
	a.onClose(func(ctx context.Context) error {
		cancel()
		wg.Wait()
		dispatcher.Flush(context.WithoutCancel(ctx)) // what is known must not become unknown
		return nil
	})
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

var _ review.WorkPublisher = publisher{}
