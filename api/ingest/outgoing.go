package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"countersign/review"

	countersignpb "countersign/proto/countersign/v1"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// outgoing is one call of a client.
type outgoing struct {
	client     *Client
	visit      Visit
	utterances []review.Utterance
	state      *clientState
	options    StreamOptions

	stream  grpc.BidiStreamingClient[countersignpb.StreamUtterancesRequest, countersignpb.StreamUtterancesResponse]
	answers *answers
	next    int64 // sequence to send next
	window  int64
	endSent bool
	began   time.Time     // when this call began to send, for the pace
	beganAt time.Duration // of the recording, at that moment
	// lost is true when an earlier Start may have been taken and its answer
	// never came.
	lost bool
}

// run makes the call. nil means that the stream has ended; *retry that another
// call may go on.
func (c *outgoing) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c.lost = c.state.Asked && c.state.ResumeToken == nil
	c.state.Asked = true
	if err := c.state.save(c.options.StateFile, true); err != nil {
		return err
	}
	stream, err := c.client.rpc.StreamUtterances(ctx)
	if err != nil {
		return transportError(err)
	}
	c.stream = stream
	if err := stream.Send(&countersignpb.StreamUtterancesRequest{Event: &countersignpb.StreamUtterancesRequest_Start{Start: c.start()}}); err != nil && !errors.Is(err, io.EOF) {
		return transportError(err)
	}
	first, err := stream.Recv()
	if err != nil {
		return transportError(err)
	}
	if first.GetStarted() == nil {
		return c.answer(first)
	}
	if err := c.started(first.GetStarted()); err != nil {
		return err
	}
	c.answers = newAnswers()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.answers.receive(stream)
	}()
	err = c.converse(ctx)
	cancel()
	<-done
	return err
}

func (c *outgoing) start() *countersignpb.Start {
	s := c.visit.start()
	s.Recording.ClientRecordingId = c.state.clientID()
	if c.state.ResumeToken != nil {
		// A Start that resumes needs nothing of the patient.
		s = &countersignpb.Start{
			ProtocolVersion: ProtocolVersion, SiteId: s.SiteId, DeviceId: s.DeviceId, Recording: s.Recording,
			Resumption: &countersignpb.Resumption{ResumeToken: c.state.ResumeToken, AckedSequence: uint32(c.state.Acked)},
		}
	}
	s.DeviceClock, s.StartedAt = timestamppb.Now(), timestamppb.New(c.state.StartedAt)
	return s
}

// started keeps the token before anything else is sent.
func (c *outgoing) started(s *countersignpb.Started) error {
	c.state.ResumeToken, c.state.ServerID, c.state.StreamID = s.GetResumeToken(), s.GetRecordingId(), s.GetStreamId()
	from := int64(s.GetResumeFrom())
	if from > int64(len(c.utterances)) {
		return errors.New("stream: more is on disk than the transcript has: it is not the one this recording began with")
	}
	if err := c.state.save(c.options.StateFile, true); err != nil {
		return err
	}
	c.next, c.window = from+1, int64(max(s.GetLimits().GetWindow(), 1))
	c.options.OnProgress(Progress{Event: "connected", Seq: from})
	if from < int64(len(c.utterances)) {
		c.beganAt = c.utterances[from].Start
	}
	c.began = time.Now()
	return c.acked(from)
}

func (c *outgoing) acked(through int64) error {
	if through <= c.state.Acked {
		return nil
	}
	c.state.Acked = through
	c.options.OnAck(through)
	c.options.OnProgress(Progress{Event: "acked", Seq: through})
	return c.state.save(c.options.StateFile, false)
}

// converse sends what the window and the pace allow, and reads answers.
func (c *outgoing) converse(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		got, err := c.answers.take()
		for _, m := range got {
			if err := c.answer(m); !errors.Is(err, errGoOn) {
				return err
			}
		}
		if err != nil {
			return transportError(err)
		}
		sent, delay, err := c.step()
		if errors.Is(err, io.EOF) {
			// Why the call has ended is among the answers.
			c.answers.untilClosed()
			continue
		} else if err != nil {
			return fmt.Errorf("stream: utterance %d cannot be sent (%s): check that its label and words are UTF-8", c.next-1, status.Code(err))
		}
		if sent {
			continue
		}
		var due <-chan time.Time
		if delay > 0 {
			timer.Reset(delay)
			due = timer.C
		}
		select {
		case <-c.answers.ready:
		case <-due:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// step sends at most one message. delay is the wait that the pace asks for.
func (c *outgoing) step() (sent bool, delay time.Duration, err error) {
	last := int64(len(c.utterances))
	switch {
	case c.next > last && !c.endSent:
		end := &countersignpb.End{LastSequence: uint32(last)}
		if last > 0 {
			end.EndMs = millis(c.utterances[last-1].End)
		}
		c.endSent = true
		return true, 0, c.stream.Send(&countersignpb.StreamUtterancesRequest{Event: &countersignpb.StreamUtterancesRequest_End{End: end}})
	case c.next > last || c.next-c.state.Acked > c.window:
		return false, 0, nil
	}
	u := c.utterances[c.next-1]
	if c.options.Pace > 0 {
		at := time.Duration(float64(u.End-c.beganAt) / c.options.Pace)
		if delay := time.Until(c.began.Add(at)); delay > 0 {
			return false, delay, nil
		}
	}
	c.next++
	if err := c.stream.Send(&countersignpb.StreamUtterancesRequest{Event: &countersignpb.StreamUtterancesRequest_Utterance{Utterance: wireUtterance(u)}}); err != nil {
		return false, 0, err
	}
	c.options.OnProgress(Progress{Event: "sent", Seq: u.Seq})
	return true, 0, nil
}

// errGoOn says that an answer does not end the call.
var errGoOn = errors.New("stream: go on")

// answer takes one message of the server. nil means that the stream has ended.
func (c *outgoing) answer(m *countersignpb.StreamUtterancesResponse) error {
	switch e := m.GetEvent().(type) {
	case *countersignpb.StreamUtterancesResponse_Ack:
		if err := c.acked(int64(e.Ack.GetThroughSequence())); err != nil {
			return err
		}
	case *countersignpb.StreamUtterancesResponse_ResumePoint:
		c.next, c.endSent = int64(max(e.ResumePoint.GetNextSequence(), 1)), false
		c.options.OnProgress(Progress{Event: "resume_point", Seq: c.next})
	case *countersignpb.StreamUtterancesResponse_Notice:
		c.options.OnProgress(Progress{Event: "notice", Text: e.Notice.GetMessage()})
	case *countersignpb.StreamUtterancesResponse_Refused:
		return c.refused(e.Refused)
	case *countersignpb.StreamUtterancesResponse_Ended:
		if err := c.acked(int64(e.Ended.GetThroughSequence())); err != nil {
			return err
		}
		c.state.Ended, c.state.NoteIDs = true, e.Ended.GetNoteIds()
		c.options.OnProgress(Progress{Event: "ended", Seq: c.state.Acked})
		return c.state.save(c.options.StateFile, true)
	}
	return errGoOn
}

func (c *outgoing) refused(r *countersignpb.Refused) error {
	if through := int64(r.GetThroughSequence()); through <= int64(len(c.utterances)) {
		if err := c.acked(through); err != nil {
			return err
		}
	}
	if r.GetRetryable() {
		return &retry{why: "refused: " + shortReason(r.GetReason()), after: duration(r.GetRetryAfter())}
	}
	if c.state.ResumeToken == nil {
		c.state.Asked = false
		if again := c.anew(r); again != nil {
			return again
		}
		if err := c.state.save(c.options.StateFile, true); err != nil {
			return err
		}
	}
	return &RefusedError{Reason: shortReason(r.GetReason()), Field: r.GetField(), Message: r.GetMessage(), WhatToDo: r.GetWhatToDo(), Through: int64(r.GetThroughSequence())}
}

// anew begins another recording when the Start of an earlier call was taken
// but its answer, with the token, was lost: what that one opened is empty.
func (c *outgoing) anew(r *countersignpb.Refused) *retry {
	if !c.lost || r.GetReason() != countersignpb.RefusedReason_REFUSED_REASON_CONFLICTING_CONTENT || c.state.Attempt >= 99 {
		return nil
	}
	c.state.Attempt++
	return &retry{why: "the answer to the first Start was lost: a new recording is begun"}
}

func duration(d *durationpb.Duration) time.Duration {
	if d == nil {
		return 0
	}
	return d.AsDuration()
}

func millis(d time.Duration) uint32 { return uint32(d / time.Millisecond) }

func wireUtterance(u review.Utterance) *countersignpb.Utterance {
	out := &countersignpb.Utterance{
		Sequence: uint32(u.Seq), StartMs: millis(u.Start), EndMs: millis(u.End), Text: string(u.Text), Language: u.Language, IsFinal: true,
		Speaker: &countersignpb.Speaker{
			Role: wireRole(string(u.Speaker.Role)), PractitionerId: string(u.Speaker.PractitionerID), Label: u.Speaker.Label, Confidence: known(u.Speaker.Confidence),
		},
	}
	for _, w := range u.Words {
		word := &countersignpb.Word{Text: string(w.Text), StartMs: millis(w.Start), EndMs: millis(w.End), Confidence: known(w.Confidence)}
		for _, a := range w.Alternates {
			word.Alternatives = append(word.Alternatives, &countersignpb.Alternative{Text: string(a.Text), Confidence: known(a.Confidence)})
		}
		out.Words = append(out.Words, word)
	}
	return out
}

// known leaves out a confidence that the domain does not have.
func known(c float32) *float32 {
	if c == 0 {
		return nil
	}
	return &c
}

// answers collects what the server says, so that the receiving goroutine
// never waits for the sending one.
type answers struct {
	mu     sync.Mutex
	got    []*countersignpb.StreamUtterancesResponse
	err    error
	ready  chan struct{}
	closed chan struct{}
}

func newAnswers() *answers {
	return &answers{ready: make(chan struct{}, 1), closed: make(chan struct{})}
}

func (a *answers) receive(stream grpc.BidiStreamingClient[countersignpb.StreamUtterancesRequest, countersignpb.StreamUtterancesResponse]) {
	defer close(a.closed)
	for {
		m, err := stream.Recv()
		a.mu.Lock()
		// Acks are cumulative: the newest one stands for those before it.
		if n := len(a.got); m.GetAck() != nil && n > 0 && a.got[n-1].GetAck() != nil {
			a.got[n-1] = m
		} else if err == nil {
			a.got = append(a.got, m)
		}
		a.err = err
		a.mu.Unlock()
		signal(a.ready)
		if err != nil {
			return
		}
	}
}

func (a *answers) take() ([]*countersignpb.StreamUtterancesResponse, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	got := a.got
	a.got = nil
	return got, a.err
}

// untilClosed waits until the call has ended on the server's side.
func (a *answers) untilClosed() { <-a.closed }
