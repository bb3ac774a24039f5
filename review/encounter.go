package review

import "time"

// Encounter is a clinical contact, the EHR's. Its row is the root that every
// use case below it locks: it holds the head of the audit chain.
type Encounter struct {
	ID        EncounterID
	SiteID    SiteID
	PatientID PatientID // empty while unbound
	// Bound is false until patient and encounter are known to the EHR: an
	// unbound encounter's notes can be drafted but never signed.
	Bound       bool
	Class       EncounterClass
	PeriodStart time.Time
	Identifiers []Identifier
	CreatedAt   time.Time
	AuditHead   Digest
	AuditCount  int64
}

// EncounterClass is a v3-ActCode: AMB, EMER, IMP, VR, HH.
type EncounterClass string

// Classes of encounter.
const (
	ClassAmbulatory EncounterClass = "AMB"
	ClassEmergency  EncounterClass = "EMER"
	ClassInpatient  EncounterClass = "IMP"
	ClassVirtual    EncounterClass = "VR"
	ClassHome       EncounterClass = "HH"
)

// Sex is administrative sex, HL7 table 0001 and FHIR administrative-gender.
type Sex string

// Administrative sex.
const (
	SexFemale  Sex = "female"
	SexMale    Sex = "male"
	SexOther   Sex = "other"
	SexUnknown Sex = "unknown"
)

// Patient is who the note is about.
type Patient struct {
	ID          PatientID
	SiteID      SiteID
	Family      ClinicalText
	Given       ClinicalText
	BirthDate   ClinicalText // YYYY-MM-DD, YYYY-MM or YYYY; empty when not known
	Sex         Sex
	Identifiers []Identifier
}

// Bound reports whether the patient can be told apart by two identifiers: a
// record number, and a name with a birth date.
func (p Patient) Bound() bool {
	return len(p.Identifiers) > 0 && p.Family != "" && p.BirthDate != ""
}

// Identifier is one id of a patient, encounter or practitioner.
type Identifier struct {
	// Type is HL7 table 0203: MR record number, VN visit number, NPI; or
	// FHIR for a destination's own logical id.
	Type string `json:"type"`
	// Authority is the assigning authority: an HD namespace or a FHIR system.
	Authority string       `json:"authority,omitempty"`
	Value     ClinicalText `json:"value"`
	// Destination is set where the id is only valid at one destination.
	Destination DestinationID `json:"destination,omitempty"`
}

// IdentifierFHIR is the Type of a destination's own FHIR logical id.
const IdentifierFHIR = "FHIR"

// For returns the identifiers that a destination may be sent: its own first,
// then those valid everywhere.
func For(ids []Identifier, d DestinationID) []Identifier {
	var own, general []Identifier
	for _, id := range ids {
		switch id.Destination {
		case d:
			own = append(own, id)
		case "":
			general = append(general, id)
		}
	}
	return append(own, general...)
}
