package reviewrpc

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/keyring"
	"countersign/review"
	"countersign/review/sqlstore"

	countersignpb "countersign/proto/countersign/v1"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
)

// numbers flags each number of a statement that is not in what it cites.
type numbers struct{}

func (numbers) Ground(t review.Transcript, s review.Statement) []review.Flag {
	if s.Origin == review.OriginClinician {
		return nil
	}
	var said strings.Builder
	for _, e := range s.Evidence {
		u, _ := t.Find(e)
		said.WriteString(string(u.Text))
	}
	var out []review.Flag
	for _, n := range regexp.MustCompile(`[0-9]+`).FindAllString(string(s.Text), -1) {
		if !strings.Contains(said.String(), n) {
			out = append(out, review.Flag{Kind: review.FlagNumber, Severity: review.SeverityBlocking, Detail: review.ClinicalText(n)})
		}
	}
	return out
}

// plainText routes to every destination of the site.
type plainText struct{}

func (plainText) Plan(_ context.Context, r review.PlanRequest) (review.Plan, error) {
	var b bytes.Buffer
	for _, s := range r.Revision.Content.Sections {
		fmt.Fprintf(&b, "%s\n", s.Title)
		for _, st := range s.Statements {
			fmt.Fprintf(&b, "- %s\n", string(st.Text))
		}
	}
	for _, s := range r.Signatures {
		fmt.Fprintf(&b, "%s\n", s.Attestation)
	}
	p := review.Plan{Renderings: []review.Rendering{{Format: review.FormatText, RendererVersion: "test", Body: b.Bytes(), SHA256: review.DigestOf(b.Bytes())}}}
	for _, d := range r.Site.Destinations {
		p.Routes = append(p.Routes, review.Route{DestinationID: d.ID, Adapter: d.Adapter, Action: r.Action, Format: review.FormatText})
	}
	return p, nil
}

// silent publishes nothing: the tests do the work themselves.
type silent struct{}

func (silent) PublishDraft(context.Context, review.NoteID) error     { return nil }
func (silent) PublishWriteBack(context.Context, review.NoteID) error { return nil }
func (silent) NoteChanged(review.NoteID)                             {}
func (silent) WriteBackChanged(review.WriteBackID)                   {}

// people knows everybody by "name" and "secret-name".
type people struct{}

func (people) Authenticate(_ context.Context, name, secret string) (review.Actor, error) {
	if secret != "secret-"+name {
		return review.Actor{}, review.Errorf(review.KindUnauthenticated, "sign in: name or secret is wrong")
	}
	return review.Actor{PractitionerID: review.PractitionerID(name), SiteID: "clinic", AuthMethod: "password"}, nil
}

type fixture struct {
	t       testing.TB
	domain  *review.Service
	config  Config
	conn    *grpc.ClientConn
	gateway *httptest.Server
	log     *logged
}

type logged struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// setup serves the real domain over SQLite, by gRPC and by JSON.
func setup(t testing.TB) *fixture {
	t.Helper()
	keys, err := keyring.NewInMemory()
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlstore.Open(t.Context(), sqlstore.Options{
		Driver: sqlstore.SQLite, Path: filepath.Join(t.TempDir(), "journal.db"), EnvironmentID: "test", Sealer: keys,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	domain := review.New(review.Dependencies{
		Store: store, Grounder: numbers{}, Planner: plainText{}, Signer: keys.Signer(), Work: silent{}, Clock: review.SystemClock{},
		Log: slog.New(slog.DiscardHandler), Lease: review.NewLease(time.Minute, true),
	}, review.Options{})
	site := review.Site{
		ID: "clinic", Name: "Test clinic", Policy: review.Policy{Version: 3, CoSignFor: []review.PractitionerRole{review.RoleResident}},
		Destinations: []review.Destination{
			{ID: "sim-fhir", Name: "FHIR (simulated)", Adapter: "fhir", Mode: review.ModeSimulated, RepeatSafe: true},
			{ID: "sim-epic", Name: "Epic (simulated)", Adapter: "epic", Mode: review.ModeSimulated},
		},
	}
	staff := []review.Practitioner{
		{ID: "dr-demo", SiteID: "clinic", Family: "Demo", Given: "Dana Q", Credential: "MD", NPI: "1234567893", Roles: []review.PractitionerRole{review.RoleAttending}},
		{ID: "resident", SiteID: "clinic", Family: "Young", Given: "Rae", Credential: "MD", Roles: []review.PractitionerRole{review.RoleResident}, Supervisor: "dr-demo"},
		{ID: "nurse", SiteID: "clinic", Family: "Other", Given: "Pat", Credential: "NP", Roles: []review.PractitionerRole{review.RoleAPP}},
		{ID: "records", SiteID: "clinic", Family: "Office", Given: "Records", Roles: []review.PractitionerRole{review.RoleRecords}},
		{ID: "operator", SiteID: "clinic", Family: "Team", Given: "Integration", Roles: []review.PractitionerRole{review.RoleOperator}},
	}
	if err := domain.Configure(t.Context(), []review.Site{site}, staff); err != nil {
		t.Fatal(err)
	}
	if err := domain.Beat(t.Context()); err != nil {
		t.Fatal(err)
	}
	return serve(t, domain, people{}, domain)
}

// serve serves any Service.
func serve(t testing.TB, s Service, auth review.Authenticator, domain *review.Service) *fixture {
	t.Helper()
	log := &logged{}
	c := Config{Service: s, Auth: auth, Log: slog.New(slog.NewTextHandler(log, nil))}
	l := bufconn.Listen(1 << 20)
	g := grpc.NewServer(ServerOptions(c)...)
	Register(g, c)
	done := make(chan struct{})
	go func() { defer close(done); _ = g.Serve(l) }()
	t.Cleanup(func() { g.Stop(); <-done })
	cc, err := grpc.NewClient("passthrough:///bufconn", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cc.Close() })
	h, err := NewGateway(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(h)
	t.Cleanup(web.Close)
	return &fixture{t: t, domain: domain, config: c, conn: cc, gateway: web, log: log}
}

// as is a context of somebody who is signed in.
func as(ctx context.Context, name string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Basic "+credentials(name))
}

func credentials(name string) string {
	return base64.StdEncoding.EncodeToString([]byte(name + ":secret-" + name))
}

// visit makes a note of the author's with two statements, the second with two
// flags, ready for review.
func (f *fixture) visit(author review.PractitionerID) review.NoteID {
	f.t.Helper()
	ctx := f.t.Context()
	st, err := f.domain.OpenRecording(ctx, review.OpenRequest{
		SiteID: "clinic", DeviceID: "room-1", ClientID: review.NewID[string](), Practitioner: author, StartedAt: time.Now(),
		Patient: &review.Patient{
			Family: "Samplepatient", Given: "Ann Lee", BirthDate: "1980-02-03", Sex: review.SexFemale,
			Identifiers: []review.Identifier{{Type: "MR", Authority: "urn:oid:1.2.3", Value: "000123"}},
		},
		Encounter: &review.Encounter{Class: review.ClassVirtual, Identifiers: []review.Identifier{{Type: "VN", Authority: "urn:oid:1.2.4", Value: review.ClinicalText(review.NewID[string]())}}},
		Details:   review.RecordingDetails{Modality: "in_person"},
		Consent:   &review.Consent{Scope: "recording,ai_draft", GivenBy: "patient", EveryoneAgree: true, Method: "verbal", At: time.Now()},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	if st.DurableSeq, err = f.domain.Append(ctx, st, []review.Utterance{
		{Seq: 1, Speaker: review.Speaker{Role: review.RoleClinician}, End: time.Second, Text: "How long have you had the cough?"},
		{Seq: 2, Speaker: review.Speaker{Role: review.RolePatient, Label: "spk_1", Confidence: 0.5}, Start: time.Second, End: 2 * time.Second, Text: "For 3 days.", Language: "en-US",
			Words: []review.Word{{Text: "3", Confidence: 0.5, Alternates: []review.Alternate{{Text: "8"}}}}},
	}); err != nil {
		f.t.Fatal(err)
	}
	notes, err := f.domain.EndStream(ctx, st)
	if err != nil || len(notes) != 1 {
		f.t.Fatal(notes, err)
	}
	ev := []review.Evidence{{StreamID: st.StreamID, Seq: 2}}
	if err := f.domain.SaveDraft(ctx, notes[0], review.Draft{
		Sections: []review.Section{{Code: "10164-2", Title: "History of present illness", Statements: []review.Statement{
			{ID: review.NewID[review.StatementID](), Origin: review.OriginAI, Text: "Cough for 3 days.", Evidence: ev},
			{ID: review.NewID[review.StatementID](), Origin: review.OriginAI, Text: "Took 20 mg for 7 weeks.", Evidence: ev},
		}}},
		Omissions: []review.Omission{{Evidence: ev[0], Reason: "number", Text: "3"}},
		Generator: review.Generator{Drafter: "test", Version: "1"},
	}); err != nil {
		f.t.Fatal(err)
	}
	return notes[0]
}

func (f *fixture) review() countersignpb.ReviewClient { return countersignpb.NewReviewClient(f.conn) }
func (f *fixture) writebacks() countersignpb.WritebacksClient {
	return countersignpb.NewWritebacksClient(f.conn)
}
func (f *fixture) sites() countersignpb.SitesClient { return countersignpb.NewSitesClient(f.conn) }

// json makes a request as somebody and returns the status and the body.
func (f *fixture) json(method, path, name string, body any, change ...func(*http.Request)) (int, http.Header, map[string]any) {
	f.t.Helper()
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			f.t.Fatal(err)
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(f.t.Context(), method, f.gateway.URL+path, r)
	if err != nil {
		f.t.Fatal(err)
	}
	if name != "" {
		req.Header.Set("Authorization", "Basic "+credentials(name))
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, c := range change {
		c(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		f.t.Fatalf("%s %s: status %d: %v", method, path, resp.StatusCode, err)
	}
	return resp.StatusCode, resp.Header, out
}

// reason is the reason of an error's ErrorInfo.
func reason(err error) string {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetDomain() == "countersign" {
			return info.GetReason()
		}
	}
	return "none: " + status.Convert(err).String()
}

// must returns v and fails on an error.
func must[M proto.Message](t testing.TB) func(M, error) M {
	return func(m M, err error) M {
		t.Helper()
		if err != nil {
			t.Fatalf("%T: %v", m, err)
		}
		return m
	}
}

// want fails unless the call was refused for the reason.
func want[M proto.Message](t testing.TB, why string) func(M, error) {
	return func(m M, err error) {
		t.Helper()
		if err == nil {
			t.Errorf("%T: answered, want %s", m, why)
		} else if got := reason(err); got != why {
			t.Errorf("%T: %s, want %s", m, got, why)
		}
	}
}
