package sqlstore

import "countersign/review"

// InsertEncounter implements [review.Tx]. Its audit chain begins empty.
func (t *tx) InsertEncounter(e review.Encounter) error {
	zero := review.Digest{}
	if err := t.insert("insert encounter", `INSERT INTO encounters
		(id, site_id, patient_id, bound, class, period_start, created_at, audit_head, audit_count) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)`,
		e.ID, e.SiteID, optional(e.PatientID), bit(e.Bound), e.Class, micros(e.PeriodStart), micros(e.CreatedAt), zero[:]); err != nil {
		return err
	}
	return t.insertIdentifiers(e.SiteID, ownerEncounter, string(e.ID), e.Identifiers)
}

// Encounter implements [review.Reader].
func (r *reader) Encounter(id review.EncounterID) (review.Encounter, error) {
	e := review.Encounter{ID: id}
	err := r.one("encounter", []any{
		&e.SiteID, textColumn[review.PatientID]{&e.PatientID}, boolColumn{&e.Bound}, &e.Class, timeColumn{&e.PeriodStart},
		timeColumn{&e.CreatedAt}, digestColumn{&e.AuditHead}, &e.AuditCount,
	}, `SELECT site_id, patient_id, bound, class, period_start, created_at, audit_head, audit_count FROM encounters WHERE id = $1`, id)
	if err != nil {
		return review.Encounter{}, err
	}
	e.Identifiers, err = r.identifiers(e.SiteID, ownerEncounter, string(id))
	return e, err
}

// FindEncounter implements [review.Reader].
func (r *reader) FindEncounter(site review.SiteID, ids []review.Identifier) (review.EncounterID, error) {
	id, err := r.findOwner(site, ownerEncounter, ids)
	return review.EncounterID(id), err
}

// UpdateEncounter implements [review.Tx].
func (t *tx) UpdateEncounter(e review.Encounter) error {
	if err := t.guard("update encounter", `UPDATE encounters SET bound = $1 WHERE id = $2`, bit(e.Bound), e.ID); err != nil {
		return err
	}
	return t.addIdentifiers(e.SiteID, ownerEncounter, string(e.ID), e.Identifiers)
}
