package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"countersign/internal/staff"
	"countersign/internal/transcriptfile"
	"countersign/review"
)

// command runs the program as a person does and returns what it printed.
func command(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(stdin), &out, &err)
	return code, out.String(), err.String()
}

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const vtt = `WEBVTT

00:00.000 --> 00:04.000
<v Doctor>what brings you in today

00:04.000 --> 00:09.000
<v Patient>my right knee has hurt for three weeks

00:09.000 --> 00:14.000
<v Doctor>we will start ibuprofen 400 milligrams twice a day and get an x-ray of the knee
`

const healthScribe = `{"Conversation":{"ConversationId":"c","LanguageCode":"en-US","TranscriptSegments":[
{"SegmentId":"1","BeginAudioTime":0.1,"EndAudioTime":3,"Content":"What brings you in today?","ParticipantDetails":{"ParticipantRole":"CLINICIAN_0"}},
{"SegmentId":"2","BeginAudioTime":3.2,"EndAudioTime":8,"Content":"My left shoulder has been hurting for two weeks.","ParticipantDetails":{"ParticipantRole":"PATIENT_0"}},
{"SegmentId":"3","BeginAudioTime":8.2,"EndAudioTime":15,"Content":"I will order an MRI of the left shoulder and refer you to physical therapy.","ParticipantDetails":{"ParticipantRole":"CLINICIAN_0"}}]}}`

const jsonLines = `{"seq":1,"speaker":"doctor","start_ms":0,"end_ms":900,"text":"what brings you in today"}
{"seq":2,"speaker":"patient","start_ms":1000,"end_ms":4000,"text":"i have had a sore throat for five days"}
{"seq":3,"speaker":"doctor","start_ms":4100,"end_ms":9000,"text":"we will do a rapid strep test and i want you to take ibuprofen 400 milligrams"}
`

// The main promise in one command: every format, every route, exactly as
// signed, clean JSON, nothing left behind.
func TestDemoAutoJSON(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	code, out, errOut := command(t, "", "demo", "--auto", "--json", "--transcript", "testdata/visit.txt",
		"--transcript", file(t, "a.vtt", vtt), "--transcript", file(t, "b.json", healthScribe), "--transcript", file(t, "c.jsonl", jsonLines))
	if code != 0 {
		t.Fatalf("exit %d\n%s", code, errOut)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 4 {
		t.Fatalf("%d lines, want 4:\n%s", len(lines), out)
	}
	for _, l := range lines {
		var n noteLine
		d := json.NewDecoder(strings.NewReader(l))
		d.DisallowUnknownFields()
		if err := d.Decode(&n); err != nil {
			t.Fatal(err)
		}
		if n.State != "completed" || n.Statements == 0 || n.DraftMS <= 0 || len(n.ContentSHA256) != 64 || len(n.WriteBacks) != 4 {
			t.Errorf("line %s", l)
		}
		for _, w := range n.WriteBacks {
			if w.Outcome != "accepted" || w.WrittenSHA256 != n.RenderingSHA256 || w.Verified != readable(w.Adapter) {
				t.Errorf("%s: %+v", w.Destination, w)
			}
		}
	}
	if left, _ := os.ReadDir(tmp); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDemoRefusesBadTranscripts(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "blank": "\n \n", "no words": "[doctor]\n[patient]\n", "binary": "\x00\x01\x02\xff\xfe", "prose": "just some prose\nwithout speakers\n",
		"broken json": `{"seq":1,"speaker":"doctor"`,
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errOut := command(t, "", "demo", "--auto", "--json", "--transcript", file(t, "x.txt", text))
			if code == 0 || out != "" || !strings.Contains(errOut, "transcript") {
				t.Errorf("exit %d, stdout %q, stderr %q", code, out, errOut)
			}
		})
	}
	t.Run("missing", func(t *testing.T) {
		if code, _, errOut := command(t, "", "demo", "--auto", "--transcript", "/does/not/exist"); code == 0 || !strings.Contains(errOut, "/does/not/exist") {
			t.Errorf("exit %d, stderr %q", code, errOut)
		}
	})
}

// wrongDose drafts one statement that was said and one with a dose that was
// not.
type wrongDose struct{}

func (wrongDose) Draft(_ context.Context, c review.Conversation) (review.Draft, error) {
	u := c.Transcript.Ordered()[2]
	said := []review.Evidence{{StreamID: u.StreamID, Seq: u.Seq}}
	return review.Draft{Generator: review.Generator{Drafter: "wrong-dose"}, Sections: []review.Section{{Code: "18776-5", Title: "Plan", Statements: []review.Statement{
		{Text: "Ibuprofen 400 mg twice a day.", Origin: review.OriginAI, Evidence: said},
		{Text: "Lisinopril 925 mg daily.", Origin: review.OriginAI, Evidence: said},
	}}}}, nil
}

// demo --auto takes flagged statements out and never confirms them: what
// arrives does not hold them.
func TestDemoRemovesFlaggedStatements(t *testing.T) {
	t.Parallel()
	d, err := startDemo(t.Context(), t.TempDir(), 1, slog.New(slog.DiscardHandler), wrongDose{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	us, _, err := transcriptfile.Parse([]byte(vtt))
	if err != nil {
		t.Fatal(err)
	}
	line, err := d.autoVisit(t.Context(), 0, demoVisitInput{"test", us})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.check(line); err != nil {
		t.Error(err)
	}
	if line.Statements != 2 || line.Flags != 1 || line.Removed != 1 {
		t.Errorf("%d statements, %d flags, %d removed; want 2, 1, 1", line.Statements, line.Flags, line.Removed)
	}
	for _, doc := range d.sim.Documents() {
		if strings.Contains(doc.Text, "925") || !strings.Contains(doc.Text, "400 mg") {
			t.Errorf("%s received:\n%s", doc.Endpoint, doc.Text)
		}
	}
}

func TestDemoRefusesWhatIsNotSimulated(t *testing.T) {
	d := &demo{app: &app{GRPCAddr: "127.0.0.1:1", HTTPAddr: "127.0.0.1:2", config: Config{
		Sites: []SiteConfig{{Destinations: []DestinationConfig{{ID: "real", Mode: "production"}}}},
	}}}
	if err := d.checkSimulated(); err == nil {
		t.Error("a production destination was not refused")
	}
}

// Every command says what it does, with an example, and can print JSON.
func TestEveryCommandHelps(t *testing.T) {
	t.Parallel()
	var c cli
	parser, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	for _, leaf := range parser.Model.Leaves(true) {
		name := strings.TrimPrefix(leaf.FullPath(), parser.Model.Name+" ")
		code, out, errOut := command(t, "", append(strings.Fields(name), "--help")...)
		if code != 0 || !strings.Contains(out, "countersign "+strings.Fields(name)[0]) || !strings.Contains(out, "Example") {
			t.Errorf("%s --help: exit %d, no example:\n%s%s", name, code, out, errOut)
		}
		if !strings.Contains(out, "--json") {
			t.Errorf("%s has no --json", name)
		}
	}
}

func TestDraftAndGround(t *testing.T) {
	t.Parallel()
	visit := file(t, "v.vtt", vtt)
	code, out, errOut := command(t, "", "draft", visit, "--json")
	if code != 0 {
		t.Fatalf("draft: exit %d: %s", code, errOut)
	}
	note := file(t, "note.json", out)
	if code, out, _ := command(t, "", "ground", "--transcript", visit, "--note", note); code != 0 || !strings.Contains(out, "0 blocking flags") {
		t.Errorf("ground on its own draft: exit %d: %s", code, out)
	}
	changed := file(t, "changed.json", strings.ReplaceAll(out, "400 mg", "800 mg"))
	if code, out, _ := command(t, "", "ground", "--transcript", visit, "--note", changed); code != 3 || !strings.Contains(out, "800") {
		t.Errorf("ground on a changed dose: exit %d: %s", code, out)
	}
	if code, out, _ := command(t, vtt, "draft", "-"); code != 0 || !strings.Contains(out, "ibuprofen") {
		t.Errorf("draft from standard input: exit %d: %s", code, out)
	}
}

func TestConfigReportsAllFaults(t *testing.T) {
	t.Parallel()
	path := file(t, "c.yaml", `
listen: {grpc: "0.0.0.0:7443", http: nonsense}
database: {driver: oracle}
drafter: {kind: openai}
sites: [{id: "Not An Id", destinations: [{id: x, adapter: fhir, mode: live}]}]
`)
	code, _, errOut := command(t, "", "serve", "--check", "--config", path)
	for _, want := range []string{"listen.grpc", "listen.http", "database.driver", "drafter.openai.baa_reference", "sites[0].id", "destinations[0].mode", "destinations[0].fhir"} {
		if code == 0 || !strings.Contains(errOut, want) {
			t.Errorf("fault %q is not reported: exit %d\n%s", want, code, errOut)
		}
	}
	path = file(t, "s.yaml", `
sites:
  - id: north
    policy: {version: -1, co_sign_for: [residents, resident, records, resident]}
    destinations:
      - {id: x, adapter: epic, mode: test, repeat_safe: true, settle: -1s, epic: {base_url: "https://a.example"}, filedir: {path: /y}}
      - {id: x, adapter: filedir, mode: simulated, settle: 25h, filedir: {path: /x}}
  - id: south
    destinations: [{id: x, adapter: fax, mode: simulated}]
  - id: north
`)
	code, _, errOut = command(t, "", "serve", "--check", "--config", path)
	for _, want := range []string{
		"sites[0].policy.version", `sites[0].policy.co_sign_for[0]: "residents": use attending, resident or app`, `co_sign_for[2]: "records"`, `co_sign_for[3]: "resident" is given twice`,
		"sites[0].destinations[0].repeat_safe", "sites[0].destinations[0].settle", "sites[0].destinations[0].filedir: given, but adapter is", `sites[0].destinations[1].id: "x" is used by sites[0].destinations[0]`, "sites[0].destinations[1].settle",
		`sites[1].destinations[0].id: "x" is used by sites[0].destinations[0]`, `sites[1].destinations[0].adapter: "fax"`, `sites[2].id: "north" is used by sites[0]`,
	} {
		if code == 0 || !strings.Contains(errOut, want) {
			t.Errorf("fault %q is not reported: exit %d\n%s", want, code, errOut)
		}
	}
	if strings.Contains(errOut, "co_sign_for[1]") {
		t.Errorf("a good role was refused: %s", errOut)
	}
	typo := file(t, "t.yaml", "environmnt: x\n")
	if code, _, errOut := command(t, "", "serve", "--check", "--config", typo); code == 0 || !strings.Contains(errOut, "environmnt") {
		t.Errorf("an unknown key was accepted: %s", errOut)
	}
	if code, _, errOut := command(t, "", "serve", "--check", "--config", composeConfig(t)); code != 0 {
		t.Errorf("the compose configuration has faults: %s", errOut)
	}
}

// The files that say who may act are checked with the configuration, and
// their faults come in the same answer.
func TestConfigChecksItsFiles(t *testing.T) {
	t.Parallel()
	const sum = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	check := func(listen, people, devices string) (int, string) {
		path := file(t, "c.yaml", fmt.Sprintf("listen: {grpc: %q}\npractitioners_file: %s\ndevices_file: %s\nsites: [{id: north}, {id: south}]\n",
			listen, file(t, "p.yaml", people), file(t, "d.yaml", devices)))
		code, _, errOut := command(t, "", "serve", "--check", "--config", path)
		return code, errOut
	}
	good := "practitioners:\n- {id: dr-a, site: north, family: A, given: B, roles: [attending]}\n- {id: dr-o, site: north, family: A, given: B, roles: [operator]}\n"
	if code, errOut := check("127.0.0.1:1", good, "devices: [{id: a, site: north, practitioners: [dr-a], token_sha256: "+sum+"}, {id: a, site: north, token_sha256: "+strings.ReplaceAll(sum, "9f", "9e")+"}]"); code != 0 {
		t.Errorf("good files have faults: %s", errOut)
	}
	code, errOut := check("nonsense", good+"- {id: dr-b, site: nroth, family: A, given: B, roles: [resident], supervisor: dr-a}\n", `devices:
- {id: a, token_sha256: `+sum+`}
- {id: b, site: suoth, token_sha256: short}
- {id: c, site: south, practitioners: [dr-a], token_sha256: `+sum+`}
- {id: d, site: north, practitioners: [dr-o], token_sha256: `+strings.ReplaceAll(sum, "9f", "9d")+`}
- {id: d, site: south, token_sha256: `+strings.ReplaceAll(sum, "9f", "9c")+`}
`)
	for _, want := range []string{
		"listen.grpc", `practitioners[2].site: "nroth"`, "practitioners[2].supervisor", "devices[0].site: missing", `devices[1].site: "suoth"`, "devices[1].token_sha256",
		`devices[2].practitioners: "dr-a"`, "devices[2].token_sha256: is used twice", `devices[3].practitioners: "dr-o"`, "devices[4].id",
	} {
		if code == 0 || !strings.Contains(errOut, want) {
			t.Errorf("fault %q is not reported: exit %d\n%s", want, code, errOut)
		}
	}
	if code, errOut := check("127.0.0.1:1", good, ""); code == 0 || !strings.Contains(errOut, "devices: the file names none") {
		t.Errorf("an empty devices file: exit %d: %s", code, errOut)
	}
}

// A gateway logs who signed in, and never what somebody typed who did not;
// and it says at its start where nothing is encrypted.
func TestGatewayLog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	a := &app{log: slog.New(slog.NewJSONHandler(&out, nil))}
	auth := staff.NewAuthenticator([]staff.Entry{{ID: "dr-a", Site: "s", Login: "a", PasswordHash: staff.Hash("right")}}, "password", staff.Options{OnAttempt: a.signInTried})
	for _, pair := range [][2]string{{"a", "right"}, {"a", "s3cret"}, {"s3cret", "s3cret"}} {
		_, _ = auth.Authenticate(t.Context(), pair[0], pair[1])
	}
	a.warnPlain("listen.grpc", "127.0.0.1:7443")
	a.warnPlain("listen.http", "0.0.0.0:7480")
	var got []string
	for l := range strings.Lines(out.String()) {
		var m struct{ Level, Practitioner_ID, Outcome, Key, Address string }
		if err := json.Unmarshal([]byte(l), &m); err != nil {
			t.Fatal(err)
		}
		got = append(got, strings.Join([]string{m.Level, m.Practitioner_ID, m.Outcome, m.Key, m.Address}, " "))
	}
	want := []string{"INFO dr-a accepted  ", "WARN dr-a refused  ", "WARN  refused  ", "WARN   listen.http 0.0.0.0:7480"}
	if !reflect.DeepEqual(got, want) || strings.Contains(out.String(), "s3cret") {
		t.Errorf("logged %q, want %q", got, want)
	}
}

// composeConfig is the compose trial's configuration with the secrets that its
// init.sh makes.
func composeConfig(t *testing.T) string {
	t.Helper()
	read := func(name string) string {
		b, err := os.ReadFile("../../deploy/compose/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	people := file(t, "practitioners", strings.ReplaceAll(read("practitioners.yaml.in"), "@HASH@", staff.Hash("a password")))
	devices := file(t, "devices", "devices:\n  - {id: exam-room-1, site: demo, token_sha256: "+strings.Repeat("a1", 32)+"}\n")
	text := strings.ReplaceAll(read("countersign.yaml"), "/run/secrets/practitioners", people)
	return file(t, "countersign.yaml", strings.ReplaceAll(text, "/run/secrets/devices", devices))
}

func TestPasswordHash(t *testing.T) {
	t.Parallel()
	if code, out, _ := command(t, "a long password\n", "practitioners", "hash"); code != 0 || !strings.HasPrefix(out, "argon2id$") {
		t.Errorf("exit %d: %s", code, out)
	}
	if code, _, _ := command(t, "", "practitioners", "hash"); code == 0 {
		t.Error("an empty password was hashed")
	}
}

func TestWrongCommandLines(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"demo", "--json"}, {"nothing"}, {"demo", "--bogus"}, {"stream"}} {
		if code, _, errOut := command(t, "", args...); code != 2 || errOut == "" {
			t.Errorf("%v: exit %d, stderr %q", args, code, errOut)
		}
	}
}

func TestQuantiles(t *testing.T) {
	t.Parallel()
	var v []float64
	for i := range 100 {
		v = append(v, float64(100-i))
	}
	if got := quantiles(v); !reflect.DeepEqual(got, map[string]float64{"p50": 51, "p99": 100}) {
		t.Errorf("quantiles = %v", got)
	}
}
