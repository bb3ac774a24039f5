package sqlstore

import (
	"countersign/review"
)

// Site implements [review.Reader].
func (r *reader) Site(id review.SiteID) (review.Site, error) {
	var s review.Site
	err := r.one("site", []any{jsonColumn{&s}}, `SELECT config FROM sites WHERE id = $1`, id)
	return s, err
}

// Sites implements [review.Reader]: by id.
func (r *reader) Sites() ([]review.Site, error) {
	return all(r, "sites", func(s *review.Site) []any { return []any{jsonColumn{s}} }, `SELECT config FROM sites ORDER BY id`)
}

// PutSite implements [review.Tx]. A new site gets its key.
func (t *tx) PutSite(s review.Site) error {
	if !review.ValidName(s.ID) {
		return review.Errorf(review.KindInvalid, "put site: id: 1 to 26 characters of a-z, 0-9 and hyphen")
	}
	n, err := t.exec("put site", `UPDATE sites SET config = $1, updated_at = $2 WHERE id = $3`, string(encode(s)), micros(t.now), s.ID)
	if err != nil || n == 1 {
		return err
	}
	_, wrapped, err := t.s.keys.sealer.NewSiteKey(s.ID)
	if err != nil {
		return err
	}
	// Where another process was faster, its key stays.
	_, err = t.exec("put site", `INSERT INTO sites (id, config, wrapped_key, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)
		ON CONFLICT (id) DO UPDATE SET config = excluded.config, updated_at = excluded.updated_at`,
		s.ID, string(encode(s)), wrapped, micros(t.now))
	return err
}

// Practitioner implements [review.Reader].
func (r *reader) Practitioner(id review.PractitionerID) (review.Practitioner, error) {
	var p review.Practitioner
	err := r.one("practitioner", []any{jsonColumn{&p}}, `SELECT config FROM practitioners WHERE id = $1`, id)
	return p, err
}

// Practitioners implements [review.Reader]: by id.
func (r *reader) Practitioners(site review.SiteID) ([]review.Practitioner, error) {
	list, err := all(r, "practitioners", func(p *review.Practitioner) []any { return []any{jsonColumn{p}} },
		`SELECT config FROM practitioners WHERE site_id = $1 ORDER BY id`, site)
	if err == nil && len(list) == 0 {
		err = r.exists("practitioners", "sites", site)
	}
	return list, err
}

// PutPractitioner implements [review.Tx]. A person cannot move to another
// site: that is a conflict.
func (t *tx) PutPractitioner(p review.Practitioner) error {
	if p.ID == "" {
		return review.Errorf(review.KindInvalid, "put practitioner: id is missing")
	}
	return t.guard("put practitioner", `INSERT INTO practitioners (id, site_id, config, updated_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (id) DO UPDATE SET config = excluded.config, updated_at = excluded.updated_at
		WHERE practitioners.site_id = excluded.site_id`, p.ID, p.SiteID, string(encode(p)), micros(t.now))
}
