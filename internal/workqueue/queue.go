package workqueue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Kind is a kind of work. Each has its own subject and its own consumer.
type Kind string

// The kinds of work.
const (
	Draft     Kind = "draft"     // the id names a note that is drafting
	Writeback Kind = "writeback" // the id names a document family with write-backs due
)

func (k Kind) valid() bool { return k == Draft || k == Writeback }

func (k Kind) subject(id string) string { return "work." + string(k) + "." + id }

// Item is one debt: publishing it again does no harm.
type Item struct {
	Kind Kind
	ID   string // 26 characters of a–z and 0–9
}

// ErrInvalidID means that an id is not 26 characters of a–z and 0–9. The id
// itself is not repeated: it may be anything.
var ErrInvalidID = errors.New("id is not 26 characters of a-z and 0-9")

func checkID(id string) error {
	if len(id) != 26 {
		return ErrInvalidID
	}
	for i := range len(id) {
		if c := id[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return ErrInvalidID
		}
	}
	return nil
}

// Options of a Queue. The zero value is right for an embedded server.
type Options struct {
	// Stream is the name of the stream; default "WORK".
	Stream string
	// Replicas of the stream; default 1. Three on a cluster.
	Replicas int
	// MaxBytes bounds the stream; default 64 MiB, about 900,000 debts. A full
	// stream refuses what is new; the sweep brings it later.
	MaxBytes int64
	// MaxAckPending bounds what is handed out and not acknowledged, for each
	// kind over all processes; default 4096.
	MaxAckPending int
	// AckWait is how long a message stays with a process that gives no sign
	// of life; default 30 s. Heartbeats go out every third of it.
	AckWait time.Duration
	// Logger receives what goes wrong; nil discards it.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	o.Stream = cmp.Or(o.Stream, "WORK")
	o.Replicas = cmp.Or(o.Replicas, 1)
	o.MaxBytes = cmp.Or(o.MaxBytes, 64<<20)
	o.MaxAckPending = cmp.Or(o.MaxAckPending, 4096)
	o.AckWait = cmp.Or(o.AckWait, 30*time.Second)
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	return o
}

// Queue publishes and consumes work. It is safe for concurrent use and has
// nothing to close: it lives on the connection it was given.
type Queue struct {
	nc   *nats.Conn
	js   jetstream.JetStream
	opts Options
	log  *slog.Logger

	maxNak time.Duration // see the constant; tests shorten it

	ensuring sync.Mutex    // one EnsureStream at a time
	made     atomic.Bool   // the stream was there once: if it is missing it was deleted
	renewed  chan struct{} // holds a token after the stream was made anew
}

// Open returns the queue on nc after making sure of its stream. It fails when
// NATS does not answer before ctx ends (five seconds at most) and with a
// *ConfigError when the stream exists with other limits.
func Open(ctx context.Context, nc *nats.Conn, opts Options) (*Queue, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("open work queue: %w", err)
	}
	opts = opts.withDefaults()
	q := &Queue{nc: nc, js: js, opts: opts, log: opts.Logger, maxNak: maxNak, renewed: make(chan struct{}, 1)}
	if err := q.EnsureStream(ctx); err != nil {
		return nil, fmt.Errorf("open work queue: %w", err)
	}
	return q, nil
}

// Publish says that id of kind is owed. An id that is queued already is no
// error. Call it after the commit, and never fail the use case because of it:
// the sweep publishes again. It blocks for one round trip, at most until ctx
// ends or five seconds; a missing stream is made anew.
func (q *Queue) Publish(ctx context.Context, kind Kind, id string) error {
	_, err := q.publish(ctx, kind, id)
	return err
}

// publish reports whether a message was added; false without an error means
// that one was there.
func (q *Queue) publish(ctx context.Context, kind Kind, id string) (added bool, err error) {
	if !kind.valid() {
		return false, fmt.Errorf("publish work: kind %q: use draft or writeback", kind)
	}
	if err := checkID(id); err != nil {
		return false, fmt.Errorf("publish work: %w", err)
	}
	send := func() error {
		_, err := q.js.Publish(ctx, kind.subject(id), nil, jetstream.WithExpectStream(q.opts.Stream))
		return err
	}
	err = send()
	if errors.Is(err, jetstream.ErrNoStreamResponse) {
		if err := q.EnsureStream(ctx); err != nil {
			return false, fmt.Errorf("publish work: %w", err)
		}
		err = send()
	}
	switch {
	case err == nil:
		return true, nil
	case isQueued(err):
		return false, nil
	}
	return false, fmt.Errorf("publish work: %w", err)
}

// storeFailed is what nats-server answers when a stream takes no message
// (JSStreamStoreFailedF); only the description tells why.
const storeFailed jetstream.ErrorCode = 10077

func isQueued(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.ErrorCode == storeFailed &&
		api.Description == "maximum messages per subject exceeded"
}
