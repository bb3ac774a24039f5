package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"countersign/internal/ehrsim"
	countersignpb "countersign/proto/countersign/v1"
)

// noteLine is the JSON line of one note; demo --help explains the fields.
type noteLine struct {
	NoteID          string          `json:"note_id"`
	EncounterID     string          `json:"encounter_id"`
	State           string          `json:"state"`
	Statements      int             `json:"statements"`
	Flags           int             `json:"flags"`
	Removed         int             `json:"removed"`
	DraftMS         float64         `json:"draft_ms"`
	OverheadMS      float64         `json:"overhead_ms"`
	AcceptedMS      float64         `json:"accepted_ms"`
	ContentSHA256   string          `json:"content_sha256"`
	RenderingSHA256 string          `json:"rendering_sha256"`
	WriteBacks      []writeBackLine `json:"writebacks"`
}

type writeBackLine struct {
	Destination   string      `json:"destination"`
	Adapter       string      `json:"adapter"`
	Outcome       string      `json:"outcome"`
	Receipt       receiptLine `json:"receipt"`
	Verified      bool        `json:"verified"`
	WrittenSHA256 string      `json:"written_sha256"`
}

type receiptLine struct {
	ResourceID string `json:"resource_id,omitempty"`
	VersionID  string `json:"version_id,omitempty"`
	ControlID  string `json:"control_id,omitempty"`
	AckCode    string `json:"ack_code,omitempty"`
	HTTPStatus uint32 `json:"http_status,omitempty"`
}

func draftLine(got *countersignpb.GetNoteResponse, took time.Duration) noteLine {
	n := got.GetNote()
	line := noteLine{NoteID: n.GetNoteId(), EncounterID: n.GetEncounterId(), DraftMS: millis(took)}
	for _, s := range got.GetRevision().GetSections() {
		for _, st := range s.GetStatements() {
			line.Statements++
			line.Flags += len(st.GetFlags())
		}
	}
	line.OverheadMS = max(0, line.DraftMS-got.GetRevision().GetGenerator().GetDraftMs())
	return line
}

func fillWritten(line *noteLine, r *countersignpb.GetNoteResponse) {
	line.State = noteState(r.GetNote().GetState())
	line.ContentSHA256 = r.GetRevision().GetContentSha256()
	for _, w := range r.GetWritebacks() {
		line.RenderingSHA256 = w.GetRenderingSha256()
		rc := w.GetReceipt()
		line.WriteBacks = append(line.WriteBacks, writeBackLine{
			Destination: w.GetDestinationId(), Adapter: w.GetAdapter(), Outcome: writebackState(w.GetState()),
			Receipt:  receiptLine{rc.GetResourceId(), rc.GetVersionId(), rc.GetControlId(), rc.GetAckCode(), rc.GetHttpStatus()},
			Verified: w.GetVerification() == countersignpb.WritebackVerification_WRITEBACK_VERIFICATION_VERIFIED, WrittenSHA256: rc.GetWrittenSha256(),
		})
	}
}

// check compares a note's line with itself and with what the simulated EHR
// says it received: every destination accepted it, once, with the bytes that
// were signed.
func (d *demo) check(line noteLine) error {
	var faults []error
	for _, w := range line.WriteBacks {
		if w.Outcome != "accepted" {
			faults = append(faults, fmt.Errorf("%s: %s", w.Destination, w.Outcome))
		}
		if w.WrittenSHA256 != line.RenderingSHA256 {
			faults = append(faults, fmt.Errorf("%s: the written bytes are not the signed ones", w.Destination))
		}
		if readable(w.Adapter) && !w.Verified {
			faults = append(faults, fmt.Errorf("%s: not verified", w.Destination))
		}
	}
	if line.State != "completed" || len(line.WriteBacks) != 4 {
		faults = append(faults, fmt.Errorf("the note is %s with %d write-backs, want completed with 4", line.State, len(line.WriteBacks)))
	}
	got := map[ehrsim.Endpoint]int{}
	for _, doc := range d.sim.Documents() {
		if !strings.Contains(doc.Text, strings.ToUpper(line.NoteID)) {
			continue
		}
		got[doc.Endpoint] += doc.TimesFiled
		if doc.SHA256 != line.RenderingSHA256 {
			faults = append(faults, fmt.Errorf("the EHR's %s door holds other text than was signed", doc.Endpoint))
		}
	}
	for _, door := range []ehrsim.Endpoint{ehrsim.FHIR, ehrsim.Epic, ehrsim.MLLP} {
		if got[door] != 1 {
			faults = append(faults, fmt.Errorf("the EHR's %s door has the note %d times", door, got[door]))
		}
	}
	return errors.Join(faults...)
}
