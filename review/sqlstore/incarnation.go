package sqlstore

import "countersign/review"

// Beat implements [review.Tx]. One that was marked as gone stays gone: its
// beat is a conflict.
func (t *tx) Beat(id review.IncarnationID) error {
	return t.guard("beat", `INSERT INTO incarnations (id, counter, started_at, ended_at) VALUES ($1, 1, $2, 0)
		ON CONFLICT (id) DO UPDATE SET counter = incarnations.counter + 1 WHERE incarnations.ended_at = 0`, id, micros(t.now))
}

// EndIncarnation implements [review.Tx].
func (t *tx) EndIncarnation(id review.IncarnationID, counter int64) error {
	return t.guard("end incarnation", `UPDATE incarnations SET ended_at = $1 WHERE id = $2 AND counter = $3 AND ended_at = 0`,
		micros(t.now), id, counter)
}

// Incarnations implements [review.Reader]: all of them, oldest first.
func (r *reader) Incarnations() ([]review.Incarnation, error) {
	return all(r, "incarnations", func(i *review.Incarnation) []any {
		return []any{&i.ID, &i.Counter, timeColumn{&i.StartedAt}, timeColumn{&i.EndedAt}}
	}, `SELECT id, counter, started_at, ended_at FROM incarnations ORDER BY started_at, id`)
}
