package sqlstore

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"countersign/review"
)

// chainHead is the end of an audit chain as of this transaction, which holds
// its root row.
type chainHead struct {
	head  review.Digest
	count int64
}

// administrative reports whether a chain is a site's and not an encounter's:
// its name has a slash, which no id has.
func administrative(chain string) bool { return strings.Contains(chain, "/") }

// Audit implements [review.Tx]. RecordedAt is the transaction's time where it
// is not set.
func (t *tx) Audit(e review.AuditEvent) error {
	if e.RecordedAt.IsZero() {
		e.RecordedAt = t.now
	}
	e.RecordedAt = cut(e.RecordedAt)
	h, ok := t.heads[e.Chain]
	if !ok {
		var err error
		if h, err = t.lockChain(e); err != nil {
			return err
		}
	}
	e = e.Seal(h.head, h.count)
	if err := t.insert("audit", `INSERT INTO audit_events
		(chain, seq, site_id, recorded_at, actor, auth_method, action, entity, outcome, details, prev_hash, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		e.Chain, e.Seq, e.SiteID, micros(e.RecordedAt), e.Actor, e.AuthMethod, e.Action, e.Entity, e.Outcome, string(encode(e.Details)),
		e.PrevHash[:], e.Hash[:]); err != nil {
		return err
	}
	update := `UPDATE encounters SET audit_head = $1, audit_count = $2 WHERE id = $3 AND audit_count = $4`
	if administrative(e.Chain) {
		update = `UPDATE audit_heads SET head = $1, count = $2 WHERE chain = $3 AND count = $4`
	}
	if err := t.guard("audit", update, e.Hash[:], e.Seq, e.Chain, h.count); err != nil {
		return err
	}
	t.heads[e.Chain] = chainHead{e.Hash, e.Seq}
	return nil
}

// lockChain locks a root row and reads it. The root of an administrative
// chain is made at its first event.
func (t *tx) lockChain(e review.AuditEvent) (chainHead, error) {
	var h chainHead
	var site review.SiteID
	t.wanted[e.Chain] = true
	text := `SELECT site_id, audit_head, audit_count FROM encounters WHERE id = $1`
	if administrative(e.Chain) {
		text = `SELECT site_id, head, count FROM audit_heads WHERE chain = $1`
		err := t.insert("audit", `INSERT INTO audit_heads (chain, site_id, head, count) VALUES ($1, $2, $3, 0)`, e.Chain, e.SiteID, h.head[:])
		if err != nil && (t.broken != nil || !errors.Is(err, review.ErrConflict)) {
			return h, err
		}
	}
	if err := t.one("audit chain", []any{&site, digestColumn{&h.head}, &h.count}, text+t.d.lockRow, e.Chain); err != nil {
		return h, err
	}
	if site != e.SiteID {
		return h, review.Errorf(review.KindInvalid, "audit: the chain belongs to another site than the event")
	}
	return h, nil
}

// chains are those that Audit was called for, in order.
func (t *tx) chains() []string { return slices.Sorted(maps.Keys(t.wanted)) }

// lockRoots locks the root rows of chains in order.
func (t *tx) lockRoots(chains []string) error {
	for _, chain := range chains {
		t.wanted[chain] = true
		text := `SELECT id FROM encounters WHERE id = $1`
		if administrative(chain) {
			text = `SELECT chain FROM audit_heads WHERE chain = $1`
		}
		var id string
		if err := t.one("lock audit chain", []any{&id}, text+t.d.lockRow, chain); err != nil && !errors.Is(err, review.ErrNotFound) {
			return err
		}
	}
	return nil
}

// AuditTrail implements [review.Reader].
func (r *reader) AuditTrail(chain string) (events []review.AuditEvent, head review.Digest, count int64, err error) {
	root := `SELECT audit_head, audit_count FROM encounters WHERE id = $1`
	if administrative(chain) {
		root = `SELECT head, count FROM audit_heads WHERE chain = $1`
	}
	if err := r.one("audit chain", []any{digestColumn{&head}, &count}, root, chain); err != nil {
		return nil, head, 0, err
	}
	events, err = all(r, "audit trail", func(e *review.AuditEvent) []any {
		return []any{
			&e.Chain, &e.Seq, &e.SiteID, timeColumn{&e.RecordedAt}, &e.Actor, &e.AuthMethod, &e.Action, &e.Entity, &e.Outcome,
			jsonColumn{&e.Details}, digestColumn{&e.PrevHash}, digestColumn{&e.Hash},
		}
	}, `SELECT chain, seq, site_id, recorded_at, actor, auth_method, action, entity, outcome, details, prev_hash, hash
		FROM audit_events WHERE chain = $1 ORDER BY seq`, chain)
	return events, head, count, err
}

// AuditChains implements [review.Reader]: by name, those with events.
func (r *reader) AuditChains(site review.SiteID) ([]string, error) {
	list, err := all(r, "audit chains", func(s *string) []any { return []any{s} }, `
		SELECT q.chain FROM (
			SELECT id AS chain FROM encounters WHERE site_id = $1 AND audit_count > 0
			UNION ALL
			SELECT chain FROM audit_heads WHERE site_id = $1 AND count > 0
		) q ORDER BY q.chain`, site)
	if err == nil && len(list) == 0 {
		err = r.exists("audit chains", "sites", site)
	}
	return list, err
}
