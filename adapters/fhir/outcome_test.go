package fhir

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/adapters"
	"countersign/adapters/adaptertest"
	"countersign/internal/ehrsim"
	"countersign/internal/fhirr4"
	"countersign/internal/smartauth"
	"countersign/review"
)

// server is a FHIR server that knows the test patient's encounter and answers
// creates as a case wants. It fails the test on any other request.
type server struct {
	t       *testing.T
	create  http.HandlerFunc
	search  string // body of the answer to a search of documents
	read    string // body of the answer to a read of a document
	meta    string // CapabilityStatement; empty is answered with 404
	creates atomic.Int64
	url     string
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.URL.String(), adaptertest.MRN) || r.URL.RawQuery != "" {
		s.t.Errorf("URL %s holds a search", r.URL.Path)
	}
	switch route := r.Method + " " + r.URL.Path; route {
	case "GET /r4/Encounter/" + adaptertest.EncounterFHIR:
		fmt.Fprintf(w, `{"resourceType":"Encounter","id":%q,"status":"in-progress","subject":{"reference":"Patient/%s"}}`,
			adaptertest.EncounterFHIR, adaptertest.PatientFHIR)
	case "GET /r4/metadata":
		if s.meta == "" {
			w.WriteHeader(http.StatusNotFound)
		}
		io.WriteString(w, s.meta)
	case "POST /r4/DocumentReference":
		s.creates.Add(1)
		s.create(w, r)
	case "POST /r4/DocumentReference/_search":
		if s.search == "" {
			w.WriteHeader(http.StatusForbidden)
		}
		io.WriteString(w, s.search)
	case "GET /r4/DocumentReference/new-1":
		if s.read == "" {
			w.WriteHeader(http.StatusNotFound)
		}
		io.WriteString(w, s.read)
	default:
		s.t.Errorf("unexpected request %s", route)
		w.WriteHeader(http.StatusTeapot)
	}
}

func startServer(t *testing.T, s *server) *Adapter {
	t.Helper()
	s.t = t
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	s.url = h.URL
	return newAdapter(t, h.URL+"/r4", Options{BusyAfter: time.Minute})
}

func answer(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header()[headers[i]] = []string{headers[i+1]} // as it is, without canonical form
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// TestReceiptShapes: Location, ETag and bodies as real servers send them.
func TestReceiptShapes(t *testing.T) {
	t.Parallel()
	bundle := `{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"DocumentReference","id":"new-1","status":"current","meta":{"versionId":"4"}}}]}`
	body := `{"resourceType":"DocumentReference","id":"new-1","meta":{"versionId":"3"}}`
	for name, c := range map[string]struct {
		server  *server
		version string
	}{
		"Medplum: absolute with version, weak ETag of a UUID": {&server{create: answer(201, body, "Location", "http://h/r4/DocumentReference/new-1/_history/9a1e", "ETag", `W/"9a1e"`)}, "9a1e"},
		"absolute without version, no ETag, body":             {&server{create: answer(201, body, "Location", "http://h/r4/DocumentReference/new-1")}, "3"},
		"Asymmetrik: relative, empty body, bare ETag":         {&server{create: answer(201, "", "Location", "4_0_0/DocumentReference/new-1", "ETag", "1")}, "1"},
		"Epic-like: relative, no ETag, empty body":            {&server{create: answer(201, "", "Location", "DocumentReference/new-1")}, ""},
		"HAPI-like: version in Location only":                 {&server{create: answer(201, "", "Location", "http://h/DocumentReference/new-1/_history/2")}, "2"},
		"FHIR Works: no Location, body":                       {&server{create: answer(201, body)}, "3"},
		"no Location, no body: search by identifier":          {&server{create: answer(201, ""), search: bundle}, "4"},
		"Location of another type":                            {&server{create: answer(201, "", "Location", "Binary/x"), search: bundle}, "4"},
		"200 without conditional create":                      {&server{create: answer(200, body)}, "3"},
		"OperationOutcome as body":                            {&server{create: answer(201, `{"resourceType":"OperationOutcome"}`, "Location", "DocumentReference/new-1", "ETag", `W/"1"`)}, "1"},
		"body cut off after a good header": {&server{create: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "DocumentReference/new-1")
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(201)
			io.WriteString(w, "{")
		}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := adaptertest.Document(t, destination())
			rec, err := startServer(t, c.server).WriteBack(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			if rec.ResourceID != "new-1" || rec.Version != c.version || rec.WrittenSHA256 != d.Rendering.SHA256 {
				t.Errorf("receipt %+v, want new-1 version %q", rec, c.version)
			}
		})
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	outcome := `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"business-rule","diagnostics":"Quillfeather","expression":["DocumentReference.type"]}]}`
	for name, c := range map[string]struct {
		create http.HandlerFunc
		want   error
	}{
		"400":                  {answer(400, ""), adapters.Permanent("fhir_400", "")},
		"422 with outcome":     {answer(422, outcome), adapters.Permanent("fhir_422_business-rule", "")},
		"403":                  {answer(403, ""), adapters.Permanent("fhir_403", "")},
		"404":                  {answer(404, ""), adapters.Permanent("fhir_404", "")},
		"409":                  {answer(409, ""), adapters.Permanent("fhir_409", "")},
		"412":                  {answer(412, ""), adapters.Permanent("fhir_412", "")},
		"413":                  {answer(413, "<html>"), adapters.Permanent("fhir_413", "")},
		"501":                  {answer(501, ""), adapters.Permanent("fhir_501", "")},
		"307":                  {answer(307, "", "Location", "http://192.0.2.1/"), adapters.Permanent("fhir_307", "")},
		"401":                  {answer(401, ""), adapters.RetryAfter("fhir_401", time.Minute)},
		"429 without hint":     {answer(429, "", "RateLimit", `"default";r=0;t=3`), adapters.RetryAfter("fhir_429", time.Minute)},
		"429 with seconds":     {answer(429, "", "Retry-After", "7"), adapters.RetryAfter("fhir_429", 7*time.Second)},
		"503 with an old date": {answer(503, "", "Retry-After", "Mon, 23 Nov 2020 12:00:00 GMT"), adapters.RetryAfter("fhir_503", 0)},
		"503 without hint":     {answer(503, ""), adapters.RetryAfter("fhir_503", time.Minute)},
		"202":                  {answer(202, ""), &adapters.CommittedError{Code: "fhir_202"}},
		"500":                  {answer(500, outcome), adapters.Unknown("fhir_500")},
		"502":                  {answer(502, "<html>Quillfeather"), adapters.Unknown("fhir_502")},
		"504":                  {answer(504, ""), adapters.Unknown("fhir_504")},
		"408":                  {answer(408, ""), adapters.Unknown("fhir_408")},
		"204 without id":       {answer(204, ""), adapters.Unknown("fhir_no_id")},
		"201 without id":       {answer(201, ""), adapters.Unknown("fhir_no_id")},
		"connection cut off":   {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, adapters.Unknown("fhir_cut_off")},
		"answer that is no HTTP": {func(w http.ResponseWriter, _ *http.Request) {
			c, _, _ := w.(http.Hijacker).Hijack()
			io.WriteString(c, "hello\r\n\r\n")
			c.Close()
		}, adapters.Unknown("fhir_cut_off")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{create: c.create}
			_, err := startServer(t, s).WriteBack(t.Context(), adaptertest.Document(t, destination()))
			if fmt.Sprintf("%T", err) != fmt.Sprintf("%T", c.want) || adapters.CodeOf(err) != adapters.CodeOf(c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			var got, want *adapters.RetryAfterError
			if errors.As(err, &got) && errors.As(c.want, &want) && got.After != want.After {
				t.Errorf("come back after %s, want %s", got.After, want.After)
			}
			if err != nil && strings.Contains(err.Error(), "Quillfeather") {
				t.Errorf("the error holds the body: %v", err)
			}
			if n := s.creates.Load(); n != 1 {
				t.Errorf("%d creates, want 1", n)
			}
		})
	}
}

const conditional = `{"resourceType":"CapabilityStatement","rest":[{"mode":"server","resource":[{"type":"DocumentReference","conditionalCreate":true}]}]}`

func TestConditionalCreate(t *testing.T) {
	t.Parallel()
	d := adaptertest.Document(t, destination())
	stored := func(text string) string {
		b, err := json.Marshal(map[string]any{"resourceType": "DocumentReference", "id": "new-1", "status": "current",
			"subject": map[string]string{"reference": "Patient/" + adaptertest.PatientFHIR},
			"content": []any{map[string]any{"attachment": map[string]any{"contentType": "text/plain", "data": base64.StdEncoding.EncodeToString([]byte(text))}}}})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	found := answer(200, "", "Location", "DocumentReference/new-1")
	for name, c := range map[string]struct{ read, code string }{
		"our text is there":     {stored(string(d.Rendering.Body)), ""},
		"another text is there": {stored("another"), "fhir_number_taken"},
		"it cannot be read":     {"<html>", "fhir_existing_unread"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{meta: conditional, read: c.read, create: func(w http.ResponseWriter, r *http.Request) {
				want := "identifier=urn%3Aoid%3A2.25.4138369030582008111092633540624668102%7C" + d.DocumentNumber
				if got := r.Header.Get("If-None-Exist"); got != want {
					t.Errorf("If-None-Exist %q, want %q", got, want)
				}
				found(w, r)
			}}
			if _, err := startServer(t, s).WriteBack(t.Context(), d); adapters.CodeOf(err) != c.code {
				t.Errorf("got %v, want code %q", err, c.code)
			}
		})
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	sim := startSim(t, ehrsim.Options{})
	mapped := newAdapter(t, sim.FHIRBase(), Options{Systems: map[string]string{adaptertest.MRNAuthority: mrnSystem, adaptertest.VisitAuthority: "urn:visits"}})
	plain := newAdapter(t, sim.FHIRBase(), Options{})
	if err := sim.Seed(ehrsim.Patient{ID: "twin", Identifiers: []ehrsim.Identifier{{System: "urn:twins", Value: "1"}}}); err != nil {
		t.Fatal(err)
	}
	if err := sim.Seed(ehrsim.Patient{ID: "twin2", Identifiers: []ehrsim.Identifier{{System: "urn:twins", Value: "1"}}}); err != nil {
		t.Fatal(err)
	}
	general := func(d *review.Document) {
		d.Patient.Identifiers, d.Encounter.Identifiers = d.Patient.Identifiers[:1], d.Encounter.Identifiers[:1]
	}
	for name, c := range map[string]struct {
		a      *Adapter
		change func(*review.Document)
		code   string
	}{
		"own ids":                {plain, func(*review.Document) {}, ""},
		"searched by identifier": {mapped, general, ""},
		"unknown record number": {mapped, func(d *review.Document) {
			general(d)
			d.Patient.Identifiers = []review.Identifier{{Type: "MR", Authority: adaptertest.MRNAuthority, Value: "nobody"}}
		}, "patient_not_found"},
		"two patients": {mapped, func(d *review.Document) {
			d.Patient.Identifiers = []review.Identifier{{Type: "MR", Authority: "urn:twins", Value: "1"}}
		}, "patient_ambiguous"},
		"authority without a system": {mapped, func(d *review.Document) {
			d.Patient.Identifiers = []review.Identifier{{Type: "MR", Authority: "ELSEWHERE", Value: adaptertest.MRN}}
		}, "patient_unmapped"},
		"encounter of another patient": {plain, func(d *review.Document) {
			d.Encounter.Identifiers = []review.Identifier{{Type: review.IdentifierFHIR, Value: "other-visit", Destination: "fhir"}}
		}, "encounter_other_patient"},
		"encounter of nobody": {plain, func(d *review.Document) {
			d.Encounter.Identifiers = []review.Identifier{{Type: review.IdentifierFHIR, Value: "none", Destination: "fhir"}}
		}, "encounter_not_found"},
		"id that is a path": {plain, func(d *review.Document) {
			d.Encounter.Identifiers = []review.Identifier{{Type: review.IdentifierFHIR, Value: "../Patient/x", Destination: "fhir"}}
		}, "fhir_id_malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := adaptertest.Document(t, destination())
			c.change(&d)
			_, err := c.a.WriteBack(t.Context(), d)
			var p *adapters.PermanentError
			if adapters.CodeOf(err) != c.code || err != nil && !errors.As(err, &p) {
				t.Errorf("got %v, want %q", err, c.code)
			}
			want := 0
			if c.code == "" {
				want = 1
			}
			n := 0
			for _, got := range sim.Documents() {
				if got.DocumentNumber == d.DocumentNumber {
					n++
				}
			}
			if n != want {
				t.Errorf("%d documents, want %d", n, want)
			}
		})
	}
}

func TestVerifyOutcomes(t *testing.T) {
	t.Parallel()
	d := adaptertest.Document(t, destination())
	doc := func(change func(m map[string]any)) string {
		m := map[string]any{"resourceType": "DocumentReference", "id": "new-1", "status": "current", "meta": map[string]string{"versionId": "1"},
			"subject": map[string]string{"reference": "Patient/" + adaptertest.PatientFHIR},
			"content": []any{map[string]any{"attachment": map[string]any{"contentType": "text/plain", "data": base64.StdEncoding.EncodeToString(d.Rendering.Body)}}}}
		change(m)
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	text := func(s string) []any {
		return []any{map[string]any{"attachment": map[string]any{"contentType": "text/plain", "data": base64.StdEncoding.EncodeToString([]byte(s))}}}
	}
	body := string(d.Rendering.Body)
	for name, c := range map[string]struct {
		read string
		want review.Verification
	}{
		"same bytes":       {doc(func(map[string]any) {}), review.VerificationVerified},
		"other line ends":  {doc(func(m map[string]any) { m["content"] = text(strings.ReplaceAll(body, "\n", "\r\n") + " ") }), review.VerificationVerified},
		"one number other": {doc(func(m map[string]any) { m["content"] = text(strings.Replace(body, "650 mg", "950 mg", 1)) }), review.VerificationMismatch},
		"new version, other text": {doc(func(m map[string]any) {
			m["content"], m["meta"] = text("edited"), map[string]string{"versionId": "2"}
		}), review.VerificationEdited},
		"withdrawn":     {doc(func(m map[string]any) { m["status"] = "entered-in-error" }), review.VerificationEdited},
		"other patient": {doc(func(m map[string]any) { m["subject"] = map[string]string{"reference": "Patient/other"} }), review.VerificationMismatch},
		"no content":    {doc(func(m map[string]any) { delete(m, "content") }), review.VerificationMismatch},
		"gone":          {"", review.VerificationMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := startServer(t, &server{read: c.read}).Verify(t.Context(), d, review.Receipt{ResourceID: "new-1", Version: "1"})
			if err != nil || got != c.want {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

type noTokens struct{ err error }

func (s noTokens) Token(context.Context) (string, error) { return "", s.err }
func (noTokens) Discard(string)                          {}

func TestTokenErrorIsRetried(t *testing.T) {
	t.Parallel()
	a := newAdapter(t, "http://"+closedPort(t), Options{Tokens: noTokens{&smartauth.TokenError{Code: "invalid_client", RetryAfter: "3"}}})
	_, err := a.WriteBack(t.Context(), adaptertest.Document(t, destination()))
	var r *adapters.RetryAfterError
	if !errors.As(err, &r) || r.Code != "auth_invalid_client" || r.After != 3*time.Second {
		t.Errorf("got %v, want auth_invalid_client after 3s", err)
	}
}

func TestConfidentiality(t *testing.T) {
	t.Parallel()
	sim := startSim(t, ehrsim.Options{})
	a := newAdapter(t, sim.FHIRBase(), Options{Marks: []review.Confidentiality{review.ConfidentialityUsual, review.ConfidentialityRestricted}})
	for in, want := range map[review.Confidentiality]string{"": "N", review.ConfidentialityUsual: "N", review.ConfidentialityRestricted: "R"} {
		d := adaptertest.Document(t, destination())
		d.Confidential = in
		body, _, err := a.encode(d, refs{patient: "p"})
		if err != nil {
			t.Fatal(err)
		}
		var r struct {
			SecurityLabel []struct {
				Coding []struct{ System, Code string }
			}
		}
		if err := json.Unmarshal(body, &r); err != nil {
			t.Fatal(err)
		}
		if c := r.SecurityLabel[0].Coding[0]; c.Code != want || !strings.HasSuffix(c.System, "v3-Confidentiality") {
			t.Errorf("%q: got %+v, want %s", in, c, want)
		}
		if r.SecurityLabel[1].Coding[0].Code != "AIAST" {
			t.Errorf("second label %+v, want AIAST", r.SecurityLabel[1])
		}
	}
	d := adaptertest.Document(t, destination())
	d.Confidential = review.ConfidentialityVeryRestricted
	if _, err := a.WriteBack(t.Context(), d); adapters.CodeOf(err) != "mark_not_kept" {
		t.Errorf("got %v, want mark_not_kept", err)
	}
}

var _ fhirr4.TokenSource = noTokens{}
