package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"countersign/review"

	countersignpb "countersign/proto/countersign/v1"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
)

func TestVisit(t *testing.T) {
	t.Parallel()
	m := newMemory()
	cc, _ := setup(t, m, Options{})
	d, s := started(t, cc, "visit")
	if s.GetResumeFrom() != 0 || s.GetProtocolVersion() != 1 || s.GetLimits().GetWindow() != 256 {
		t.Errorf("Started = %v", s)
	}
	us := said(3)
	d.say(us...)
	d.end(3)
	for msg := d.recv(); ; msg = d.recv() {
		if e := msg.GetEnded(); e != nil {
			if e.GetThroughSequence() != 3 || len(e.GetNoteIds()) != 1 {
				t.Errorf("Ended = %v", e)
			}
			break
		}
	}
	got := m.only(t)
	if diff := cmp.Diff(us, got.kept, cmp.Comparer(func(a, b review.ClinicalText) bool { return a == b })); diff != "" {
		t.Errorf("stored differs (-want +got):\n%s", diff)
	}
	want := review.OpenRequest{
		SiteID: "clinic", DeviceID: "room-1", ClientID: "visit", Practitioner: "dr-demo", NoteType: "11506-3",
		Patient: &review.Patient{
			Family: "Sample", Given: "Ann Lee", BirthDate: "1980-02-03", Sex: review.SexFemale,
			Identifiers: []review.Identifier{{Type: "MR", Authority: "urn:oid:1.2.3", Value: "000123"}},
		},
		Encounter: &review.Encounter{Identifiers: []review.Identifier{{Type: "VN", Authority: "urn:oid:1.2.4", Value: "V-9"}}, Class: "AMB", PeriodStart: at("2026-01-02T09:00:00Z")},
		Details: review.RecordingDetails{
			Modality: "in_person", ClinicianLocation: "US-CA", PatientLocation: "US-CA", Languages: []string{"en-US"},
			Participants: []review.Participant{{Role: review.RolePatient, Label: "spk_1", Name: "Ann"}},
		},
		Consent: &review.Consent{Scope: "recording,ai_draft", GivenBy: "patient", EveryoneAgree: true, Method: "verbal", AskedBy: "dr-demo", At: at("2026-01-02T09:00:00Z")},
	}
	open := m.opened[0]
	open.StartedAt = time.Time{}
	if diff := cmp.Diff(want, open); diff != "" {
		t.Errorf("opened differs (-want +got):\n%s", diff)
	}
}

// The first promise: while the commit is held, no Ack may be seen.
func TestAckOnlyAfterCommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.hold = make(chan struct{})
		cc, _ := setup(t, m, Options{})
		d, _ := started(t, cc, "visit")
		d.say(said(1)...)
		got := make(chan *countersignpb.StreamUtterancesResponse, 1)
		go func() {
			msg, _ := d.Recv()
			got <- msg
		}()
		synctest.Wait() // everybody waits for the commit
		select {
		case msg := <-got:
			t.Fatalf("%v before the commit", msg)
		default:
		}
		close(m.hold)
		if msg := <-got; msg.GetAck().GetThroughSequence() != 1 {
			t.Errorf("%v, want Ack 1", msg)
		}
	})
}

func TestGathersWhileCommitting(t *testing.T) {
	t.Parallel()
	m := newMemory()
	m.hold = make(chan struct{})
	cc, _ := setup(t, m, Options{Window: 64})
	d, _ := started(t, cc, "visit")
	us := said(200)
	d.say(us[0])
	<-m.waiting
	sent := make(chan struct{})
	go func() { defer close(sent); d.say(us[1:]...) }()
	<-sent // all fits in the flow-control window: a small visit never blocks a device
	close(m.hold)
	d.acked(200)
	d.end(200)
	d.recv()
	if s := m.only(t); s.appends > 60 || len(s.kept) != 200 {
		t.Errorf("%d commits for %d utterances: nothing gathered", s.appends, len(s.kept))
	}
}

// A full inbox stops the reader, flow control stops the device, and nothing
// is lost.
func TestBackPressure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.hold = make(chan struct{})
		cc, _ := setup(t, m, Options{Window: 8, MaxBytes: 64 << 10})
		d, _ := started(t, cc, "visit")
		us := said(400) // 6 MB: more than inbox, windows and pipe hold together
		var sent atomic.Int64
		go func() {
			for _, u := range us {
				u.Text = review.ClinicalText(strings.Repeat("word ", 3000))
				if err := d.Send(message(wireUtterance(u))); err != nil {
					return
				}
				sent.Add(1)
			}
		}()
		synctest.Wait() // everybody waits: the commit is held
		if n := sent.Load(); n == 0 || n > 250 {
			t.Errorf("%d of %d taken while nothing could be committed", n, len(us))
		}
		close(m.hold)
		d.acked(len(us))
		for range m.only(t).appends {
			if n := <-m.waiting; n > 8 {
				t.Errorf("a commit of %d utterances: the inbox holds 8", n)
			}
			if len(m.waiting) == 0 {
				break
			}
		}
		if s := m.only(t); len(s.kept) != len(us) {
			t.Errorf("%d stored, want %d", len(s.kept), len(us))
		}
	})
}

func TestInboxIsBounded(t *testing.T) {
	t.Parallel()
	b := newInbox(3, 100)
	for range 3 {
		b.put(item{size: 10})
	}
	blocked := make(chan bool)
	go func() { blocked <- b.put(item{size: 10}) }()
	if got := len(b.take()); got != 3 {
		t.Errorf("took %d, want 3", got)
	}
	if !<-blocked {
		t.Error("not put after room was made")
	}
	b.take()
	b.put(item{size: 99})
	go func() { blocked <- b.put(item{size: 2}) }()
	b.close()
	if <-blocked {
		t.Error("put after the handler has left")
	}
}

func TestResume(t *testing.T) {
	t.Parallel()
	m := newMemory()
	cc, _ := setup(t, m, Options{})
	ctx, kill := context.WithCancel(t.Context())
	d := call(t, ctx, cc)
	d.start(startOf(visit("visit")))
	s := d.recv().GetStarted()
	us := said(6)
	d.say(us[:3]...)
	d.acked(3)
	kill()

	back := call(t, t.Context(), cc)
	back.start(resumeOf(visit("visit"), s, 2))
	s2 := back.recv().GetStarted()
	if s2.GetResumeFrom() != 3 || s2.GetStreamId() != s.GetStreamId() {
		t.Fatalf("%v, want resume_from 3", s2)
	}
	back.say(us[1:]...) // 2 and 3 again: absorbed
	back.acked(6)
	back.end(6)
	e := back.recv().GetEnded()
	if got := m.only(t); len(got.kept) != 6 || len(e.GetNoteIds()) != 1 {
		t.Errorf("%d stored and %v, want 6 and a note", len(got.kept), e)
	}

	again := call(t, t.Context(), cc)
	again.start(resumeOf(visit("visit"), s2, 6))
	again.recv()
	again.end(6)
	if diff := cmp.Diff(e.GetNoteIds(), again.recv().GetEnded().GetNoteIds()); diff != "" {
		t.Errorf("Ended again differs (-want +got):\n%s", diff)
	}
}

func TestTakenOver(t *testing.T) {
	t.Parallel()
	t.Run("AtOnceOnThisReplica", func(t *testing.T) {
		t.Parallel()
		cc, _ := setup(t, newMemory(), Options{})
		old, s := started(t, cc, "visit")
		fresh := call(t, t.Context(), cc)
		fresh.start(resumeOf(visit("visit"), s, 0))
		fresh.recv()
		old.refused(countersignpb.RefusedReason_REFUSED_REASON_STREAM_TAKEN_OVER) // it has sent nothing
		fresh.say(said(1)...)
		fresh.acked(1)
	})
	t.Run("AtNextCommitOnAnother", func(t *testing.T) {
		t.Parallel()
		m := newMemory()
		here, _ := setup(t, m, Options{})
		there, _ := setup(t, m, Options{})
		old, s := started(t, here, "visit")
		fresh := call(t, t.Context(), there)
		fresh.start(resumeOf(visit("visit"), s, 0))
		fresh.recv()
		old.say(said(1)...)
		old.refused(countersignpb.RefusedReason_REFUSED_REASON_STREAM_TAKEN_OVER)
		fresh.say(said(1)...)
		fresh.acked(1)
		if got := m.only(t); len(got.kept) != 1 {
			t.Errorf("%d stored, want 1", len(got.kept))
		}
	})
}

func TestHole(t *testing.T) {
	t.Parallel()
	us := said(20)
	t.Run("Filled", func(t *testing.T) {
		t.Parallel()
		m := newMemory()
		cc, _ := setup(t, m, Options{})
		d, _ := started(t, cc, "visit")
		d.say(us[0], us[1], us[3], us[4])
		d.end(5) // on its way when the device is asked to go back
		var rp *countersignpb.ResumePoint
		for rp == nil {
			rp = d.recv().GetResumePoint()
		}
		if rp.GetNextSequence() != 3 || rp.GetReceivedSequence() != 4 {
			t.Errorf("%v, want next 3 received 4", rp)
		}
		d.say(us[2:5]...)
		d.end(5)
		for d.recv().GetEnded() == nil {
		}
		if got := m.only(t); len(got.kept) != 5 {
			t.Errorf("%d stored, want 5", len(got.kept))
		}
	})
	t.Run("EndTooEarly", func(t *testing.T) {
		t.Parallel()
		cc, _ := setup(t, newMemory(), Options{})
		d, _ := started(t, cc, "visit")
		d.end(2)
		if rp := d.recv().GetResumePoint(); rp.GetNextSequence() != 1 || rp.GetReceivedSequence() != 2 {
			t.Errorf("%v, want next 1 received 2", rp)
		}
		d.end(2)
		if r := d.refused(countersignpb.RefusedReason_REFUSED_REASON_SEQUENCE_GAP); !r.GetRetryable() {
			t.Error("not retryable")
		}
	})
	t.Run("RefusedWhenNotHeeded", func(t *testing.T) {
		t.Parallel()
		cc, _ := setup(t, newMemory(), Options{Window: 4})
		d, _ := started(t, cc, "visit")
		d.say(us[0])
		d.acked(1)
		d.say(us[2:12]...)
		if d.recv().GetResumePoint() == nil {
			t.Fatal("not asked")
		}
		if r := d.refused(countersignpb.RefusedReason_REFUSED_REASON_SEQUENCE_GAP); r.GetThroughSequence() != 1 {
			t.Errorf("through %d, want 1", r.GetThroughSequence())
		}
	})
	t.Run("PauseBeyond", func(t *testing.T) {
		t.Parallel()
		cc, _ := setup(t, newMemory(), Options{})
		d, _ := started(t, cc, "visit")
		d.send(&countersignpb.StreamUtterancesRequest{Event: &countersignpb.StreamUtterancesRequest_Pause{Pause: &countersignpb.Pause{AfterSequence: 2}}})
		if rp := d.recv().GetResumePoint(); rp.GetNextSequence() != 1 {
			t.Errorf("%v, want next 1", rp)
		}
	})
}

func TestInterim(t *testing.T) {
	t.Parallel()
	m := newMemory()
	live := make(chan review.Utterance, 1)
	cc, _ := setup(t, m, Options{Live: func(_ review.OpenStream, u review.Utterance) { live <- u }})
	d, _ := started(t, cc, "visit")
	interim := wireUtterance(said(1)[0])
	interim.IsFinal = false
	d.send(message(interim))
	if u := <-live; u.Seq != 1 {
		t.Errorf("live got %d, want 1", u.Seq)
	}
	d.end(0)
	if e := d.recv().GetEnded(); e == nil || e.GetThroughSequence() != 0 || len(e.GetNoteIds()) != 0 {
		t.Errorf("%v, want an empty Ended and no Ack", e)
	}
	if got := m.only(t); len(got.kept) != 0 {
		t.Error("an interim utterance was stored")
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	m := newMemory()
	cc, _ := setup(t, m, Options{})
	d, _ := started(t, cc, "visit")
	d.send(&countersignpb.StreamUtterancesRequest{Event: &countersignpb.StreamUtterancesRequest_Cancel{
		Cancel: &countersignpb.Cancel{Reason: countersignpb.CancelReason_CANCEL_REASON_WRONG_PATIENT},
	}})
	if e := d.recv().GetEnded(); !e.GetCancelled() {
		t.Errorf("%v, want cancelled", e)
	}
	if got := m.only(t).cancelled; got != "wrong-patient" {
		t.Errorf("reason %q", got)
	}
}

func TestPauseFlushes(t *testing.T) {
	t.Parallel()
	cc, _ := setup(t, newMemory(), Options{})
	d, _ := started(t, cc, "visit")
	d.say(said(2)...)
	d.send(&countersignpb.StreamUtterancesRequest{Event: &countersignpb.StreamUtterancesRequest_Pause{Pause: &countersignpb.Pause{AfterSequence: 2}}})
	d.send(&countersignpb.StreamUtterancesRequest{Event: &countersignpb.StreamUtterancesRequest_Resume{Resume: &countersignpb.Resume{AfterSequence: 2}}})
	d.acked(2)
	d.end(2)
	if d.recv().GetEnded() == nil {
		t.Error("not ended")
	}
}

func TestDeviceAuth(t *testing.T) {
	t.Parallel()
	auth := DeviceTokens(map[review.Digest]Device{review.DigestOf([]byte("secret")): {ID: "room-1"}, review.DigestOf([]byte("elsewhere")): {ID: "room-2"}})
	cc, _ := setup(t, newMemory(), Options{DeviceAuth: auth})
	for name, c := range map[string]struct {
		header []string
		want   countersignpb.RefusedReason
	}{
		"OK":             {[]string{"Bearer secret"}, 0},
		"NoToken":        {nil, countersignpb.RefusedReason_REFUSED_REASON_UNAUTHENTICATED},
		"WrongToken":     {[]string{"Bearer secrets"}, countersignpb.RefusedReason_REFUSED_REASON_UNAUTHENTICATED},
		"WrongScheme":    {[]string{"Basic secret"}, countersignpb.RefusedReason_REFUSED_REASON_UNAUTHENTICATED},
		"TwoTokens":      {[]string{"Bearer secret", "Bearer secret"}, countersignpb.RefusedReason_REFUSED_REASON_UNAUTHENTICATED},
		"AnotherDevice":  {[]string{"Bearer elsewhere"}, countersignpb.RefusedReason_REFUSED_REASON_UNKNOWN_DEVICE},
		"SchemeAnyCases": {[]string{"bearer secret"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			for _, h := range c.header {
				ctx = metadata.AppendToOutgoingContext(ctx, "authorization", h)
			}
			d := call(t, ctx, cc)
			d.start(startOf(visit(name)))
			if c.want != 0 {
				d.refused(c.want)
			} else if d.recv().GetStarted() == nil {
				t.Error("not started")
			}
		})
	}
}

// A device opens and resumes at its own site, for its own practitioners, and
// is not told what else exists.
func TestDeviceIsBound(t *testing.T) {
	t.Parallel()
	token := func(s string) review.Digest { return review.DigestOf([]byte(s)) }
	cc, _ := setup(t, newMemory(), Options{DeviceAuth: DeviceTokens(map[review.Digest]Device{
		token("here"):       {ID: "room-1", Site: "clinic"},
		token("elsewhere"):  {ID: "room-1", Site: "other"},
		token("own"):        {ID: "room-1", Site: "clinic", Practitioners: []review.PractitionerID{"dr-x", "dr-demo"}},
		token("somebody's"): {ID: "room-1", Site: "clinic", Practitioners: []review.PractitionerID{"dr-x"}},
	})})
	as := func(name string) *device {
		return call(t, metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+name), cc)
	}
	site, person := countersignpb.RefusedReason_REFUSED_REASON_UNKNOWN_SITE, countersignpb.RefusedReason_REFUSED_REASON_UNKNOWN_PRACTITIONER
	at := func(v Visit, site string) Visit { v.SiteID = site; return v }
	by := func(v Visit, who string) Visit { v.PractitionerID = who; return v }
	first := as("here")
	first.start(startOf(visit("first")))
	open := first.recv().GetStarted()
	if open == nil {
		t.Fatal("not started at its own site")
	}
	for name, c := range map[string]struct {
		token string
		start *countersignpb.Start
		want  countersignpb.RefusedReason
	}{
		"OwnPractitioner":        {"own", startOf(visit("own")), 0},
		"OtherSite":              {"elsewhere", startOf(visit("x")), site},
		"SiteNobodyHas":          {"here", startOf(at(visit("x"), "nowhere")), site},
		"OtherPractitioner":      {"somebody's", startOf(visit("x")), person},
		"PractitionerNobodyHas":  {"somebody's", startOf(by(visit("x"), "dr-nobody")), person},
		"ResumeFromOtherSite":    {"elsewhere", resumeOf(visit("first"), open, 0), site},
		"ResumeNamesOtherSite":   {"here", resumeOf(at(visit("first"), "other"), open, 0), site},
		"ResumeAtItsOwn":         {"here", resumeOf(visit("first"), open, 0), 0},
		"MalformedSite":          {"here", startOf(at(visit("x"), "No Site")), site},
		"PractitionerOfTheSite":  {"here", startOf(visit("second")), 0},
		"NobodyOfTheSite":        {"here", startOf(by(visit("x"), "dr-nobody")), person},
		"ListedButNotOfTheSite":  {"own", startOf(by(visit("x"), "dr-x")), person},
		"ResumeWithNobodyListed": {"own", resumeOf(by(visit("first"), "dr-nobody"), open, 0), 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := as(c.token)
			d.start(c.start)
			if c.want != 0 {
				d.refused(c.want)
			} else if d.recv().GetStarted() == nil {
				t.Error("not started")
			}
		})
	}
	answers := func(d *device, s *countersignpb.Start, want countersignpb.RefusedReason) string {
		d.start(s)
		return d.refused(want).String()
	}
	if a, b := answers(as("elsewhere"), startOf(visit("x")), site), answers(as("elsewhere"), startOf(at(visit("x"), "nowhere")), site); a != b {
		t.Errorf("a site that exists is told from one that does not: %s, %s", a, b)
	}
	if a, b := answers(as("somebody's"), startOf(visit("x")), person), answers(as("somebody's"), startOf(by(visit("x"), "dr-nobody")), person); a != b {
		t.Errorf("a practitioner who exists is told from one who does not: %s, %s", a, b)
	}
}

func TestIdle(t *testing.T) {
	t.Parallel()
	t.Run("BeforeStart", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			cc, _ := setup(t, newMemory(), Options{})
			call(t, t.Context(), cc).refused(countersignpb.RefusedReason_REFUSED_REASON_IDLE)
		})
	})
	t.Run("AfterStart", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			cc, _ := setup(t, newMemory(), Options{IdleTimeout: time.Minute})
			d, _ := started(t, cc, "visit")
			begin := time.Now()
			time.Sleep(40 * time.Second) // of the bubble's clock
			interim := wireUtterance(said(1)[0])
			interim.IsFinal = false
			d.send(message(interim))
			if r := d.refused(countersignpb.RefusedReason_REFUSED_REASON_IDLE); !r.GetRetryable() {
				t.Error("not retryable")
			}
			if got := time.Since(begin); got != 100*time.Second {
				t.Errorf("ended after %v, want one minute after the last message", got)
			}
		})
	})
}

func TestDrain(t *testing.T) {
	t.Parallel()
	m := newMemory()
	cc, srv := setup(t, m, Options{})
	d, _ := started(t, cc, "visit")
	d.say(said(1)...)
	d.acked(1)
	srv.Drain()
	srv.Drain()
	if r := d.refused(countersignpb.RefusedReason_REFUSED_REASON_UNAVAILABLE); r.GetThroughSequence() != 1 || r.GetRetryAfter() == nil {
		t.Errorf("%v, want through 1 and retry_after", r)
	}
	call(t, t.Context(), cc).refused(countersignpb.RefusedReason_REFUSED_REASON_UNAVAILABLE)
}

func TestTooLargeMessage(t *testing.T) {
	t.Parallel()
	cc, _ := setup(t, newMemory(), Options{})
	s, err := countersignpb.NewTranscriptIngestClient(cc).StreamUtterances(t.Context(), grpc.MaxCallSendMsgSize(4<<20))
	if err != nil {
		t.Fatal(err)
	}
	d := &device{t, s}
	d.start(startOf(visit("visit")))
	d.recv()
	u := wireUtterance(said(1)[0])
	u.Text = strings.Repeat("x", MaxRecvMsgSize+1)
	_ = d.Send(message(u)) // the server may refuse before it is all sent
	if _, err := d.Recv(); statusCode(err) != codes.ResourceExhausted {
		t.Errorf("%v, want ResourceExhausted", err)
	}
}

func TestManyStreams(t *testing.T) {
	t.Parallel()
	m := newMemory()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, m, Options{})
	const streams, each = 200, 30
	var conns []*grpc.ClientConn
	for range 4 {
		conns = append(conns, dial(t, l.Addr().String(), nil))
	}
	errs := make(chan error, streams)
	for i := range streams {
		go func() {
			r, err := NewClient(conns[i%len(conns)]).Stream(t.Context(), visit(fmt.Sprintf("v%d", i)), said(each), StreamOptions{MaxAttempts: 3})
			if err == nil && (r.Through != each || len(r.NoteIDs) != 1) {
				err = fmt.Errorf("stream %d: %+v", i, r)
			}
			errs <- err
		}()
	}
	for range streams {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	for _, s := range m.streams {
		if len(s.kept) != each || !s.ended {
			t.Errorf("%d stored, ended %v", len(s.kept), s.ended)
		}
	}
}

// What goes wrong inside must not carry a word of the patient outside.
func TestNoContentInLogs(t *testing.T) {
	t.Parallel()
	m := newMemory()
	var log strings.Builder
	var mu sync.Mutex
	srv := New(m, slog.New(slog.NewTextHandler(writerFunc(func(b []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return log.Write(b)
	}), &slog.HandlerOptions{Level: slog.LevelDebug})), Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer(ServerOptions()...)
	countersignpb.RegisterTranscriptIngestServer(g, srv)
	done := make(chan struct{})
	go func() { defer close(done); _ = g.Serve(l) }()
	t.Cleanup(func() { g.Stop(); <-done })
	cc := dial(t, l.Addr().String(), nil)
	m.fail = func(what string) error {
		if what == "append" {
			return errors.New("disk full")
		}
		return nil
	}
	d, _ := started(t, cc, "visit")
	d.say(said(1)...)
	r := d.refused(countersignpb.RefusedReason_REFUSED_REASON_INTERNAL)
	if strings.Contains(r.GetMessage(), "disk") {
		t.Errorf("the cause went outside: %q", r.GetMessage())
	}
	mu.Lock()
	defer mu.Unlock()
	if !strings.Contains(log.String(), "disk full") {
		t.Error("the cause is not in the log")
	}
	for _, word := range []string{"Sample", "sentence", "000123", "1980"} {
		if strings.Contains(log.String(), word) || strings.Contains(r.String(), word) {
			t.Errorf("%q is in a log or refusal", word)
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
