package hl7mdm

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"countersign/adapters"
	"countersign/adapters/adaptertest"
	"countersign/internal/ehrsim"
	"countersign/review"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func startSim(t *testing.T, o ehrsim.Options) *ehrsim.Simulator {
	t.Helper()
	sim, err := ehrsim.Start(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := sim.Shutdown(ctx); err != nil {
			t.Errorf("simulator: %v", err)
		}
	})
	p := ehrsim.Patient{ID: adaptertest.PatientFHIR, Family: adaptertest.PatientFamily, Given: adaptertest.PatientGiven,
		Identifiers: []ehrsim.Identifier{{Authority: adaptertest.MRNAuthority, Value: adaptertest.MRN, Type: "MR"}}}
	e := ehrsim.Encounter{ID: adaptertest.EncounterFHIR, Identifiers: []ehrsim.Identifier{{Authority: adaptertest.VisitAuthority, Value: adaptertest.VisitNumber}}}
	if err := sim.Seed(p, e); err != nil {
		t.Fatal(err)
	}
	return sim
}

func newAdapter(t *testing.T, addr string, o Options) *Adapter {
	t.Helper()
	a, err := New(addr, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

func destination() review.Destination {
	return review.Destination{ID: "mdm", Adapter: "hl7mdm", Mode: review.ModeSimulated, RepeatSafe: true}
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestConformance(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, func(t *testing.T, _ *slog.Logger) *adaptertest.Harness {
		sim := startSim(t, ehrsim.Options{})
		fault := func(f ehrsim.Fault) func() {
			return func() {
				f.Endpoint = ehrsim.MLLP
				if err := sim.SetFault(f); err != nil {
					t.Error(err)
				}
			}
		}
		return &adaptertest.Harness{
			Adapter:     newAdapter(t, sim.MLLPAddr(), Options{BusyAfter: 9 * time.Second}),
			Destination: destination(),
			Received: func() []adaptertest.Received {
				var out []adaptertest.Received
				for _, d := range sim.Documents() {
					out = append(out, adaptertest.Received{Text: []byte(d.Text), DocumentNumber: d.DocumentNumber})
				}
				return out
			},
			Faults: map[adaptertest.Fault]func(){
				adaptertest.FaultRefuse: fault(ehrsim.Fault{Kind: ehrsim.Refuse}),
				adaptertest.FaultBusy:   fault(ehrsim.Fault{Kind: ehrsim.Busy}),
				adaptertest.FaultDrop:   fault(ehrsim.Fault{Kind: ehrsim.Drop}),
				adaptertest.FaultSilent: fault(ehrsim.Fault{Kind: ehrsim.Silent}),
			},
			BusyAfter:   9 * time.Second,
			Unreachable: newAdapter(t, closedPort(t), Options{}),
			Remote: func(host string) (adapters.Adapter, error) {
				a, err := New(net.JoinHostPort(host, "9"), Options{})
				if err == nil {
					t.Cleanup(a.Close)
				}
				return a, err
			},
		}
	})
}
