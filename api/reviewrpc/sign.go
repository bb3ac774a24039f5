package reviewrpc

import (
	"context"

	"countersign/review"

	countersignpb "countersign/proto/countersign/v1"
)

// PreviewNote implements Review.
func (s *notesServer) PreviewNote(ctx context.Context, r *countersignpb.PreviewNoteRequest) (*countersignpb.PreviewNoteResponse, error) {
	// What is shown is the whole document, so the reading is audited.
	a, v, err := s.view(ctx, r.GetNoteId())
	if err != nil {
		return nil, err
	}
	p, err := s.notes.PreviewNote(ctx, a, v.Note.ID)
	if err != nil {
		return nil, err
	}
	if p.ContentSHA256 != v.Revision.ContentSHA256 {
		return nil, review.Errorf(review.KindConflict, "preview note: it was changed meanwhile: ask again")
	}
	site, err := s.sites.Site(ctx, a)
	if err != nil {
		return nil, err
	}
	_, open := review.NextDue(v.Due)
	out := &countersignpb.PreviewNoteResponse{
		Revision: uint32(v.Note.Revision), ContentSha256: hash(p.ContentSHA256), RenderedText: string(p.Rendering.Body), Attestation: p.Attestation,
		Meaning: meaning(p.Meaning), Completes: open == 1, OpenFlags: uint32(p.OpenFlags),
		ShownSha256: hash(p.Shown),
	}
	for _, x := range p.Routes {
		d, _ := site.Destination(x.DestinationID)
		route := &countersignpb.Route{
			DestinationId: string(x.DestinationID), DestinationName: d.Name, Adapter: x.Adapter, Action: writebackAction(x.Action), MediaType: x.Format, Refusals: x.Refusals,
		}
		if x.Format == p.Rendering.Format {
			route.SizeBytes = uint32(len(p.Rendering.Body))
		}
		out.Routes = append(out.Routes, route)
	}
	return out, nil
}

// attested is a request to sign.
type attested interface {
	witnessed
	GetAttestation() string
	GetShownSha256() string
}

// SignNote implements Review.
func (s *notesServer) SignNote(ctx context.Context, r *countersignpb.SignNoteRequest) (*countersignpb.SignNoteResponse, error) {
	v, mine, err := s.sign(ctx, r, review.MeaningAuthor)
	if err != nil {
		return nil, err
	}
	return &countersignpb.SignNoteResponse{Note: viewed(v), Signature: mine, Writebacks: writebacks(v.WriteBacks)}, nil
}

// CoSignNote implements Review.
func (s *notesServer) CoSignNote(ctx context.Context, r *countersignpb.CoSignNoteRequest) (*countersignpb.CoSignNoteResponse, error) {
	v, mine, err := s.sign(ctx, r, review.MeaningCoSignature)
	if err != nil {
		return nil, err
	}
	return &countersignpb.CoSignNoteResponse{Note: viewed(v), Signature: mine, Writebacks: writebacks(v.WriteBacks)}, nil
}

// sign gives the due signature when it is of the meaning that the caller
// asked for, and under the attestation that the caller was shown. The domain
// lets only the author sign as author and never co-sign, so the meaning
// cannot change between the check and the signature.
func (s *notesServer) sign(ctx context.Context, r attested, want review.Meaning) (review.NoteView, *countersignpb.Signature, error) {
	a, v, seen, err := s.seen(ctx, r)
	if err != nil {
		return v, nil, err
	}
	due, open := review.NextDue(v.Due)
	switch {
	case open == 0:
		return v, nil, review.Errorf(review.KindIllegal, "sign note: every due signature is there")
	case due.Meaning != want && want == review.MeaningAuthor:
		return v, nil, review.Errorf(review.KindIllegal, "sign note: a co-signature is due: use CoSignNote")
	case due.Meaning != want:
		return v, nil, review.Errorf(review.KindIllegal, "co-sign note: the author's signature is due first")
	}
	p, err := s.notes.PreviewNote(ctx, a, v.Note.ID)
	if err != nil {
		return v, nil, err
	}
	if p.Attestation != r.GetAttestation() || p.ContentSHA256 != seen {
		return v, nil, review.Errorf(review.KindConflict, "attestation: not the text of the preview: show the signer the preview again")
	}
	var shown review.Digest
	if err := shown.UnmarshalText([]byte(r.GetShownSha256())); err != nil {
		return v, nil, review.Errorf(review.KindInvalid, "shown_sha256: send the one of PreviewNote, 64 hexadecimal characters")
	}
	n, err := s.notes.SignNote(ctx, a, v.Note.ID, shown)
	if err != nil {
		return v, nil, err
	}
	// The signature is made. Whatever fails from here on, asking again finds it.
	if v, err = s.notes.ViewNote(ctx, a, v.Note.ID); err != nil {
		return v, nil, err
	}
	for _, x := range v.Signatures {
		if x.Revision == n.Revision && x.Position == due.Position && x.Practitioner == a.PractitionerID {
			return v, signature(x), nil
		}
	}
	return v, nil, review.Errorf(review.KindInternal, "sign note: the signature just made is not in the journal")
}

// ReturnNote implements Review.
func (s *notesServer) ReturnNote(ctx context.Context, r *countersignpb.ReturnNoteRequest) (*countersignpb.ReturnNoteResponse, error) {
	a, v, err := s.newest(ctx, r.GetNoteId(), r.GetExpectedRevision())
	if err != nil {
		return nil, err
	}
	if err := s.notes.ReturnNote(ctx, a, v.Note.ID, r.GetReason()); err != nil {
		return nil, err
	}
	n, err := s.after(ctx, a, v.Note.ID)
	return &countersignpb.ReturnNoteResponse{Note: n}, err
}
