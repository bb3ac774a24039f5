package ingest

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"countersign/review"

	countersignpb "countersign/proto/countersign/v1"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
)

// Service is what ingest needs from the domain. *review.Service implements
// it. It is called from many goroutines, and for one stream from one at a
// time. Append returns after its commit.
type Service interface {
	OpenRecording(ctx context.Context, r review.OpenRequest) (review.OpenStream, error)
	Append(ctx context.Context, st review.OpenStream, us []review.Utterance) (durable int64, err error)
	EndStream(ctx context.Context, st review.OpenStream) ([]review.NoteID, error)
	CancelStream(ctx context.Context, st review.OpenStream, reason string) error
}

var _ Service = (*review.Service)(nil)

// ProtocolVersion is the only version of the stream that is spoken.
const ProtocolVersion = 1

// Limits of the connection, for servers and devices alike.
const (
	// MaxRecvMsgSize bounds one message. gRPC itself ends a call with a larger
	// one as RESOURCE_EXHAUSTED; no Refused can be sent then.
	MaxRecvMsgSize = 1 << 20
	// KeepaliveMinTime is the least time between a device's pings; one that
	// pings more often is cut off with ENHANCE_YOUR_CALM.
	KeepaliveMinTime = 10 * time.Second
	// KeepaliveTime is the silence after which the other side is pinged, and
	// KeepaliveTimeout the wait for its answer before the connection is cut.
	KeepaliveTime    = 30 * time.Second
	KeepaliveTimeout = 10 * time.Second
	// streamWindow is the fixed flow-control window of a call in bytes. A
	// fixed one bounds memory: the adaptive one grows to 16 MiB.
	streamWindow = 256 << 10
	connWindow   = 1 << 20
)

// Options of a Server; zero values are usable.
type Options struct {
	// Window is how many utterances a device may send without an Ack, and
	// how many the inbox of a call holds. Default 256.
	Window int
	// MaxBytes bounds the inbox of a call in bytes of messages. Default 1 MiB.
	MaxBytes int
	// MaxDuration of a recording. Default 12 h.
	MaxDuration time.Duration
	// IdleTimeout ends a call without messages. Default 5 min.
	IdleTimeout time.Duration
	// DeviceAuth says which device is calling, from the metadata or the
	// client certificate in ctx, and for which site. Nil believes the
	// device_id and site_id of Start, which is for loopback addresses only.
	DeviceAuth func(ctx context.Context) (Device, error)
	// Live is handed interim utterances. It is called from the reader of each
	// call and must not block. Nil drops them.
	Live func(st review.OpenStream, u review.Utterance)
	// Now is the clock; default time.Now.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	if o.Window <= 0 {
		o.Window = 256
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = MaxRecvMsgSize
	}
	if o.MaxDuration <= 0 {
		o.MaxDuration = 12 * time.Hour
	}
	if o.IdleTimeout <= 0 {
		o.IdleTimeout = 5 * time.Minute
	}
	if o.Live == nil {
		o.Live = func(review.OpenStream, review.Utterance) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Server implements TranscriptIngest. It may be used concurrently.
type Server struct {
	countersignpb.UnimplementedTranscriptIngestServer
	service Service
	log     *slog.Logger
	options Options
	calls   *calls

	drainOnce sync.Once
	draining  chan struct{}
}

var _ countersignpb.TranscriptIngestServer = (*Server)(nil)

// New returns a Server over the domain. It has no side effects.
func New(s Service, log *slog.Logger, o Options) *Server {
	return &Server{service: s, log: log, options: o.withDefaults(), calls: newCalls(), draining: make(chan struct{})}
}

// ServerOptions are the limits that a grpc.Server with this service needs.
func ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(MaxRecvMsgSize),
		grpc.InitialWindowSize(streamWindow),
		grpc.InitialConnWindowSize(connWindow),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: KeepaliveMinTime}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: KeepaliveTime, Timeout: KeepaliveTimeout}),
	}
}

// Drain tells every call to come back later: what has gathered is committed
// and acknowledged, then the call ends with UNAVAILABLE. New calls are refused
// in the same way. It returns at once; grpc.Server.GracefulStop waits for the
// calls to end. It may be called more than once.
func (s *Server) Drain() { s.drainOnce.Do(func() { close(s.draining) }) }

// StreamUtterances serves one call; see ingest.proto.
func (s *Server) StreamUtterances(stream grpc.BidiStreamingServer[countersignpb.StreamUtterancesRequest, countersignpb.StreamUtterancesResponse]) error {
	err := s.serve(stream)
	var r *refusal
	switch {
	case err == nil:
		return nil
	case stream.Context().Err() != nil:
		return status.FromContextError(stream.Context().Err()).Err()
	case errors.As(err, &r):
		s.log.Info("ingest: refused", "reason", shortReason(r.Reason), "field", r.Field, "durable", r.Through)
		if err := stream.Send(r.response()); err != nil {
			return err
		}
		return status.Error(statusOf(r.Reason), r.Message)
	default: // the transport's own error
		return err
	}
}

func (s *Server) serve(stream grpc.BidiStreamingServer[countersignpb.StreamUtterancesRequest, countersignpb.StreamUtterancesResponse]) error {
	select {
	case <-s.draining:
		return errDraining(0)
	default:
	}
	device, err := s.authenticate(stream.Context())
	if err != nil {
		return err
	}
	first, err := s.recvFirst(stream)
	if err != nil {
		return err
	}
	start := first.GetStart()
	if start == nil {
		return refuse(countersignpb.RefusedReason_REFUSED_REASON_INVALID_UTTERANCE, "start", "the first message of a call must be Start", "update the device's software")
	}
	if s.options.DeviceAuth != nil && start.GetDeviceId() != device.ID {
		return refuse(countersignpb.RefusedReason_REFUSED_REASON_UNKNOWN_DEVICE, "start.device_id", "not the device that authenticated", "register this device at the site, or use its own credentials")
	}
	now := s.options.Now()
	req, err := openRequest(start, now, s.options, device)
	if err != nil {
		return err
	}
	open, err := s.service.OpenRecording(stream.Context(), req)
	if err != nil {
		return s.refusalAtOpen(err, req)
	}
	se := &session{
		server: s, stream: stream, open: open, durable: open.DurableSeq, seen: newSeen(s.options.Window),
		inbox: newInbox(s.options.Window, s.options.MaxBytes),
	}
	return se.run(start, now)
}

func (s *Server) authenticate(ctx context.Context) (Device, error) {
	if s.options.DeviceAuth == nil {
		return Device{}, nil
	}
	d, err := s.options.DeviceAuth(ctx)
	if err != nil || d.ID == "" {
		return Device{}, refuse(countersignpb.RefusedReason_REFUSED_REASON_UNAUTHENTICATED, "", "credentials are missing, wrong or out of date", "get new credentials for this device")
	}
	return d, nil
}

// recvFirst waits for the first message, at most the idle time-out: a call
// that never says Start must not stay.
func (s *Server) recvFirst(stream grpc.BidiStreamingServer[countersignpb.StreamUtterancesRequest, countersignpb.StreamUtterancesResponse]) (*countersignpb.StreamUtterancesRequest, error) {
	type result struct {
		m   *countersignpb.StreamUtterancesRequest
		err error
	}
	got := make(chan result, 1)
	go func() {
		m, err := stream.Recv()
		got <- result{m, err}
	}()
	idle := time.NewTimer(s.options.IdleTimeout)
	defer idle.Stop()
	select {
	case r := <-got:
		return r.m, r.err
	case <-s.draining:
		return nil, errDraining(0)
	case <-idle.C:
		return nil, errIdle(0)
	}
}

// refusalAtOpen translates what the domain said to a Start.
func (s *Server) refusalAtOpen(err error, req review.OpenRequest) error {
	if review.KindOf(err) == review.KindInternal {
		s.log.Error("ingest: open recording", "site_id", req.SiteID, "cause", err)
	}
	return fromDomain(err, atOpen, req.ResumeToken != "", 0)
}

// token packs the stream's id and secret into one opaque value, and unpack
// takes it apart again.
func pack(st review.OpenStream) []byte {
	return []byte(string(st.StreamID) + "." + st.ResumeToken)
}

func unpack(token []byte) (review.StreamID, string, bool) {
	id, secret, ok := strings.Cut(string(token), ".")
	if !ok || len(token) > 512 || !review.ValidID(review.StreamID(id)) || secret == "" {
		return "", "", false
	}
	return review.StreamID(id), secret, true
}

func shortReason(r countersignpb.RefusedReason) string {
	return strings.TrimPrefix(r.String(), "REFUSED_REASON_")
}

// statusOf is the gRPC status that ingest.proto names beside each reason.
func statusOf(r countersignpb.RefusedReason) codes.Code {
	if c, ok := statuses()[r]; ok {
		return c
	}
	return codes.Internal
}
