package ingest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/review"

	countersignpb "countersign/proto/countersign/v1"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"pgregory.net/rapid"
)

func now(int) time.Duration { return 0 }

// cutter dials the server and cuts each connection after a drawn number of
// bytes, in whichever direction reaches it first.
type cutter struct {
	addr string
	mu   sync.Mutex
	cuts []int // bytes; when used up, connections live
}

func (c *cutter) dial(ctx context.Context, _ string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.addr)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.cuts) == 0 {
		return conn, nil
	}
	cut := &cutConn{Conn: conn, left: c.cuts[0]}
	c.cuts = c.cuts[1:]
	return cut, nil
}

type cutConn struct {
	net.Conn
	mu   sync.Mutex
	left int
}

var errCut = errors.New("cut")

func (c *cutConn) spend(n int) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left <= 0 {
		c.Close()
		return 0, errCut
	}
	n = min(n, c.left)
	c.left -= n
	return n, nil
}

func (c *cutConn) Write(b []byte) (int, error) {
	n, err := c.spend(len(b))
	if err != nil {
		return 0, err
	}
	n, err = c.Conn.Write(b[:n]) // a part of a frame may well arrive
	if err == nil && n < len(b) {
		c.Close()
		err = errCut
	}
	return n, err
}

func (c *cutConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil {
		return n, err
	}
	if m, err := c.spend(n); err != nil || m < n {
		c.Close()
		return 0, errCut
	}
	return n, nil
}

// Issue 2, item 4: nothing lost, nothing doubled, wherever the connection is
// cut and whenever the process is killed.
func TestNothingLostOrDoubled(t *testing.T) {
	t.Parallel()
	m := newMemory()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, m, Options{Window: 16})
	dir := t.TempDir()
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		n := rapid.IntRange(1, 60).Draw(rt, "utterances")
		cut := &cutter{addr: l.Addr().String(), cuts: rapid.SliceOfN(rapid.IntRange(100, 9000), 0, 6).Draw(rt, "cuts")}
		kills := rapid.SliceOfN(rapid.IntRange(1, n), 0, 2).Draw(rt, "kills")
		v := visit(fmt.Sprintf("run-%d", run))
		state := filepath.Join(dir, v.RecordingID)
		us := said(n)
		var result Result
		for life := 0; ; life++ {
			ctx, kill := context.WithCancel(t.Context())
			cc := dial(t, "passthrough:///cut", cut.dial)
			r, err := NewClient(cc).Stream(ctx, v, us, StreamOptions{StateFile: state, Backoff: now, OnAck: func(through int64) {
				if on := durable(m, v.RecordingID); through > on {
					rt.Errorf("acknowledged %d, on disk %d", through, on)
				}
				if life < len(kills) && through >= int64(kills[life]) {
					kill()
				}
			}})
			kill()
			cc.Close()
			if err == nil {
				result = r
				break
			}
			if life >= len(kills) {
				rt.Fatalf("not killed: %v", err)
			}
		}
		if result.Through != int64(n) || len(result.NoteIDs) != 1 {
			rt.Fatalf("%+v, want %d and one note", result, n)
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		kept := 0
		for name, id := range m.byName {
			if !strings.HasPrefix(name, "room-1/"+v.RecordingID+".") && name != "room-1/"+v.RecordingID {
				continue
			}
			s := m.streams[id]
			kept += len(s.kept)
			if len(s.kept) > 0 {
				if diff := cmp.Diff(us, s.kept, cmp.Comparer(func(a, b review.ClinicalText) bool { return a == b })); diff != "" {
					rt.Fatalf("stored differs (-want +got):\n%s", diff)
				}
			}
		}
		if kept != n {
			rt.Fatalf("%d stored in all, want %d", kept, n)
		}
	})
}

// durable is what is on disk of a recording, under whichever id it has now.
func durable(m *memory, recording string) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	var most int64
	for name, id := range m.byName {
		if strings.HasPrefix(name, "room-1/"+recording) {
			most = max(most, m.streams[id].durable)
		}
	}
	return most
}

func TestClient(t *testing.T) {
	t.Parallel()
	t.Run("EndedIsRemembered", func(t *testing.T) {
		t.Parallel()
		m := newMemory()
		cc, _ := setup(t, m, Options{})
		state := filepath.Join(t.TempDir(), "state")
		var acks []int64
		first, err := NewClient(cc).Stream(t.Context(), visit("v"), said(5), StreamOptions{StateFile: state, OnAck: func(n int64) { acks = append(acks, n) }})
		if err != nil {
			t.Fatal(err)
		}
		if first.Calls != 1 || len(acks) == 0 || acks[len(acks)-1] != 5 {
			t.Errorf("%+v, acks %v", first, acks)
		}
		info, err := os.Stat(state)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("state file: %v %v, want mode 0600", info.Mode(), err)
		}
		b, _ := os.ReadFile(state)
		for _, word := range []string{"Sample", "sentence", "000123", "1980"} {
			if strings.Contains(string(b), word) {
				t.Errorf("%q is in the state file", word)
			}
		}
		again, err := NewClient(cc).Stream(t.Context(), visit("v"), said(5), StreamOptions{StateFile: state})
		if err != nil || !cmp.Equal(first.NoteIDs, again.NoteIDs) || again.Calls != 0 {
			t.Errorf("%+v %v, want the same notes without a call", again, err)
		}
	})
	t.Run("FirstAnswerLost", func(t *testing.T) {
		t.Parallel()
		m := newMemory()
		cc, _ := setup(t, m, Options{})
		// A process that died between its Start and the answer.
		state := filepath.Join(t.TempDir(), "state")
		st, _ := loadState("", visit("v"), time.Now())
		st.Asked = true
		if err := st.save(state, true); err != nil {
			t.Fatal(err)
		}
		d := call(t, t.Context(), cc)
		d.start(startOf(visit("v")))
		d.recv()
		r, err := NewClient(cc).Stream(t.Context(), visit("v"), said(2), StreamOptions{StateFile: state, Backoff: now})
		if err != nil || len(r.NoteIDs) != 1 || m.byName["room-1/v.2"] == "" {
			t.Errorf("%+v %v", r, err)
		}
	})
	t.Run("ErrConflictWithoutOwnStart", func(t *testing.T) {
		t.Parallel()
		cc, _ := setup(t, newMemory(), Options{})
		started(t, cc, "v")
		state := filepath.Join(t.TempDir(), "state")
		for range 2 { // also when it is run again
			_, err := NewClient(cc).Stream(t.Context(), visit("v"), said(2), StreamOptions{StateFile: state, Backoff: now})
			var r *RefusedError
			if !errors.As(err, &r) || r.Reason != "CONFLICTING_CONTENT" {
				t.Errorf("%v, want CONFLICTING_CONTENT", err)
			}
		}
	})
	t.Run("ErrRefused", func(t *testing.T) {
		t.Parallel()
		cc, _ := setup(t, newMemory(), Options{})
		v := visit("v")
		v.SiteID = "elsewhere"
		_, err := NewClient(cc).Stream(t.Context(), v, said(2), StreamOptions{})
		var r *RefusedError
		if !errors.As(err, &r) || r.Reason != "UNKNOWN_SITE" || r.WhatToDo == "" {
			t.Errorf("%v, want UNKNOWN_SITE", err)
		}
	})
	t.Run("GivesUp", func(t *testing.T) {
		t.Parallel()
		m := newMemory()
		m.fail = func(string) error { return review.Errorf(review.KindUnavailable, "busy") }
		cc, _ := setup(t, m, Options{})
		var why []string
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_, err := NewClient(cc).Stream(ctx, visit("v"), said(2), StreamOptions{MaxAttempts: 1, OnProgress: func(p Progress) { why = append(why, p.Text) }})
		if err == nil || !strings.Contains(err.Error(), "UNAVAILABLE") {
			t.Errorf("%v, want to give up", err)
		}
	})
	t.Run("ErrInput", func(t *testing.T) {
		t.Parallel()
		c := NewClient(nil)
		us := said(2)
		us[1].Seq = 3
		if _, err := c.Stream(t.Context(), visit("v"), us, StreamOptions{}); err == nil {
			t.Error("a hole was taken")
		}
		if _, err := c.Stream(t.Context(), Visit{}, nil, StreamOptions{}); err == nil {
			t.Error("an empty visit was taken")
		}
		state := filepath.Join(t.TempDir(), "state")
		st, _ := loadState("", visit("another"), time.Now())
		if err := st.save(state, false); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Stream(t.Context(), visit("v"), nil, StreamOptions{StateFile: state}); err == nil {
			t.Error("another recording's state was taken")
		}
	})
	t.Run("ErrLabelNotUTF8", func(t *testing.T) {
		t.Parallel()
		cc, _ := setup(t, newMemory(), Options{})
		us := said(1)
		us[0].Speaker.Label = "\xff"
		if _, err := NewClient(cc).Stream(t.Context(), visit("v"), us, StreamOptions{Backoff: now}); err == nil || strings.Contains(err.Error(), "gave up") {
			t.Errorf("%v, want an error at once", err)
		}
	})
}

// A server that asks to go back, and one that speaks of things from the future.
func TestClientHeedsTheServer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer()
	countersignpb.RegisterTranscriptIngestServer(g, forgetful{})
	done := make(chan struct{})
	go func() { defer close(done); _ = g.Serve(l) }()
	t.Cleanup(func() { g.Stop(); <-done })
	var events []string
	r, err := NewClient(dial(t, l.Addr().String(), nil)).Stream(t.Context(), visit("v"), said(4), StreamOptions{
		Pace: 1e6, OnProgress: func(p Progress) { events = append(events, p.Event) },
	})
	if err != nil || r.Through != 4 {
		t.Errorf("%+v %v", r, err)
	}
	if !strings.Contains(strings.Join(events, " "), "resume_point") {
		t.Errorf("events %v: no resume_point", events)
	}
}

type forgetful struct {
	countersignpb.UnimplementedTranscriptIngestServer
}

func (forgetful) StreamUtterances(s grpc.BidiStreamingServer[countersignpb.StreamUtterancesRequest, countersignpb.StreamUtterancesResponse]) error {
	if _, err := s.Recv(); err != nil {
		return err
	}
	_ = s.Send(&countersignpb.StreamUtterancesResponse{Event: &countersignpb.StreamUtterancesResponse_Started{Started: &countersignpb.Started{
		ResumeToken: []byte("t"), Limits: &countersignpb.Limits{Window: 10},
	}}})
	_ = s.Send(&countersignpb.StreamUtterancesResponse{}) // of a kind that a later version has
	for next, asked := uint32(1), false; ; {
		m, err := s.Recv()
		if err != nil {
			return err
		}
		switch {
		case m.GetEnd() != nil && !asked:
			asked, next = true, 2
			_ = s.Send(&countersignpb.StreamUtterancesResponse{Event: &countersignpb.StreamUtterancesResponse_ResumePoint{ResumePoint: &countersignpb.ResumePoint{NextSequence: 2, ReceivedSequence: 4}}})
		case m.GetEnd() != nil && next == 5:
			return s.Send(&countersignpb.StreamUtterancesResponse{Event: &countersignpb.StreamUtterancesResponse_Ended{Ended: &countersignpb.Ended{ThroughSequence: 4}}})
		case m.GetUtterance().GetSequence() == next:
			next++
		}
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 1000).Draw(t, "n")
		whole := 30 * time.Second
		if n < 7 {
			whole = 500 * time.Millisecond << (n - 1)
		}
		if d := backoff(n); d < whole/2 || d > whole {
			t.Errorf("try %d waits %v, want half to whole of %v", n, d, whole)
		}
	})
}

func TestParseVisit(t *testing.T) {
	t.Parallel()
	const ok = `{"site_id":"clinic","device_id":"room-1","recording_id":"r-1","practitioner_id":"dr-demo","modality":"video",
		"patient":{"identifiers":[{"type":"MR","system":"urn:oid:1.2","value":"1"}],"family":"Sample","given":"Ann","birth_date":"1980","sex":"female"},
		"encounter":{"identifiers":[{"system":"urn:oid:1.3","value":"2"}],"class":"VR","period_start":"2026-01-02T09:00:00Z"},
		"consent":{"scope":["recording","ai_draft"],"given_by":"patient","everyone_agreed":true,"method":"verbal","at":"2026-01-02T09:00:00Z"},
		"locations":{"clinician":"US-CA","patient":"US-NV"},"participants":[{"role":"patient","label":"spk_1"}],"note_type":"11506-3"}`
	v, err := ParseVisit([]byte(ok))
	if err != nil || v.Encounter.Class != "VR" || v.Locations.Patient != "US-NV" {
		t.Errorf("%+v %v", v, err)
	}
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"AllFaultsAtOnce": {`{}`, []string{"site_id", "device_id", "recording_id", "practitioner_id", "modality", "consent is missing"}},
		"UnknownField":    {`{"site":"clinic"}`, []string{`unknown field "site"`}},
		"WrongType":       {`{"site_id":{"Sample":1}}`, []string{"site_id", "string"}},
		"NotJSON":         {`Sample`, []string{"not JSON at byte"}},
		"Two":             {ok + "{}", []string{"one JSON object"}},
		"BadWords": {strings.NewReplacer(`"VR"`, `"Sample"`, `"video"`, `"Sample"`, `"role":"patient"`, `"role":"Sample"`, `"verbal"`, `"Sample"`, `"female"`, `"Sample"`).Replace(ok),
			[]string{"encounter.class", "modality", "participants[0].role", "consent.method", "patient.sex"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseVisit([]byte(c.text))
			if err == nil {
				t.Fatal("taken")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
			if strings.Contains(err.Error(), "Sample") {
				t.Errorf("%q quotes a value", err)
			}
		})
	}
}
