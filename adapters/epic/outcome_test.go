package epic

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
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

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
)

// server answers as Epic does, with whatever a case wants; it fails the test
// on any other request.
type server struct {
	t       *testing.T
	create  http.HandlerFunc
	subject string   // of the encounter; the test patient when empty
	notes   []string // texts of the encounter's notes, in HTML; an empty one cannot be read
	gone    bool
	status  string
	creates atomic.Int64
	a       *Adapter
}

func start(t *testing.T, s *server) *Adapter {
	t.Helper()
	s.t = t
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	s.a = newAdapter(t, h.URL+"/api/FHIR/R4", Options{BusyAfter: time.Minute})
	return s.a
}

func (s *server) note(i int) map[string]any {
	status := s.status
	if status == "" {
		status = "current"
	}
	return map[string]any{"resourceType": "DocumentReference", "id": fmt.Sprintf("note-%d", i), "status": status,
		"subject": map[string]string{"reference": "Patient/" + adaptertest.PatientFHIR},
		"context": map[string]any{"encounter": []any{map[string]string{"reference": "Encounter/" + adaptertest.EncounterFHIR}}},
		"content": []any{
			map[string]any{"attachment": map[string]string{"contentType": "text/rtf", "url": "Binary/none"}},
			map[string]any{"attachment": map[string]string{"contentType": "text/html", "url": fmt.Sprintf("%sBinary/%d", s.a.client.Base(), i)}},
		}}
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	send := func(v any) {
		if err := json.NewEncoder(w).Encode(v); err != nil {
			s.t.Error(err)
		}
	}
	if s.subject == "" {
		s.subject = "Patient/" + adaptertest.PatientFHIR
	}
	path := strings.TrimPrefix(r.URL.Path, "/api/FHIR/R4/")
	var n int
	switch {
	case r.Method == "GET" && path == "Encounter/"+adaptertest.EncounterFHIR:
		send(map[string]any{"resourceType": "Encounter", "id": adaptertest.EncounterFHIR, "status": "finished", "subject": map[string]string{"reference": s.subject}})
	case r.Method == "POST" && path == "DocumentReference":
		s.creates.Add(1)
		s.create(w, r)
	case r.Method == "POST" && path == "DocumentReference/_search":
		if r.FormValue("patient") != adaptertest.PatientFHIR || r.FormValue("encounter") != adaptertest.EncounterFHIR {
			s.t.Errorf("search for %v, want patient and encounter", r.Form)
		}
		entries := []any{}
		for i := range s.notes {
			entries = append(entries, map[string]any{"resource": s.note(i)})
		}
		send(map[string]any{"resourceType": "Bundle", "entry": entries})
	case r.Method == "GET" && path == "DocumentReference/note-0" && !s.gone:
		send(s.note(0))
	case r.Method == "GET" && scan(path, "Binary/%d", &n) && s.notes[n] != "":
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, s.notes[n])
	case r.Method == "GET" && (strings.HasPrefix(path, "Binary/") || s.gone):
		w.WriteHeader(http.StatusNotFound)
	default:
		s.t.Errorf("unexpected request %s %s", r.Method, path)
		w.WriteHeader(http.StatusTeapot)
	}
}

func scan(s, format string, n *int) bool {
	_, err := fmt.Sscanf(s, format, n)
	return err == nil
}

func answer(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func epicOutcome(code, expression string) string {
	return fmt.Sprintf(`{"resourceType":"OperationOutcome","issue":[{"severity":"fatal","code":"required","diagnostics":"Quillfeather",
		"details":{"coding":[{"system":"urn:oid:1.2.840.114350.1.13.0.1.7.2.657369","code":%q}],"text":"Quillfeather"},"expression":[%q]}]}`, code, expression)
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		create http.HandlerFunc
		want   error
	}{
		"201, relative Location, empty body": {answer(201, "", "Location", "DocumentReference/eNew.1"), nil},
		"201, absolute Location":             {answer(201, "", "Location", "https://h/api/FHIR/R4/DocumentReference/eNew.1"), nil},
		"201, id in the body only":           {answer(201, `{"resourceType":"DocumentReference","id":"eNew.1"}`), nil},
		"201 without id":                     {answer(201, ""), adapters.Unknown("epic_no_id")},
		"202":                                {answer(202, ""), &adapters.CommittedError{Code: "epic_202"}},
		"204":                                {answer(204, ""), adapters.Unknown("epic_204")},
		"400 encounter":                      {answer(400, epicOutcome("59108", "context/encounter")), adapters.Permanent("epic_59108", "the encounter")},
		"400 subject":                        {answer(400, epicOutcome("59102", "DocumentReference.subject")), adapters.Permanent("epic_59102", "the patient id")},
		"422 type":                           {answer(422, epicOutcome("59138", "type")), adapters.Permanent("epic_59138", "no note type")},
		"422 modifier":                       {answer(422, epicOutcome("59012", "status")), adapters.Permanent("epic_59012", "modifier")},
		"422 duplicate":                      {answer(422, epicOutcome("59141", "")), adapters.Unknown("epic_59141")},
		"400 unknown code":                   {answer(400, epicOutcome("60001", "")), adapters.Permanent("epic_60001", "")},
		"400 without outcome":                {answer(400, "<html>"), adapters.Permanent("epic_400", "")},
		"403 empty":                          {answer(403, ""), adapters.Permanent("epic_403", "not on this app")},
		"401":                                {answer(401, ""), adapters.RetryAfter("epic_401", time.Minute)},
		"429 without hint":                   {answer(429, ""), adapters.RetryAfter("epic_429", time.Minute)},
		"429 with hint":                      {answer(429, "", "Retry-After", "5"), adapters.RetryAfter("epic_429", 5*time.Second)},
		"503 with hint":                      {answer(503, "", "Retry-After", "5"), adapters.RetryAfter("epic_503", 5*time.Second)},
		"503 without hint":                   {answer(503, ""), adapters.Unknown("epic_503")},
		"500":                                {answer(500, epicOutcome("59189", "")), adapters.Unknown("epic_500")},
		"408":                                {answer(408, ""), adapters.Unknown("epic_408")},
		"302":                                {answer(302, "", "Location", "/login"), adapters.Permanent("epic_302", "")},
		"connection cut off":                 {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, adapters.Unknown("epic_cut_off")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{create: c.create}
			rec, err := start(t, s).WriteBack(t.Context(), adaptertest.Document(t, destination()))
			if c.want == nil {
				if err != nil || rec.ResourceID != "eNew.1" || rec.Version != "" {
					t.Errorf("got %+v, %v, want eNew.1", rec, err)
				}
				return
			}
			if fmt.Sprintf("%T", err) != fmt.Sprintf("%T", c.want) || adapters.CodeOf(err) != adapters.CodeOf(c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			var got, want *adapters.RetryAfterError
			if errors.As(err, &got) && errors.As(c.want, &want) && got.After != want.After {
				t.Errorf("come back after %s, want %s", got.After, want.After)
			}
			var gp, wp *adapters.PermanentError
			if errors.As(err, &gp) && errors.As(c.want, &wp) && !strings.Contains(gp.Hint, wp.Hint) {
				t.Errorf("hint %q, want one about %q", gp.Hint, wp.Hint)
			}
			if strings.Contains(err.Error(), "Quillfeather") {
				t.Errorf("the error holds the body: %v", err)
			}
			if n := s.creates.Load(); n != 1 {
				t.Errorf("%d creates, want 1", n)
			}
		})
	}
}

func TestRefusedBeforeSending(t *testing.T) {
	t.Parallel()
	own := func(v review.ClinicalText) []review.Identifier {
		return []review.Identifier{{Type: review.IdentifierFHIR, Value: v, Destination: "epic"}}
	}
	for name, c := range map[string]struct {
		subject string
		change  func(*review.Document)
		code    string
	}{
		"encounter of another patient": {"Patient/other", func(*review.Document) {}, "encounter_other_patient"},
		"encounter of a group":         {"Group/" + adaptertest.PatientFHIR, func(*review.Document) {}, "encounter_other_patient"},
		"no encounter":                 {"", func(d *review.Document) { d.Encounter.Identifiers = nil }, "encounter_identifier"},
		"no author":                    {"", func(d *review.Document) { d.Author.Identifiers = nil }, "author_identifier"},
		"discharge summary":            {"", func(d *review.Document) { d.Type = "18842-5" }, "type_not_supported"},
		"id that is a path":            {"", func(d *review.Document) { d.Patient.Identifiers = own("a/b") }, "fhir_id_malformed"},
		"restricted":                   {"", func(d *review.Document) { d.Confidential = review.ConfidentialityRestricted }, "mark_not_kept"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{subject: c.subject}
			a := start(t, s)
			d := adaptertest.Document(t, destination())
			c.change(&d)
			_, err := a.WriteBack(t.Context(), d)
			var p *adapters.PermanentError
			if !errors.As(err, &p) || p.Code != c.code || s.creates.Load() != 0 {
				t.Errorf("got %v and %d creates, want %s and none", err, s.creates.Load(), c.code)
			}
		})
	}
}

func TestBodyHoldsOnlyWhatEpicReads(t *testing.T) {
	t.Parallel()
	a := newAdapter(t, "http://127.0.0.1:9", Options{NoteTypes: map[string]fhirr4.Coding{
		"11506-3": {System: "urn:oid:1.2.840.114350.1.13.5.2.7.4.737880.5010", Code: "1", Display: "Progress Notes"}}})
	d := adaptertest.Document(t, destination())
	d.Completed = false
	body, _, err := a.encode(d, refs{"p", "e", "a"})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	got["content"] = nil
	var want map[string]any
	if err := json.Unmarshal([]byte(`{"resourceType":"DocumentReference","status":"current","docStatus":"preliminary",
		"type":{"coding":[{"system":"urn:oid:1.2.840.114350.1.13.5.2.7.4.737880.5010","code":"1","display":"Progress Notes"}]},
		"category":[{"coding":[{"system":"http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category","code":"clinical-note","display":"Clinical Note"}]}],
		"subject":{"reference":"Patient/p"},"author":[{"reference":"Practitioner/a"}],"content":null,
		"context":{"encounter":[{"reference":"Encounter/e"}]}}`), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

func html(text string) string {
	return "<html><body><div>" + strings.ReplaceAll(strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(text), "\n", "</div>\r\n<div>") + "</div></body></html>"
}

func TestFindAndVerify(t *testing.T) {
	t.Parallel()
	d := adaptertest.Document(t, destination())
	body := string(d.Rendering.Body)
	other := d
	other.DocumentNumber += "X"
	edited := strings.Replace(body, "650 mg", "950 mg", 1)
	for name, c := range map[string]struct {
		server *server
		found  string
		err    bool
		verify review.Verification
	}{
		"as written":              {&server{notes: []string{html(body)}}, "note-0", false, review.VerificationVerified},
		"edited":                  {&server{notes: []string{html(edited)}}, "note-0", false, review.VerificationEdited},
		"withdrawn":               {&server{notes: []string{html(body)}, status: "entered-in-error"}, "note-0", false, review.VerificationEdited},
		"somebody else's note":    {&server{notes: []string{"<p>Lunch.</p>"}}, "", false, review.VerificationMismatch},
		"another revision":        {&server{notes: []string{html(strings.Replace(body, "Revision: 2", "Revision: 21", 1))}}, "", false, review.VerificationMismatch},
		"a longer number":         {&server{notes: []string{html(strings.ReplaceAll(body, d.DocumentNumber, d.DocumentNumber+"X"))}}, "", false, review.VerificationMismatch},
		"a copy and the original": {&server{notes: []string{html(edited), "<p>Lunch.</p>", html(body)}}, "note-2", false, review.VerificationEdited},
		"one cannot be read":      {&server{notes: []string{"", "<p>Lunch.</p>"}}, "", true, ""},
		"found beside an unread":  {&server{notes: []string{"", html(body)}}, "note-1", false, ""},
		"no notes":                {&server{gone: true}, "", false, review.VerificationMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := start(t, c.server)
			r, found, err := a.Find(t.Context(), d)
			if (err != nil) != c.err || found != (c.found != "") || r.ResourceID != c.found {
				t.Errorf("Find = %q, %v, %v, want %q", r.ResourceID, found, err, c.found)
			}
			if c.verify == "" {
				return
			}
			v, err := a.Verify(t.Context(), d, review.Receipt{ResourceID: "note-0"})
			if err != nil || v != c.verify {
				t.Errorf("Verify = %q, %v, want %q", v, err, c.verify)
			}
		})
	}
}

// TestWithToken writes to a door that wants a token, lets the token be
// refused once, and writes again.
func TestWithToken(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sim := startSim(t, ehrsim.Options{RequireToken: true, EpicClients: map[string]jose.JSONWebKeySet{
		"client": {Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1"}}}}})
	tokens, err := smartauth.NewBackend(fhirr4.HTTPClient(adapters.CheckLoopback, false), sim.EpicTokenURL(), "client", key, "k1", smartauth.BackendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	a := newAdapter(t, sim.EpicBase(), Options{Tokens: tokens})
	d := adaptertest.Document(t, destination())
	if _, err := a.WriteBack(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	sim.Reset() // the door forgets its tokens
	_, err = a.WriteBack(t.Context(), d)
	var r *adapters.RetryAfterError
	if !errors.As(err, &r) {
		t.Fatalf("with a token that is not valid any more: got %v, want a RetryAfterError", err)
	}
	if _, err := a.WriteBack(t.Context(), d); err != nil {
		t.Errorf("the next attempt: %v, want success with a new token", err)
	}
	remote, err := smartauth.NewBackend(fhirr4.HTTPClient(adapters.CheckLoopback, false), "http://192.0.2.1/token", "client", key, "k1", smartauth.BackendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = newAdapter(t, sim.EpicBase(), Options{Tokens: remote}).WriteBack(context.Background(), d)
	if adapters.CodeOf(err) != "not_loopback" {
		t.Errorf("token endpoint that is not on loopback: got %v, want not_loopback", err)
	}
}
