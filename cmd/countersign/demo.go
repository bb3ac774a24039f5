package main

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"countersign/internal/ehrsim"
	"countersign/internal/staff"
	"countersign/internal/transcriptfile"
	"countersign/notegen"
	"countersign/review"
)

// demoVisit is the bundled conversation; its credit and licence stand beside
// it.
//
//go:embed testdata/visit.txt
var demoVisit string

type demoCommand struct {
	Auto       bool     `help:"Sign by itself as the demo physician, removing flagged statements and never confirming them, wait for every destination, and exit."`
	JSON       bool     `help:"With --auto: one JSON line per note on standard output, progress on standard error."`
	Transcript []string `help:"Use this conversation instead of the bundled one; repeatable. JSON lines, [doctor]/[patient] turns, WebVTT or AWS HealthScribe JSON." placeholder:"FILE"`
	Data       string   `help:"Keep the data here; without it nothing is left behind." placeholder:"DIR" type:"path"`
	Verbose    bool     `help:"Show the gateway's log on standard error."`
}

func (c *demoCommand) Help() string {
	return `Everything is embedded and listens on free loopback ports: journal (SQLite), NATS, the drafter that needs no model, and a simulated EHR with a
FHIR, an Epic and an MLLP door. No real system can be reached.

The JSON line of a note has: note_id, encounter_id, state, statements, flags (found in the draft), removed (flagged statements taken out),
draft_ms (end of visit to draft ready), overhead_ms (of that, what was not the drafter), accepted_ms (signature to the last acceptance),
content_sha256, rendering_sha256, and writebacks: destination, adapter, outcome, receipt, verified, written_sha256 (of the attachment, taken from
the outgoing message by decoding it again).

Examples:
  countersign demo
  countersign demo --auto --json --transcript visit1.txt --transcript visit2.vtt`
}

const (
	demoSite     review.SiteID         = "demo"
	demoDoctor   review.PractitionerID = "dr-demo"
	demoLogin                          = "demo"
	demoFHIR     review.DestinationID  = "fhir"
	demoEpic     review.DestinationID  = "epic"
	demoMLLP     review.DestinationID  = "mdm"
	demoFiles    review.DestinationID  = "files"
	mrnAuthority                       = "DEMOMRN"
	vnAuthority                        = "DEMOVN"
)

// demoVisitInput is one conversation to run.
type demoVisitInput struct {
	Name       string // for people: the file's base name
	Utterances []review.Utterance
}

func (c *demoCommand) Run(e *env) error {
	if c.JSON && !c.Auto {
		return &exitError{2, errors.New("demo: --json goes with --auto")}
	}
	visits, err := c.visits(e)
	if err != nil {
		return err
	}
	dir := c.Data
	if dir == "" {
		if dir, err = os.MkdirTemp("", "countersign-demo-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	say := e.stdout
	if c.JSON {
		say = e.stderr
	}
	d, err := startDemo(e.ctx, dir, len(visits), c.logger(e), nil)
	if err != nil {
		return err
	}
	defer d.close()
	d.say = say
	fmt.Fprintf(say, "Countersign demo: everything embedded, nothing real can be reached.\n  gateway  gRPC %s  review page http://%s\n  EHR      %s\n",
		d.app.GRPCAddr, d.app.HTTPAddr, d.sim.PageURL())
	if c.Auto {
		return d.auto(e, visits, c.JSON)
	}
	return d.wait(e, visits)
}

func (c *demoCommand) logger(e *env) *slog.Logger {
	if c.Verbose {
		return slog.New(slog.NewTextHandler(e.stderr, nil))
	}
	return slog.New(slog.NewTextHandler(io.Discard, nil))
}

// visits reads every transcript before anything starts, so that a bad file
// is an error and not half a demo.
func (c *demoCommand) visits(e *env) ([]demoVisitInput, error) {
	if len(c.Transcript) == 0 {
		us, _, err := transcriptfile.Parse([]byte(demoVisit))
		return []demoVisitInput{{"bundled visit", us}}, err
	}
	var out []demoVisitInput
	for _, path := range c.Transcript {
		us, err := readTranscript(e, path)
		if err != nil {
			return nil, err
		}
		out = append(out, demoVisitInput{filepath.Base(path), us})
	}
	return out, nil
}

// demo is a gateway and a simulated EHR in one process.
type demo struct {
	app      *app
	sim      *ehrsim.Simulator
	cancel   context.CancelFunc
	password string
	run      string // distinguishes runs over kept data
	say      io.Writer
}

// startDemo starts the simulated EHR with n patients and the gateway beside
// it. drafter is nil for the built-in one.
func startDemo(ctx context.Context, dir string, n int, log *slog.Logger, drafter notegen.Drafter) (*demo, error) {
	simCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	sim, err := ehrsim.Start(simCtx, ehrsim.Options{Logger: log})
	if err != nil {
		cancel()
		return nil, err
	}
	d := &demo{sim: sim, cancel: cancel, password: rand.Text()[:12], run: strings.ToLower(rand.Text()[:8]), say: io.Discard}
	for i := range n {
		p, enc := d.simPatient(i)
		if err := sim.Seed(p, enc); err != nil {
			cancel()
			return nil, err
		}
	}
	config, err := demoConfig(dir, sim)
	if err == nil {
		d.app, err = startApp(ctx, config, log, appOptions{
			people: []staff.Entry{d.physician()}, authMethod: "demo", writeRetry: 200 * time.Millisecond, drafter: drafter,
			hint: fmt.Sprintf("Demo: sign in as %q with the password printed in the terminal.", demoLogin),
		})
	}
	if err != nil {
		cancel()
		return nil, err
	}
	return d, nil
}

func (d *demo) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	if err := d.app.close(ctx); err != nil {
		fmt.Fprintln(d.say, "stopping the gateway:", err)
	}
	if err := d.sim.Shutdown(ctx); err != nil {
		fmt.Fprintln(d.say, "stopping the simulated EHR:", err)
	}
	d.cancel()
}

func demoConfig(dir string, sim *ehrsim.Simulator) (Config, error) {
	c := Config{Environment: "demo", DataDir: dir, Listen: ListenConfig{GRPC: "127.0.0.1:0", HTTP: "127.0.0.1:0"}}
	c.Workers.Sweep, c.Workers.LeaseTerm = 2*time.Second, 10*time.Second
	c.Sites = []SiteConfig{{ID: demoSite, Name: "Demo Clinic (simulated)", Destinations: []DestinationConfig{
		{ID: demoFHIR, Name: "FHIR R4 (simulated)", Adapter: "fhir", Mode: review.ModeSimulated, Settle: time.Second, FHIR: &FHIRConfig{BaseURL: sim.FHIRBase()}},
		{ID: demoEpic, Name: "Epic (simulated)", Adapter: "epic", Mode: review.ModeSimulated, Settle: time.Second, Epic: &EpicConfig{BaseURL: sim.EpicBase()}},
		{ID: demoMLLP, Name: "HL7 v2 MDM (simulated)", Adapter: "hl7mdm", Mode: review.ModeSimulated, RepeatSafe: true, Settle: time.Second, HL7MDM: &HL7MDMConfig{
			Address: sim.MLLPAddr(), SendingApplication: "COUNTERSIGN", SendingFacility: "DEMO", ReceivingApplication: "EHRSIM", ReceivingFacility: "DEMO",
		}},
		{ID: demoFiles, Name: "Directory", Adapter: "filedir", Mode: review.ModeSimulated, FileDir: &FileDirConfig{Path: filepath.Join(dir, "written")}},
	}}}
	c = c.withDefaults()
	return c, c.Validate()
}

func (d *demo) physician() staff.Entry {
	return staff.Entry{
		ID: demoDoctor, Site: demoSite, Login: demoLogin, PasswordHash: staff.Hash(d.password), Family: "Rivera", Given: "Ana",
		Credential: "MD", NPI: "1234567893", Roles: []review.PractitionerRole{review.RoleAttending},
		Identifiers: []staff.Identifier{
			{Type: review.IdentifierFHIR, Value: "demo-practitioner", Destination: demoFHIR},
			{Type: review.IdentifierFHIR, Value: "eDemoPractitioner", Destination: demoEpic},
		},
	}
}

// simPatient is the i-th mock patient as the simulated EHR knows it.
func (d *demo) simPatient(i int) (ehrsim.Patient, ehrsim.Encounter) {
	n := fmt.Sprintf("%s%d", d.run, i+1)
	p := ehrsim.Patient{
		ID: "pat-" + n, EpicID: "ePat" + n, Family: "Mock", Given: fmt.Sprintf("Patient%d", i+1), BirthDate: "1969-03-14", Gender: "unknown",
		Identifiers: []ehrsim.Identifier{{System: "urn:demo:mrn", Authority: mrnAuthority, Value: "MRN" + n, Type: "MR"}},
	}
	e := ehrsim.Encounter{
		ID: "enc-" + n, EpicID: "eEnc" + n, PatientID: p.ID, Start: time.Now().UTC().Truncate(time.Second),
		Identifiers: []ehrsim.Identifier{{System: "urn:demo:visit", Authority: vnAuthority, Value: "VN" + n, Type: "VN"}},
	}
	return p, e
}

// printWhere tells a person where to look.
func (d *demo) printWhere(note string) {
	fmt.Fprintf(d.say, `
The draft is ready. Sign in and review it:

  http://%s/notes/%s

  name      %s
  password  %s

What the simulated EHR received shows at %s
Press Ctrl-C to stop.
`, d.app.HTTPAddr, note, demoLogin, d.password, d.sim.PageURL())
}

var errNotSimulated = errors.New("demo: refusing to sign: a destination is not simulated")

// checkSimulated refuses any destination that is not.
func (d *demo) checkSimulated() error {
	for _, s := range d.app.config.Sites {
		for _, x := range s.Destinations {
			if x.Mode != review.ModeSimulated {
				return fmt.Errorf("%w: %s", errNotSimulated, x.ID)
			}
		}
	}
	for _, addr := range []string{d.app.GRPCAddr, d.app.HTTPAddr} {
		if host, _, err := net.SplitHostPort(addr); err != nil || !loopback(host) {
			return fmt.Errorf("demo: %s is not a loopback address", addr)
		}
	}
	return nil
}
