package ingest

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"countersign/review"

	countersignpb "countersign/proto/countersign/v1"

	"google.golang.org/grpc"
	grpcbackoff "google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// memory is a Service that keeps everything in memory and guards streams by
// epoch and sequence as the journal does.
type memory struct {
	mu      sync.Mutex
	streams map[review.StreamID]*memoryStream
	byName  map[string]review.StreamID
	opened  []review.OpenRequest
	// hold, when not nil, keeps every Append waiting until it is closed.
	hold chan struct{}
	// waiting gets a value when an Append begins to wait.
	waiting chan int
	// fail, when not nil, is what each use case says first.
	fail func(what string) error
}

type memoryStream struct {
	epoch, durable int64
	token          string
	ended          bool
	cancelled      string
	kept           []review.Utterance
	notes          []review.NoteID
	appends        int
}

func newMemory() *memory {
	return &memory{streams: map[review.StreamID]*memoryStream{}, byName: map[string]review.StreamID{}, waiting: make(chan int, 1000)}
}

var _ Service = (*memory)(nil)

func (m *memory) failing(what string) error {
	if m.fail == nil {
		return nil
	}
	return m.fail(what)
}

func (m *memory) OpenRecording(_ context.Context, r review.OpenRequest) (review.OpenStream, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failing("open"); err != nil {
		return review.OpenStream{}, err
	}
	if r.ResumeToken != "" {
		st, ok := m.streams[r.StreamID]
		if !ok || st.token != r.ResumeToken {
			return review.OpenStream{}, review.Errorf(review.KindNotFound, "start.resume_token: no such stream with this token: start a new recording")
		}
		if !st.ended {
			st.epoch++
		}
		return review.OpenStream{RecordingID: "r", StreamID: r.StreamID, Epoch: st.epoch, DurableSeq: st.durable, ResumeToken: st.token}, nil
	}
	if r.SiteID != "clinic" {
		return review.OpenStream{}, review.Errorf(review.KindUnknownSite, "start.site_id: this gateway does not serve that site")
	}
	if r.Practitioner != "dr-demo" {
		return review.OpenStream{}, review.Errorf(review.KindInvalid, "start.practitioner: not a practitioner of this site who may author notes")
	}
	if _, ok := m.byName[r.DeviceID+"/"+r.ClientID]; ok {
		return review.OpenStream{}, review.Errorf(review.KindConflict, "start.recording_id: this recording exists")
	}
	id := review.NewID[review.StreamID]()
	m.byName[r.DeviceID+"/"+r.ClientID] = id
	m.streams[id] = &memoryStream{epoch: 1, token: rand.Text()}
	m.opened = append(m.opened, r)
	return review.OpenStream{RecordingID: "r", StreamID: id, Epoch: 1, ResumeToken: m.streams[id].token, Unbound: r.Encounter == nil}, nil
}

func (m *memory) Append(_ context.Context, st review.OpenStream, us []review.Utterance) (int64, error) {
	m.mu.Lock()
	hold := m.hold
	m.mu.Unlock()
	if hold != nil {
		m.waiting <- len(us)
		<-hold
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failing("append"); err != nil {
		return st.DurableSeq, err
	}
	s := m.streams[st.StreamID]
	if s.epoch != st.Epoch || s.durable != st.DurableSeq || s.ended {
		return st.DurableSeq, review.Errorf(review.KindClosed, "append: this connection no longer owns the stream")
	}
	for i, u := range us {
		if u.Seq != s.durable+int64(i)+1 {
			return st.DurableSeq, review.Errorf(review.KindSequenceGap, "utterance %d: hole", u.Seq)
		}
	}
	s.kept = append(s.kept, us...)
	s.durable += int64(len(us))
	s.appends++
	return s.durable, nil
}

func (m *memory) EndStream(_ context.Context, st review.OpenStream) ([]review.NoteID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failing("end"); err != nil {
		return nil, err
	}
	s := m.streams[st.StreamID]
	if !s.ended && s.epoch != st.Epoch {
		return nil, review.Errorf(review.KindConflict, "end stream: guard")
	}
	if !s.ended && s.durable > 0 {
		s.notes = []review.NoteID{review.NewID[review.NoteID]()}
	}
	s.ended = true
	return s.notes, nil
}

func (m *memory) CancelStream(_ context.Context, st review.OpenStream, reason string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.streams[st.StreamID]
	if s.ended || s.epoch != st.Epoch {
		return review.Errorf(review.KindConflict, "cancel stream: guard")
	}
	s.ended, s.cancelled = true, reason
	return nil
}

// only returns the one stream that was opened.
func (m *memory) only(t testing.TB) *memoryStream {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.streams) != 1 {
		t.Fatalf("%d streams, want 1", len(m.streams))
	}
	for _, s := range m.streams {
		c := *s
		c.kept = slices.Clone(s.kept)
		return &c
	}
	return nil
}

// quiet is a log that goes nowhere.
func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// setup serves a Service over bufconn and returns a connection to it.
func setup(t testing.TB, s Service, o Options) (*grpc.ClientConn, *Server) {
	t.Helper()
	l := bufconn.Listen(1 << 20)
	srv := serve(t, l, s, o)
	return dial(t, "passthrough:///bufconn", func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }), srv
}

func serve(t testing.TB, l net.Listener, s Service, o Options) *Server {
	t.Helper()
	srv := New(s, quiet(), o)
	g := grpc.NewServer(ServerOptions()...)
	countersignpb.RegisterTranscriptIngestServer(g, srv)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = g.Serve(l)
	}()
	t.Cleanup(func() { g.Stop(); <-done })
	return srv
}

func dial(t testing.TB, target string, dialer func(context.Context, string) (net.Conn, error)) *grpc.ClientConn {
	t.Helper()
	opts := append(DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: grpcbackoff.Config{BaseDelay: time.Millisecond, Multiplier: 1, MaxDelay: time.Millisecond}, MinConnectTimeout: 5 * time.Second}))
	if dialer != nil {
		opts = append(opts, grpc.WithContextDialer(dialer))
	}
	cc, err := grpc.NewClient(target, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cc.Close() })
	return cc
}

func at(s string) time.Time {
	tm, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return tm
}

// visit is a complete one; every test may change its own.
func visit(recording string) Visit {
	return Visit{
		SiteID: "clinic", DeviceID: "room-1", RecordingID: recording, PractitionerID: "dr-demo", Modality: "in_person",
		Patient: &VisitPatient{
			Identifiers: []VisitIdentifier{{Type: "MR", System: "urn:oid:1.2.3", Value: "000123"}},
			Family:      "Sample", Given: "Ann Lee", BirthDate: "1980-02-03", Sex: "female",
		},
		Encounter:    &VisitEncounter{Identifiers: []VisitIdentifier{{Type: "VN", System: "urn:oid:1.2.4", Value: "V-9"}}, Class: "AMB", PeriodStart: at("2026-01-02T09:00:00Z")},
		Consent:      &VisitConsent{Scope: []string{"ai_draft", "recording"}, GivenBy: "patient", EveryoneAgreed: true, Method: "verbal", AskedBy: "dr-demo", At: at("2026-01-02T09:00:00Z")},
		Locations:    VisitLocations{Clinician: "US-CA", Patient: "US-CA"},
		Participants: []VisitParticipant{{Role: "patient", Label: "spk_1", Name: "Ann"}},
		Languages:    []string{"en-US"}, NoteType: "11506-3",
	}
}

func said(n int) []review.Utterance {
	var us []review.Utterance
	for i := range n {
		us = append(us, review.Utterance{
			Seq: int64(i) + 1, Speaker: review.Speaker{Role: review.RolePatient, Label: "spk_1", Confidence: 0.5}, Start: time.Duration(i) * time.Second,
			End: time.Duration(i)*time.Second + 900*time.Millisecond, Text: review.ClinicalText(fmt.Sprintf("This is sentence %d.", i+1)), Language: "en-US",
			Words: []review.Word{{Text: "fifty", Start: time.Second, End: 2 * time.Second, Confidence: 0.25, Alternates: []review.Alternate{{Text: "fifteen", Confidence: 0.125}}}},
		})
	}
	return us
}

// device speaks the protocol message by message.
type device struct {
	t testing.TB
	grpc.BidiStreamingClient[countersignpb.StreamUtterancesRequest, countersignpb.StreamUtterancesResponse]
}

func call(t testing.TB, ctx context.Context, cc *grpc.ClientConn) *device {
	t.Helper()
	s, err := countersignpb.NewTranscriptIngestClient(cc).StreamUtterances(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return &device{t, s}
}

// started opens a recording and returns the device after Started.
func started(t testing.TB, cc *grpc.ClientConn, recording string) (*device, *countersignpb.Started) {
	t.Helper()
	d := call(t, t.Context(), cc)
	d.start(startOf(visit(recording)))
	s := d.recv().GetStarted()
	if s == nil {
		t.Fatal("not started")
	}
	return d, s
}

func startOf(v Visit) *countersignpb.Start {
	s := v.start()
	s.DeviceClock, s.StartedAt = timestamppb.Now(), timestamppb.Now()
	if s.Consent != nil && s.Consent.At.AsTime().After(time.Now()) {
		s.Consent.At = timestamppb.Now() // the clock of a synctest bubble begins in 2000
	}
	return s
}

func resumeOf(v Visit, s *countersignpb.Started, acked uint32) *countersignpb.Start {
	return &countersignpb.Start{
		ProtocolVersion: 1, SiteId: v.SiteID, DeviceId: v.DeviceID, Recording: &countersignpb.RecordingReference{ClientRecordingId: v.RecordingID},
		DeviceClock: timestamppb.Now(), StartedAt: timestamppb.Now(),
		Resumption: &countersignpb.Resumption{ResumeToken: s.GetResumeToken(), AckedSequence: acked},
	}
}

func (d *device) start(s *countersignpb.Start) {
	d.send(&countersignpb.StreamUtterancesRequest{Event: &countersignpb.StreamUtterancesRequest_Start{Start: s}})
}

// send sends a message. That the call has ended already is for the next
// receive to say: a device that is not known is refused before its Start.
func (d *device) send(m *countersignpb.StreamUtterancesRequest) {
	d.t.Helper()
	if err := d.Send(m); err != nil && err != io.EOF {
		d.t.Fatalf("send: %v", err)
	}
}

func (d *device) say(us ...review.Utterance) {
	d.t.Helper()
	for _, u := range us {
		d.send(message(wireUtterance(u)))
	}
}

func message(u *countersignpb.Utterance) *countersignpb.StreamUtterancesRequest {
	return &countersignpb.StreamUtterancesRequest{Event: &countersignpb.StreamUtterancesRequest_Utterance{Utterance: u}}
}

func (d *device) end(last int) {
	d.t.Helper()
	d.send(&countersignpb.StreamUtterancesRequest{Event: &countersignpb.StreamUtterancesRequest_End{End: &countersignpb.End{LastSequence: uint32(last)}}})
}

// recv returns the next message that is not a Notice.
func (d *device) recv() *countersignpb.StreamUtterancesResponse {
	d.t.Helper()
	for {
		m, err := d.Recv()
		if err != nil {
			d.t.Fatalf("receive: %v", err)
		}
		if m.GetNotice() == nil {
			return m
		}
	}
}

// acked receives Acks up to a sequence.
func (d *device) acked(through int) {
	d.t.Helper()
	for {
		m := d.recv()
		if m.GetAck() == nil {
			d.t.Fatalf("%T, want Ack", m.GetEvent())
		}
		if m.GetAck().GetThroughSequence() == uint32(through) {
			return
		}
	}
}

// refused receives Acks, then Refused, then the status that belongs to it.
func (d *device) refused(want countersignpb.RefusedReason) *countersignpb.Refused {
	d.t.Helper()
	m := d.recv()
	for m.GetAck() != nil {
		m = d.recv()
	}
	r := m.GetRefused()
	if r == nil {
		d.t.Fatalf("%T, want Refused", m.GetEvent())
	}
	if r.GetReason() != want {
		d.t.Fatalf("refused %v (%s), want %v", r.GetReason(), r.GetMessage(), want)
	}
	if r.GetMessage() == "" || r.GetWhatToDo() == "" {
		d.t.Errorf("%v has no message or nothing to do", want)
	}
	_, err := d.Recv()
	if got := statusCode(err); got != statusOf(want) {
		d.t.Errorf("call ended with %v, want %v", got, statusOf(want))
	}
	return r
}
