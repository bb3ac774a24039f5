package review

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"
)

// errRecordingExists answers a start under an id that is in use.
var errRecordingExists = &Error{
	Kind: KindConflict, Text: "start.recording_id: this recording exists: come back with its resume token, or use a new id",
}

// encounterFor finds or makes the patient and encounter of a recording.
//
// A record number alone never decides who the patient is: a recording is
// bound only where the family name and the full birth date that came with it
// are those of the patient who has the number. Everything else (no name,
// another name, identifiers that name two) is recorded unbound, never
// refused; a person binds it with both in view.
func (s *Service) encounterFor(tx Tx, r OpenRequest) (Encounter, error) {
	enc := Encounter{ID: NewID[EncounterID](), SiteID: r.SiteID, CreatedAt: tx.Now(), Class: ClassAmbulatory, PeriodStart: tx.Now()}
	p, sure, err := patientFor(tx, r)
	if err != nil || !sure {
		if err == nil {
			err = tx.InsertEncounter(enc)
		}
		return enc, err
	}
	if r.Encounter != nil && len(r.Encounter.Identifiers) > 0 {
		id, err := tx.FindEncounter(r.SiteID, r.Encounter.Identifiers)
		switch {
		case err == nil:
			if known, ok, err := knownEncounter(tx, id, p, r.Encounter.Identifiers); ok || err != nil {
				return known, err
			}
			return enc, tx.InsertEncounter(enc) // another patient's: unbound
		case errors.Is(err, ErrConflict):
			return enc, tx.InsertEncounter(enc) // its identifiers name two: unbound
		case !errors.Is(err, ErrNotFound):
			return enc, err
		}
		enc.Identifiers, enc.Bound = r.Encounter.Identifiers, true
		enc.Class = EncounterClass(orDefault(string(r.Encounter.Class), string(enc.Class)))
		if !r.Encounter.PeriodStart.IsZero() {
			enc.PeriodStart = r.Encounter.PeriodStart.UTC().Truncate(time.Microsecond)
		}
	}
	enc.PatientID = p.ID
	return enc, tx.InsertEncounter(enc)
}

// knownEncounter completes an encounter that was seen before. ok is false
// where it is another patient's.
func knownEncounter(tx Tx, id EncounterID, p Patient, ids []Identifier) (enc Encounter, ok bool, err error) {
	if enc, err = tx.Encounter(id); err != nil || enc.PatientID != p.ID {
		return enc, false, err
	}
	if contradicts(enc.Identifiers, ids) {
		return enc, false, nil
	}
	enc.Bound, enc.Identifiers = true, ids
	if err := tx.UpdateEncounter(enc); err != nil {
		return enc, false, err
	}
	enc, err = tx.Encounter(id)
	return enc, err == nil, err
}

// patientFor finds the patient by record number, or makes a new one. sure is
// true only where name and birth date agree; only then is what was not known
// filled in, and only then are new identifiers added.
func patientFor(tx Tx, r OpenRequest) (p Patient, sure bool, err error) {
	if r.Patient == nil || len(r.Patient.Identifiers) == 0 {
		return p, false, nil
	}
	id, err := tx.FindPatient(r.SiteID, r.Patient.Identifiers)
	if errors.Is(err, ErrNotFound) {
		p = *r.Patient
		p.ID, p.SiteID = NewID[PatientID](), r.SiteID
		return p, p.Bound(), tx.InsertPatient(p)
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
	if !samePerson(p, *r.Patient) || contradicts(p.Identifiers, r.Patient.Identifiers) {
		return p, false, nil
	}
	if p.BirthDate == "" {
		p.BirthDate = r.Patient.BirthDate
	}
	if p.Given == "" {
		p.Given = r.Patient.Given
	}
	if p.Sex == "" || p.Sex == SexUnknown {
		p.Sex = r.Patient.Sex
	}
	p.Identifiers = r.Patient.Identifiers
	if err := tx.UpdatePatient(p); err != nil {
		return p, false, err
	}
	p, err = tx.Patient(id)
	return p, err == nil && p.Bound(), err
}

// samePerson reports whether b is positively the patient that is known as a:
// the same family name (without case, accents and punctuation), and the same
// full birth date, unless a has none yet.
func samePerson(a, b Patient) bool {
	x, y := plainName(a.Family), plainName(b.Family)
	if x == "" || x != y || len(b.BirthDate) != len(time.DateOnly) {
		return false
	}
	return a.BirthDate == "" || a.BirthDate == b.BirthDate
}

// contradicts reports whether one of the new identifiers is another value of
// a kind that is there already.
func contradicts(have, more []Identifier) bool {
	return slices.ContainsFunc(more, func(n Identifier) bool {
		return slices.ContainsFunc(have, func(h Identifier) bool {
			return h.Type == n.Type && h.Authority == n.Authority && h.Destination == n.Destination && h.Value != n.Value
		})
	})
}

// accents folds the letters of Latin-1 and Latin Extended-A that have a plain
// one: the standard library has no normal forms.
var accents = strings.NewReplacer(
	"à", "a", "á", "a", "â", "a", "ã", "a", "ä", "a", "å", "a", "ā", "a", "ă", "a", "ą", "a", "æ", "ae", "ç", "c", "ć", "c", "č", "c", "ď", "d", "đ", "d",
	"è", "e", "é", "e", "ê", "e", "ë", "e", "ē", "e", "ė", "e", "ę", "e", "ě", "e", "ğ", "g", "ì", "i", "í", "i", "î", "i", "ï", "i", "ī", "i", "ı", "i",
	"ķ", "k", "ļ", "l", "ľ", "l", "ł", "l", "ñ", "n", "ń", "n", "ň", "n", "ņ", "n", "ò", "o", "ó", "o", "ô", "o", "õ", "o", "ö", "o", "ø", "o", "ő", "o",
	"œ", "oe", "ŕ", "r", "ř", "r", "ś", "s", "š", "s", "ş", "s", "ș", "s", "ß", "ss", "ť", "t", "ţ", "t", "ț", "t", "ù", "u", "ú", "u", "û", "u", "ü", "u",
	"ū", "u", "ů", "u", "ű", "u", "ý", "y", "ÿ", "y", "ź", "z", "ž", "z", "ż", "z",
)

func plainName(t ClinicalText) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) {
			return -1 // also a combining accent
		}
		return r
	}, accents.Replace(strings.ToLower(string(t))))
}

// clean trims identifiers and drops what is empty or said twice, so that
// "1 " and "1" are one.
func clean(ids []Identifier) (out []Identifier) {
	for _, id := range ids {
		id.Type, id.Authority = strings.TrimSpace(id.Type), strings.TrimSpace(id.Authority)
		id.Value = ClinicalText(strings.TrimSpace(string(id.Value)))
		if id.Value != "" && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// cleaned is the request with its identifiers trimmed.
func (r OpenRequest) cleaned() OpenRequest {
	if r.Patient != nil {
		p := *r.Patient
		p.Identifiers = clean(p.Identifiers)
		r.Patient = &p
	}
	if r.Encounter != nil {
		e := *r.Encounter
		e.Identifiers = clean(e.Identifiers)
		r.Encounter = &e
	}
	return r
}

// digest stands for whose visit a start is about: a start that is sent again
// has the same.
func (r OpenRequest) digest() (Digest, error) {
	what := struct {
		Patient      *Patient
		Encounter    []Identifier
		Practitioner PractitionerID
		NoteType     string
		Consent      Consent
	}{r.Patient, nil, r.Practitioner, r.NoteType, *r.Consent}
	if r.Encounter != nil {
		what.Encounter = r.Encounter.Identifiers
	}
	what.Consent.At = what.Consent.At.UTC().Truncate(time.Microsecond)
	b, err := json.Marshal(what)
	return DigestOf(b), err
}

// again answers a start that was sent before. Where nothing is stored yet and
// the start says the same, the device has lost our first answer, and gets the
// stream with a new token; otherwise only the token opens it, so that no
// second device and no other visit takes it over.
func again(tx Tx, rec Recording, start Digest, token string) (OpenStream, error) {
	streams, err := tx.Streams(rec.ID)
	if err != nil {
		return OpenStream{}, err
	}
	if rec.State != RecordingOpen || len(streams) != 1 || streams[0].State != StreamOpen || streams[0].DurableSeq != 0 || rec.Details.StartSHA256 != start {
		return OpenStream{}, errRecordingExists
	}
	enc, err := tx.Encounter(rec.EncounterID)
	if err != nil {
		return OpenStream{}, err
	}
	st := streams[0]
	if err := tx.ResumeStream(st.ID, st.Epoch, DigestOf([]byte(token))); err != nil {
		return OpenStream{}, err
	}
	out := OpenStream{RecordingID: rec.ID, StreamID: st.ID, Epoch: st.Epoch + 1, ResumeToken: token, Unbound: !enc.Bound}
	return out, tx.Audit(deviceEvent(rec, "recording.restart", map[string]string{"stream": string(st.ID)}))
}
