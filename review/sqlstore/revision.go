package sqlstore

import (
	"encoding/json"
	"strconv"

	"countersign/review"
)

// revisionText is what is sealed of a revision.
type revisionText struct {
	Content   review.Content   `json:"content"`
	Generator review.Generator `json:"generator"`
}

func revisionRow(note review.NoteID, number int) string {
	return string(note) + "/" + strconv.Itoa(number)
}

// revisionKey is the first recording's key while the text is the drafter's
// alone, so that withdrawal of consent takes it; the note's once a clinician
// touched or signed it, and for a note without a recording.
func (t *tx) revisionKey(r review.Revision) (keyRef, error) {
	if r.CreatedBy != "" || r.Signed {
		return keyRef{string(r.NoteID), classNote}, nil
	}
	var recording string
	err := t.one("revision key", []any{&recording}, `SELECT recording_id FROM note_recordings WHERE note_id = $1 AND position = 1`, r.NoteID)
	if review.KindOf(err) == review.KindNotFound {
		return keyRef{string(r.NoteID), classNote}, nil
	}
	return keyRef{recording, classTranscript}, err
}

func (t *tx) sealRevision(site review.SiteID, r review.Revision) (keyRef, []byte, error) {
	ref, err := t.revisionKey(r)
	if err != nil {
		return ref, nil, err
	}
	sealed, err := t.seal(site, ref, encode(revisionText{r.Content, r.Generator}), "revisions", "sealed", revisionRow(r.NoteID, r.Number))
	return ref, sealed, err
}

// InsertRevision implements [review.Tx]. The content hash is checked against
// the content: the two never part.
func (t *tx) InsertRevision(r review.Revision) error {
	const op = "insert revision"
	if r.ContentSHA256 != review.ContentDigest(r.Content) {
		return review.Errorf(review.KindInvalid, "%s: content_sha256 is not of the content", op)
	}
	site, err := t.noteSite(op, r.NoteID)
	if err != nil {
		return err
	}
	ref, sealed, err := t.sealRevision(site, r)
	if err != nil {
		return err
	}
	return t.insert(op, `INSERT INTO revisions
		(note_id, number, site_id, key_owner, key_class, sealed, content_sha256, signed, created_by, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		r.NoteID, r.Number, site, ref.owner, ref.class, sealed, r.ContentSHA256[:], bit(r.Signed), r.CreatedBy, micros(r.CreatedAt))
}

// UpdateRevision implements [review.Tx]. Number and creation time stay.
func (t *tx) UpdateRevision(r review.Revision, from review.Digest) error {
	const op = "update revision"
	if r.ContentSHA256 != review.ContentDigest(r.Content) {
		return review.Errorf(review.KindInvalid, "%s: content_sha256 is not of the content", op)
	}
	if r.Signed {
		return review.Errorf(review.KindInvalid, "%s: sign it with MarkSigned", op)
	}
	site, err := t.noteSite(op, r.NoteID)
	if err != nil {
		return gone(op, err)
	}
	ref, sealed, err := t.sealRevision(site, r)
	if err != nil {
		return err
	}
	return t.guard(op, `UPDATE revisions SET key_owner = $1, key_class = $2, sealed = $3, content_sha256 = $4, created_by = $5
		WHERE note_id = $6 AND number = $7 AND signed = 0 AND content_sha256 = $8`,
		ref.owner, ref.class, sealed, r.ContentSHA256[:], r.CreatedBy, r.NoteID, r.Number, from[:])
}

// MarkSigned implements [review.Tx]. What was sealed with the recording's key
// is sealed anew with the note's: it is a clinician's now.
func (t *tx) MarkSigned(note review.NoteID, number int, content review.Digest) error {
	const op = "mark signed"
	r, err := t.Revision(note, number)
	if err != nil {
		return gone(op, err)
	}
	site, err := t.noteSite(op, note)
	if err != nil {
		return err
	}
	r.Signed = true
	ref, sealed, err := t.sealRevision(site, r)
	if err != nil {
		return err
	}
	return t.guard(op, `UPDATE revisions SET signed = 1, key_owner = $1, key_class = $2, sealed = $3
		WHERE note_id = $4 AND number = $5 AND signed = 0 AND content_sha256 = $6 AND content_sha256 = $7`,
		ref.owner, ref.class, sealed, note, number, content[:], r.ContentSHA256[:])
}

// Revision implements [review.Reader].
func (r *reader) Revision(note review.NoteID, number int) (review.Revision, error) {
	rev := review.Revision{NoteID: note, Number: number}
	var site review.SiteID
	var ref keyRef
	var sealed []byte
	if err := r.one("revision", []any{
		&site, &ref.owner, &ref.class, &sealed, digestColumn{&rev.ContentSHA256}, boolColumn{&rev.Signed}, &rev.CreatedBy, timeColumn{&rev.CreatedAt},
	}, `SELECT site_id, key_owner, key_class, sealed, content_sha256, signed, created_by, created_at FROM revisions
		WHERE note_id = $1 AND number = $2`, note, number); err != nil {
		return review.Revision{}, err
	}
	plain, err := r.unseal(site, ref, sealed, "revisions", "sealed", revisionRow(note, number))
	if err != nil {
		return review.Revision{}, err
	}
	var text revisionText
	if err := json.Unmarshal(plain, &text); err != nil {
		return review.Revision{}, review.Errorf(review.KindInternal, "revision %s: the sealed text cannot be decoded", revisionRow(note, number))
	}
	rev.Content, rev.Generator = text.Content, text.Generator
	return rev, nil
}
