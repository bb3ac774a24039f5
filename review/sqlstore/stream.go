package sqlstore

import (
	"countersign/review"
)

// InsertStream implements [review.Tx].
func (t *tx) InsertStream(s review.Stream) error {
	label, err := t.seal(s.SiteID, siteRef(s.SiteID), []byte(s.Label), "streams", "sealed_label", string(s.ID))
	if err != nil {
		return err
	}
	return t.insert("insert stream", `INSERT INTO streams
		(id, site_id, recording_id, sealed_label, epoch, durable_seq, state, token_sha256, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		s.ID, s.SiteID, s.RecordingID, label, s.Epoch, s.DurableSeq, s.State, s.TokenSHA256[:], micros(t.now))
}

const streamColumns = `id, recording_id, site_id, sealed_label, epoch, durable_seq, state, token_sha256`

// streamRow is a stream with its label still sealed.
type streamRow struct {
	review.Stream
	label []byte
}

func (s *streamRow) columns() []any {
	return []any{&s.ID, &s.RecordingID, &s.SiteID, &s.label, &s.Epoch, &s.DurableSeq, &s.State, digestColumn{&s.TokenSHA256}}
}

func (r *reader) stream(row streamRow) (review.Stream, error) {
	label, err := r.unseal(row.SiteID, siteRef(row.SiteID), row.label, "streams", "sealed_label", string(row.ID))
	row.Label = string(label)
	return row.Stream, err
}

// Stream implements [review.Reader].
func (r *reader) Stream(id review.StreamID) (review.Stream, error) {
	var row streamRow
	if err := r.one("stream", row.columns(), `SELECT `+streamColumns+` FROM streams WHERE id = $1`, id); err != nil {
		return review.Stream{}, err
	}
	return r.stream(row)
}

// Streams implements [review.Reader]: in the order they were opened.
func (r *reader) Streams(recording review.RecordingID) ([]review.Stream, error) {
	rows, err := all(r, "streams", (*streamRow).columns,
		`SELECT `+streamColumns+` FROM streams WHERE recording_id = $1 ORDER BY created_at, id`, recording)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, r.exists("streams", "recordings", recording)
	}
	out := make([]review.Stream, len(rows))
	for i, row := range rows {
		if out[i], err = r.stream(row); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ResumeStream implements [review.Tx].
func (t *tx) ResumeStream(id review.StreamID, epoch int64, token review.Digest) error {
	return t.guard("resume stream", `UPDATE streams SET epoch = epoch + 1, token_sha256 = $3 WHERE id = $1 AND epoch = $2 AND state = 'open'`,
		id, epoch, token[:])
}

// EndStream implements [review.Tx]. It locks the recording first: of two
// streams that end at the same time the second sees that the first has ended,
// and closes the recording.
func (t *tx) EndStream(id review.StreamID, epoch int64) error {
	if t.d.lockRow != "" {
		var recording review.RecordingID
		if err := t.one("end stream", []any{&recording},
			`SELECT id FROM recordings WHERE id = (SELECT recording_id FROM streams WHERE id = $1)`+t.d.lockRow, id); err != nil {
			return gone("end stream", err)
		}
	}
	return t.guard("end stream", `UPDATE streams SET state = 'ended' WHERE id = $1 AND epoch = $2 AND state = 'open'`, id, epoch)
}

// gone makes a missing row the conflict that a guard would make of it.
func gone(op string, err error) error {
	if review.KindOf(err) == review.KindNotFound {
		return review.Errorf(review.KindConflict, "%s: it is not as it was read: read it again", op)
	}
	return err
}
