package sqlstore

import (
	"encoding/json"
	"strconv"

	"countersign/review"
)

func renderingRow(note review.NoteID, revision int, format string, seq int64) string {
	return revisionRow(note, revision) + "/" + strconv.FormatInt(seq, 10) + "/" + format
}

// InsertRendering implements [review.Tx]. The hash is checked against the
// bytes: these and no others will be written. The same bytes again are a
// conflict; other bytes of the same format follow those of an earlier
// signature.
func (t *tx) InsertRendering(r review.Rendering) error {
	const op = "insert rendering"
	if r.SHA256 != review.DigestOf(r.Body) {
		return review.Errorf(review.KindInvalid, "%s: sha256 is not of the body", op)
	}
	site, err := t.noteSite(op, r.NoteID)
	if err != nil {
		return err
	}
	var seq int64
	if err := t.one(op, []any{&seq}, `SELECT count(*) + 1 FROM renderings WHERE note_id = $1 AND revision = $2 AND format = $3`,
		r.NoteID, r.Revision, r.Format); err != nil {
		return err
	}
	ref, row := keyRef{string(r.NoteID), classNote}, renderingRow(r.NoteID, r.Revision, r.Format, seq)
	body, err := t.seal(site, ref, r.Body, "renderings", "sealed", row)
	if err != nil {
		return err
	}
	parts, err := t.seal(site, ref, encode(r.Parts), "renderings", "sealed_parts", row)
	if err != nil {
		return err
	}
	return t.insert(op, `INSERT INTO renderings
		(note_id, revision, format, seq, site_id, renderer_version, sha256, sealed, sealed_parts, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		r.NoteID, r.Revision, r.Format, seq, site, r.RendererVersion, r.SHA256[:], body, parts, micros(t.now))
}

// Rendering implements [review.Reader]: the newest of the format.
func (r *reader) Rendering(note review.NoteID, revision int, format string) (review.Rendering, error) {
	out := review.Rendering{NoteID: note, Revision: revision, Format: format}
	var site review.SiteID
	var seq int64
	var body, parts []byte
	if err := r.one("rendering", []any{&seq, &site, &out.RendererVersion, digestColumn{&out.SHA256}, &body, &parts},
		`SELECT seq, site_id, renderer_version, sha256, sealed, sealed_parts FROM renderings
		WHERE note_id = $1 AND revision = $2 AND format = $3 ORDER BY seq DESC LIMIT 1`, note, revision, format); err != nil {
		return review.Rendering{}, err
	}
	ref, row := keyRef{string(note), classNote}, renderingRow(note, revision, format, seq)
	var err error
	if out.Body, err = r.unseal(site, ref, body, "renderings", "sealed", row); err != nil {
		return review.Rendering{}, err
	}
	plain, err := r.unseal(site, ref, parts, "renderings", "sealed_parts", row)
	if err != nil {
		return review.Rendering{}, err
	}
	if err := json.Unmarshal(plain, &out.Parts); err != nil {
		return review.Rendering{}, review.Errorf(review.KindInternal, "rendering %s: its parts cannot be decoded", row)
	}
	if review.DigestOf(out.Body) != out.SHA256 {
		return review.Rendering{}, review.Errorf(review.KindInternal, "rendering %s: the stored bytes are not those that were signed", row)
	}
	return out, nil
}
