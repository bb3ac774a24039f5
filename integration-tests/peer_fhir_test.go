//go:build integration

package integrationtests

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/adapters"
	"countersign/adapters/adaptertest"
	"countersign/adapters/fhir"
	"countersign/review"
)

const (
	peerMRNSystem   = "urn:oid:1.2.36.146.595.217.0.1"
	peerVisitSystem = "urn:oid:1.2.36.146.595.217.0.2"
	otherEncounter  = "enc-of-another-patient"
)

// people are the patients and encounters that FHIR peers know.
func people(t *testing.T, more ...map[string]any) string {
	t.Helper()
	encounter := func(id, patient, number string) map[string]any {
		return map[string]any{
			"resourceType": "Encounter", "id": id, "status": "in-progress", "subject": map[string]any{"reference": "Patient/" + patient},
			"identifier": []any{map[string]any{"system": peerVisitSystem, "value": number}},
			"class":      map[string]any{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
		}
	}
	all := append([]map[string]any{
		patientResource(adaptertest.PatientFHIR, adaptertest.MRN),
		patientResource("pat-another", "MRN0000001"),
		encounter(adaptertest.EncounterFHIR, adaptertest.PatientFHIR, adaptertest.VisitNumber),
		encounter(otherEncounter, "pat-another", "VN0000001"),
	}, more...)
	return "PEOPLE=" + string(mustJSON(t, all))
}

func patientResource(id, mrn string) map[string]any {
	return map[string]any{
		"resourceType": "Patient", "id": id, "name": []any{map[string]any{"family": adaptertest.PatientFamily, "given": []any{adaptertest.PatientGiven}}},
		"identifier": []any{map[string]any{"system": peerMRNSystem, "value": mrn}},
	}
}

// fhirPeers are three independent FHIR layers and the version that each one
// gives a new document, empty for any.
func fhirPeers() map[string]struct{ script, path, version string } {
	return map[string]struct{ script, path, version string }{
		"medplum":    {"medplum-fhir.cjs", "/fhir/R4", ""},
		"fhir works": {"fwoa-fhir.cjs", "", "1"},
		"asymmetrik": {"asym-fhir.cjs", "/4_0_0", "1"},
	}
}

type fhirPeer struct {
	*peer
	base        string
	destination review.Destination
}

func startMedplum(t *testing.T, env ...string) fhirPeer {
	t.Helper()
	return startFHIR(t, "medplum-fhir.cjs", "/fhir/R4", append([]string{people(t)}, env...)...)
}

func startFHIR(t *testing.T, script, path string, env ...string) fhirPeer {
	t.Helper()
	p := startPeer(t, env, script)
	return fhirPeer{p, "http://" + p.addr + path, review.Destination{ID: "peer", Adapter: "fhir", Mode: review.ModeSimulated, RepeatSafe: true}}
}

func (p fhirPeer) adapter(t *testing.T, o fhir.Options) *fhir.Adapter {
	t.Helper()
	a, err := fhir.New(p.base, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// heldDocument is a DocumentReference as the peer gives it to anybody.
type heldDocument struct {
	ID         string `json:"id"`
	Status     string `json:"status"`
	DocStatus  string `json:"docStatus"`
	Identifier []struct{ System, Value string }
	Subject    struct{ Reference string }
	Context    struct{ Encounter []struct{ Reference string } }
	Content    []struct {
		Attachment struct{ ContentType, Data string }
	}
}

// documents asks the peer, by a plain request, for all it holds.
func (p fhirPeer) documents(t *testing.T) []heldDocument {
	t.Helper()
	var b struct {
		Entry []struct{ Resource heldDocument }
	}
	p.exchange(t, http.MethodGet, "/DocumentReference", nil, &b)
	var out []heldDocument
	for _, e := range b.Entry {
		out = append(out, e.Resource)
	}
	return out
}

func (p fhirPeer) exchange(t *testing.T, method, path string, send []byte, into any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), peerPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, p.base+path, bytes.NewReader(send))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/fhir+json")
	req.Header.Set("Content-Type", "application/fhir+json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %s", method, path, resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
}

// wantOne fails unless the peer holds exactly this document, with the signed
// bytes, at its patient and encounter. It returns the id there.
func (p fhirPeer) wantOne(t *testing.T, d review.Document) string {
	t.Helper()
	held := p.documents(t)
	if len(held) != 1 {
		t.Fatalf("the peer holds %d documents, want 1", len(held))
	}
	h := held[0]
	if len(h.Content) != 1 || len(h.Identifier) != 1 || len(h.Context.Encounter) != 1 {
		t.Fatalf("want one attachment, identifier and encounter, got %+v", h)
	}
	text, err := base64.StdEncoding.DecodeString(h.Content[0].Attachment.Data)
	if err != nil || !bytes.Equal(text, d.Rendering.Body) {
		t.Errorf("the peer does not hold the signed bytes: %v\n%s", err, text)
	}
	want := []string{"current", "final", fhir.DocumentSystem, d.DocumentNumber, "Patient/" + adaptertest.PatientFHIR, "Encounter/" + adaptertest.EncounterFHIR}
	got := []string{h.Status, h.DocStatus, h.Identifier[0].System, h.Identifier[0].Value, h.Subject.Reference, h.Context.Encounter[0].Reference}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("the peer holds %q, want %q", got[i], want[i])
		}
	}
	return h.ID
}

func (p fhirPeer) wantNone(t *testing.T) {
	t.Helper()
	if n := len(p.documents(t)); n != 0 {
		t.Errorf("the peer holds %d documents, want none", n)
	}
}

// wantPermanent fails unless err is a refusal with this code.
func wantPermanent(t *testing.T, err error, code string) {
	t.Helper()
	var p *adapters.PermanentError
	if !errors.As(err, &p) || p.Code != code {
		t.Errorf("got %v, want a permanent error %s", err, code)
	}
}

// wantRetryAfter fails unless err says when to come back.
func wantRetryAfter(t *testing.T, err error, code string, after time.Duration) {
	t.Helper()
	var r *adapters.RetryAfterError
	if !errors.As(err, &r) || r.Code != code || r.After != after {
		t.Errorf("got %v, want retry after %s with code %s", err, after, code)
	}
}

func peerContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), peerPatience)
	t.Cleanup(cancel)
	return ctx
}

func TestPeerFHIRAccepted(t *testing.T) {
	t.Parallel()
	for name, server := range fhirPeers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := peerContext(t)
			p := startFHIR(t, server.script, server.path, people(t))
			a := p.adapter(t, fhir.Options{})
			d := adaptertest.Document(t, p.destination)
			if _, found, err := a.Find(ctx, d); found || err != nil {
				t.Fatalf("find before it is written: %v, %v; want not found", found, err)
			}
			rec, err := a.WriteBack(ctx, d)
			if err != nil {
				t.Fatal(err)
			}
			id := p.wantOne(t, d)
			if rec.ResourceID != id || rec.WrittenSHA256 != d.Rendering.SHA256 || rec.Status != http.StatusCreated {
				t.Errorf("receipt %+v; the peer's id is %s", rec, id)
			}
			if rec.Version == "" || server.version != "" && rec.Version != server.version {
				t.Errorf("receipt has version %q, want %q", rec.Version, server.version)
			}
			if v, err := a.Verify(ctx, d, rec); err != nil || v != review.VerificationVerified {
				t.Errorf("verify: %q, %v; want verified", v, err)
			}
			found, ok, err := a.Find(ctx, d)
			if err != nil || !ok || found.ResourceID != id || found.WrittenSHA256 != d.Rendering.SHA256 {
				t.Errorf("find: %+v, %v, %v; want %s", found, ok, err, id)
			}
			if _, ok, err := a.Find(ctx, adaptertest.Document(t, p.destination)); ok || err != nil {
				t.Errorf("find of a document that was never sent: %v, %v; want not found", ok, err)
			}
		})
	}
}

func TestPeerFHIRConditionalCreate(t *testing.T) {
	t.Parallel()
	type request struct {
		Method, Path, Type, Prefer string
		IfNoneExist                string `json:"if_none_exist"`
	}
	create := func(r request) bool { return r.Method == http.MethodPost && r.Path == "/DocumentReference" }
	t.Run("repeat gives the same document", func(t *testing.T) {
		t.Parallel()
		ctx := peerContext(t)
		p := startMedplum(t)
		a := p.adapter(t, fhir.Options{})
		d := adaptertest.Document(t, p.destination)
		first, err := a.WriteBack(ctx, d)
		if err != nil {
			t.Fatal(err)
		}
		r := nextEvent(t, p.peer, create)
		if !strings.Contains(r.IfNoneExist, d.DocumentNumber) || !strings.HasPrefix(r.Type, "application/fhir+json") || r.Prefer != "return=representation" {
			t.Errorf("the create came as %+v", r)
		}
		again, err := a.WriteBack(ctx, d)
		if err != nil || again.ResourceID != first.ResourceID || again.Status != http.StatusOK {
			t.Errorf("repeat: %+v, %v; want status 200 and id %s", again, err, first.ResourceID)
		}
		p.wantOne(t, d)
	})
	t.Run("another text under the number is refused", func(t *testing.T) {
		t.Parallel()
		ctx := peerContext(t)
		p := startMedplum(t)
		a := p.adapter(t, fhir.Options{})
		d := adaptertest.Document(t, p.destination)
		if _, err := a.WriteBack(ctx, d); err != nil {
			t.Fatal(err)
		}
		_, err := a.WriteBack(ctx, adaptertest.WithBody(d, []byte("Another note.\n")))
		wantPermanent(t, err, "fhir_number_taken")
		p.wantOne(t, d)
	})
	t.Run("not asked for where it is not offered", func(t *testing.T) {
		t.Parallel()
		p := startMedplum(t, "CONDITIONAL=0")
		d := adaptertest.Document(t, p.destination)
		if _, err := p.adapter(t, fhir.Options{}).WriteBack(peerContext(t), d); err != nil {
			t.Fatal(err)
		}
		if r := nextEvent(t, p.peer, create); r.IfNoneExist != "" {
			t.Errorf("If-None-Exist: %s", r.IfNoneExist)
		}
		p.wantOne(t, d)
	})
}

func TestPeerFHIRFailures(t *testing.T) {
	t.Parallel()
	t.Run("503 twice then accepted", func(t *testing.T) {
		t.Parallel()
		ctx := peerContext(t)
		p := startMedplum(t, "FAIL=503x2")
		a := p.adapter(t, fhir.Options{})
		d := adaptertest.Document(t, p.destination)
		for range 2 {
			_, err := a.WriteBack(ctx, d)
			wantRetryAfter(t, err, "fhir_503", time.Second)
			p.wantNone(t)
		}
		if _, err := a.WriteBack(ctx, d); err != nil {
			t.Fatal(err)
		}
		p.wantOne(t, d)
	})
	t.Run("429 without a hint then accepted", func(t *testing.T) {
		t.Parallel()
		ctx := peerContext(t)
		p := startMedplum(t, "FAIL=429x1")
		a := p.adapter(t, fhir.Options{BusyAfter: 7 * time.Second})
		d := adaptertest.Document(t, p.destination)
		_, err := a.WriteBack(ctx, d)
		wantRetryAfter(t, err, "fhir_429", 7*time.Second)
		if _, err := a.WriteBack(ctx, d); err != nil {
			t.Fatal(err)
		}
		p.wantOne(t, d)
	})
	t.Run("500 is unknown and Find says it is not there", func(t *testing.T) {
		t.Parallel()
		ctx := peerContext(t)
		p := startMedplum(t, "FAIL=500x1")
		a := p.adapter(t, fhir.Options{})
		d := adaptertest.Document(t, p.destination)
		if _, err := a.WriteBack(ctx, d); !errors.Is(err, adapters.ErrUnknownOutcome) {
			t.Errorf("got %v, want unknown outcome", err)
		}
		if _, found, err := a.Find(ctx, d); found || err != nil {
			t.Errorf("find: %v, %v; want not found", found, err)
		}
	})
	t.Run("a lost reply is unknown and Find says where it is", func(t *testing.T) {
		t.Parallel()
		ctx := peerContext(t)
		p := startMedplum(t, "DROP=1")
		a := p.adapter(t, fhir.Options{})
		d := adaptertest.Document(t, p.destination)
		if _, err := a.WriteBack(ctx, d); !errors.Is(err, adapters.ErrUnknownOutcome) {
			t.Fatalf("got %v, want unknown outcome", err)
		}
		id := p.wantOne(t, d)
		found, ok, err := a.Find(ctx, d)
		if err != nil || !ok || found.ResourceID != id {
			t.Fatalf("find: %+v, %v, %v; want %s", found, ok, err, id)
		}
		if v, err := a.Verify(ctx, d, found); err != nil || v != review.VerificationVerified {
			t.Errorf("verify: %q, %v; want verified", v, err)
		}
	})
	t.Run("401 keeps the document for later", func(t *testing.T) {
		t.Parallel()
		ctx := peerContext(t)
		p := startMedplum(t, "TOKEN=right")
		d := adaptertest.Document(t, p.destination)
		wrong := &oneToken{token: "wrong"}
		_, err := p.adapter(t, fhir.Options{BusyAfter: time.Second, Tokens: wrong}).WriteBack(ctx, d)
		wantRetryAfter(t, err, "fhir_read_401", time.Second)
		if !wrong.discarded {
			t.Error("a token that was refused is kept")
		}
		right := &oneToken{token: "right"}
		a := p.adapter(t, fhir.Options{Tokens: right})
		rec, err := a.WriteBack(ctx, d)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := a.Verify(ctx, d, rec); err != nil || v != review.VerificationVerified || right.discarded {
			t.Errorf("verify: %q, %v; discarded %v", v, err, right.discarded)
		}
	})
	t.Run("a server without DocumentReference refuses", func(t *testing.T) {
		t.Parallel()
		p := startFHIR(t, "fwoa-fhir.cjs", "", people(t), "TYPES=Patient,Encounter")
		_, err := p.adapter(t, fhir.Options{}).WriteBack(peerContext(t), adaptertest.Document(t, p.destination))
		var refused *adapters.PermanentError
		if !errors.As(err, &refused) || !strings.HasPrefix(refused.Code, "fhir_404") {
			t.Errorf("got %v, want a permanent fhir_404", err)
		}
	})
}

// oneToken is a TokenSource; it is used by one call at a time.
type oneToken struct {
	token     string
	discarded bool
}

func (o *oneToken) Token(context.Context) (string, error) { return o.token, nil }
func (o *oneToken) Discard(string)                        { o.discarded = true }
