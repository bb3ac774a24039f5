package ingest

import (
	"context"
	"errors"
	"io"
	"time"

	"countersign/review"

	countersignpb "countersign/proto/countersign/v1"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// clockTolerance is the difference of clocks above which a device is told.
const clockTolerance = 30 * time.Second

// session is one call after its Start was accepted. Only run and what it
// calls touch its fields and send; the reader has the inbox.
type session struct {
	server *Server
	stream grpc.BidiStreamingServer[countersignpb.StreamUtterancesRequest, countersignpb.StreamUtterancesResponse]
	open   review.OpenStream
	inbox  *inbox

	durable  int64              // highest sequence on disk
	batch    []review.Utterance // goes on after durable without a hole
	repeated bool               // a repeat has come since the last Ack
	seen     *seen
	gap      *gap
}

// gap is a hole that the device was asked to fill.
type gap struct {
	dropped int // messages since
	ends    int // Ends since, or 1 when an End showed the hole
}

// errDone ends a call that has nothing more to say.
var errDone = errors.New("ingest: done")

func (se *session) run(start *countersignpb.Start, now time.Time) error {
	stale := se.server.calls.enter(se.open)
	defer se.server.calls.leave(se.open)
	defer se.inbox.close()
	if acked := int64(start.GetResumption().GetAckedSequence()); acked > se.durable {
		return &refusal{
			Reason: countersignpb.RefusedReason_REFUSED_REASON_CONFLICTING_CONTENT, Field: "start.resumption.acked_sequence",
			Message:  "start.resumption.acked_sequence: more was acknowledged than is on disk",
			WhatToDo: "keep everything on the device and call support", Through: se.durable,
		}
	}
	if se.open.Ended {
		// Only our Ended was lost: it is the answer to Start.
		if err := se.finish(se.stream.Context()); !errors.Is(err, errDone) {
			return err
		}
		return nil
	}
	if err := se.greet(start, now); err != nil {
		return err
	}
	go se.read()
	err := se.loop(stale)
	if errors.Is(err, errDone) {
		return nil
	}
	return err
}

// greet sends Started and what the device should know.
func (se *session) greet(start *countersignpb.Start, now time.Time) error {
	o := se.server.options
	err := se.stream.Send(&countersignpb.StreamUtterancesResponse{Event: &countersignpb.StreamUtterancesResponse_Started{Started: &countersignpb.Started{
		RecordingId: string(se.open.RecordingID), StreamId: string(se.open.StreamID), ResumeToken: pack(se.open),
		ResumeFrom: uint32(se.durable), ProtocolVersion: ProtocolVersion, ServerClock: timestamppb.New(now),
		Limits: &countersignpb.Limits{
			MaxUtteranceBytes: review.MaxUtteranceBytes, Window: uint32(o.Window), AckInterval: durationpb.New(time.Second),
			MaxDuration: durationpb.New(o.MaxDuration), IdleTimeout: durationpb.New(o.IdleTimeout),
		},
	}}})
	if err != nil {
		return err
	}
	if se.open.Unbound {
		if err := se.notice(countersignpb.NoticeKind_NOTICE_KIND_UNBOUND, "patient and encounter are not known: a person must bind the recording before anybody signs"); err != nil {
			return err
		}
	}
	if d := now.Sub(start.GetDeviceClock().AsTime()).Abs(); d > clockTolerance {
		return se.notice(countersignpb.NoticeKind_NOTICE_KIND_CLOCK_DIFFERS, "the clocks of device and server differ by more than 30 s")
	}
	return nil
}

func (se *session) notice(k countersignpb.NoticeKind, text string) error {
	return se.stream.Send(&countersignpb.StreamUtterancesResponse{Event: &countersignpb.StreamUtterancesResponse_Notice{Notice: &countersignpb.Notice{Kind: k, Message: text}}})
}

// read receives until the device or the handler ends.
func (se *session) read() {
	for {
		m, err := se.stream.Recv()
		it := item{fault: err}
		if err == nil {
			it = se.classify(m)
		}
		if it == (item{}) {
			se.inbox.touch()
			continue
		}
		if !se.inbox.put(it) || it.fault != nil {
			return
		}
	}
}

// loop takes what has gathered until the call ends.
func (se *session) loop(stale <-chan struct{}) error {
	ctx := se.stream.Context()
	idle := time.NewTimer(se.server.options.IdleTimeout)
	defer idle.Stop()
	for {
		select {
		case <-se.inbox.ready:
			if err := se.handle(ctx, se.inbox.take()); err != nil {
				return err
			}
			idle.Reset(se.server.options.IdleTimeout)
		case <-stale:
			return errTakenOver(se.durable)
		case <-se.server.draining:
			return se.drain(ctx)
		case <-idle.C:
			return errIdle(se.durable)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (se *session) drain(ctx context.Context) error {
	if err := se.handle(ctx, se.inbox.take()); err != nil {
		return err
	}
	if err := se.notice(countersignpb.NoticeKind_NOTICE_KIND_DRAINING, "the server is shutting down"); err != nil {
		return err
	}
	return errDraining(se.durable)
}

// handle works through one batch of messages and commits what it gathered.
func (se *session) handle(ctx context.Context, items []item) error {
	for _, it := range items {
		var err error
		switch {
		case it.fault != nil:
			err = se.fault(ctx, it.fault)
		case it.utterance != nil:
			err = se.accept(ctx, *it.utterance)
		default:
			err = se.control(ctx, it.control)
		}
		if err != nil {
			return err
		}
	}
	return se.flush(ctx)
}

// fault commits what came before the end of reading, then says why.
func (se *session) fault(ctx context.Context, cause error) error {
	if ctx.Err() == nil {
		if err := se.flush(ctx); err != nil {
			return err
		}
	}
	var r *refusal
	switch {
	case errors.As(cause, &r):
		r.Through = se.durable
		return r
	case errors.Is(cause, io.EOF):
		// The device has closed its side without End: the stream stays open.
		return errDone
	}
	return cause
}

// next is the sequence number to come.
func (se *session) next() int64 { return se.durable + int64(len(se.batch)) + 1 }

func (se *session) accept(ctx context.Context, u review.Utterance) error {
	next := se.next()
	switch {
	case u.Seq < next:
		if !se.seen.same(u) {
			return se.fault(ctx, &refusal{
				Reason: countersignpb.RefusedReason_REFUSED_REASON_CONFLICTING_CONTENT, Field: "utterance.sequence",
				Message:  "utterance.sequence: other content was sent under this number; the first stays",
				WhatToDo: "keep everything on the device and call support",
			})
		}
		se.repeated = true
		return nil
	case u.Seq > next:
		return se.hole(ctx, u.Seq)
	}
	se.gap = nil
	se.seen.put(u)
	se.batch = append(se.batch, u)
	return nil
}

// hole asks once for what is missing, and ends the call when it does not come.
func (se *session) hole(ctx context.Context, received int64) error {
	if se.gap == nil {
		se.gap = &gap{}
		return se.ask(received)
	}
	if se.gap.dropped++; se.gap.dropped > se.server.options.Window {
		return se.fault(ctx, errGap())
	}
	return nil
}

func (se *session) ask(received int64) error {
	return se.stream.Send(&countersignpb.StreamUtterancesResponse{Event: &countersignpb.StreamUtterancesResponse_ResumePoint{
		ResumePoint: &countersignpb.ResumePoint{NextSequence: uint32(se.next()), ReceivedSequence: uint32(received)},
	}})
}

func errGap() *refusal {
	return refuse(countersignpb.RefusedReason_REFUSED_REASON_SEQUENCE_GAP, "utterance.sequence", "utterance.sequence: what the ResumePoint asked for did not come",
		"keep recording: the device comes back and sends it again")
}

// flush commits the batch in one transaction and then, and only then,
// acknowledges it. Repeats are acknowledged again: they are on disk.
func (se *session) flush(ctx context.Context) error {
	if len(se.batch) == 0 && !se.repeated {
		return nil
	}
	if len(se.batch) > 0 {
		st := se.open
		st.DurableSeq = se.durable
		durable, err := se.server.service.Append(ctx, st, se.batch)
		if err != nil {
			return se.failed("append", err)
		}
		se.durable, se.batch = durable, se.batch[:0:0]
	}
	se.repeated = false
	return se.stream.Send(&countersignpb.StreamUtterancesResponse{Event: &countersignpb.StreamUtterancesResponse_Ack{
		Ack: &countersignpb.Ack{ThroughSequence: uint32(se.durable)},
	}})
}

func (se *session) failed(what string, err error) error {
	if review.KindOf(err) == review.KindInternal && se.stream.Context().Err() == nil {
		se.server.log.Error("ingest: "+what, "stream_id", se.open.StreamID, "durable", se.durable, "cause", err)
	}
	return fromDomain(err, inStream, false, se.durable)
}

func (se *session) control(ctx context.Context, m *countersignpb.StreamUtterancesRequest) error {
	switch e := m.GetEvent().(type) {
	case *countersignpb.StreamUtterancesRequest_Pause:
		return se.mark(ctx, int64(e.Pause.GetAfterSequence()))
	case *countersignpb.StreamUtterancesRequest_Resume:
		return se.mark(ctx, int64(e.Resume.GetAfterSequence()))
	case *countersignpb.StreamUtterancesRequest_End:
		return se.end(ctx, int64(e.End.GetLastSequence()))
	case *countersignpb.StreamUtterancesRequest_Cancel:
		return se.cancel(ctx, e.Cancel.GetReason())
	}
	return se.fault(ctx, badMessage("event", "not possible here", "update the device's software"))
}

// mark is Pause or Resume: everything before it is put on disk now, however
// long nothing more is said.
func (se *session) mark(ctx context.Context, after int64) error {
	if after >= se.next() {
		return se.hole(ctx, after+1)
	}
	return se.flush(ctx)
}

func (se *session) end(ctx context.Context, last int64) error {
	if err := se.flush(ctx); err != nil {
		return err
	}
	switch {
	case se.gap != nil:
		// One End may have been on its way when the device was asked to go back.
		if se.gap.ends++; se.gap.ends > 1 {
			return se.fault(ctx, errGap())
		}
		return nil
	case last > se.durable:
		se.gap = &gap{ends: 1}
		return se.ask(last)
	case last < se.durable:
		return se.fault(ctx, badMessage("end.last_sequence", "lower than what is on disk", "send the highest sequence number that was ever sent in this stream"))
	}
	return se.finish(ctx)
}

// finish ends the stream and tells its notes. It is idempotent.
func (se *session) finish(ctx context.Context) error {
	notes, err := se.server.service.EndStream(ctx, se.open)
	if err != nil {
		return se.failed("end stream", err)
	}
	ended := &countersignpb.Ended{ThroughSequence: uint32(se.durable)}
	for _, id := range notes {
		ended.NoteIds = append(ended.NoteIds, string(id))
	}
	return se.bye(ended)
}

func (se *session) bye(e *countersignpb.Ended) error {
	if err := se.stream.Send(&countersignpb.StreamUtterancesResponse{Event: &countersignpb.StreamUtterancesResponse_Ended{Ended: e}}); err != nil {
		return err
	}
	return errDone
}

// cancel throws the stream away: what has gathered is not stored any more.
func (se *session) cancel(ctx context.Context, r countersignpb.CancelReason) error {
	reason, ok := cancelReasons()[r]
	if !ok {
		return se.fault(ctx, badMessage("cancel.reason", "is missing", "say why the stream is thrown away"))
	}
	if err := se.server.service.CancelStream(ctx, se.open, reason); err != nil {
		return se.failed("cancel stream", err)
	}
	return se.bye(&countersignpb.Ended{ThroughSequence: uint32(se.durable), Cancelled: true})
}

// cancelReasons are the fixed words that go into the audit trail.
func cancelReasons() map[countersignpb.CancelReason]string {
	return map[countersignpb.CancelReason]string{
		countersignpb.CancelReason_CANCEL_REASON_STARTED_BY_MISTAKE: "started-by-mistake",
		countersignpb.CancelReason_CANCEL_REASON_WRONG_PATIENT:      "wrong-patient",
		countersignpb.CancelReason_CANCEL_REASON_CONSENT_WITHDRAWN:  "consent-withdrawn",
		countersignpb.CancelReason_CANCEL_REASON_TEST:               "test",
		countersignpb.CancelReason_CANCEL_REASON_NOT_NEEDED:         "not-needed",
	}
}
