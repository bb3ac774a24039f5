package reviewrpc

import (
	"context"
	"slices"

	"countersign/review"

	countersignpb "countersign/proto/countersign/v1"
)

// notesServer is the service Review.
type notesServer struct {
	countersignpb.UnimplementedReviewServer
	notes Notes
	sites Sites
}

var _ countersignpb.ReviewServer = (*notesServer)(nil)

// ListNotes implements Review.
func (s *notesServer) ListNotes(ctx context.Context, r *countersignpb.ListNotesRequest) (*countersignpb.ListNotesResponse, error) {
	a, err := actorOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := sameSite(a, r.GetSiteId()); err != nil {
		return nil, err
	}
	p, size, err := readPage(r, 100, 500)
	if err != nil {
		return nil, err
	}
	if err := s.mayListFor(ctx, a, review.PractitionerID(r.GetPractitionerId())); err != nil {
		return nil, err
	}
	st, err := states(r.GetStates(), countersignpb.NoteState_name, "NOTE_STATE_", review.States())
	if err != nil {
		return nil, err
	}
	f := review.NoteFilter{
		SiteID: a.SiteID, EncounterID: review.EncounterID(r.GetEncounterId()), RecordingID: review.RecordingID(r.GetRecordingId()), States: st,
		For: review.PractitionerID(r.GetPractitionerId()), After: review.NoteID(p.After), Limit: size,
	}
	items, more, err := s.collect(ctx, a, f, review.NoteID(r.GetFamilyId()), size)
	if err != nil {
		return nil, err
	}
	out := &countersignpb.ListNotesResponse{}
	for _, item := range items {
		n := note(item.Note, item.NextDue)
		if item.Patient.ID != "" {
			full := patient(item.Patient)
			n.Patient = &countersignpb.PatientReference{Name: full.Name, BirthDate: full.BirthDate}
		}
		out.Notes = append(out.Notes, n)
	}
	if more {
		p.After = string(items[len(items)-1].Note.ID)
		out.NextPageToken = p.token()
	}
	return out, nil
}

// collect reads pages until size notes of the family are there, and says
// whether there are more.
func (s *notesServer) collect(ctx context.Context, a review.Actor, f review.NoteFilter, family review.NoteID, size int) (out []review.WorkItem, more bool, err error) {
	for {
		items, err := s.notes.Worklist(ctx, a, f)
		if err != nil {
			return nil, false, err
		}
		for _, item := range items {
			if family != "" && item.Note.Family != family {
				continue
			}
			if len(out) == size {
				return out, true, nil
			}
			out = append(out, item)
		}
		if len(items) < f.Limit {
			return out, false, nil
		}
		f.After = items[len(items)-1].Note.ID
	}
}

// mayListFor refuses to list for another person, whom the domain would
// replace by the caller, unless the caller sees the whole site.
func (s *notesServer) mayListFor(ctx context.Context, a review.Actor, who review.PractitionerID) error {
	if who == "" || who == a.PractitionerID {
		return nil
	}
	people, err := s.sites.Practitioners(ctx, a)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(people, func(p review.Practitioner) bool { return p.ID == a.PractitionerID })
	if i < 0 || !people[i].Has(review.RoleRecords) && !people[i].Has(review.RoleOperator) {
		return review.Errorf(review.KindForbidden, "practitioner_id: only the records office or an operator lists another person's notes")
	}
	return nil
}

// GetNote implements Review.
func (s *notesServer) GetNote(ctx context.Context, r *countersignpb.GetNoteRequest) (*countersignpb.GetNoteResponse, error) {
	_, v, err := s.view(ctx, r.GetNoteId())
	if err != nil {
		return nil, err
	}
	if r.GetRevision() != 0 && int(r.GetRevision()) != v.Note.Revision {
		return nil, review.Errorf(review.KindInvalid, "revision: only the newest one, %d, can be read in this version", v.Note.Revision)
	}
	out := &countersignpb.GetNoteResponse{Note: viewed(v), Revision: revision(v.Revision), Writebacks: writebacks(v.WriteBacks), DueSignatures: dueSignatures(v.Due)}
	for _, x := range v.Signatures {
		out.Signatures = append(out.Signatures, signature(x))
	}
	return out, nil
}

// GetTranscript implements Review.
func (s *notesServer) GetTranscript(ctx context.Context, r *countersignpb.GetTranscriptRequest) (*countersignpb.GetTranscriptResponse, error) {
	p, size, err := readPage(r, 500, 2000)
	if err != nil {
		return nil, err
	}
	_, v, err := s.view(ctx, r.GetNoteId())
	if err != nil {
		return nil, err
	}
	// The domain does not tell which recording a stream is of. With one
	// recording it is clear; with several the field stays empty.
	recording := ""
	if len(v.Note.Recordings) == 1 {
		recording = string(v.Note.Recordings[0])
	}
	said, next := cut(v.Transcript.Ordered(), p, size)
	out := &countersignpb.GetTranscriptResponse{NextPageToken: next}
	for _, u := range said {
		out.Utterances = append(out.Utterances, &countersignpb.TranscriptUtterance{RecordingId: recording, StreamId: string(u.StreamID), Utterance: utterance(u.Utterance)})
	}
	return out, nil
}

// OpenNote implements Review.
func (s *notesServer) OpenNote(ctx context.Context, r *countersignpb.OpenNoteRequest) (*countersignpb.OpenNoteResponse, error) {
	a, id, err := s.caller(ctx, r.GetNoteId())
	if err != nil {
		return nil, err
	}
	v, err := s.notes.OpenNote(ctx, a, id)
	if err != nil {
		return nil, err
	}
	return &countersignpb.OpenNoteResponse{Note: viewed(v), Revision: revision(v.Revision)}, nil
}

// EditNote implements Review.
func (s *notesServer) EditNote(ctx context.Context, r *countersignpb.EditNoteRequest) (*countersignpb.EditNoteResponse, error) {
	if n := len(r.GetEdits()); n < 1 || n > 500 {
		return nil, review.Errorf(review.KindInvalid, "edits: give 1 to 500")
	}
	var edits []review.Edit
	for i, e := range r.GetEdits() {
		switch c := e.GetChange().(type) {
		case *countersignpb.Edit_Replace:
			edits = append(edits, review.Edit{Op: review.EditReplace, StatementID: review.StatementID(c.Replace.GetStatementId()), Text: review.ClinicalText(c.Replace.GetText())})
		case *countersignpb.Edit_Remove:
			edits = append(edits, review.Edit{Op: review.EditRemove, StatementID: review.StatementID(c.Remove.GetStatementId())})
		case *countersignpb.Edit_Add:
			edits = append(edits, review.Edit{
				Op: review.EditAdd, SectionCode: c.Add.GetSectionCode(), After: review.StatementID(c.Add.GetAfterStatementId()), Text: review.ClinicalText(c.Add.GetText()),
			})
		default:
			return nil, review.Errorf(review.KindInvalid, "edits[%d]: give one of replace, remove and add", i)
		}
	}
	a, v, seen, err := s.seen(ctx, r)
	if err != nil {
		return nil, err
	}
	rev, err := s.notes.EditNote(ctx, a, v.Note.ID, seen, edits)
	if err != nil {
		return nil, err
	}
	return &countersignpb.EditNoteResponse{Note: changed(v, rev), Revision: revision(rev)}, nil
}

// ConfirmFlag implements Review.
func (s *notesServer) ConfirmFlag(ctx context.Context, r *countersignpb.ConfirmFlagRequest) (*countersignpb.ConfirmFlagResponse, error) {
	a, v, seen, err := s.seen(ctx, r)
	if err != nil {
		return nil, err
	}
	st, kind := review.StatementID(r.GetStatementId()), review.FlagKind(r.GetFlagKind())
	rev, err := s.notes.ConfirmFlag(ctx, a, v.Note.ID, seen, st, kind, review.ClinicalText(r.GetReason()))
	if err != nil {
		return nil, err
	}
	return &countersignpb.ConfirmFlagResponse{Note: changed(v, rev), Revision: revision(rev)}, nil
}

// changed is the note as the change has left it.
func changed(v review.NoteView, rev review.Revision) *countersignpb.Note {
	v.Note.Revision, v.Note.OpenFlags = rev.Number, rev.Content.OpenFlags()
	return viewed(v)
}

// DiscardNote implements Review.
func (s *notesServer) DiscardNote(ctx context.Context, r *countersignpb.DiscardNoteRequest) (*countersignpb.DiscardNoteResponse, error) {
	reason := review.DiscardReason(word(countersignpb.DiscardReason_name, "DISCARD_REASON_", int32(r.GetReason())))
	a, v, err := s.newest(ctx, r.GetNoteId(), r.GetExpectedRevision())
	if err != nil {
		return nil, err
	}
	if err := s.notes.DiscardNote(ctx, a, v.Note.ID, reason); err != nil {
		return nil, err
	}
	n, err := s.after(ctx, a, v.Note.ID)
	return &countersignpb.DiscardNoteResponse{Note: n}, err
}

// RedraftNote implements Review.
func (s *notesServer) RedraftNote(ctx context.Context, r *countersignpb.RedraftNoteRequest) (*countersignpb.RedraftNoteResponse, error) {
	a, v, err := s.newest(ctx, r.GetNoteId(), r.GetExpectedRevision())
	if err != nil {
		return nil, err
	}
	if r.GetNoteType() != "" && r.GetNoteType() != v.Note.Type {
		return nil, review.Errorf(review.KindInvalid, "note_type: another type cannot be drafted in this version: leave it empty")
	}
	if err := s.notes.RedraftNote(ctx, a, v.Note.ID); err != nil {
		return nil, err
	}
	n, err := s.after(ctx, a, v.Note.ID)
	return &countersignpb.RedraftNoteResponse{Note: n}, err
}
