package sqlstore

import (
	"strconv"

	"countersign/review"
)

// InsertDue implements [review.Tx]. A position that exists is a conflict.
func (t *tx) InsertDue(due []review.DueSignature) error {
	const op = "insert due signature"
	for _, d := range due {
		site, err := t.noteSite(op, d.NoteID)
		if err != nil {
			return err
		}
		if err := t.insert(op, `INSERT INTO due_signatures (note_id, position, site_id, meaning, practitioner, signed_revision)
			VALUES ($1, $2, $3, $4, $5, $6)`, d.NoteID, d.Position, site, d.Meaning, d.Practitioner, d.SignedRevision); err != nil {
			return err
		}
	}
	return nil
}

// ReopenDue implements [review.Tx].
func (t *tx) ReopenDue(note review.NoteID) error {
	_, err := t.exec("reopen due signatures", `UPDATE due_signatures SET signed_revision = 0 WHERE note_id = $1`, note)
	return err
}

// Due implements [review.Reader]: by position.
func (r *reader) Due(note review.NoteID) ([]review.DueSignature, error) {
	list, err := all(r, "due signatures", func(d *review.DueSignature) []any {
		return []any{&d.NoteID, &d.Position, &d.Meaning, &d.Practitioner, &d.SignedRevision}
	}, `SELECT note_id, position, meaning, practitioner, signed_revision FROM due_signatures WHERE note_id = $1 ORDER BY position`, note)
	if err == nil && len(list) == 0 {
		err = r.exists("due signatures", "notes", note)
	}
	return list, err
}

func signatureRow(note review.NoteID, revision, position int) string {
	return revisionRow(note, revision) + "/" + strconv.Itoa(position)
}

// InsertSignature implements [review.Tx]; guard: the position is due and is
// the first that is.
func (t *tx) InsertSignature(s review.Signature) error {
	const op = "insert signature"
	site, err := t.noteSite(op, s.NoteID)
	if err != nil {
		return err
	}
	if err := t.guard(op, `UPDATE due_signatures SET signed_revision = $1 WHERE note_id = $2 AND position = $3 AND signed_revision = 0
		AND NOT EXISTS (SELECT 1 FROM due_signatures e WHERE e.note_id = $2 AND e.position < $3 AND e.signed_revision = 0)`,
		s.Revision, s.NoteID, s.Position); err != nil {
		return err
	}
	attestation, err := t.seal(site, keyRef{string(s.NoteID), classNote}, []byte(s.Attestation), "signatures", "sealed_attestation",
		signatureRow(s.NoteID, s.Revision, s.Position))
	if err != nil {
		return err
	}
	return t.insert(op, `INSERT INTO signatures
		(note_id, revision, position, site_id, practitioner, name, credential, role, meaning, sealed_attestation, content_sha256,
		rendering_sha256, signed_at, auth_method, jws) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		s.NoteID, s.Revision, s.Position, site, s.Practitioner, s.Name, s.Credential, s.Role, s.Meaning, attestation, s.ContentSHA256[:],
		s.RenderingSHA256[:], micros(s.SignedAt), s.AuthMethod, s.JWS)
}

// signatureColumns is a signature with its attestation still sealed.
type signatureColumns struct {
	review.Signature
	site        review.SiteID
	attestation []byte
}

func (s *signatureColumns) columns() []any {
	return []any{
		&s.NoteID, &s.Revision, &s.Position, &s.site, &s.Practitioner, &s.Name, &s.Credential, &s.Role, &s.Meaning, &s.attestation,
		digestColumn{&s.ContentSHA256}, digestColumn{&s.RenderingSHA256}, timeColumn{&s.SignedAt}, &s.AuthMethod, &s.JWS,
	}
}

// Signatures implements [review.Reader]: by revision, then position.
func (r *reader) Signatures(note review.NoteID) ([]review.Signature, error) {
	rows, err := all(r, "signatures", (*signatureColumns).columns, `SELECT note_id, revision, position, site_id, practitioner, name,
		credential, role, meaning, sealed_attestation, content_sha256, rendering_sha256, signed_at, auth_method, jws
		FROM signatures WHERE note_id = $1 ORDER BY revision, position`, note)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, r.exists("signatures", "notes", note)
	}
	out := make([]review.Signature, len(rows))
	for i, s := range rows {
		text, err := r.unseal(s.site, keyRef{string(note), classNote}, s.attestation, "signatures", "sealed_attestation",
			signatureRow(note, s.Revision, s.Position))
		if err != nil {
			return nil, err
		}
		s.Attestation = string(text)
		out[i] = s.Signature
	}
	return out, nil
}
