package ingest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"countersign/review"

	countersignpb "countersign/proto/countersign/v1"

	"google.golang.org/grpc"
	grpcbackoff "google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Client streams visits as a device does. It may be used concurrently.
type Client struct {
	rpc countersignpb.TranscriptIngestClient
}

// NewClient returns a Client over a connection, which stays the caller's.
func NewClient(cc grpc.ClientConnInterface) *Client {
	return &Client{rpc: countersignpb.NewTranscriptIngestClient(cc)}
}

// DialOptions are the limits that a client's connection needs.
func DialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: KeepaliveTime, Timeout: KeepaliveTimeout}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           grpcbackoff.Config{BaseDelay: 500 * time.Millisecond, Multiplier: 2, Jitter: 0.5, MaxDelay: 30 * time.Second},
			MinConnectTimeout: 10 * time.Second,
		}),
		grpc.WithDefaultCallOptions(grpc.MaxCallSendMsgSize(MaxRecvMsgSize)),
	}
}

// StreamOptions of one visit; zero values are usable.
type StreamOptions struct {
	// Pace is the speed of sending: 1 is as it was spoken, 10 ten times
	// faster; 0 sends at once.
	Pace float64
	// StateFile is where the resume token is kept, mode 0600, so that a
	// process that was killed goes on where it was. One file per recording.
	// Empty keeps it in memory.
	StateFile string
	// Token is the device's bearer token; empty sends none.
	Token string
	// StartedAt is when the recording began; default now.
	StartedAt time.Time
	// OnAck is told the highest sequence on disk, each time it grows.
	OnAck func(through int64)
	// OnProgress is told of everything worth showing, without content. Both
	// are called from Stream's goroutine and must not block.
	OnProgress func(Progress)
	// MaxAttempts bounds calls in a row that got nothing acknowledged; 0
	// tries until the context ends.
	MaxAttempts int
	// Backoff is the wait before try n, from 1. Default: 0.5 s, doubled up
	// to 30 s, each a random half to whole of it.
	Backoff func(n int) time.Duration
}

// Progress is one thing that happened to a stream.
type Progress struct {
	Event string // connected, reconnecting, resume_point, notice, sent, acked, ended
	Seq   int64  // of sent and acked; where a connection goes on
	Text  string // of a notice or of the reason to reconnect; fixed wording
}

// Result is what came of a visit.
type Result struct {
	RecordingID review.RecordingID
	StreamID    review.StreamID
	Through     int64 // highest sequence on disk
	NoteIDs     []review.NoteID
	Calls       int // 1 when nothing was lost
}

// RefusedError is a Refused that trying again does not mend.
type RefusedError struct {
	Reason   string // such as CONSENT_MISSING
	Field    string
	Message  string
	WhatToDo string
	Through  int64
}

// Error implements error.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("stream: refused: %s: %s: %s", e.Reason, e.Message, e.WhatToDo)
}

// Stream sends a visit and returns when the server has ended the stream: all
// of it is on disk and the note is owed. Utterances are numbered 1, 2, 3 … in
// order. It keeps what is not acknowledged, reconnects with backoff and
// resumes after the last durable sequence. An error is a [*RefusedError], the
// context's, or a fault of the input; with a state file, calling it again with
// the same visit goes on.
func (c *Client) Stream(ctx context.Context, v Visit, us []review.Utterance, o StreamOptions) (Result, error) {
	if faults := v.faults(); len(faults) > 0 {
		return Result{}, fmt.Errorf("stream: visit: %w", errors.Join(faults...))
	}
	for i, u := range us {
		if u.Seq != int64(i)+1 {
			return Result{}, fmt.Errorf("stream: utterance %d has sequence %d: number them 1, 2, 3 in order", i+1, u.Seq)
		}
		if err := u.Validate(); err != nil {
			return Result{}, err
		}
	}
	o = o.withDefaults()
	st, err := loadState(o.StateFile, v, o.StartedAt)
	if err != nil {
		return Result{}, err
	}
	if st.Acked > int64(len(us)) {
		return Result{}, errors.New("stream: more was acknowledged than the transcript has: it is not the one this recording began with")
	}
	if o.Token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+o.Token)
	}
	if st.Ended {
		return st.result(0), nil
	}
	return c.untilEnded(ctx, v, us, st, o)
}

func (o StreamOptions) withDefaults() StreamOptions {
	if o.StartedAt.IsZero() {
		o.StartedAt = time.Now()
	}
	if o.OnAck == nil {
		o.OnAck = func(int64) {}
	}
	if o.OnProgress == nil {
		o.OnProgress = func(Progress) {}
	}
	if o.Backoff == nil {
		o.Backoff = backoff
	}
	return o
}

func backoff(n int) time.Duration {
	d := min(500*time.Millisecond<<min(n-1, 10), 30*time.Second)
	return d/2 + rand.N(d/2)
}

func (st clientState) result(calls int) Result {
	r := Result{RecordingID: review.RecordingID(st.ServerID), StreamID: review.StreamID(st.StreamID), Through: st.Acked, Calls: calls}
	for _, id := range st.NoteIDs {
		r.NoteIDs = append(r.NoteIDs, review.NoteID(id))
	}
	return r
}

// untilEnded makes one call after another.
func (c *Client) untilEnded(ctx context.Context, v Visit, us []review.Utterance, st clientState, o StreamOptions) (Result, error) {
	barren := 0 // calls in a row without an Ack
	for n := 1; ; n++ {
		before := st.Acked
		call := &outgoing{client: c, visit: v, utterances: us, state: &st, options: o}
		err := call.run(ctx)
		var again *retry
		switch {
		case err == nil:
			return st.result(n), nil
		case ctx.Err() != nil:
			return st.result(n), fmt.Errorf("stream: stopped with %d of %d on disk: %w", st.Acked, len(us), ctx.Err())
		case !errors.As(err, &again):
			return st.result(n), err
		}
		if barren++; st.Acked > before {
			barren = 1
		}
		if o.MaxAttempts > 0 && barren >= o.MaxAttempts {
			return st.result(n), fmt.Errorf("stream: gave up after %d calls with %d of %d on disk: %s", barren, st.Acked, len(us), again.why)
		}
		o.OnProgress(Progress{Event: "reconnecting", Seq: st.Acked, Text: again.why})
		if err := wait(ctx, max(o.Backoff(barren), again.after)); err != nil {
			return st.result(n), fmt.Errorf("stream: stopped with %d of %d on disk: %w", st.Acked, len(us), err)
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// retry is a call that ended in a way that another call may mend.
type retry struct {
	why   string // fixed wording
	after time.Duration
}

// Error implements error.
func (r *retry) Error() string { return "stream: " + r.why }

// transportError says whether a call that ended without Refused or Ended may
// be tried again. Only what can never work is final.
func transportError(err error) error {
	switch code := status.Code(err); code {
	case codes.Unauthenticated, codes.PermissionDenied, codes.Unimplemented, codes.InvalidArgument:
		return &RefusedError{Reason: code.String(), Message: "the server ended the call", WhatToDo: "check the address and the device's credentials"}
	default:
		return &retry{why: "connection lost (" + code.String() + ")"}
	}
}
