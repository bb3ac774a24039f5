package sqlstore

import (
	"encoding/json"

	"countersign/review"
)

func (t *tx) sealReceipt(w review.WriteBack) ([]byte, error) {
	if w.Receipt == (review.Receipt{}) {
		return []byte{}, nil
	}
	return t.seal(w.SiteID, siteRef(w.SiteID), encode(w.Receipt), "writebacks", "sealed_receipt", string(w.ID))
}

// InsertWriteBack implements [review.Tx].
func (t *tx) InsertWriteBack(w review.WriteBack) error {
	receipt, err := t.sealReceipt(w)
	if err != nil {
		return err
	}
	return t.insert("insert write-back", `INSERT INTO writebacks
		(id, site_id, encounter_id, note_id, family, seq, revision, destination_id, adapter, action, format, depends_on, state, verification,
		control_id, attempts, next_attempt_at, verify_at, holder, error_code, sealed_receipt, created_at, state_at, owed_since, rendering_sha256, addressee_sha256)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)`,
		w.ID, w.SiteID, w.EncounterID, w.NoteID, w.Family, w.Seq, w.Revision, w.DestinationID, w.Adapter, w.Action, w.Format, w.DependsOn,
		w.State, w.Verification, w.ControlID, w.Attempts, micros(w.NextAttemptAt), micros(w.VerifyAt), w.Holder, w.ErrorCode, receipt,
		micros(w.CreatedAt), micros(w.StateAt), micros(w.OwedSince), w.RenderingID[:], w.Addressee[:])
}

// UpdateWriteBack implements [review.Tx]. What is sent, where and in which
// order never changes.
func (t *tx) UpdateWriteBack(w review.WriteBack, fromState review.WriteBackState, fromAttempts int) error {
	receipt, err := t.sealReceipt(w)
	if err != nil {
		return err
	}
	return t.guard("update write-back", `UPDATE writebacks SET depends_on = $1, state = $2, verification = $3, attempts = $4, next_attempt_at = $5,
		verify_at = $6, holder = $7, error_code = $8, sealed_receipt = $9, state_at = $10, owed_since = $11 WHERE id = $12 AND state = $13 AND attempts = $14`,
		w.DependsOn, w.State, w.Verification, w.Attempts, micros(w.NextAttemptAt), micros(w.VerifyAt), w.Holder, w.ErrorCode, receipt,
		micros(w.StateAt), micros(w.OwedSince), w.ID, fromState, fromAttempts)
}

const writeBackColumns = `w.id, w.site_id, w.encounter_id, w.note_id, w.family, w.seq, w.revision, w.destination_id, w.adapter, w.action, w.format,
	w.depends_on, w.state, w.verification, w.control_id, w.attempts, w.next_attempt_at, w.verify_at, w.holder, w.error_code, w.sealed_receipt,
	w.created_at, w.state_at, w.owed_since, w.rendering_sha256, w.addressee_sha256`

// writeBackRow is a write-back with its receipt still sealed.
type writeBackRow struct {
	review.WriteBack
	receipt []byte
}

func (w *writeBackRow) columns() []any {
	return []any{
		&w.ID, &w.SiteID, &w.EncounterID, &w.NoteID, &w.Family, &w.Seq, &w.Revision, &w.DestinationID, &w.Adapter, &w.Action, &w.Format,
		&w.DependsOn, &w.State, &w.Verification, &w.ControlID, &w.Attempts, timeColumn{&w.NextAttemptAt}, timeColumn{&w.VerifyAt}, &w.Holder,
		&w.ErrorCode, &w.receipt, timeColumn{&w.CreatedAt}, timeColumn{&w.StateAt}, timeColumn{&w.OwedSince}, digestColumn{&w.RenderingID}, digestColumn{&w.Addressee},
	}
}

func (r *reader) writeBack(row writeBackRow) (review.WriteBack, error) {
	w := row.WriteBack
	if len(row.receipt) == 0 {
		return w, nil
	}
	plain, err := r.unseal(w.SiteID, siteRef(w.SiteID), row.receipt, "writebacks", "sealed_receipt", string(w.ID))
	if err != nil {
		return review.WriteBack{}, err
	}
	if err := json.Unmarshal(plain, &w.Receipt); err != nil {
		return review.WriteBack{}, review.Errorf(review.KindInternal, "write-back %s: its receipt cannot be decoded", w.ID)
	}
	return w, nil
}

// WriteBack implements [review.Reader].
func (r *reader) WriteBack(id review.WriteBackID) (review.WriteBack, error) {
	var row writeBackRow
	if err := r.one("write-back", row.columns(), `SELECT `+writeBackColumns+` FROM writebacks w WHERE w.id = $1`, id); err != nil {
		return review.WriteBack{}, err
	}
	return r.writeBack(row)
}

// WriteBacks implements [review.Reader].
func (r *reader) WriteBacks(f review.WriteBackFilter) ([]review.WriteBack, error) {
	limit, err := pageSize(f.Limit)
	if err != nil {
		return nil, err
	}
	var c where
	c.equal("w.site_id", string(f.SiteID))
	c.equal("w.note_id", string(f.NoteID))
	c.equal("w.family", string(f.Family))
	if f.Holder != "" {
		c.add(`(w.holder = ? AND w.holder <> '')`, f.Holder) // the second part is the partial index's
	}
	in(&c, "w.state", f.States)
	if f.For != "" {
		c.add(`w.note_id = n.id`)
		if err := r.whereFor(&c, f.For, `n`); err != nil {
			return nil, err
		}
	}
	if f.After != "" {
		c.add(`(w.family, w.destination_id, w.seq) > (SELECT a.family, a.destination_id, a.seq FROM writebacks a WHERE a.id = ?)`, f.After)
	}
	from := ` FROM writebacks w`
	if f.For != "" {
		from += `, notes n`
	}
	text := `SELECT ` + writeBackColumns + from + c.text() + ` ORDER BY w.family, w.destination_id, w.seq LIMIT ` + c.arg(limit)
	rows, err := all(r, "write-backs", (*writeBackRow).columns, text, c.args...)
	if err != nil {
		return nil, err
	}
	var out []review.WriteBack
	for _, row := range rows {
		w, err := r.writeBack(row)
		if err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	return out, nil
}
