package sqlstore

import (
	"time"

	"countersign/review"
)

// Owed implements [review.Reader]. A committed write-back is due only where a
// time is set for it: else its answer comes from outside.
func (r *reader) Owed(now time.Time, limit int) (review.Owed, error) {
	var o review.Owed
	at := micros(now)
	drafts, err := all(r, "owed drafts", func(id *review.NoteID) []any { return []any{id} },
		`SELECT id FROM notes WHERE state = 'drafting' AND next_attempt_at <= $1 ORDER BY next_attempt_at, id LIMIT $2`, at, limit)
	if err != nil {
		return o, err
	}
	families, err := all(r, "owed write-backs", func(id *review.NoteID) []any { return []any{id} }, `
		SELECT q.family FROM (
			SELECT w.family AS family, w.next_attempt_at AS due_at FROM writebacks w
			WHERE w.state IN ('pending', 'unknown', 'committed') AND w.next_attempt_at <= $1
				AND (w.state <> 'committed' OR w.next_attempt_at > 0)
				AND (w.depends_on = '' OR EXISTS (SELECT 1 FROM writebacks d WHERE d.id = w.depends_on AND d.state = 'accepted'))
			UNION ALL
			SELECT w.family, w.verify_at FROM writebacks w WHERE w.verify_at > 0 AND w.verify_at <= $1
		) q GROUP BY q.family ORDER BY min(q.due_at), q.family LIMIT $2`, at, limit)
	return review.Owed{Drafts: drafts, Families: families}, err
}
