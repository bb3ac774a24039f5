package ehrsim_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"countersign/internal/ehrsim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const noteText = "Subjective\nCough for 3 days — dry.\n\nPlan: rest & fluids < 2 weeks."

// setup starts a simulator that knows two patients with one encounter each.
func setup(t *testing.T, opt ehrsim.Options) *ehrsim.Simulator {
	t.Helper()
	s, err := ehrsim.Start(context.Background(), opt) // not t.Context(): it ends before Shutdown can wait
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	mrn := func(v string) []ehrsim.Identifier {
		return []ehrsim.Identifier{{System: "urn:oid:1.2.3", Authority: "HOSP", Value: v, Type: "MR"}}
	}
	visit := func(v string) []ehrsim.Identifier {
		return []ehrsim.Identifier{{System: "urn:oid:1.2.4", Authority: "HOSP", Value: v, Type: "VN"}}
	}
	for _, err := range []error{
		s.Seed(ehrsim.Patient{ID: "p1", EpicID: "eP1", Family: "Doe", Given: "Jane", BirthDate: "1980-02-14", Gender: "female", Identifiers: mrn("MRN12345")},
			ehrsim.Encounter{ID: "e1", EpicID: "eE1", Identifiers: visit("V0001"), Start: time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)}),
		s.Seed(ehrsim.Patient{ID: "p2", EpicID: "eP2", Family: "Roe", Identifiers: mrn("MRN99999")},
			ehrsim.Encounter{ID: "e2", EpicID: "eE2", Identifiers: visit("V0002"), Status: "finished"}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// client opens a connection per request, so that no test meets another's.
func client(t *testing.T) *http.Client {
	t.Helper()
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

type answer struct {
	*http.Response
	body []byte
}

func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("answer is not JSON: %v: %s", err, a.body)
	}
	return v
}

// call sends one request. Header lines are "Name: value".
func call(t *testing.T, method, url, body string, headers ...string) (answer, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/fhir+json")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	resp, err := client(t).Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp, b}, err
}

func must(t *testing.T, method, url, body string, headers ...string) answer {
	t.Helper()
	a, err := call(t, method, url, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// edits of a resource: old and new text in turn.
func document(t *testing.T, patient, encounter string, edits ...string) string {
	t.Helper()
	doc := `{"resourceType":"DocumentReference","masterIdentifier":{"system":"urn:countersign","value":"DOC-1"},` +
		`"identifier":[{"system":"urn:countersign:id","value":"DOC-1.1"}],"status":"current","docStatus":"final",` +
		`"type":{"coding":[{"system":"http://loinc.org","code":"11506-3"}]},` +
		`"category":[{"coding":[{"system":"http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category","code":"clinical-note"}]}],` +
		`"subject":{"reference":"Patient/` + patient + `"},"date":"2026-05-01T10:25:00-05:00","author":[{"reference":"Practitioner/d1"}],` +
		`"content":[{"attachment":{"contentType":"text/plain","data":"` + base64.StdEncoding.EncodeToString([]byte(noteText)) + `"}}],` +
		`"context":{"encounter":[{"reference":"Encounter/` + encounter + `"}]}}`
	return edit(t, doc, edits...)
}

func edit(t *testing.T, s string, edits ...string) string {
	t.Helper()
	for i := 0; i+1 < len(edits); i += 2 {
		if !strings.Contains(s, edits[i]) {
			t.Fatalf("edit: %q is not there", edits[i])
		}
		s = strings.Replace(s, edits[i], edits[i+1], 1)
	}
	return s
}

func mdmSample(t *testing.T, name string, edits ...string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("mdm", "testdata", name+".hl7"))
	if err != nil {
		t.Fatal(err)
	}
	return edit(t, string(raw), edits...)
}

// peer is an MLLP client of the test's own.
type peer struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func dial(t *testing.T, s *ehrsim.Simulator) *peer {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.MLLPAddr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &peer{t: t, conn: conn, r: bufio.NewReader(conn)}
}

func (p *peer) send(message string) {
	p.t.Helper()
	if _, err := p.conn.Write([]byte("\x0b" + message + "\x1c\r")); err != nil {
		p.t.Fatal(err)
	}
}

// receive returns the segments of the next acknowledgment, or io.EOF or another error when the connection ends.
func (p *peer) receive() ([]string, error) {
	p.t.Helper()
	raw, err := p.r.ReadBytes(0x1c)
	if err != nil {
		return nil, err
	}
	if _, err := p.r.ReadByte(); err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(bytes.Trim(raw, "\x0b\x1c")), "\r"), "\r"), nil
}

// exchange sends a message and returns MSA-1 and ERR-3.1 with a slash between them.
func (p *peer) exchange(message string) string {
	p.t.Helper()
	p.send(message)
	ack, err := p.receive()
	if err != nil {
		p.t.Fatal(err)
	}
	out := strings.Split(ack[1], "|")[1]
	if len(ack) > 2 {
		out += "/" + strings.Split(strings.Split(ack[2], "|")[3], "^")[0]
	}
	return out
}
