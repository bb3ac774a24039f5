package review

import (
	"errors"
	"strings"
	"time"
)

// encounterFor finds or makes the patient and encounter of a recording.
//
// A record number alone never decides who the patient is: where the name or
// the birth date that came with it differs from the patient who has it, the
// recording is unbound, and a person binds it with both in view.
func (s *Service) encounterFor(tx Tx, r OpenRequest) (Encounter, error) {
	enc := Encounter{ID: NewID[EncounterID](), SiteID: r.SiteID, CreatedAt: tx.Now(), Class: ClassAmbulatory, PeriodStart: tx.Now()}
	p, ok, err := patientFor(tx, r)
	if err != nil || !ok {
		if err == nil {
			err = tx.InsertEncounter(enc)
		}
		return enc, err
	}
	enc.PatientID = p.ID
	if r.Encounter == nil || len(r.Encounter.Identifiers) == 0 {
		return enc, tx.InsertEncounter(enc)
	}
	id, err := tx.FindEncounter(r.SiteID, r.Encounter.Identifiers)
	if err == nil {
		return knownEncounter(tx, id, p, r.Encounter.Identifiers)
	} else if !errors.Is(err, ErrNotFound) {
		return enc, err
	}
	enc.Identifiers, enc.Bound = r.Encounter.Identifiers, p.Bound()
	enc.Class = EncounterClass(orDefault(string(r.Encounter.Class), string(enc.Class)))
	if !r.Encounter.PeriodStart.IsZero() {
		enc.PeriodStart = r.Encounter.PeriodStart.UTC().Truncate(time.Microsecond)
	}
	return enc, tx.InsertEncounter(enc)
}

// knownEncounter completes an encounter that was seen before.
func knownEncounter(tx Tx, id EncounterID, p Patient, ids []Identifier) (Encounter, error) {
	old, err := tx.Encounter(id)
	if err != nil {
		return old, err
	}
	if old.PatientID != p.ID {
		return old, Errorf(KindInvalid, "start.encounter: this encounter is another patient's: check both references")
	}
	old.Bound = old.Bound || p.Bound()
	old.Identifiers = ids
	if err := tx.UpdateEncounter(old); err != nil {
		return old, err
	}
	return tx.Encounter(id)
}

// patientFor finds the patient by record number and completes what was not
// known, or makes a new one. ok is false where the patient is not known or
// the particulars contradict.
func patientFor(tx Tx, r OpenRequest) (p Patient, ok bool, err error) {
	if r.Patient == nil || len(r.Patient.Identifiers) == 0 {
		return p, false, nil
	}
	id, err := tx.FindPatient(r.SiteID, r.Patient.Identifiers)
	if errors.Is(err, ErrNotFound) {
		p = *r.Patient
		p.ID, p.SiteID = NewID[PatientID](), r.SiteID
		return p, true, tx.InsertPatient(p)
	}
	if errors.Is(err, ErrConflict) {
		return p, false, nil // its identifiers name two patients: a person decides
	}
	if err != nil {
		return p, false, err
	}
	if p, err = tx.Patient(id); err != nil {
		return p, false, err
	}
	if !samePerson(p, *r.Patient) {
		return p, false, nil
	}
	p.Family, p.Given = first(p.Family, r.Patient.Family), first(p.Given, r.Patient.Given)
	p.BirthDate = first(p.BirthDate, r.Patient.BirthDate)
	if p.Sex == "" || p.Sex == SexUnknown {
		p.Sex = r.Patient.Sex
	}
	p.Identifiers = r.Patient.Identifiers
	if err := tx.UpdatePatient(p); err != nil {
		return p, false, err
	}
	p, err = tx.Patient(id)
	return p, err == nil, err
}

func first(a, b ClinicalText) ClinicalText {
	if a != "" {
		return a
	}
	return b
}

// samePerson reports whether nothing that both name contradicts: family name
// (without case and punctuation) and birth date (as far as both are given).
func samePerson(a, b Patient) bool {
	x, y := plainName(a.Family), plainName(b.Family)
	if x != "" && y != "" && x != y {
		return false
	}
	n := min(len(a.BirthDate), len(b.BirthDate))
	return a.BirthDate[:n] == b.BirthDate[:n]
}

func plainName(t ClinicalText) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -'’.", r) {
			return -1
		}
		return r
	}, strings.ToLower(string(t)))
}

// again answers a start that was sent before. Where nothing is stored yet and
// the start says the same, the device has lost our first answer, and gets the
// stream with a new token; otherwise only the token opens it, so that no
// second device and no other visit takes it over.
func again(tx Tx, rec Recording, r OpenRequest, token string) (OpenStream, error) {
	conflict := Errorf(KindConflict, "start.recording_id: this recording exists: come back with its resume token, or use a new id")
	streams, err := tx.Streams(rec.ID)
	if err != nil {
		return OpenStream{}, err
	}
	if rec.State != RecordingOpen || len(streams) != 1 || streams[0].State != StreamOpen || streams[0].DurableSeq != 0 {
		return OpenStream{}, conflict
	}
	enc, err := tx.Encounter(rec.EncounterID)
	if err != nil {
		return OpenStream{}, err
	}
	if same, err := sameVisit(tx, rec, enc, r); err != nil || !same {
		return OpenStream{}, errors.Join(err, onlyIf(!same && err == nil, conflict))
	}
	st := streams[0]
	if err := tx.ResumeStream(st.ID, st.Epoch, DigestOf([]byte(token))); err != nil {
		return OpenStream{}, err
	}
	out := OpenStream{RecordingID: rec.ID, StreamID: st.ID, Epoch: st.Epoch + 1, ResumeToken: token, Unbound: !enc.Bound}
	return out, tx.Audit(deviceEvent(rec, "recording.restart", map[string]string{"stream": string(st.ID)}))
}

func onlyIf(ok bool, err error) error {
	if ok {
		return err
	}
	return nil
}

// sameVisit reports whether a start names the visit that rec was opened for.
func sameVisit(tx Tx, rec Recording, enc Encounter, r OpenRequest) (bool, error) {
	c := *r.Consent
	c.At = c.At.UTC().Truncate(time.Microsecond)
	old := rec.Consent
	old.At = old.At.UTC().Truncate(time.Microsecond)
	if rec.Practitioner != r.Practitioner || rec.NoteType != orDefault(r.NoteType, DefaultNoteType) || c != old {
		return false, nil
	}
	known := r.Patient != nil && len(r.Patient.Identifiers) > 0
	if !known || enc.PatientID == "" {
		return !known && enc.PatientID == "", nil
	}
	p, err := tx.FindPatient(r.SiteID, r.Patient.Identifiers)
	if err != nil || p != enc.PatientID {
		return false, ignoreNotFound(err)
	}
	if r.Encounter == nil || len(r.Encounter.Identifiers) == 0 {
		return len(enc.Identifiers) == 0, nil
	}
	id, err := tx.FindEncounter(r.SiteID, r.Encounter.Identifiers)
	return id == enc.ID, ignoreNotFound(err)
}

func ignoreNotFound(err error) error {
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrConflict) {
		return nil
	}
	return err
}
