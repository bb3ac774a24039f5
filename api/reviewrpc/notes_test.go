package reviewrpc

import (
	"strings"
	"testing"
	"time"

	"countersign/review"

	countersignpb "countersign/proto/countersign/v1"

	"github.com/google/go-cmp/cmp"
)

// One note from the worklist to its write-backs, over gRPC, on the real domain.
func TestReviewToSignature(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := string(f.visit("dr-demo"))
	ctx := as(t.Context(), "dr-demo")
	rpc := f.review()

	list := must[*countersignpb.ListNotesResponse](t)(rpc.ListNotes(ctx, &countersignpb.ListNotesRequest{States: []countersignpb.NoteState{countersignpb.NoteState_NOTE_STATE_READY_FOR_REVIEW}}))
	if len(list.GetNotes()) != 1 || list.GetNotes()[0].GetPatient().GetName().GetFamily() != "Samplepatient" || len(list.GetNotes()[0].GetPatient().GetIdentifiers()) != 0 || list.GetNextPageToken() != "" {
		t.Fatalf("list: %v", list)
	}
	open := must[*countersignpb.OpenNoteResponse](t)(rpc.OpenNote(ctx, &countersignpb.OpenNoteRequest{NoteId: id}))
	if open.GetNote().GetState() != countersignpb.NoteState_NOTE_STATE_IN_REVIEW || open.GetNote().GetOpenFlags() != 2 {
		t.Fatalf("open: %v", open.GetNote())
	}
	n, rev := open.GetNote(), open.GetRevision()
	if n.GetDocumentNumber() != strings.ToUpper(id) || n.GetConfidentiality() != "U" || n.GetKind() != countersignpb.NoteKind_NOTE_KIND_ORIGINAL || n.GetPolicyVersion() != 3 ||
		n.GetEncounter().GetClass() != countersignpb.EncounterClass_ENCOUNTER_CLASS_VIRTUAL || n.GetPatient().GetSex() != countersignpb.AdministrativeSex_ADMINISTRATIVE_SEX_FEMALE {
		t.Errorf("note: %v", n)
	}
	sts := rev.GetSections()[0].GetStatements()
	if fl := sts[1].GetFlags(); len(fl) != 2 || fl[0].GetSeverity() != countersignpb.FlagSeverity_FLAG_SEVERITY_BLOCKING || fl[0].GetResolution() != countersignpb.FlagResolution_FLAG_RESOLUTION_OPEN {
		t.Errorf("flags: %v", fl)
	}
	if sts[0].GetOrigin() != countersignpb.StatementOrigin_STATEMENT_ORIGIN_AI || len(sts[0].GetEvidence()) != 1 || len(rev.GetOmissions()) != 1 || rev.GetGenerator().GetDrafter() != "test" {
		t.Errorf("revision: %v", rev)
	}

	talk := must[*countersignpb.GetTranscriptResponse](t)(rpc.GetTranscript(ctx, &countersignpb.GetTranscriptRequest{NoteId: id, PageSize: 1}))
	if talk.GetUtterances()[0].GetUtterance().GetSpeaker().GetRole() != countersignpb.SpeakerRole_SPEAKER_ROLE_CLINICIAN || talk.GetUtterances()[0].GetRecordingId() != n.GetRecordingIds()[0] {
		t.Errorf("transcript: %v", talk)
	}
	rest := must[*countersignpb.GetTranscriptResponse](t)(rpc.GetTranscript(ctx, &countersignpb.GetTranscriptRequest{NoteId: id, PageSize: 1, PageToken: talk.GetNextPageToken()}))
	if u := rest.GetUtterances()[0].GetUtterance(); u.GetText() != "For 3 days." || u.GetWords()[0].GetAlternatives()[0].GetText() != "8" || rest.GetNextPageToken() != "" {
		t.Errorf("transcript: %v", rest)
	}

	preview := must[*countersignpb.PreviewNoteResponse](t)(rpc.PreviewNote(ctx, &countersignpb.PreviewNoteRequest{NoteId: id}))
	if preview.GetOpenFlags() != 2 || !preview.GetCompletes() || preview.GetMeaning() != countersignpb.SignatureMeaning_SIGNATURE_MEANING_AUTHOR || len(preview.GetRoutes()) != 2 {
		t.Errorf("preview: %v", preview)
	}
	sign := func() *countersignpb.SignNoteRequest {
		return &countersignpb.SignNoteRequest{NoteId: id, ExpectedRevision: rev.GetNumber(), ExpectedContentSha256: rev.GetContentSha256(), Attestation: preview.GetAttestation(), ShownSha256: preview.GetShownSha256()}
	}
	want[*countersignpb.SignNoteResponse](t, "FLAGGED")(rpc.SignNote(ctx, sign()))

	confirmed := must[*countersignpb.ConfirmFlagResponse](t)(rpc.ConfirmFlag(ctx, &countersignpb.ConfirmFlagRequest{
		NoteId: id, ExpectedRevision: rev.GetNumber(), ExpectedContentSha256: rev.GetContentSha256(), StatementId: sts[1].GetStatementId(),
		FlagKind: "number_not_said", Reason: "Seen in the chart.",
	}))
	if confirmed.GetNote().GetOpenFlags() != 0 { // both flags of the kind
		t.Errorf("after confirming: %v", confirmed.GetNote())
	}
	rev = confirmed.GetRevision()
	want[*countersignpb.EditNoteResponse](t, "CONFLICT")(rpc.EditNote(ctx, &countersignpb.EditNoteRequest{ // of what the first revision was
		NoteId: id, ExpectedRevision: 1, ExpectedContentSha256: open.GetRevision().GetContentSha256(), Edits: []*countersignpb.Edit{remove(sts[0].GetStatementId())},
	}))
	edited := must[*countersignpb.EditNoteResponse](t)(rpc.EditNote(ctx, &countersignpb.EditNoteRequest{
		NoteId: id, ExpectedRevision: rev.GetNumber(), ExpectedContentSha256: rev.GetContentSha256(), Edits: []*countersignpb.Edit{
			{Change: &countersignpb.Edit_Replace{Replace: &countersignpb.ReplaceStatement{StatementId: sts[0].GetStatementId(), Text: "Dry cough for 3 days."}}},
			{Change: &countersignpb.Edit_Add{Add: &countersignpb.AddStatement{SectionCode: "10164-2", AfterStatementId: sts[0].GetStatementId(), Text: "No fever."}}},
			remove(sts[1].GetStatementId()),
		},
	}))
	var texts []string
	for _, st := range edited.GetRevision().GetSections()[0].GetStatements() {
		texts = append(texts, st.GetText())
	}
	if diff := cmp.Diff([]string{"Dry cough for 3 days.", "No fever."}, texts); diff != "" {
		t.Errorf("edited differs (-want +got):\n%s", diff)
	}
	old := sign()
	rev = edited.GetRevision()
	stale := sign()
	stale.ExpectedContentSha256 = old.GetExpectedContentSha256()
	want[*countersignpb.SignNoteResponse](t, "CONFLICT")(rpc.SignNote(ctx, stale)) // right number, other text
	other := sign()
	other.Attestation += " "
	want[*countersignpb.SignNoteResponse](t, "CONFLICT")(rpc.SignNote(ctx, other))
	want[*countersignpb.CoSignNoteResponse](t, "ILLEGAL")(rpc.CoSignNote(ctx, &countersignpb.CoSignNoteRequest{
		NoteId: id, ExpectedRevision: rev.GetNumber(), ExpectedContentSha256: rev.GetContentSha256(), Attestation: preview.GetAttestation(), ShownSha256: preview.GetShownSha256(),
	}))

	want[*countersignpb.SignNoteResponse](t, "CONFLICT")(rpc.SignNote(ctx, sign())) // right text, but of an older preview
	preview = must[*countersignpb.PreviewNoteResponse](t)(rpc.PreviewNote(ctx, &countersignpb.PreviewNoteRequest{NoteId: id}))
	signed := must[*countersignpb.SignNoteResponse](t)(rpc.SignNote(ctx, sign()))
	sig := signed.GetSignature()
	if signed.GetNote().GetState() != countersignpb.NoteState_NOTE_STATE_COMPLETED || len(signed.GetWritebacks()) != 2 || sig.GetJws() == "" || sig.GetPractitionerId() != "dr-demo" ||
		sig.GetContentSha256() != rev.GetContentSha256() || sig.GetAttestation() != preview.GetAttestation() || sig.GetMeaning() != countersignpb.SignatureMeaning_SIGNATURE_MEANING_AUTHOR {
		t.Errorf("signed: %v", signed)
	}
	want[*countersignpb.SignNoteResponse](t, "ILLEGAL")(rpc.SignNote(ctx, sign()))
	got := must[*countersignpb.GetNoteResponse](t)(rpc.GetNote(ctx, &countersignpb.GetNoteRequest{NoteId: id}))
	if len(got.GetSignatures()) != 1 || len(got.GetWritebacks()) != 2 || !got.GetRevision().GetIsSigned() || got.GetDueSignatures()[0].GetSignedRevision() != got.GetNote().GetRevision() {
		t.Errorf("get: %v", got)
	}
	want[*countersignpb.GetNoteResponse](t, "INVALID")(rpc.GetNote(ctx, &countersignpb.GetNoteRequest{NoteId: id, Revision: 1}))
}

func remove(st string) *countersignpb.Edit {
	return &countersignpb.Edit{Change: &countersignpb.Edit_Remove{Remove: &countersignpb.RemoveStatement{StatementId: st}}}
}

// signable opens a note and removes its flagged statement.
func signable(t *testing.T, f *fixture, id, who string) *countersignpb.Revision {
	t.Helper()
	ctx := as(t.Context(), who)
	open := must[*countersignpb.OpenNoteResponse](t)(f.review().OpenNote(ctx, &countersignpb.OpenNoteRequest{NoteId: id}))
	r := open.GetRevision()
	edited := must[*countersignpb.EditNoteResponse](t)(f.review().EditNote(ctx, &countersignpb.EditNoteRequest{
		NoteId: id, ExpectedRevision: r.GetNumber(), ExpectedContentSha256: r.GetContentSha256(), Edits: []*countersignpb.Edit{remove(r.GetSections()[0].GetStatements()[1].GetStatementId())},
	}))
	return edited.GetRevision()
}

func TestCoSignature(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := string(f.visit("resident"))
	young, senior := as(t.Context(), "resident"), as(t.Context(), "dr-demo")
	rpc := f.review()
	rev := signable(t, f, id, "resident")
	show := must[*countersignpb.PreviewNoteResponse](t)(rpc.PreviewNote(young, &countersignpb.PreviewNoteRequest{NoteId: id}))
	if show.GetCompletes() {
		t.Error("the preview says that the resident's signature completes the note")
	}
	first := must[*countersignpb.SignNoteResponse](t)(rpc.SignNote(young, &countersignpb.SignNoteRequest{
		NoteId: id, ExpectedRevision: rev.GetNumber(), ExpectedContentSha256: rev.GetContentSha256(), Attestation: show.GetAttestation(), ShownSha256: show.GetShownSha256(),
	}))
	if first.GetNote().GetState() != countersignpb.NoteState_NOTE_STATE_PENDING_COSIGN || first.GetNote().GetCoSignerId() != "dr-demo" || len(first.GetWritebacks()) != 0 {
		t.Errorf("signed: %v", first)
	}
	co := &countersignpb.CoSignNoteRequest{NoteId: id, ExpectedRevision: rev.GetNumber(), ExpectedContentSha256: rev.GetContentSha256(), Attestation: show.GetAttestation(), ShownSha256: show.GetShownSha256()}
	want[*countersignpb.CoSignNoteResponse](t, "FORBIDDEN")(rpc.CoSignNote(young, co)) // nobody co-signs their own
	shown := must[*countersignpb.PreviewNoteResponse](t)(rpc.PreviewNote(senior, &countersignpb.PreviewNoteRequest{NoteId: id}))
	if shown.GetMeaning() != countersignpb.SignatureMeaning_SIGNATURE_MEANING_CO_SIGNATURE || !shown.GetCompletes() {
		t.Errorf("preview: %v", shown)
	}
	want[*countersignpb.CoSignNoteResponse](t, "CONFLICT")(rpc.CoSignNote(senior, co)) // the resident's attestation
	want[*countersignpb.SignNoteResponse](t, "ILLEGAL")(rpc.SignNote(senior, &countersignpb.SignNoteRequest{
		NoteId: id, ExpectedRevision: rev.GetNumber(), ExpectedContentSha256: rev.GetContentSha256(), Attestation: shown.GetAttestation(), ShownSha256: shown.GetShownSha256(),
	}))
	returned := must[*countersignpb.ReturnNoteResponse](t)(rpc.ReturnNote(senior, &countersignpb.ReturnNoteRequest{NoteId: id, ExpectedRevision: rev.GetNumber(), Reason: "incomplete"}))
	if returned.GetNote().GetState() != countersignpb.NoteState_NOTE_STATE_IN_REVIEW {
		t.Errorf("returned: %v", returned)
	}
	number := returned.GetNote().GetRevision()
	show = must[*countersignpb.PreviewNoteResponse](t)(rpc.PreviewNote(young, &countersignpb.PreviewNoteRequest{NoteId: id}))
	first = must[*countersignpb.SignNoteResponse](t)(rpc.SignNote(young, &countersignpb.SignNoteRequest{
		NoteId: id, ExpectedRevision: number, ExpectedContentSha256: rev.GetContentSha256(), Attestation: show.GetAttestation(), ShownSha256: show.GetShownSha256(),
	}))
	shown = must[*countersignpb.PreviewNoteResponse](t)(rpc.PreviewNote(senior, &countersignpb.PreviewNoteRequest{NoteId: id}))
	co.ExpectedRevision, co.Attestation, co.ShownSha256 = first.GetNote().GetRevision(), shown.GetAttestation(), shown.GetShownSha256()
	done := must[*countersignpb.CoSignNoteResponse](t)(rpc.CoSignNote(senior, co))
	if done.GetNote().GetState() != countersignpb.NoteState_NOTE_STATE_COMPLETED || len(done.GetWritebacks()) != 2 || done.GetSignature().GetPosition() != 2 {
		t.Errorf("co-signed: %v", done)
	}
}

func TestDiscardAndRedraft(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx := as(t.Context(), "dr-demo")
	id := string(f.visit("dr-demo"))
	want[*countersignpb.RedraftNoteResponse](t, "CONFLICT")(f.review().RedraftNote(ctx, &countersignpb.RedraftNoteRequest{NoteId: id}))
	want[*countersignpb.RedraftNoteResponse](t, "INVALID")(f.review().RedraftNote(ctx, &countersignpb.RedraftNoteRequest{NoteId: id, ExpectedRevision: 1, NoteType: "11488-4"}))
	re := must[*countersignpb.RedraftNoteResponse](t)(f.review().RedraftNote(ctx, &countersignpb.RedraftNoteRequest{NoteId: id, ExpectedRevision: 1, NoteType: "11506-3"}))
	if re.GetNote().GetState() != countersignpb.NoteState_NOTE_STATE_DRAFTING {
		t.Errorf("redrafted: %v", re)
	}
	id = string(f.visit("dr-demo"))
	want[*countersignpb.DiscardNoteResponse](t, "INVALID")(f.review().DiscardNote(ctx, &countersignpb.DiscardNoteRequest{NoteId: id, ExpectedRevision: 1}))
	gone := must[*countersignpb.DiscardNoteResponse](t)(f.review().DiscardNote(ctx, &countersignpb.DiscardNoteRequest{
		NoteId: id, ExpectedRevision: 1, Reason: countersignpb.DiscardReason_DISCARD_REASON_WRONG_PATIENT,
	}))
	if gone.GetNote().GetState() != countersignpb.NoteState_NOTE_STATE_DISCARDED {
		t.Errorf("discarded: %v", gone)
	}
}

func TestListNotes(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var ids []string
	for range 5 {
		ids = append(ids, string(f.visit("dr-demo")))
	}
	nurses := f.visit("nurse")
	list := func(who string, r *countersignpb.ListNotesRequest) (got []string) {
		t.Helper()
		for pages := 0; ; pages++ {
			l := must[*countersignpb.ListNotesResponse](t)(f.review().ListNotes(as(t.Context(), who), r))
			for _, n := range l.GetNotes() {
				got = append(got, n.GetNoteId())
			}
			if r.PageToken = l.GetNextPageToken(); r.PageToken == "" {
				return got
			}
			if pages > 10 {
				t.Fatal("pages without end")
			}
		}
	}
	for name, c := range map[string]struct {
		who  string
		r    *countersignpb.ListNotesRequest
		want int
	}{
		"Own":              {"dr-demo", &countersignpb.ListNotesRequest{SiteId: "clinic", PractitionerId: "dr-demo"}, 5},
		"Pages":            {"dr-demo", &countersignpb.ListNotesRequest{PageSize: 2}, 5},
		"ExactPages":       {"dr-demo", &countersignpb.ListNotesRequest{PageSize: 5}, 5},
		"Family":           {"dr-demo", &countersignpb.ListNotesRequest{FamilyId: ids[0], PageSize: 1}, 1},
		"OtherState":       {"dr-demo", &countersignpb.ListNotesRequest{States: []countersignpb.NoteState{countersignpb.NoteState_NOTE_STATE_COMPLETED}}, 0},
		"AnyState":         {"dr-demo", &countersignpb.ListNotesRequest{States: []countersignpb.NoteState{0}}, 5},
		"RecordsSeesAll":   {"records", &countersignpb.ListNotesRequest{}, 6},
		"RecordsForNurse":  {"records", &countersignpb.ListNotesRequest{PractitionerId: "nurse"}, 1},
		"OperatorSeesAll":  {"operator", &countersignpb.ListNotesRequest{}, 6},
		"ResidentSeesNone": {"resident", &countersignpb.ListNotesRequest{}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := list(c.who, c.r); len(got) != c.want {
				t.Errorf("%d notes, want %d", len(got), c.want)
			}
		})
	}
	rpc, ctx := f.review(), as(t.Context(), "dr-demo")
	want[*countersignpb.ListNotesResponse](t, "FORBIDDEN")(rpc.ListNotes(ctx, &countersignpb.ListNotesRequest{PractitionerId: "nurse"}))
	want[*countersignpb.ListNotesResponse](t, "NOT_FOUND")(rpc.ListNotes(ctx, &countersignpb.ListNotesRequest{SiteId: "elsewhere"}))
	want[*countersignpb.ListNotesResponse](t, "INVALID")(rpc.ListNotes(ctx, &countersignpb.ListNotesRequest{PageSize: 501}))
	want[*countersignpb.ListNotesResponse](t, "INVALID")(rpc.ListNotes(ctx, &countersignpb.ListNotesRequest{PageToken: "x"}))
	want[*countersignpb.ListNotesResponse](t, "INVALID")(rpc.ListNotes(ctx, &countersignpb.ListNotesRequest{States: []countersignpb.NoteState{99}}))
	first := must[*countersignpb.ListNotesResponse](t)(rpc.ListNotes(ctx, &countersignpb.ListNotesRequest{PageSize: 1}))
	want[*countersignpb.ListNotesResponse](t, "INVALID")(rpc.ListNotes(ctx, &countersignpb.ListNotesRequest{PageSize: 1, EncounterId: "x", PageToken: first.GetNextPageToken()}))
	want[*countersignpb.GetNoteResponse](t, "NOT_FOUND")(rpc.GetNote(ctx, &countersignpb.GetNoteRequest{NoteId: string(nurses)}))
	want[*countersignpb.GetNoteResponse](t, "INVALID")(rpc.GetNote(ctx, &countersignpb.GetNoteRequest{NoteId: "Samplepatient"}))
	op := must[*countersignpb.ListNotesResponse](t)(rpc.ListNotes(as(t.Context(), "operator"), &countersignpb.ListNotesRequest{}))
	if strings.Contains(op.String(), "Samplepatient") {
		t.Error("an operator sees a patient")
	}
}

func TestWritebacks(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := string(f.visit("dr-demo"))
	ctx, ops := as(t.Context(), "dr-demo"), as(t.Context(), "operator")
	rev := signable(t, f, id, "dr-demo")
	show := must[*countersignpb.PreviewNoteResponse](t)(f.review().PreviewNote(ctx, &countersignpb.PreviewNoteRequest{NoteId: id}))
	must[*countersignpb.SignNoteResponse](t)(f.review().SignNote(ctx, &countersignpb.SignNoteRequest{
		NoteId: id, ExpectedRevision: rev.GetNumber(), ExpectedContentSha256: rev.GetContentSha256(), Attestation: show.GetAttestation(), ShownSha256: show.GetShownSha256(),
	}))
	rpc := f.writebacks()
	// One is refused by its destination, the other was accepted after a try
	// that certainly did not arrive.
	work, ok, _, err := f.domain.NextWork(t.Context(), review.NoteID(id))
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if err := f.domain.Settle(t.Context(), work, review.Outcome{Event: review.EventReject, ErrorCode: "ack_ar"}); err != nil {
		t.Fatal(err)
	}
	second, ok, _, err := f.domain.NextWork(t.Context(), review.NoteID(id))
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if err := f.domain.Settle(t.Context(), second, review.Outcome{Event: review.EventNotArrived, ErrorCode: "busy"}); err != nil {
		t.Fatal(err)
	}
	if second, ok, _, err = f.domain.NextWork(t.Context(), review.NoteID(id)); err != nil || !ok {
		t.Fatal(ok, err)
	}
	receipt := review.Receipt{ResourceID: "DocumentReference/1", Status: 201, At: time.Now(), WrittenSHA256: second.Document.Rendering.SHA256}
	if err := f.domain.Settle(t.Context(), second, review.Outcome{Event: review.EventAccept, Receipt: receipt}); err != nil {
		t.Fatal(err)
	}

	page := must[*countersignpb.ListWritebacksResponse](t)(rpc.ListWritebacks(ctx, &countersignpb.ListWritebacksRequest{NoteId: id, PageSize: 1}))
	next := must[*countersignpb.ListWritebacksResponse](t)(rpc.ListWritebacks(ctx, &countersignpb.ListWritebacksRequest{NoteId: id, PageSize: 1, PageToken: page.GetNextPageToken()}))
	if len(page.GetWritebacks()) != 1 || len(next.GetWritebacks()) != 1 || next.GetNextPageToken() != "" || page.GetWritebacks()[0].GetWritebackId() == next.GetWritebacks()[0].GetWritebackId() {
		t.Errorf("pages: %v %v", page, next)
	}
	accepted := must[*countersignpb.GetWritebackResponse](t)(rpc.GetWriteback(ctx, &countersignpb.GetWritebackRequest{WritebackId: string(second.WriteBack.ID)}))
	if w := accepted.GetWriteback(); w.GetState() != countersignpb.WritebackState_WRITEBACK_STATE_ACCEPTED || w.GetReceipt().GetWrittenSha256() != w.GetRenderingSha256() ||
		w.GetReceipt().GetHttpStatus() != 201 || len(accepted.GetAttempts()) != 2 || w.GetVerification() != countersignpb.WritebackVerification_WRITEBACK_VERIFICATION_NONE {
		t.Errorf("accepted: %v", accepted)
	}
	if a := accepted.GetAttempts(); a[0].GetOutcome() != countersignpb.AttemptOutcome_ATTEMPT_OUTCOME_NOT_ARRIVED || a[0].GetErrorCode() != "busy" || a[1].GetOutcome() != countersignpb.AttemptOutcome_ATTEMPT_OUTCOME_ACCEPTED {
		t.Errorf("attempts: %v", a)
	}
	decide := &countersignpb.ResolveWritebackRequest{
		WritebackId: string(work.WriteBack.ID), ExpectedState: countersignpb.WritebackState_WRITEBACK_STATE_REJECTED, ExpectedAttemptCount: 1,
		Decision: countersignpb.ResolveDecision_RESOLVE_DECISION_SEND_AGAIN, Reason: "not-in-chart",
	}
	change := func(f func(*countersignpb.ResolveWritebackRequest)) *countersignpb.ResolveWritebackRequest {
		c := &countersignpb.ResolveWritebackRequest{
			WritebackId: decide.WritebackId, ExpectedState: decide.ExpectedState, ExpectedAttemptCount: 1, Decision: decide.Decision, Reason: decide.Reason,
		}
		f(c)
		return c
	}
	type R = countersignpb.ResolveWritebackRequest
	want[*countersignpb.ResolveWritebackResponse](t, "FORBIDDEN")(rpc.ResolveWriteback(ctx, decide))
	want[*countersignpb.ResolveWritebackResponse](t, "INVALID")(rpc.ResolveWriteback(ops, change(func(r *R) { r.Decision = 0 })))
	want[*countersignpb.ResolveWritebackResponse](t, "INVALID")(rpc.ResolveWriteback(ops, change(func(r *R) { r.ExpectedState = 0 })))
	want[*countersignpb.ResolveWritebackResponse](t, "INVALID")(rpc.ResolveWriteback(ops, change(func(r *R) { r.ResourceId = "1" })))
	want[*countersignpb.ResolveWritebackResponse](t, "INVALID")(rpc.ResolveWriteback(ops, change(func(r *R) { r.Reason = "She called." })))
	want[*countersignpb.ResolveWritebackResponse](t, "CONFLICT")(rpc.ResolveWriteback(ops, change(func(r *R) { r.ExpectedAttemptCount = 2 })))
	want[*countersignpb.ResolveWritebackResponse](t, "CONFLICT")(rpc.ResolveWriteback(ops, change(func(r *R) { r.ExpectedState = countersignpb.WritebackState_WRITEBACK_STATE_UNKNOWN })))
	again := must[*countersignpb.ResolveWritebackResponse](t)(rpc.ResolveWriteback(ops, decide))
	if again.GetWriteback().GetState() != countersignpb.WritebackState_WRITEBACK_STATE_PENDING {
		t.Errorf("resolved: %v", again)
	}
	want[*countersignpb.GetWritebackResponse](t, "NOT_FOUND")(rpc.GetWriteback(as(t.Context(), "nurse"), &countersignpb.GetWritebackRequest{WritebackId: string(work.WriteBack.ID)}))
	want[*countersignpb.GetWritebackResponse](t, "INVALID")(rpc.GetWriteback(ctx, &countersignpb.GetWritebackRequest{WritebackId: "x"}))
	want[*countersignpb.ListWritebacksResponse](t, "NOT_FOUND")(rpc.ListWritebacks(ctx, &countersignpb.ListWritebacksRequest{SiteId: "elsewhere"}))
}

func TestSites(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx, rpc := as(t.Context(), "dr-demo"), f.sites()
	all := must[*countersignpb.ListSitesResponse](t)(rpc.ListSites(ctx, &countersignpb.ListSitesRequest{}))
	one := must[*countersignpb.GetSiteResponse](t)(rpc.GetSite(ctx, &countersignpb.GetSiteRequest{SiteId: "clinic"}))
	if len(all.GetSites()) != 1 || one.GetSite().GetFileAt() != countersignpb.FileAt_FILE_AT_COMPLETION || one.GetSite().GetCoSignRoles()[0] != countersignpb.PractitionerRole_PRACTITIONER_ROLE_RESIDENT {
		t.Errorf("sites: %v %v", all, one)
	}
	ds := must[*countersignpb.ListDestinationsResponse](t)(rpc.ListDestinations(ctx, &countersignpb.ListDestinationsRequest{SiteId: "clinic"})).GetDestinations()
	if len(ds) != 2 || ds[0].GetDestinationId() != "sim-epic" || ds[1].GetMode() != countersignpb.DestinationMode_DESTINATION_MODE_SIMULATED || !ds[1].GetSafeToRepeat() {
		t.Errorf("destinations: %v", ds)
	}
	var names []string
	for token := ""; ; {
		l := must[*countersignpb.ListPractitionersResponse](t)(rpc.ListPractitioners(ctx, &countersignpb.ListPractitionersRequest{SiteId: "clinic", PageSize: 2, PageToken: token}))
		for _, p := range l.GetPractitioners() {
			names = append(names, p.GetPractitionerId())
			if p.GetPractitionerId() == "nurse" && p.GetRoles()[0] != countersignpb.PractitionerRole_PRACTITIONER_ROLE_ADVANCED_PRACTICE {
				t.Errorf("roles: %v", p)
			}
		}
		if token = l.GetNextPageToken(); token == "" {
			break
		}
	}
	if diff := cmp.Diff([]string{"dr-demo", "nurse", "operator", "records", "resident"}, names); diff != "" {
		t.Errorf("practitioners differ (-want +got):\n%s", diff)
	}
	want[*countersignpb.GetSiteResponse](t, "NOT_FOUND")(rpc.GetSite(ctx, &countersignpb.GetSiteRequest{SiteId: "elsewhere"}))
	want[*countersignpb.ListDestinationsResponse](t, "NOT_FOUND")(rpc.ListDestinations(ctx, &countersignpb.ListDestinationsRequest{SiteId: "elsewhere"}))
	want[*countersignpb.ListPractitionersResponse](t, "NOT_FOUND")(rpc.ListPractitioners(ctx, &countersignpb.ListPractitionersRequest{SiteId: "elsewhere"}))
}
