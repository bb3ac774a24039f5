package sqlstore

import (
	"strings"

	"countersign/review"
)

// InsertNote implements [review.Tx].
func (t *tx) InsertNote(n review.Note) error {
	if err := t.insert("insert note", `INSERT INTO notes
		(id, site_id, encounter_id, patient_id, kind, family, parent_id, type, state, author, revision, open_flags, policy_version,
		confidential, created_at, state_at, draft_attempts, next_attempt_at, error_code)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`,
		n.ID, n.SiteID, n.EncounterID, optional(n.PatientID), n.Kind, n.Family, optional(n.ParentID), n.Type, n.State, n.Author,
		n.Revision, n.OpenFlags, n.PolicyVersion, n.Confidential, micros(n.CreatedAt), micros(n.StateAt), n.DraftAttempts,
		micros(n.NextAttemptAt), n.ErrorCode); err != nil {
		return err
	}
	for i, rec := range n.Recordings {
		if err := t.insert("insert note", `INSERT INTO note_recordings (note_id, position, recording_id, site_id) VALUES ($1, $2, $3, $4)`,
			n.ID, i+1, rec, n.SiteID); err != nil {
			return err
		}
	}
	return nil
}

// UpdateNote implements [review.Tx]. Id, site, kind, family, parent,
// recordings and creation time never change.
func (t *tx) UpdateNote(n review.Note, fromState review.State, fromRevision int) error {
	return t.guard("update note", `UPDATE notes SET encounter_id = $1, patient_id = $2, type = $3, state = $4, author = $5, revision = $6,
		open_flags = $7, policy_version = $8, confidential = $9, state_at = $10, draft_attempts = $11, next_attempt_at = $12, error_code = $13
		WHERE id = $14 AND state = $15 AND revision = $16`,
		n.EncounterID, optional(n.PatientID), n.Type, n.State, n.Author, n.Revision, n.OpenFlags, n.PolicyVersion, n.Confidential,
		micros(n.StateAt), n.DraftAttempts, micros(n.NextAttemptAt), n.ErrorCode, n.ID, fromState, fromRevision)
}

const noteColumns = `n.id, n.site_id, n.encounter_id, n.patient_id, n.kind, n.family, n.parent_id, n.type, n.state, n.author, n.revision,
	n.open_flags, n.policy_version, n.confidential, n.created_at, n.state_at, n.draft_attempts, n.next_attempt_at, n.error_code,
	(SELECT string_agg(nr.recording_id, ',' ORDER BY nr.position) FROM note_recordings nr WHERE nr.note_id = n.id)`

func noteScan(n *review.Note) []any {
	return []any{
		&n.ID, &n.SiteID, &n.EncounterID, textColumn[review.PatientID]{&n.PatientID}, &n.Kind, &n.Family, textColumn[review.NoteID]{&n.ParentID},
		&n.Type, &n.State, &n.Author, &n.Revision, &n.OpenFlags, &n.PolicyVersion, &n.Confidential, timeColumn{&n.CreatedAt},
		timeColumn{&n.StateAt}, &n.DraftAttempts, timeColumn{&n.NextAttemptAt}, &n.ErrorCode, idList{&n.Recordings},
	}
}

// idList reads recording ids joined by commas; NULL is none.
type idList struct{ ids *[]review.RecordingID }

func (c idList) Scan(src any) error {
	var joined string
	if err := (textColumn[string]{&joined}).Scan(src); err != nil {
		return err
	}
	*c.ids = nil
	if joined == "" {
		return nil
	}
	for _, id := range strings.Split(joined, ",") {
		*c.ids = append(*c.ids, review.RecordingID(id))
	}
	return nil
}

// Note implements [review.Reader].
func (r *reader) Note(id review.NoteID) (review.Note, error) {
	var n review.Note
	err := r.one("note", noteScan(&n), `SELECT `+noteColumns+` FROM notes n WHERE n.id = $1`, id)
	if err != nil {
		return review.Note{}, err
	}
	return n, nil
}

// Notes implements [review.Reader].
func (r *reader) Notes(f review.NoteFilter) ([]review.Note, error) {
	limit, err := pageSize(f.Limit)
	if err != nil {
		return nil, err
	}
	var w where
	w.equal("n.site_id", string(f.SiteID))
	w.equal("n.encounter_id", string(f.EncounterID))
	w.equal("n.family", string(f.Family))
	if f.RecordingID != "" {
		w.add(`n.id IN (SELECT x.note_id FROM note_recordings x WHERE x.recording_id = ?)`, f.RecordingID)
	}
	in(&w, "n.state", f.States)
	if f.For != "" {
		if err := r.whereFor(&w, f.For, `n`); err != nil {
			return nil, err
		}
	}
	if f.After != "" {
		w.add(`(n.created_at, n.id) < (SELECT a.created_at, a.id FROM notes a WHERE a.id = ?)`, f.After)
	}
	text := `SELECT ` + noteColumns + ` FROM notes n` + w.text() + ` ORDER BY n.created_at DESC, n.id DESC LIMIT ` + w.arg(limit)
	return all(r, "notes", noteScan, text, w.args...)
}

// whereFor selects notes (alias n) that a person may read as author or
// signer; it repeats review's mayRead.
func (r *reader) whereFor(w *where, id review.PractitionerID, n string) error {
	p, err := r.Practitioner(id)
	if err != nil && review.KindOf(err) != review.KindNotFound {
		return err
	}
	due := `SELECT 1 FROM due_signatures d WHERE d.note_id = ` + n + `.id AND `
	text := n + `.author = ? OR EXISTS (` + due + `d.practitioner = ?)
		OR EXISTS (SELECT 1 FROM signatures g WHERE g.note_id = ` + n + `.id AND g.practitioner = ?)`
	args := []any{id, id, id}
	if err == nil && p.MayCoSign() {
		text += ` OR (` + n + `.site_id = ? AND ` + n + `.state = 'pending_cosign' AND EXISTS (` + due + `d.practitioner = '' AND d.signed_revision = 0))`
		args = append(args, p.SiteID)
	}
	w.add(`(`+text+`)`, args...)
	return nil
}

// noteSite is the site of a note, for rows below it.
func (r *reader) noteSite(op string, id review.NoteID) (review.SiteID, error) {
	var site review.SiteID
	err := r.one(op, []any{&site}, `SELECT site_id FROM notes WHERE id = $1`, id)
	return site, err
}
