//go:build integration

package integrationtests

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"countersign/api/ingest"
	"countersign/internal/ehrsim"
	"countersign/internal/staff"
	"countersign/internal/transcriptfile"
	countersignpb "countersign/proto/countersign/v1"
	"countersign/review"
)

// binary is the built gateway, made once for the test process.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "countersign-bin-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "countersign")
	out, err := exec.Command("go", "build", "-o", path, "countersign/cmd/countersign").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

// gateway is one installation: a data directory and a configuration, and the
// process that serves it, which may be killed and started again.
type gateway struct {
	dir      string
	config   string
	sim      *ehrsim.Simulator
	cmd      *exec.Cmd
	log      *lockedBuffer
	grpcAddr string
	httpAddr string
	conn     *grpc.ClientConn
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// The patient's names are canaries: no file, log or address may hold them.
const (
	patientFamily = "Xylomenos"
	patientGiven  = "Quintessa"
	patientMRN    = "MRN7730219"
	password      = "correct horse battery"
)

// newGateway writes an installation with an embedded NATS. database is "" for
// SQLite, else a DSN.
func newGateway(t *testing.T, database string) *gateway {
	t.Helper()
	return newGatewayOn(t, database, "")
}

// newGatewayOn writes an installation on an external NATS, where given.
func newGatewayOn(t *testing.T, database, natsURL string) *gateway {
	t.Helper()
	sim, err := ehrsim.Start(context.Background(), ehrsim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{dir: t.TempDir(), sim: sim, log: &lockedBuffer{}}
	t.Cleanup(func() {
		g.kill()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		sim.Shutdown(ctx)
		if t.Failed() {
			t.Logf("gateway log:\n%s", g.log)
		}
	})
	db := "{driver: sqlite}"
	if database != "" {
		g.write(t, "dsn", database)
		db = fmt.Sprintf("{driver: postgres, dsn_file: %s}", filepath.Join(g.dir, "dsn"))
	}
	g.write(t, "practitioners.yaml", fmt.Sprintf(`practitioners:
  - {id: dr-a, site: main, login: dr-a, password_hash: %q, family: Rivera, given: Ana, credential: MD, npi: "1234567893", roles: [attending],
     identifiers: [{type: FHIR, value: prac-1, destination: fhir}, {type: FHIR, value: ePrac1, destination: epic}]}
`, staff.Hash(password)))
	nats := ""
	if natsURL != "" {
		nats = fmt.Sprintf("nats: {url: %q}\n", natsURL)
	}
	g.config = g.write(t, "countersign.yaml", nats+fmt.Sprintf(`environment: test
data_dir: %s
listen: {grpc: "127.0.0.1:0", http: "127.0.0.1:0"}
database: %s
practitioners_file: %s
workers: {sweep: 1s, lease_term: 2s}
sites:
  - id: main
    name: Main campus
    destinations:
      - {id: fhir, name: FHIR, adapter: fhir, mode: simulated, settle: 1s, fhir: {base_url: %q}}
      - {id: epic, name: Epic, adapter: epic, mode: simulated, settle: 1s, epic: {base_url: %q}}
      - {id: mdm, name: MDM, adapter: hl7mdm, mode: simulated, repeat_safe: true, settle: 1s, hl7mdm: {address: %q, sending_application: COUNTERSIGN, receiving_application: SIM}}
`, filepath.Join(g.dir, "data"), db, filepath.Join(g.dir, "practitioners.yaml"), sim.FHIRBase(), sim.EpicBase(), sim.MLLPAddr()))
	return g
}

func (g *gateway) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(g.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// replica is another process of the same installation.
func (g *gateway) replica(t *testing.T) *gateway {
	t.Helper()
	r := &gateway{dir: g.dir, config: g.config, sim: g.sim, log: &lockedBuffer{}}
	t.Cleanup(func() {
		r.kill()
		if t.Failed() {
			t.Logf("replica's log:\n%s", r.log)
		}
	})
	return r
}

// start runs the gateway and waits until it says that it is ready.
func (g *gateway) start(t *testing.T) {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	g.cmd = exec.Command(path, "serve", "--json", "--config", g.config)
	g.cmd.Stderr = g.log
	out, err := g.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatalf("the gateway did not start: %v\n%s", err, g.log)
	}
	var at struct{ GRPC, HTTP string }
	if err := json.Unmarshal(line, &at); err != nil {
		t.Fatal(err)
	}
	g.grpcAddr, g.httpAddr = at.GRPC, at.HTTP
	g.conn, err = grpc.NewClient(g.grpcAddr, append(ingest.DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatal(err)
	}
}

// kill ends the process as a power cut would: nothing is flushed or closed.
func (g *gateway) kill() {
	if g.cmd == nil {
		return
	}
	g.conn.Close()
	g.cmd.Process.Signal(syscall.SIGKILL)
	g.cmd.Wait()
	g.cmd = nil
}

// as returns a context with the physician's credentials.
func as(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	basic := base64.StdEncoding.EncodeToString([]byte("dr-a:" + password))
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Basic "+basic)
}

// seed makes the n-th patient known to the simulated EHR.
func (g *gateway) seed(t *testing.T, n int) ingest.Visit {
	t.Helper()
	id := fmt.Sprint(n)
	err := g.sim.Seed(ehrsim.Patient{
		ID: "pat-" + id, EpicID: "ePat" + id, Family: patientFamily, Given: patientGiven, BirthDate: "1969-03-14", Gender: "female",
		Identifiers: []ehrsim.Identifier{{System: "urn:mrn", Authority: "HOSP", Value: patientMRN + id, Type: "MR"}},
	}, ehrsim.Encounter{
		ID: "enc-" + id, EpicID: "eEnc" + id, PatientID: "pat-" + id,
		Identifiers: []ehrsim.Identifier{{System: "urn:visit", Authority: "HOSP", Value: "VN" + id, Type: "VN"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ids := func(fhir, epic, kind, value string) []ingest.VisitIdentifier {
		return []ingest.VisitIdentifier{
			{Type: kind, System: "HOSP", Value: value},
			{Type: review.IdentifierFHIR, System: "fhir", Value: fhir, DestinationID: "fhir"},
			{Type: review.IdentifierFHIR, System: "epic", Value: epic, DestinationID: "epic"},
		}
	}
	return ingest.Visit{
		SiteID: "main", DeviceID: "dev-1", RecordingID: "rec-" + id, PractitionerID: "dr-a", Modality: "in_person",
		Patient: &ingest.VisitPatient{
			Identifiers: ids("pat-"+id, "ePat"+id, "MR", patientMRN+id), Family: patientFamily, Given: patientGiven, BirthDate: "1969-03-14", Sex: "female",
		},
		Encounter: &ingest.VisitEncounter{Identifiers: ids("enc-"+id, "eEnc"+id, "VN", "VN"+id), Class: "AMB"},
		Consent: &ingest.VisitConsent{
			Scope: []string{"recording", "ai_draft"}, GivenBy: "patient", EveryoneAgreed: true, Method: "verbal", At: time.Now().UTC(),
		},
	}
}

func conversation(t *testing.T) []review.Utterance {
	t.Helper()
	b, err := os.ReadFile("../cmd/countersign/testdata/visit.txt")
	if err != nil {
		t.Fatal(err)
	}
	us, _, err := transcriptfile.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return us
}

// stream sends a visit and returns its note.
func (g *gateway) stream(t *testing.T, v ingest.Visit, us []review.Utterance) string {
	t.Helper()
	res, err := ingest.NewClient(g.conn).Stream(as(t), v, us, ingest.StreamOptions{})
	if err != nil || len(res.NoteIDs) != 1 {
		t.Fatalf("stream = %+v, %v", res, err)
	}
	return string(res.NoteIDs[0])
}

// waitNote polls a note, across the process border, until done.
func (g *gateway) waitNote(t *testing.T, id string, what string, done func(*countersignpb.GetNoteResponse) bool) *countersignpb.GetNoteResponse {
	t.Helper()
	ctx := as(t)
	rpc := countersignpb.NewReviewClient(g.conn)
	var last *countersignpb.GetNoteResponse
	for ctx.Err() == nil {
		r, err := rpc.GetNote(ctx, &countersignpb.GetNoteRequest{NoteId: id})
		if err == nil {
			if last = r; done(r) {
				return r
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Fatalf("note never was %s: state %s, write-backs %v", what, last.GetNote().GetState(), states(last))
	return nil
}

func states(r *countersignpb.GetNoteResponse) (out []string) {
	for _, w := range r.GetWritebacks() {
		out = append(out, fmt.Sprintf("%s=%s/%s(%s)", w.GetDestinationId(), w.GetState(), w.GetVerification(), w.GetErrorCode()))
	}
	return out
}

func drafted(r *countersignpb.GetNoteResponse) bool {
	return r.GetNote().GetState() == countersignpb.NoteState_NOTE_STATE_READY_FOR_REVIEW
}

// written reports whether every destination has accepted the note, and what
// can be read back was.
func written(r *countersignpb.GetNoteResponse) bool {
	for _, w := range r.GetWritebacks() {
		if w.GetState() != countersignpb.WritebackState_WRITEBACK_STATE_ACCEPTED {
			return false
		}
		if w.GetAdapter() != "hl7mdm" && w.GetVerification() != countersignpb.WritebackVerification_WRITEBACK_VERIFICATION_VERIFIED {
			return false
		}
	}
	return len(r.GetWritebacks()) == 3
}

// sign opens, takes flagged statements out, previews and signs.
func (g *gateway) sign(t *testing.T, id string) {
	t.Helper()
	ctx := as(t)
	rpc := countersignpb.NewReviewClient(g.conn)
	o, err := rpc.OpenNote(ctx, &countersignpb.OpenNoteRequest{NoteId: id})
	if err != nil {
		t.Fatal(err)
	}
	var edits []*countersignpb.Edit
	for _, s := range o.GetRevision().GetSections() {
		for _, st := range s.GetStatements() {
			if len(st.GetFlags()) > 0 {
				edits = append(edits, &countersignpb.Edit{Change: &countersignpb.Edit_Remove{Remove: &countersignpb.RemoveStatement{StatementId: st.GetStatementId()}}})
			}
		}
	}
	if len(edits) > 0 {
		if _, err := rpc.EditNote(ctx, &countersignpb.EditNoteRequest{
			NoteId: id, ExpectedRevision: o.GetRevision().GetNumber(), ExpectedContentSha256: o.GetRevision().GetContentSha256(), Edits: edits,
		}); err != nil {
			t.Fatal(err)
		}
	}
	p, err := rpc.PreviewNote(ctx, &countersignpb.PreviewNoteRequest{NoteId: id})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rpc.SignNote(ctx, &countersignpb.SignNoteRequest{
		NoteId: id, ExpectedRevision: p.GetRevision(), ExpectedContentSha256: p.GetContentSha256(), Attestation: p.GetAttestation(),
		ShownSha256: p.GetShownSha256(),
	}); err != nil {
		t.Fatal(err)
	}
}

// arrivedOnce checks the simulated EHR: each door has the note once, with the
// bytes that were signed.
func (g *gateway) arrivedOnce(t *testing.T, id string, r *countersignpb.GetNoteResponse) {
	t.Helper()
	want := r.GetWritebacks()[0].GetRenderingSha256()
	filed := map[ehrsim.Endpoint]int{}
	for _, d := range g.sim.Documents() {
		if !strings.Contains(d.Text, strings.ToUpper(id)) {
			continue
		}
		filed[d.Endpoint] += d.TimesFiled
		if d.SHA256 != want {
			t.Errorf("%s: the EHR holds other bytes than were signed", d.Endpoint)
		}
		if d.AlteredReplays != 0 {
			t.Errorf("%s: a repeated message was not the same bytes", d.Endpoint)
		}
	}
	for _, e := range []ehrsim.Endpoint{ehrsim.FHIR, ehrsim.Epic, ehrsim.MLLP} {
		if filed[e] != 1 {
			t.Errorf("%s has the note %d times, want once", e, filed[e])
		}
	}
	for _, w := range r.GetWritebacks() {
		if w.GetReceipt().GetWrittenSha256() != w.GetRenderingSha256() {
			t.Errorf("%s: written_sha256 differs from the stored rendering", w.GetDestinationId())
		}
	}
}

// holdsNone fails if any file below the data directory, or the log, holds one
// of the words.
func (g *gateway) holdsNone(t *testing.T, words ...string) {
	t.Helper()
	files := 0
	check := func(where string, b []byte) {
		low := bytes.ToLower(b)
		for _, w := range words {
			if bytes.Contains(low, bytes.ToLower([]byte(w))) {
				t.Errorf("%s holds %q", where, w)
			}
		}
	}
	err := filepath.WalkDir(filepath.Join(g.dir, "data"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		files++
		check(path, b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 3 {
		t.Errorf("only %d files looked at: is the data somewhere else?", files)
	}
	check("the log", []byte(g.log.String()))
}
