package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"countersign/api/ingest"
	"countersign/internal/ehrsim"
	"countersign/internal/workqueue"
	countersignpb "countersign/proto/countersign/v1"
	"countersign/review"
)

// visitTimeout bounds one visit of demo --auto from its end to the last
// read-back.
const visitTimeout = 60 * time.Second

// auto runs every visit to its end and checks what arrived.
func (d *demo) auto(e *env, visits []demoVisitInput, asJSON bool) error {
	if err := d.checkSimulated(); err != nil {
		return err
	}
	failed := 0
	for i, v := range visits {
		line, err := d.autoVisit(e.ctx, i, v)
		if err != nil {
			return fmt.Errorf("demo: visit %d (%s): %w", i+1, v.Name, err)
		}
		if err := d.check(line); err != nil {
			failed++
			fmt.Fprintf(d.say, "  FAILED: %v\n", err)
		}
		if asJSON {
			if err := e.json(line); err != nil {
				return err
			}
		}
	}
	if failed > 0 {
		return fmt.Errorf("demo: %d of %d notes did not arrive exactly as signed", failed, len(visits))
	}
	fmt.Fprintf(d.say, "%d of %d notes are in every destination, once, exactly as signed.\n", len(visits), len(visits))
	return nil
}

func (d *demo) autoVisit(ctx context.Context, i int, v demoVisitInput) (noteLine, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, visitTimeout, errors.New("gave up waiting: the note or its write-backs did not get there in time"))
	defer cancel()
	changed, err := d.app.events.Subscribe(workqueue.NoteChanged, "")
	if err != nil {
		return noteLine{}, err
	}
	defer changed.Close()
	g, err := d.connect(ctx)
	if err != nil {
		return noteLine{}, err
	}
	defer g.close()
	note, ended, err := d.stream(ctx, g.conn, i, v, 0)
	if err != nil {
		return noteLine{}, err
	}
	got, err := g.waitDraft(note, changed)
	if err != nil {
		return noteLine{}, err
	}
	line := draftLine(got, time.Since(ended))
	fmt.Fprintf(d.say, "  draft ready after %.1f ms: %d statements, %d flags\n", line.DraftMS, line.Statements, line.Flags)
	if line.Removed, err = g.removeFlagged(note); err != nil {
		return line, err
	}
	signed, err := g.previewAndSign(note)
	if err != nil {
		return line, err
	}
	begun := time.Now()
	fmt.Fprintf(d.say, "  signed by the demo physician: the note is %s\n", noteState(signed.GetState()))
	final, err := g.waitWritten(note, changed)
	if err != nil {
		return line, err
	}
	line.AcceptedMS = millis(acceptedAfter(final, begun))
	fillWritten(&line, final)
	for _, w := range line.WriteBacks {
		verified := ""
		if w.Verified {
			verified = ", verified in the chart"
		}
		fmt.Fprintf(d.say, "  %-6s %s%s\n", w.Destination, w.Outcome, verified)
	}
	return line, nil
}

func (d *demo) connect(ctx context.Context) (*gateway, error) {
	conn, err := grpc.NewClient(d.app.GRPCAddr, append(ingest.DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	return newGateway(ctx, cancel, conn, demoLogin, d.password), nil
}

// stream sends one visit over gRPC as a device does and returns its note and
// when the visit ended.
func (d *demo) stream(ctx context.Context, conn *grpc.ClientConn, i int, v demoVisitInput, pace float64) (string, time.Time, error) {
	fmt.Fprintf(d.say, "visit %d: %s, %d utterances\n", i+1, v.Name, len(v.Utterances))
	shown := int64(0)
	var sentLast time.Time
	res, err := ingest.NewClient(conn).Stream(ctx, d.visit(i), v.Utterances, ingest.StreamOptions{
		Pace: pace, MaxAttempts: 5,
		OnAck: func(through int64) {
			if n := int64(len(v.Utterances)); through == n || through-shown >= max(1, n/5) {
				shown = through
				fmt.Fprintf(d.say, "  %d of %d utterances on disk\n", through, n)
			}
		},
		OnProgress: func(p ingest.Progress) {
			if p.Event == "sent" && p.Seq == int64(len(v.Utterances)) {
				sentLast = time.Now()
			}
		},
	})
	if err != nil {
		return "", sentLast, err
	}
	if len(res.NoteIDs) == 0 {
		return "", sentLast, errors.New("the visit ended without a note")
	}
	if sentLast.IsZero() {
		sentLast = time.Now()
	}
	return string(res.NoteIDs[0]), sentLast, nil
}

// visit is what the demo device says of the i-th mock patient.
func (d *demo) visit(i int) ingest.Visit {
	p, enc := d.simPatient(i)
	ids := func(fhir, epic string, business ehrsim.Identifier) []ingest.VisitIdentifier {
		return []ingest.VisitIdentifier{
			{Type: business.Type, System: business.Authority, Value: business.Value},
			{Type: review.IdentifierFHIR, System: string(demoFHIR), Value: fhir, DestinationID: string(demoFHIR)},
			{Type: review.IdentifierFHIR, System: string(demoEpic), Value: epic, DestinationID: string(demoEpic)},
		}
	}
	return ingest.Visit{
		SiteID: string(demoSite), DeviceID: "demo-device", RecordingID: fmt.Sprintf("%s-%d", d.run, i+1), PractitionerID: string(demoDoctor),
		Patient: &ingest.VisitPatient{
			Identifiers: ids(p.ID, p.EpicID, p.Identifiers[0]), Family: p.Family, Given: p.Given, BirthDate: p.BirthDate, Sex: p.Gender,
		},
		Encounter: &ingest.VisitEncounter{Identifiers: ids(enc.ID, enc.EpicID, enc.Identifiers[0]), Class: "AMB", PeriodStart: enc.Start},
		Consent: &ingest.VisitConsent{
			Scope: []string{"recording", "ai_draft"}, GivenBy: "patient", EveryoneAgreed: true, Method: "verbal", ScriptVersion: "demo-1",
			Language: "en", AskedBy: string(demoDoctor), At: time.Now().UTC(),
		},
		Modality: "in_person", Languages: []string{"en-US"},
	}
}

// removeFlagged opens the note and takes every flagged statement out.
func (g *gateway) removeFlagged(note string) (int, error) {
	r, err := g.review.OpenNote(g.ctx, &countersignpb.OpenNoteRequest{NoteId: note})
	if err != nil {
		return 0, remote("open note", err)
	}
	var edits []*countersignpb.Edit
	for _, s := range r.GetRevision().GetSections() {
		for _, st := range s.GetStatements() {
			if len(st.GetFlags()) > 0 {
				edits = append(edits, &countersignpb.Edit{Change: &countersignpb.Edit_Remove{
					Remove: &countersignpb.RemoveStatement{StatementId: st.GetStatementId()},
				}})
			}
		}
	}
	if len(edits) == 0 {
		return 0, nil
	}
	_, err = g.review.EditNote(g.ctx, &countersignpb.EditNoteRequest{
		NoteId: note, ExpectedRevision: r.GetRevision().GetNumber(), ExpectedContentSha256: r.GetRevision().GetContentSha256(), Edits: edits,
	})
	if err != nil {
		return 0, remote("remove flagged statements", err)
	}
	return len(edits), nil
}

func (g *gateway) previewAndSign(note string) (*countersignpb.Note, error) {
	p, err := g.review.PreviewNote(g.ctx, &countersignpb.PreviewNoteRequest{NoteId: note})
	if err != nil {
		return nil, remote("preview note", err)
	}
	return g.sign(note, p)
}

// wait streams the visits, shows where to look, and waits for a physician.
func (d *demo) wait(e *env, visits []demoVisitInput) error {
	changed, err := d.app.events.Subscribe(workqueue.NoteChanged, "")
	if err != nil {
		return err
	}
	defer changed.Close()
	g, err := d.connect(e.ctx)
	if err != nil {
		return err
	}
	defer g.close()
	var first string
	for i, v := range visits {
		note, _, err := d.stream(e.ctx, g.conn, i, v, visiblePace(v))
		if err != nil {
			return err
		}
		r, err := g.waitDraft(note, changed)
		if err != nil {
			return err
		}
		line := draftLine(r, 0)
		fmt.Fprintf(d.say, "  draft ready: %d statements, %d flags\n", line.Statements, line.Flags)
		if first == "" {
			first = note
		}
	}
	d.printWhere(first)
	openBrowser(e.ctx, "http://"+d.app.HTTPAddr+"/notes/"+first)
	<-e.ctx.Done()
	fmt.Fprintln(d.say, "\nstopping")
	return nil
}

// visiblePace streams a visit in about three seconds, so that a person sees it
// come in.
func visiblePace(v demoVisitInput) float64 {
	if len(v.Utterances) == 0 {
		return 0
	}
	return v.Utterances[len(v.Utterances)-1].End.Seconds() / 3
}

// openBrowser shows the page where there is a desktop to show it on. The URL
// holds an opaque id and nothing else.
func openBrowser(ctx context.Context, url string) {
	opener := map[string]string{"linux": "xdg-open", "darwin": "open"}[runtime.GOOS]
	if path, err := exec.LookPath(opener); err == nil && hasDesktop() {
		_ = exec.CommandContext(ctx, path, url).Start() // the address is printed as well
	}
}
