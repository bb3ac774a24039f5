//go:build integration

package integrationtests

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"countersign/api/ingest"
	"countersign/internal/ehrsim"
	"countersign/internal/embeddednats"
	"countersign/internal/pgtest"
	countersignpb "countersign/proto/countersign/v1"
	"countersign/review"
)

// doors are the simulated EHR's.
var doors = []ehrsim.Endpoint{ehrsim.FHIR, ehrsim.Epic, ehrsim.MLLP}

func (g *gateway) fault(t *testing.T, kind ehrsim.FaultKind, count int) {
	t.Helper()
	for _, e := range doors {
		if err := g.sim.SetFault(ehrsim.Fault{Endpoint: e, Kind: kind, Count: count, RetryAfter: 3}); err != nil {
			t.Fatal(err)
		}
	}
}

// onBothInstallations runs a test with SQLite and with PostgreSQL.
func onBothInstallations(t *testing.T, f func(t *testing.T, g *gateway)) {
	t.Run("sqlite", func(t *testing.T) { f(t, newGateway(t, "")) })
	t.Run("postgres", func(t *testing.T) { f(t, newGateway(t, pgtest.Start(t))) })
}

// kill -9 between signature and write-back: the note arrives, once, and no
// file holds the patient's words.
func TestKillBetweenSignatureAndWriteBack(t *testing.T) {
	onBothInstallations(t, func(t *testing.T, g *gateway) {
		g.start(t)
		g.fault(t, ehrsim.Busy, 0)
		id := g.stream(t, g.seed(t, 1), conversation(t))
		g.waitNote(t, id, "drafted", drafted)
		g.sign(t, id)
		g.kill()
		for _, e := range doors {
			g.sim.ClearFaults(e)
		}
		if n := len(g.sim.Documents()); n != 0 {
			t.Fatalf("%d documents before the restart", n)
		}
		g.start(t)
		g.arrivedOnce(t, id, g.waitNote(t, id, "written", written))
		g.holdsNone(t, patientFamily, patientGiven, patientMRN, "lisinopril", "tater tots", "congestive")
	})
}

// kill -9 after the EHR has filed and before it answered: the write is
// unknown, the EHR is asked, and the note is there once.
func TestKillWhileSending(t *testing.T) {
	onBothInstallations(t, func(t *testing.T, g *gateway) {
		g.start(t)
		id := g.stream(t, g.seed(t, 1), conversation(t))
		g.waitNote(t, id, "drafted", drafted)
		// One door after the other files without an answer; the later ones are
		// busy meanwhile. MLLP first: a busy receiver cannot say for how long.
		g.fault(t, ehrsim.Busy, 0)
		for i, e := range []ehrsim.Endpoint{ehrsim.MLLP, ehrsim.FHIR, ehrsim.Epic} {
			if err := g.sim.SetFault(ehrsim.Fault{Endpoint: e, Kind: ehrsim.Silent, Count: 1}); err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				g.sign(t, id)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			err := g.sim.Wait(ctx, func(docs []ehrsim.ReceivedDocument) bool { return len(docs) == i+1 })
			cancel()
			if err != nil {
				t.Fatalf("%s never filed the note: %v", e, err)
			}
			g.kill()
			g.start(t)
		}
		g.arrivedOnce(t, id, g.waitNote(t, id, "written", written))
	})
}

// A reply that is lost while the gateway lives on: the same answer.
func TestLostReply(t *testing.T) {
	g := newGateway(t, "")
	g.start(t)
	g.fault(t, ehrsim.Drop, 1)
	id := g.stream(t, g.seed(t, 1), conversation(t))
	g.waitNote(t, id, "drafted", drafted)
	g.sign(t, id)
	g.arrivedOnce(t, id, g.waitNote(t, id, "written", written))
}

// The whole NATS store is deleted, again and again, under visits: every visit
// still completes.
func TestNATSStoreDeletedMidRun(t *testing.T) {
	g := newGateway(t, "")
	g.start(t)
	us := conversation(t)
	var done atomic.Bool
	wiped := make(chan int)
	go func() {
		n := 0
		for !done.Load() {
			if os.RemoveAll(filepath.Join(g.dir, "data", "nats")) == nil {
				n++
			}
			time.Sleep(700 * time.Millisecond) // the pace of the damage, not a wait for a result
		}
		wiped <- n
	}()
	var ids []string
	for n := range 6 {
		ids = append(ids, g.stream(t, g.seed(t, n+1), us))
	}
	for _, id := range ids {
		g.waitNote(t, id, "drafted", drafted)
		g.sign(t, id)
	}
	for _, id := range ids {
		g.arrivedOnce(t, id, g.waitNote(t, id, "written", written))
	}
	done.Store(true)
	if n := <-wiped; n == 0 {
		t.Error("the store was never deleted")
	}
}

// A device that is killed mid-visit and comes back goes on after the last
// durable sequence; so does one whose gateway was killed. Nothing is lost or
// doubled.
func TestDeviceAndGatewayKilledMidVisit(t *testing.T) {
	onBothInstallations(t, func(t *testing.T, g *gateway) {
		g.start(t)
		us := conversation(t)
		visit := g.seed(t, 1)
		state := filepath.Join(g.dir, "device.state")
		for cut := int64(10); cut < int64(len(us)); cut += 25 {
			ctx, cancel := context.WithCancel(as(t))
			_, err := ingest.NewClient(g.conn).Stream(ctx, visit, us, ingest.StreamOptions{
				StateFile: state, Pace: 400, OnAck: func(through int64) {
					if through >= cut {
						cancel() // the device's process dies here
					}
				},
			})
			cancel()
			if err == nil {
				break
			}
			if cut%2 == 0 {
				g.kill()
				g.start(t)
			}
		}
		res, err := ingest.NewClient(g.conn).Stream(as(t), visit, us, ingest.StreamOptions{StateFile: state})
		if err != nil || len(res.NoteIDs) != 1 || res.Through != int64(len(us)) {
			t.Fatalf("stream = %+v, %v", res, err)
		}
		id := string(res.NoteIDs[0])
		g.waitNote(t, id, "drafted", drafted)
		g.sameTranscript(t, id, us)
	})
}

func (g *gateway) sameTranscript(t *testing.T, id string, us []review.Utterance) {
	t.Helper()
	rpc := countersignpb.NewReviewClient(g.conn)
	var got []*countersignpb.TranscriptUtterance
	for token := ""; ; {
		r, err := rpc.GetTranscript(as(t), &countersignpb.GetTranscriptRequest{NoteId: id, PageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r.GetUtterances()...)
		if token = r.GetNextPageToken(); token == "" {
			break
		}
	}
	if len(got) != len(us) {
		t.Fatalf("%d utterances, want %d", len(got), len(us))
	}
	for i, u := range got {
		if u.GetUtterance().GetText() != string(us[i].Text) {
			t.Errorf("utterance %d differs", i+1)
		}
	}
}

// Two replicas over PostgreSQL and an external NATS, of which one after the
// other is killed while notes are on their way: the survivor takes over, and
// every note arrives once.
func TestReplicaTakesOver(t *testing.T) {
	ns, err := embeddednats.Start(context.Background(), t.TempDir(), embeddednats.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ns.Shutdown)
	a := newGatewayOn(t, pgtest.Start(t), ns.URL())
	a.start(t)
	b := a.replica(t)
	b.start(t)
	us := conversation(t)
	var ids []string
	for n, pair := range [][2]*gateway{{a, b}, {b, a}, {a, b}} {
		victim, survivor := pair[0], pair[1]
		for _, e := range []ehrsim.Endpoint{ehrsim.FHIR, ehrsim.Epic} {
			if err := a.sim.SetFault(ehrsim.Fault{Endpoint: e, Kind: ehrsim.Silent, Count: 1}); err != nil {
				t.Fatal(err)
			}
		}
		id := victim.stream(t, a.seed(t, n+1), us)
		survivor.waitNote(t, id, "drafted", drafted)
		victim.sign(t, id)
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		err := a.sim.Wait(ctx, func(docs []ehrsim.ReceivedDocument) bool { return len(docs) > 3*n })
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		victim.kill()
		ids = append(ids, id)
		survivor.arrivedOnce(t, id, survivor.waitNote(t, id, "written", written))
		victim.start(t)
	}
	for _, id := range ids {
		a.arrivedOnce(t, id, a.waitNote(t, id, "written", written))
	}
}

// An orderly stop leaves nothing sending and says so with exit code 0.
func TestOrderlyStop(t *testing.T) {
	g := newGateway(t, "")
	g.start(t)
	id := g.stream(t, g.seed(t, 1), conversation(t))
	g.waitNote(t, id, "drafted", drafted)
	g.conn.Close()
	g.cmd.Process.Signal(os.Interrupt)
	err := g.cmd.Wait()
	g.cmd = nil
	if err != nil {
		t.Errorf("exit: %v", fmt.Sprint(err))
	}
}
