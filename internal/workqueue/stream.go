package workqueue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// ConfigError says that a stream or server exists that work must not be put
// into. Delete the stream (the sweep publishes again what is owed) or correct
// the configuration.
type ConfigError struct {
	Stream string
	Faults []string // one "field: is X, must be Y" each
}

func (e *ConfigError) Error() string {
	return fmt.Sprintf("stream %s exists with another configuration: %s: delete the stream (owed work is published again) or correct the settings",
		e.Stream, strings.Join(e.Faults, "; "))
}

// EnsureStream makes the stream if it is missing and returns a *ConfigError
// if it exists with other retention, limits or replicas. It is idempotent and
// safe from many processes at once.
func (q *Queue) EnsureStream(ctx context.Context) error {
	q.ensuring.Lock()
	defer q.ensuring.Unlock()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	want := q.streamConfig()
	stream, err := q.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = q.create(ctx, want)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another process was faster, with other settings
			stream, err = q.js.Stream(ctx, want.Name)
		}
		if err == nil {
			q.markRenewed()
		}
	}
	if err != nil {
		return fmt.Errorf("ensure stream %s: %w", want.Name, err)
	}
	q.made.Store(true)
	if faults := differences(stream.CachedInfo().Config, want); len(faults) > 0 {
		return &ConfigError{Stream: want.Name, Faults: faults}
	}
	return nil
}

// storeCreateFailed is nats-server's error code for a stream whose folder could
// not be made.
const storeCreateFailed = 10049

// afterDelete is how long nats-server is given to remove a deleted stream's
// folder, which it does behind its reply.
const afterDelete = 100 * time.Millisecond

// create makes the stream. Where it was deleted, it waits first: nats-server
// 2.15.2 may take the new stream's folder away with the old one's, and then
// either fails (asked again, it succeeds) or, if that happens while it writes
// the new stream's description, panics (filestore.go: an error there unlocks a
// nil store). Embedded, that would take this process along; nothing would be
// lost, the database is the record.
func (q *Queue) create(ctx context.Context, c jetstream.StreamConfig) (jetstream.Stream, error) {
	for try := 1; ; try++ {
		if try > 1 || q.made.Load() {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(afterDelete):
			}
		}
		stream, err := q.js.CreateStream(ctx, c)
		var api *jetstream.APIError
		if try == 10 || !errors.As(err, &api) || api.ErrorCode != storeCreateFailed {
			return stream, err
		}
	}
}

// markRenewed tells the Sweeper that messages may have gone with the old stream.
func (q *Queue) markRenewed() {
	select {
	case q.renewed <- struct{}{}:
	default:
	}
}

func (q *Queue) streamConfig() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        q.opts.Stream,
		Description: "Countersign work: ids only. The database is the record; this stream may be deleted.",
		Subjects:    []string{Draft.subject("*"), Writeback.subject("*")},
		Retention:   jetstream.WorkQueuePolicy,
		Storage:     jetstream.FileStorage,
		Replicas:    q.opts.Replicas,
		// One message for one debt; a second is refused, not stored.
		MaxMsgsPerSubject:    1,
		Discard:              jetstream.DiscardNew,
		DiscardNewPerSubject: true,
		MaxBytes:             q.opts.MaxBytes,
		MaxMsgs:              -1,
		MaxConsumers:         -1,
		// Room for the protocol's own headers; none for clinical text.
		MaxMsgSize: 512,
	}
}

// differences compares what decides over loss, one line per fault. Settings
// that the server fills in (duplicate window, placement, metadata) are free.
func differences(got, want jetstream.StreamConfig) []string {
	var faults []string
	check := func(field string, got, want any) {
		if fmt.Sprint(got) != fmt.Sprint(want) {
			faults = append(faults, fmt.Sprintf("%s: is %v, must be %v", field, got, want))
		}
	}
	slices.Sort(got.Subjects)
	slices.Sort(want.Subjects)
	check("subjects", got.Subjects, want.Subjects)
	check("retention", got.Retention, want.Retention)
	check("storage", got.Storage, want.Storage)
	check("replicas", got.Replicas, want.Replicas)
	check("max messages per subject", got.MaxMsgsPerSubject, want.MaxMsgsPerSubject)
	check("discard", got.Discard, want.Discard)
	check("discard new per subject", got.DiscardNewPerSubject, want.DiscardNewPerSubject)
	check("max messages", got.MaxMsgs, want.MaxMsgs)
	check("max bytes", got.MaxBytes, want.MaxBytes)
	check("max age", got.MaxAge, want.MaxAge)
	check("max message size", got.MaxMsgSize, want.MaxMsgSize)
	check("max consumers", got.MaxConsumers, want.MaxConsumers)
	check("no ack", got.NoAck, want.NoAck)
	check("sealed", got.Sealed, want.Sealed)
	check("mirror", got.Mirror != nil, false)
	check("sources", len(got.Sources), 0)
	check("persist mode", got.PersistMode, want.PersistMode)
	return faults
}

// ensureConsumer makes the stream and the durable consumer of kind if they
// are missing. All processes share the consumer.
func (q *Queue) ensureConsumer(ctx context.Context, kind Kind) (jetstream.Consumer, error) {
	if err := q.EnsureStream(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	consumer, err := q.js.CreateOrUpdateConsumer(ctx, q.opts.Stream, jetstream.ConsumerConfig{
		Durable:       string(kind),
		FilterSubject: kind.subject("*"),
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       q.opts.AckWait,
		MaxAckPending: q.opts.MaxAckPending,
		MaxDeliver:    -1, // the database counts attempts and gives up, not NATS
		MaxWaiting:    4096,
	})
	if err != nil {
		return nil, fmt.Errorf("ensure consumer %s: %w", kind, err)
	}
	return consumer, nil
}
