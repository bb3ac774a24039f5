package ehrsim_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"countersign/internal/ehrsim"
)

func TestStartRefusesOtherAddressesThanLoopback(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"0.0.0.0:0", "[::]:0", "192.0.2.1:80", "ehr.example:80"} {
		for _, opt := range []ehrsim.Options{{HTTPAddr: addr}, {EpicAddr: addr}, {MLLPAddr: addr}} {
			if s, err := ehrsim.Start(t.Context(), opt); !errors.Is(err, ehrsim.ErrNotLoopback) {
				t.Errorf("%+v: %v %v", opt, s, err)
			}
		}
	}
	if _, err := ehrsim.Start(t.Context(), ehrsim.Options{HTTPAddr: "nonsense"}); err == nil {
		t.Error("a malformed address was taken")
	}
	if _, err := ehrsim.Start(t.Context(), ehrsim.Options{Faults: []ehrsim.Fault{{}}}); err == nil {
		t.Error("a malformed fault was taken")
	}
	s := setup(t, ehrsim.Options{HTTPAddr: ":0", MLLPAddr: "localhost:0"})
	if !strings.HasPrefix(s.MLLPAddr(), "127.0.0.1:") || !strings.HasPrefix(s.FHIRBase(), "http://127.0.0.1:") {
		t.Errorf("%s %s", s.MLLPAddr(), s.FHIRBase())
	}
}

func TestEndOfContextStops(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := setup(t, ehrsim.Options{})
	other, err := ehrsim.Start(ctx, ehrsim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := dial(t, other)
	cancel()
	if _, err := p.receive(); err == nil {
		t.Error("the connection outlives the context")
	}
	if err := other.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	_ = s
}

func TestSeedRefusesNonsense(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{})
	if err := s.Seed(ehrsim.Patient{ID: "not an id"}); err == nil {
		t.Error("an id with blanks was taken")
	}
	if err := s.SeedJSON([]byte(`{"encounters":[{"id":"e7","patient_id":"nobody"}]}`)); err == nil {
		t.Error("an encounter of nobody was taken")
	}
	if err := s.SeedJSON([]byte(`{"encounters":[{"id":"e7","patient_id":"p1"}]}`)); err != nil {
		t.Error(err)
	}
}

func TestAdmin(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{})
	post := func(path, body string) answer {
		return must(t, "POST", s.AdminBase()+path, body, "Content-Type: application/json")
	}
	if a := post("/seed", `{"patients":[{"id":"p3","family":"Poe"}],"encounters":[{"id":"e3"}]}`); a.StatusCode != 200 {
		t.Fatalf("seed: %d %s", a.StatusCode, a.body)
	}
	if a := post("/faults", `[{"endpoint":"fhir","kind":"busy","count":1,"retry_after":3},{"endpoint":"mllp","kind":"drop"}]`); a.StatusCode != 200 {
		t.Fatalf("faults: %d %s", a.StatusCode, a.body)
	}
	if a := must(t, "POST", s.FHIRBase()+"/DocumentReference", document(t, "p3", "e3")); a.StatusCode != 503 || a.Header.Get("Retry-After") != "3" {
		t.Errorf("planned fault: %d", a.StatusCode)
	}
	if a := must(t, "POST", s.FHIRBase()+"/DocumentReference", document(t, "p3", "e3")); a.StatusCode != 201 {
		t.Fatalf("create: %d %s", a.StatusCode, a.body)
	}
	var got struct{ Documents []ehrsim.ReceivedDocument }
	if err := json.Unmarshal(must(t, "GET", s.AdminBase()+"/documents", "").body, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Documents) != 1 || got.Documents[0].Text != noteText || got.Documents[0].SHA256 != s.Documents()[0].SHA256 || string(got.Documents[0].Raw) != string(s.Documents()[0].Raw) {
		t.Errorf("%+v", got)
	}
	var counters map[ehrsim.Endpoint]ehrsim.Counters
	if err := json.Unmarshal(must(t, "GET", s.AdminBase()+"/requests", "").body, &counters); err != nil {
		t.Fatal(err)
	}
	if c := counters[ehrsim.FHIR]; c.Writes != 2 || c.Filed != 1 || c.Faulted != 1 {
		t.Errorf("counters %+v", c)
	}
	if a := must(t, "GET", s.AdminBase()+"/faults", ""); !strings.Contains(string(a.body), `"mllp"`) {
		t.Errorf("faults: %s", a.body)
	}
	if a := must(t, "DELETE", s.AdminBase()+"/faults", ""); strings.Contains(string(a.body), `"mllp"`) {
		t.Errorf("faults after DELETE: %s", a.body)
	}
	for path, body := range map[string]string{"/faults": `{"endpoint":"fhir","kind":"explode"}`, "/seed": `{"patients":[{"id":" "}]}`} {
		if a := post(path, body); a.StatusCode != 400 {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
	if a := must(t, "POST", s.AdminBase()+"/reset", "{}", "Content-Type: text/plain"); a.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("a form of another origin could reset: %d", a.StatusCode)
	}
	if a := post("/reset", "{}"); a.StatusCode != 200 || len(s.Documents()) != 0 {
		t.Errorf("reset: %d", a.StatusCode)
	}
}

func TestPageShowsDocumentsEscaped(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{})
	if a := must(t, "GET", s.PageURL(), ""); a.StatusCode != 200 || !strings.Contains(string(a.body), "Nothing received yet") {
		t.Errorf("empty page: %d", a.StatusCode)
	}
	if a := must(t, "GET", s.PageURL()+"healthz", ""); a.StatusCode != 200 {
		t.Errorf("health: %d", a.StatusCode)
	}
	must(t, "POST", s.FHIRBase()+"/DocumentReference", document(t, "p1", "e1"))
	a := must(t, "GET", s.PageURL(), "")
	if page := string(a.body); !strings.Contains(page, "Jane Doe") || !strings.Contains(page, "rest &amp; fluids &lt; 2 weeks") {
		t.Errorf("page: %s", page)
	}
}
