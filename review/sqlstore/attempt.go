package sqlstore

import "countersign/review"

// InsertAttempt implements [review.Tx].
func (t *tx) InsertAttempt(a review.Attempt) error {
	const op = "insert attempt"
	var site review.SiteID
	if err := t.one(op, []any{&site}, `SELECT site_id FROM writebacks WHERE id = $1`, a.WriteBackID); err != nil {
		return err
	}
	return t.insert(op, `INSERT INTO attempts (writeback_id, number, site_id, holder, started_at, ended_at, outcome, error_code)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		a.WriteBackID, a.Number, site, a.Holder, micros(a.StartedAt), micros(a.EndedAt), a.Outcome, a.ErrorCode)
}

// EndAttempt implements [review.Tx]. Holder and start stay.
func (t *tx) EndAttempt(a review.Attempt) error {
	if a.EndedAt.IsZero() || a.Outcome == "" {
		return review.Errorf(review.KindInvalid, "end attempt: ended_at and outcome must be set")
	}
	return t.guard("end attempt", `UPDATE attempts SET ended_at = $1, outcome = $2, error_code = $3
		WHERE writeback_id = $4 AND number = $5 AND ended_at = 0`, micros(a.EndedAt), a.Outcome, a.ErrorCode, a.WriteBackID, a.Number)
}

// Attempts implements [review.Reader]: by number.
func (r *reader) Attempts(id review.WriteBackID) ([]review.Attempt, error) {
	list, err := all(r, "attempts", func(a *review.Attempt) []any {
		return []any{&a.WriteBackID, &a.Number, &a.Holder, timeColumn{&a.StartedAt}, timeColumn{&a.EndedAt}, &a.Outcome, &a.ErrorCode}
	}, `SELECT writeback_id, number, holder, started_at, ended_at, outcome, error_code FROM attempts WHERE writeback_id = $1 ORDER BY number`, id)
	if err == nil && len(list) == 0 {
		err = r.exists("attempts", "writebacks", id)
	}
	return list, err
}
