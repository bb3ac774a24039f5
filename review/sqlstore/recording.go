package sqlstore

import (
	"encoding/json"

	"countersign/review"
)

// recordingText is what is sealed of a recording: devices may put anything
// into their own id.
type recordingText struct {
	ClientID string                  `json:"client_id"`
	Details  review.RecordingDetails `json:"details"`
}

// InsertRecording implements [review.Tx]: the recording, its consent, and the
// key of its transcript.
func (t *tx) InsertRecording(rec review.Recording) error {
	const op = "insert recording"
	site, id := rec.SiteID, string(rec.ID)
	sealed, err := t.seal(site, siteRef(site), encode(recordingText{rec.ClientID, rec.Details}), "recordings", "sealed", id)
	if err != nil {
		return err
	}
	hash, err := t.clientHash(site, rec.ClientID)
	if err != nil {
		return err
	}
	if err := t.insert(op, `INSERT INTO recordings
		(id, site_id, encounter_id, device_id, client_hash, practitioner, note_type, state, sealed, started_at, closed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		rec.ID, site, rec.EncounterID, rec.DeviceID, hash, rec.Practitioner, rec.NoteType, rec.State, sealed,
		micros(rec.StartedAt), micros(rec.ClosedAt)); err != nil {
		return err
	}
	consent, err := t.seal(site, siteRef(site), encode(rec.Consent), "consents", "sealed", id)
	if err != nil {
		return err
	}
	if err := t.insert(op, `INSERT INTO consents (recording_id, site_id, sealed, created_at) VALUES ($1, $2, $3, $4)`,
		rec.ID, site, consent, micros(t.now)); err != nil {
		return err
	}
	_, err = t.ensureKey(site, keyRef{id, classTranscript})
	return err
}

func (r *reader) clientHash(site review.SiteID, clientID string) ([]byte, error) {
	k, err := r.siteKey(site)
	if err != nil {
		return nil, err
	}
	return k.Hash("recordings.client_hash", clientID), nil
}

// Recording implements [review.Reader].
func (r *reader) Recording(id review.RecordingID) (review.Recording, error) {
	rec := review.Recording{ID: id}
	var sealed, consent []byte
	err := r.one("recording", []any{
		&rec.SiteID, &rec.EncounterID, &rec.DeviceID, &rec.Practitioner, &rec.NoteType, &rec.State, &sealed,
		timeColumn{&rec.StartedAt}, timeColumn{&rec.ClosedAt}, &consent,
	}, `SELECT r.site_id, r.encounter_id, r.device_id, r.practitioner, r.note_type, r.state, r.sealed, r.started_at, r.closed_at, c.sealed
		FROM recordings r JOIN consents c ON c.recording_id = r.id WHERE r.id = $1`, id)
	if err != nil {
		return review.Recording{}, err
	}
	var text recordingText
	if err := r.unsealJSON(rec.SiteID, sealed, "recordings", string(id), &text); err != nil {
		return review.Recording{}, err
	}
	rec.ClientID, rec.Details = text.ClientID, text.Details
	return rec, r.unsealJSON(rec.SiteID, consent, "consents", string(id), &rec.Consent)
}

// unsealJSON reads the column "sealed" of a table, under the site's key.
func (r *reader) unsealJSON(site review.SiteID, sealed []byte, table, row string, v any) error {
	plain, err := r.unseal(site, siteRef(site), sealed, table, "sealed", row)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(plain, v); err != nil {
		return review.Errorf(review.KindInternal, "%s of %s: the sealed text cannot be decoded", table, row)
	}
	return nil
}

// FindRecording implements [review.Reader].
func (r *reader) FindRecording(site review.SiteID, device, clientID string) (review.Recording, error) {
	hash, err := r.clientHash(site, clientID)
	if err != nil {
		return review.Recording{}, err
	}
	var id review.RecordingID
	if err := r.one("find recording", []any{&id},
		`SELECT id FROM recordings WHERE site_id = $1 AND device_id = $2 AND client_hash = $3`, site, device, hash); err != nil {
		return review.Recording{}, err
	}
	return r.Recording(id)
}

// CloseRecording implements [review.Tx]; guard: it is open.
func (t *tx) CloseRecording(id review.RecordingID, to review.RecordingState) error {
	if to != review.RecordingClosed && to != review.RecordingCancelled {
		return review.Errorf(review.KindInvalid, "close recording: state: use closed or cancelled")
	}
	return t.guard("close recording", `UPDATE recordings SET state = $1, closed_at = $2 WHERE id = $3 AND state = 'open'`, to, micros(t.now), id)
}
