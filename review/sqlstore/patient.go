package sqlstore

import (
	"encoding/json"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"countersign/review"
)

// patientText is what is sealed of a patient.
type patientText struct {
	Family    review.ClinicalText `json:"family"`
	Given     review.ClinicalText `json:"given"`
	BirthDate review.ClinicalText `json:"birth_date"`
	Sex       review.Sex          `json:"sex"`
}

// InsertPatient implements [review.Tx].
func (t *tx) InsertPatient(p review.Patient) error {
	sealed, err := t.seal(p.SiteID, siteRef(p.SiteID), encode(patientText{p.Family, p.Given, p.BirthDate, p.Sex}), "patients", "sealed", string(p.ID))
	if err != nil {
		return err
	}
	hash, err := t.nameBirthHash(p)
	if err != nil {
		return err
	}
	if err := t.insert("insert patient", `INSERT INTO patients (id, site_id, sealed, name_birth_hash, created_at) VALUES ($1, $2, $3, $4, $5)`,
		p.ID, p.SiteID, sealed, hash, micros(t.now)); err != nil {
		return err
	}
	return t.insertIdentifiers(p.SiteID, ownerPatient, string(p.ID), p.Identifiers)
}

// Patient implements [review.Reader].
func (r *reader) Patient(id review.PatientID) (review.Patient, error) {
	p := review.Patient{ID: id}
	var sealed []byte
	if err := r.one("patient", []any{&p.SiteID, &sealed}, `SELECT site_id, sealed FROM patients WHERE id = $1`, id); err != nil {
		return review.Patient{}, err
	}
	plain, err := r.unseal(p.SiteID, siteRef(p.SiteID), sealed, "patients", "sealed", string(id))
	if err != nil {
		return review.Patient{}, err
	}
	var text patientText
	if err := json.Unmarshal(plain, &text); err != nil {
		return review.Patient{}, review.Errorf(review.KindInternal, "patient %s: its text cannot be decoded", id)
	}
	p.Family, p.Given, p.BirthDate, p.Sex = text.Family, text.Given, text.BirthDate, text.Sex
	p.Identifiers, err = r.identifiers(p.SiteID, ownerPatient, string(id))
	return p, err
}

// FindPatient implements [review.Reader].
func (r *reader) FindPatient(site review.SiteID, ids []review.Identifier) (review.PatientID, error) {
	id, err := r.findOwner(site, ownerPatient, ids)
	return review.PatientID(id), err
}

// nameBirthHash is empty where name or birth date is not known.
func (t *tx) nameBirthHash(p review.Patient) ([]byte, error) {
	name := normalName(string(p.Family))
	if name == "" || p.BirthDate == "" {
		return []byte{}, nil
	}
	k, err := t.siteKey(p.SiteID)
	if err != nil {
		return nil, err
	}
	return k.Hash("patients.name_birth_hash", name+"|"+string(p.BirthDate)), nil
}

// normalName keeps the letters of a name, without case and accents: O'Brien,
// OBRIEN and Ó Brien are one.
func normalName(s string) string {
	return strings.Map(func(c rune) rune {
		if !unicode.IsLetter(c) {
			return -1
		}
		return unicode.ToLower(c)
	}, norm.NFKD.String(s))
}

// UpdatePatient implements [review.Tx].
func (t *tx) UpdatePatient(p review.Patient) error {
	sealed, err := t.seal(p.SiteID, siteRef(p.SiteID), encode(patientText{p.Family, p.Given, p.BirthDate, p.Sex}), "patients", "sealed", string(p.ID))
	if err != nil {
		return err
	}
	hash, err := t.nameBirthHash(p)
	if err != nil {
		return err
	}
	if err := t.guard("update patient", `UPDATE patients SET sealed = $1, name_birth_hash = $2 WHERE id = $3`, sealed, hash, p.ID); err != nil {
		return err
	}
	return t.addIdentifiers(p.SiteID, ownerPatient, string(p.ID), p.Identifiers)
}
