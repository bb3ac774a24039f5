package reviewrpc

import (
	"context"

	"countersign/review"

	countersignpb "countersign/proto/countersign/v1"
)

// caller is who asks and for which note.
func (s *notesServer) caller(ctx context.Context, noteID string) (review.Actor, review.NoteID, error) {
	a, err := actorOf(ctx)
	if err != nil {
		return a, "", err
	}
	if !review.ValidID(review.NoteID(noteID)) {
		return a, "", review.Errorf(review.KindInvalid, "note_id: not a note id: 26 characters of a-z and 2-7")
	}
	return a, review.NoteID(noteID), nil
}

// view reads a note; the domain audits it.
func (s *notesServer) view(ctx context.Context, noteID string) (review.Actor, review.NoteView, error) {
	a, id, err := s.caller(ctx, noteID)
	if err != nil {
		return a, review.NoteView{}, err
	}
	v, err := s.notes.ViewNote(ctx, a, id)
	return a, v, err
}

// newest reads a note whose newest revision must be the one the caller has
// seen.
func (s *notesServer) newest(ctx context.Context, noteID string, expected uint32) (review.Actor, review.NoteView, error) {
	a, v, err := s.view(ctx, noteID)
	if err == nil && int(expected) != v.Note.Revision {
		err = review.Errorf(review.KindConflict, "expected_revision: the newest is %d: read the note again", v.Note.Revision)
	}
	return a, v, err
}

// witnessed is a request that names what the caller has seen.
type witnessed interface {
	GetNoteId() string
	GetExpectedRevision() uint32
	GetExpectedContentSha256() string
}

// seen is newest with the content hash, which the domain compares again in
// its transaction.
func (s *notesServer) seen(ctx context.Context, r witnessed) (review.Actor, review.NoteView, review.Digest, error) {
	var d review.Digest
	if r.GetExpectedRevision() == 0 {
		return review.Actor{}, review.NoteView{}, d, review.Errorf(review.KindInvalid, "expected_revision is missing: name the revision that was read")
	}
	if err := d.UnmarshalText([]byte(r.GetExpectedContentSha256())); err != nil {
		return review.Actor{}, review.NoteView{}, d, review.Errorf(review.KindInvalid, "expected_content_sha256: give the 64 hexadecimal characters that were read")
	}
	a, v, err := s.newest(ctx, r.GetNoteId(), r.GetExpectedRevision())
	return a, v, d, err
}

// after reads a note once more when a change that returns nothing is done.
func (s *notesServer) after(ctx context.Context, a review.Actor, id review.NoteID) (*countersignpb.Note, error) {
	v, err := s.notes.ViewNote(ctx, a, id)
	if err != nil {
		return nil, err
	}
	return viewed(v), nil
}
