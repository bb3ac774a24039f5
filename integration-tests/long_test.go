//go:build integration && long

package integrationtests

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"countersign/api/ingest"
	"countersign/internal/ehrsim"
	"countersign/internal/embeddednats"
	"countersign/internal/pgtest"
	countersignpb "countersign/proto/countersign/v1"
)

func setting(t *testing.T, name string, def int64) int64 {
	t.Helper()
	v, err := strconv.ParseInt(os.Getenv(name), 10, 64)
	if err != nil {
		return def
	}
	return v
}

func until(t *testing.T) time.Time {
	return time.Now().Add(time.Duration(setting(t, "COUNTERSIGN_MINUTES", 2)) * time.Minute)
}

// One visit after the other against one gateway: every note arrives once, and
// the process does not grow without bound.
func TestSoakVisits(t *testing.T) {
	g := newGateway(t, "")
	g.start(t)
	us := conversation(t)
	visits, end := 0, until(t)
	for n := 1; time.Now().Before(end); n++ {
		id := g.stream(t, g.seed(t, n), us)
		g.waitNote(t, id, "drafted", drafted)
		g.sign(t, id)
		g.arrivedOnce(t, id, g.waitNote(t, id, "written", written))
		visits++
		if n%100 == 0 {
			t.Logf("%d visits, resident %s", visits, resident(g))
		}
	}
	t.Logf("%d visits, resident %s", visits, resident(g))
}

// resident is VmRSS of the gateway's process.
func resident(g *gateway) string {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(g.cmd.Process.Pid) + "/status")
	if err != nil {
		return "?"
	}
	for line := range strings.Lines(string(b)) {
		if len(line) > 6 && line[:6] == "VmRSS:" {
			return strings.TrimSpace(line[6:])
		}
	}
	return "?"
}

// Two replicas, faults at random, kills at random, repeatable by seed: every
// signed note arrives once, exactly as signed.
func TestChaosKillsAndFaults(t *testing.T) {
	seed := uint64(setting(t, "COUNTERSIGN_SEED", 1))
	rng := rand.New(rand.NewPCG(seed, seed))
	t.Logf("seed %d", seed)
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
	kinds := []ehrsim.FaultKind{ehrsim.Busy, ehrsim.Drop, ehrsim.DropBefore, ehrsim.Silent}
	var ids []string
	kills, faults, end := 0, 0, until(t)
	for n := 1; time.Now().Before(end); n++ {
		if rng.IntN(2) == 0 {
			f := ehrsim.Fault{Endpoint: doors[rng.IntN(len(doors))], Kind: kinds[rng.IntN(len(kinds))], Count: 1 + rng.IntN(2), RetryAfter: 1}
			if err := a.sim.SetFault(f); err != nil {
				t.Fatal(err)
			}
			faults++
		}
		pair := []*gateway{a, b}
		if rng.IntN(2) == 0 {
			pair = []*gateway{b, a}
		}
		// A kill may come at any step; the device, the physician and the test
		// go on with the other replica.
		if rng.IntN(3) == 0 {
			pair[1].kill()
			pair[1].start(t)
			kills++
		}
		res, err := ingest.NewClient(pair[0].conn).Stream(as(t), a.seed(t, n), us, ingest.StreamOptions{})
		if err != nil {
			t.Fatal(err)
		}
		id := string(res.NoteIDs[0])
		pair[1].waitNote(t, id, "drafted", drafted)
		pair[0].sign(t, id)
		ids = append(ids, id)
		if rng.IntN(3) == 0 {
			pair[0].kill()
			pair[0].start(t)
			kills++
		}
	}
	for _, e := range doors {
		a.sim.ClearFaults(e)
	}
	for _, id := range ids {
		r := a.waitLong(t, id)
		a.arrivedOnce(t, id, r)
	}
	t.Logf("%d notes, %d kills, %d faults", len(ids), kills, faults)
}

// waitLong waits for a note that may be in a long back-off.
func (g *gateway) waitLong(t *testing.T, id string) *countersignpb.GetNoteResponse {
	t.Helper()
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		r, err := countersignpb.NewReviewClient(g.conn).GetNote(as(t), &countersignpb.GetNoteRequest{NoteId: id})
		if err == nil && written(r) {
			return r
		}
	}
	return g.waitNote(t, id, "written", written)
}
