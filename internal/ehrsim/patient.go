package ehrsim

import (
	"fmt"
	"regexp"
	"slices"
	"time"
)

// Identifier is a business identifier in both worlds: System and Value for FHIR, Authority and Value for HL7 v2.
type Identifier struct {
	System    string `json:"system"`              // FHIR: a URI
	Authority string `json:"authority,omitempty"` // HL7 v2: CX-4.1
	Value     string `json:"value"`
	Type      string `json:"type,omitempty"` // table 0203: MR, VN
}

// Patient is a person the simulated EHR knows.
type Patient struct {
	ID          string       `json:"id"`                // id on the FHIR door
	EpicID      string       `json:"epic_id,omitempty"` // id on the Epic door; empty means ID
	Identifiers []Identifier `json:"identifiers,omitempty"`
	Family      string       `json:"family,omitempty"`
	Given       string       `json:"given,omitempty"`
	BirthDate   string       `json:"birth_date,omitempty"` // YYYY-MM-DD
	Gender      string       `json:"gender,omitempty"`     // FHIR administrative-gender
}

// Encounter is a visit of a patient.
type Encounter struct {
	ID          string       `json:"id"`
	EpicID      string       `json:"epic_id,omitempty"`
	PatientID   string       `json:"patient_id"` // Patient.ID
	Identifiers []Identifier `json:"identifiers,omitempty"`
	Status      string       `json:"status,omitempty"` // FHIR encounter-status; empty means in-progress
	Class       string       `json:"class,omitempty"`  // v3 ActCode; empty means AMB
	Start       time.Time    `json:"start,omitzero"`
	End         time.Time    `json:"end,omitzero"`
}

// idForm is the form of a FHIR id (R4 datatypes, id).
var idForm = regexp.MustCompile(`^[A-Za-z0-9\-.]{1,64}$`)

func (p Patient) check() error {
	if !idForm.MatchString(p.ID) || (p.EpicID != "" && !idForm.MatchString(p.EpicID)) {
		return fmt.Errorf("seed patient: id must match %s", idForm)
	}
	return nil
}

func (e Encounter) check() error {
	if !idForm.MatchString(e.ID) || (e.EpicID != "" && !idForm.MatchString(e.EpicID)) {
		return fmt.Errorf("seed encounter: id must match %s", idForm)
	}
	return nil
}

func (p Patient) idAt(door Endpoint) string {
	if door == Epic && p.EpicID != "" {
		return p.EpicID
	}
	return p.ID
}

func (e Encounter) idAt(door Endpoint) string {
	if door == Epic && e.EpicID != "" {
		return e.EpicID
	}
	return e.ID
}

func (p Patient) name() string {
	switch {
	case p.Given == "":
		return p.Family
	case p.Family == "":
		return p.Given
	}
	return p.Given + " " + p.Family
}

func hasIdentifier(list []Identifier, authority, value string) bool {
	for _, i := range list {
		if i.Authority == authority && i.Value == value {
			return true
		}
	}
	return false
}

// registry is the simulator's master patient index. The journal's lock guards it.
type registry struct {
	patients   []Patient
	encounters []Encounter
}

func (r *registry) patient(door Endpoint, id string) (Patient, bool) {
	for _, p := range r.patients {
		if p.idAt(door) == id {
			return p, true
		}
	}
	return Patient{}, false
}

func (r *registry) encounter(door Endpoint, id string) (Encounter, bool) {
	for _, e := range r.encounters {
		if e.idAt(door) == id {
			return e, true
		}
	}
	return Encounter{}, false
}

// byIdentifier finds a patient by HL7 identifier. known reports whether anybody has an identifier of that authority: if so, a value that
// is not found is an unknown patient; if not, the simulator cannot judge.
func (r *registry) byIdentifier(authority, value string) (p Patient, found, known bool) {
	for _, p := range r.patients {
		if hasIdentifier(p.Identifiers, authority, value) {
			return p, true, true
		}
		for _, i := range p.Identifiers {
			known = known || i.Authority == authority
		}
	}
	return Patient{}, false, known
}

func (r *registry) encounterByIdentifier(authority, value string) (Encounter, bool) {
	for _, e := range r.encounters {
		if hasIdentifier(e.Identifiers, authority, value) {
			return e, true
		}
	}
	return Encounter{}, false
}

// add inserts or replaces by id.
func (r *registry) add(patients []Patient, encounters []Encounter) {
	for _, p := range patients {
		if i := slices.IndexFunc(r.patients, func(q Patient) bool { return q.ID == p.ID }); i >= 0 {
			r.patients[i] = p
			continue
		}
		r.patients = append(r.patients, p)
	}
	for _, e := range encounters {
		if i := slices.IndexFunc(r.encounters, func(q Encounter) bool { return q.ID == e.ID }); i >= 0 {
			r.encounters[i] = e
			continue
		}
		r.encounters = append(r.encounters, e)
	}
}
