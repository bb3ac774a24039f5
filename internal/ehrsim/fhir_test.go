package ehrsim_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/fhir/go/fhirversion"
	"github.com/google/fhir/go/jsonformat"
	"github.com/google/go-cmp/cmp"

	"countersign/internal/ehrsim"
)

func TestFHIRCreateReadSearch(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{})
	body := document(t, "p1", "e1")
	a := must(t, "POST", s.FHIRBase()+"/DocumentReference", body)
	if a.StatusCode != 201 || a.Header.Get("ETag") != `W/"1"` || a.Header.Get("Last-Modified") == "" {
		t.Fatalf("create: %d %v %s", a.StatusCode, a.Header, a.body)
	}
	location := a.Header.Get("Location")
	id, ok := strings.CutSuffix(strings.TrimPrefix(location, s.FHIRBase()+"/DocumentReference/"), "/_history/1")
	if !ok || a.json(t)["id"] != id {
		t.Errorf("location %q, id %v", location, a.json(t)["id"])
	}
	d := s.Documents()[0]
	got := []any{d.Endpoint, d.ID, d.PatientID, d.EncounterID, d.DocumentNumber, d.TypeCode, d.Status, d.DocStatus, d.ContentType, d.Text, string(d.Raw), d.TimesFiled, d.PatientName, d.AuthorRef}
	want := []any{ehrsim.FHIR, id, "p1", "e1", "DOC-1", "11506-3", "current", "final", "text/plain", noteText, body, 1, "Jane Doe", "Practitioner/d1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, url := range []string{location, s.FHIRBase() + "/DocumentReference/" + id} {
		if r := must(t, "GET", url, ""); r.StatusCode != 200 || r.Header.Get("ETag") != `W/"1"` || r.json(t)["id"] != id {
			t.Errorf("read %s: %d %s", url, r.StatusCode, r.body)
		}
	}
	if r := must(t, "GET", s.FHIRBase()+"/DocumentReference/"+id+"/_history/2", ""); r.StatusCode != 404 {
		t.Errorf("vread of a version that is not there: %d", r.StatusCode)
	}
	if r := must(t, "GET", s.FHIRBase()+"/Binary/"+id, ""); string(r.body) != noteText || r.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("binary: %q", r.body)
	}
}

func TestFHIRRefusals(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{MaxAttachment: 3000})
	large := base64.StdEncoding.EncodeToString(make([]byte, 3001))
	data := base64.StdEncoding.EncodeToString([]byte(noteText))
	for name, tc := range map[string]struct {
		edits      []string
		status     int
		expression string
	}{
		"unknown status":               {[]string{`"status":"current"`, `"status":"bogus"`}, 400, "DocumentReference.status"},
		"no status":                    {[]string{`"status":"current",`, ``}, 400, "DocumentReference"},
		"list where one is allowed":    {[]string{`"docStatus":"final"`, `"docStatus":["final"]`}, 400, "DocumentReference.docStatus"},
		"date with a blank":            {[]string{`2026-05-01T10:25:00-05:00`, `2026-05-01 10:25`}, 400, "DocumentReference.date"},
		"unknown element":              {[]string{`"author"`, `"autor"`}, 400, "DocumentReference"},
		"data that is not base64":      {[]string{data, "!!!!"}, 400, "DocumentReference.content[0].attachment.data"},
		"no content":                   {[]string{`"content":[`, `"description":"x","extension":[],"relatesTo":[`}, 400, ""},
		"another resource":             {[]string{`"resourceType":"DocumentReference"`, `"resourceType":"Observation"`}, 400, "resourceType"},
		"not JSON":                     {[]string{`{"resourceType"`, `{{"resourceType"`}, 400, ""},
		"subject of another type":      {[]string{`Patient/p1`, `Medication/p1`}, 400, "DocumentReference.subject"},
		"subject unknown":              {[]string{`Patient/p1`, `Patient/p9`}, 422, "DocumentReference.subject"},
		"subject elsewhere":            {[]string{`Patient/p1`, `https://other.example/Patient/p1`}, 422, "DocumentReference.subject"},
		"encounter unknown":            {[]string{`Encounter/e1`, `Encounter/e9`}, 422, "DocumentReference.context.encounter"},
		"encounter of another patient": {[]string{`Encounter/e1`, `Encounter/e2`}, 422, "DocumentReference.context.encounter"},
		"attachment without content":   {[]string{`,"data":"` + data + `"`, ``}, 422, "DocumentReference.content.attachment"},
		"attachment empty":             {[]string{data, ""}, 400, "DocumentReference.content[0].attachment.data"},
		"empty object":                 {[]string{`"context":{`, `"extension":[{}],"context":{`}, 400, "DocumentReference.extension[0]"},
		"attachment too large":         {[]string{data, large}, 413, "DocumentReference.content.attachment.data"},
		"media type malformed":         {[]string{`text/plain`, ` `}, 422, "DocumentReference.content.attachment.contentType"},
		"text not UTF-8":               {[]string{data, "/w=="}, 422, "DocumentReference.content.attachment.data"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := must(t, "POST", s.FHIRBase()+"/DocumentReference", document(t, "p1", "e1", tc.edits...))
			if a.StatusCode != tc.status {
				t.Fatalf("status %d, want %d: %s", a.StatusCode, tc.status, a.body)
			}
			out := a.json(t)
			if out["resourceType"] != "OperationOutcome" {
				t.Fatalf("not an OperationOutcome: %s", a.body)
			}
			if tc.expression != "" && !strings.Contains(string(a.body), `"expression":["`+tc.expression) {
				t.Errorf("no issue at %q: %s", tc.expression, a.body)
			}
			if strings.Contains(string(a.body), "Cough") {
				t.Error("answer quotes the note")
			}
		})
	}
	t.Cleanup(func() {
		if n := len(s.Documents()); n != 0 {
			t.Errorf("%d refused documents were filed", n)
		}
	})
	if a := must(t, "POST", s.FHIRBase()+"/DocumentReference", strings.Repeat(" ", 4<<20)); a.StatusCode != 413 {
		t.Errorf("huge body: %d", a.StatusCode)
	}
	if a := must(t, "POST", s.FHIRBase()+"/DocumentReference", document(t, "p1", "e1"), "Content-Type: text/plain"); a.StatusCode != 415 {
		t.Errorf("content type: %d", a.StatusCode)
	}
	for _, method := range []string{"PUT", "PATCH", "DELETE"} {
		if a := must(t, method, s.FHIRBase()+"/DocumentReference/x", "{}"); a.StatusCode != 405 {
			t.Errorf("%s: %d", method, a.StatusCode)
		}
	}
}

func TestFHIRConditionalCreate(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{})
	post := func(condition string) answer {
		return must(t, "POST", s.FHIRBase()+"/DocumentReference", document(t, "p1", "e1"), "If-None-Exist: "+condition)
	}
	condition := "identifier=" + url.QueryEscape("urn:countersign|DOC-1")
	first, second := post(condition), post(condition)
	if first.StatusCode != 201 || second.StatusCode != 200 || first.Header.Get("Location") != second.Header.Get("Location") {
		t.Errorf("first %d, second %d, %q and %q", first.StatusCode, second.StatusCode, first.Header.Get("Location"), second.Header.Get("Location"))
	}
	if a := post("identifier=other|DOC-1"); a.StatusCode != 201 {
		t.Errorf("another system: %d", a.StatusCode)
	}
	if a := post(condition); a.StatusCode != 412 {
		t.Errorf("two matches: %d", a.StatusCode)
	}
	if a := post("colour=red"); a.StatusCode != 400 {
		t.Errorf("a parameter that is not supported must be refused: %d", a.StatusCode)
	}
	if docs := s.Documents(); len(docs) != 2 || docs[0].Replays != 1 || docs[0].TimesFiled != 2 {
		t.Errorf("%d documents", len(docs))
	}
}

func TestFHIRConditionalCreateIsAtomic(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{})
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if a, err := call(t, "POST", s.FHIRBase()+"/DocumentReference", document(t, "p1", "e1"), "If-None-Exist: identifier=DOC-1"); err != nil || a.StatusCode > 201 {
				t.Errorf("%v %v", a.Response, err)
			}
		})
	}
	wg.Wait()
	if n := len(s.Documents()); n != 1 {
		t.Errorf("%d documents, want 1", n)
	}
}

func TestFHIRPrefer(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{})
	for prefer, want := range map[string]any{"return=minimal": nil, "return=representation": "DocumentReference", "respond-sync, return=OperationOutcome": "OperationOutcome"} {
		a := must(t, "POST", s.FHIRBase()+"/DocumentReference", document(t, "p1", "e1"), "Prefer: "+prefer)
		if want == nil {
			if len(a.body) != 0 {
				t.Errorf("%s: %s", prefer, a.body)
			}
			continue
		}
		if got := a.json(t)["resourceType"]; got != want {
			t.Errorf("%s: %v", prefer, got)
		}
	}
}

func TestFHIRSearch(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{})
	must(t, "POST", s.FHIRBase()+"/DocumentReference", document(t, "p1", "e1"))
	must(t, "POST", s.FHIRBase()+"/DocumentReference", document(t, "p2", "e2", `"value":"DOC-1"`, `"value":"DOC-2"`, "2026-05-01T10:25:00-05:00", "2026-05-02T00:30:00Z"))
	for query, want := range map[string]int{
		"": 2, "identifier=urn:countersign|DOC-1": 1, "identifier=DOC-2": 1, "identifier=|DOC-1": 0, "identifier=DOC-1,DOC-2": 2, "identifier=urn:countersign:id|": 2,
		"patient=p1": 1, "patient=Patient/p1": 1, "subject=Patient/p2": 1, "encounter=e1&patient=p1": 1, "encounter=e1&patient=p2": 0,
		"type=http://loinc.org|11506-3": 2, "type=x|11506-3": 0, "category=clinical-note": 2, "status=current": 2, "status=superseded": 0,
		"date=2026-05-01": 1, "date=ge2026-05-02": 1, "date=lt2026-05-02": 1, "date=2026-05": 2, "date=ge2026-05-01&date=le2026-05-01": 1,
		"date=gt2026-05-02": 0, "date=ne2026-05-02": 1, "date=sa2026-05-01": 1, "date=eb2026-05-02": 1, "_id=none": 0, "_lastUpdated=gt2000": 2,
	} {
		for _, a := range []answer{
			must(t, "GET", s.FHIRBase()+"/DocumentReference?"+strings.ReplaceAll(query, "|", "%7C"), ""),
			must(t, "POST", s.FHIRBase()+"/DocumentReference/_search", strings.ReplaceAll(query, "|", "%7C"), "Content-Type: application/x-www-form-urlencoded"),
		} {
			b := a.json(t)
			if b["total"] != float64(want) {
				t.Errorf("%s %s: total %v, want %d", a.Request.Method, query, b["total"], want)
			}
		}
	}
	for _, query := range []string{"foo=bar", "patient=%20", "date=yesterday", "identifier=", "_count=x"} {
		if a := must(t, "GET", s.FHIRBase()+"/DocumentReference?"+query, ""); a.StatusCode != 400 {
			t.Errorf("%s: %d", query, a.StatusCode)
		}
	}
	page := must(t, "GET", s.FHIRBase()+"/DocumentReference?_count=1", "").json(t)
	links := page["link"].([]any)
	if len(page["entry"].([]any)) != 1 || len(links) != 2 {
		t.Fatalf("page: %v", page)
	}
	next := must(t, "GET", links[1].(map[string]any)["url"].(string), "").json(t)
	if len(next["entry"].([]any)) != 1 || len(next["link"].([]any)) != 1 {
		t.Errorf("last page: %v", next)
	}
}

func TestFHIRPeopleSearch(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{})
	for path, want := range map[string]int{
		"Patient?identifier=urn:oid:1.2.3%7CMRN12345": 1, "Patient?identifier=MRN0": 0, "Patient?family=do&birthdate=1980-02-14": 1,
		"Encounter?identifier=urn:oid:1.2.4%7CV0002": 1, "Encounter?patient=p1": 1, "Encounter?patient=Patient/p1&status=finished": 0,
	} {
		if b := must(t, "GET", s.FHIRBase()+"/"+path, "").json(t); b["total"] != float64(want) {
			t.Errorf("%s: %v", path, b["total"])
		}
	}
	for _, path := range []string{"Patient", "Patient?foo=1", "Encounter?foo=1"} {
		if a := must(t, "GET", s.FHIRBase()+"/"+path, ""); a.StatusCode != 400 {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
	for _, path := range []string{"Patient/p9", "Encounter/e9", "DocumentReference/x", "Binary/x", "Observation"} {
		if a := must(t, "GET", s.FHIRBase()+"/"+path, ""); a.StatusCode != 404 {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
}

// TestResourcesAreValidR4 checks what the simulator itself says with the validator it uses on others.
func TestResourcesAreValidR4(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{})
	u, err := jsonformat.NewUnmarshaller("UTC", fhirversion.R4)
	if err != nil {
		t.Fatal(err)
	}
	created := must(t, "POST", s.FHIRBase()+"/DocumentReference", document(t, "p1", "e1"))
	epic := must(t, "POST", s.EpicBase()+"/DocumentReference", document(t, "eP1", "eE1"), "Prefer: return=representation")
	if created.StatusCode != 201 || epic.StatusCode != 201 {
		t.Fatalf("%d %s, %d %s", created.StatusCode, created.body, epic.StatusCode, epic.body)
	}
	bodies := map[string][]byte{"created": created.body, "epic": epic.body}
	for _, base := range []string{s.FHIRBase(), s.EpicBase()} {
		p, e := "p1", "e1"
		if base == s.EpicBase() {
			p, e = "eP1", "eE1"
		}
		for _, path := range []string{"metadata", "Patient/" + p, "Encounter/" + e, "Patient?identifier=MRN12345", "Encounter?patient=" + p,
			"DocumentReference?patient=" + p, "DocumentReference?patient=nobody", "Patient?foo=1"} {
			bodies[base+"/"+path] = must(t, "GET", base+"/"+path, "").body
		}
	}
	for name, body := range bodies {
		if _, err := u.Unmarshal(body); err != nil {
			t.Errorf("%s: %v\n%s", name, err, body)
		}
	}
}

func TestAutoRegister(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{AutoRegister: true})
	if a := must(t, "POST", s.FHIRBase()+"/DocumentReference", document(t, "new", "visit")); a.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	if a := must(t, "GET", s.FHIRBase()+"/Encounter/visit", ""); a.StatusCode != 200 {
		t.Errorf("registered encounter: %d", a.StatusCode)
	}
	if a := must(t, "POST", s.FHIRBase()+"/DocumentReference", document(t, "p1", "visit")); a.StatusCode != 422 {
		t.Errorf("encounter of another patient: %d", a.StatusCode)
	}
	if got := dial(t, s).exchange(mdmSample(t, "ok", "MRN12345^^^HOSP", "NEW1^^^ELSEWHERE", "V0001", "V9")); got != "AA" {
		t.Errorf("mdm for a new patient: %s", got)
	}
}
