// Package adaptertest is the conformance suite that every adapter runs.
//
// An adapter's test gives [Run] a function that makes the adapter together
// with a fresh fake destination and the controls of that destination:
//
//	func TestConformance(t *testing.T) {
//		t.Parallel()
//		adaptertest.Run(t, func(t *testing.T, log *slog.Logger) *adaptertest.Harness {
//			sim := ehrsim.Start(t, ...)
//			a, err := fhir.New(fhir.Config{BaseURL: sim.URL}, fhir.Options{Log: log})
//			...
//			return &adaptertest.Harness{
//				Adapter:     a,
//				Destination: review.Destination{ID: "fhir", Adapter: "fhir", Mode: review.ModeSimulated},
//				Prepare:     func(d *review.Document) { sim.Seed(d.Patient, d.Encounter) },
//				Received:    func() []adaptertest.Received { ... },
//				Faults:      map[adaptertest.Fault]func(){adaptertest.FaultRefuse: sim.Refuse, ...},
//			}
//		})
//	}
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
//
// Each case makes its own harness, so that nothing has to be reset and cases
// run in parallel. A case whose control is missing is skipped by name, never
// passed silently: a nil Faults entry says "this destination cannot do that".
// Every error and every log line of a case is searched for the patient.
//
// [Document] makes a realistic document for an adapter's own tests;
// [Request], [DocumentOf] and [WithBody] make unusual ones.
package adaptertest
