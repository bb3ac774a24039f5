package ingest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"countersign/review"

	countersignpb "countersign/proto/countersign/v1"

	"google.golang.org/protobuf/types/known/timestamppb"
)

// Visit is what a device knows before the first word, as VISIT.json has it.
// It holds PHI: it comes from a file or standard input, never from arguments.
type Visit struct {
	SiteID         string             `json:"site_id"`
	DeviceID       string             `json:"device_id"`
	RecordingID    string             `json:"recording_id"` // the device's own; says nothing of the patient
	PractitionerID string             `json:"practitioner_id"`
	Patient        *VisitPatient      `json:"patient,omitempty"`   // nil: not known yet
	Encounter      *VisitEncounter    `json:"encounter,omitempty"` // nil: not known yet
	Consent        *VisitConsent      `json:"consent"`
	Modality       string             `json:"modality"` // in_person, video, phone, dictation
	Participants   []VisitParticipant `json:"participants,omitempty"`
	Languages      []string           `json:"languages,omitempty"` // BCP 47, the main one first
	NoteType       string             `json:"note_type,omitempty"` // LOINC; empty leaves it to the site
	Locations      VisitLocations     `json:"locations,omitzero"`
}

// VisitIdentifier names a patient or encounter in an EHR.
type VisitIdentifier struct {
	Type          string `json:"type,omitempty"` // HL7 table 0203, or FHIR
	System        string `json:"system"`         // the assigning authority
	Value         string `json:"value"`
	DestinationID string `json:"destination_id,omitempty"` // empty: valid everywhere
}

// VisitPatient is whose visit it is.
type VisitPatient struct {
	Identifiers []VisitIdentifier `json:"identifiers"`
	Family      string            `json:"family"`
	Given       string            `json:"given"` // given names, separated by spaces
	BirthDate   string            `json:"birth_date,omitempty"`
	Sex         string            `json:"sex,omitempty"` // female, male, other, unknown
}

// VisitEncounter is the contact in the EHR.
type VisitEncounter struct {
	Identifiers []VisitIdentifier `json:"identifiers"`
	Class       string            `json:"class,omitempty"` // AMB, EMER, IMP, VR, HH
	PeriodStart time.Time         `json:"period_start,omitzero"`
}

// VisitConsent is the consent that was given.
type VisitConsent struct {
	Scope          []string  `json:"scope"`           // recording and ai_draft, perhaps quality
	GivenBy        string    `json:"given_by"`        // patient, parent, guardian, proxy, clinician_alone
	EveryoneAgreed bool      `json:"everyone_agreed"` // all persons present
	Method         string    `json:"method"`          // verbal, written, standing, electronic
	ScriptVersion  string    `json:"script_version,omitempty"`
	Language       string    `json:"language,omitempty"`
	AskedBy        string    `json:"asked_by,omitempty"`
	At             time.Time `json:"at"`
}

// VisitLocations decide which law of consent holds; ISO 3166-2.
type VisitLocations struct {
	Clinician string `json:"clinician,omitempty"`
	Patient   string `json:"patient,omitempty"`
}

// VisitParticipant is somebody present at the beginning.
type VisitParticipant struct {
	Role  string `json:"role"`
	Label string `json:"label,omitempty"`
	Name  string `json:"name,omitempty"`
}

// ParseVisit reads VISIT.json. A field it does not know is an error, and all
// faults are reported at once, joined as by errors.Join. Errors name fields
// and hold no values.
func ParseVisit(b []byte) (Visit, error) {
	var v Visit
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		return Visit{}, fmt.Errorf("parse visit: %s", decodeFault(err, dec.InputOffset()))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Visit{}, errors.New("parse visit: something stands after the visit: give one JSON object")
	}
	if faults := v.faults(); len(faults) > 0 {
		return Visit{}, fmt.Errorf("parse visit: %w", errors.Join(faults...))
	}
	return v, nil
}

// decodeFault says where decoding stopped without what stands there.
func decodeFault(err error, at int64) string {
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrongType):
		return fmt.Sprintf("%s: want a JSON %s", wrongType.Field, wrongType.Type.Kind())
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		// encoding/json has no type for it. The name is a key, not a value.
		return strings.TrimPrefix(err.Error(), "json: ") + ": check its spelling"
	}
	return fmt.Sprintf("not JSON at byte %d: give one JSON object with times as in RFC 3339", at)
}

// faults checks by the rules of the server, so that a visit that parses is
// one that a server takes.
func (v Visit) faults() []error {
	var out []error
	say := func(ok bool, format string, args ...any) {
		if !ok {
			out = append(out, fmt.Errorf(format, args...))
		}
	}
	say(v.SiteID != "", "site_id is missing")
	say(v.DeviceID != "" && len(v.DeviceID) <= 64, "device_id: give 1 to 64 characters")
	say(reClientID.MatchString(v.RecordingID), "recording_id: give 1 to 64 characters of A-Z, a-z, 0-9, '-', '_' and '.'")
	say(v.PractitionerID != "", "practitioner_id is missing")
	say(wire(modalities(), v.Modality) != 0, "modality: use in_person, video, phone or dictation")
	say(v.NoteType == "" || reLOINC.MatchString(v.NoteType), "note_type: give a LOINC code such as 11506-3")
	if v.Patient != nil {
		say(len(v.Patient.Identifiers) > 0, "patient.identifiers: give at least one, or leave patient out")
		say(v.Patient.BirthDate == "" || reBirthDate.MatchString(v.Patient.BirthDate), "patient.birth_date: use YYYY, YYYY-MM or YYYY-MM-DD")
		_, ok := find(sexes(), review.Sex(v.Patient.Sex))
		say(ok, "patient.sex: use female, male, other or unknown")
		out = append(out, identifierFaults("patient", v.Patient.Identifiers)...)
	}
	if v.Encounter != nil {
		say(v.Patient != nil, "encounter: an encounter without its patient cannot be kept: give patient too")
		say(len(v.Encounter.Identifiers) > 0, "encounter.identifiers: give at least one, or leave encounter out")
		_, ok := find(classes(), review.EncounterClass(v.Encounter.Class))
		say(ok, "encounter.class: use AMB, EMER, IMP, VR or HH")
		out = append(out, identifierFaults("encounter", v.Encounter.Identifiers)...)
	}
	for i, p := range v.Participants {
		say(wireRole(p.Role) != 0, "participants[%d].role: use clinician, patient, caregiver, interpreter, staff, other_patient or unknown", i)
	}
	return append(out, v.Consent.faults()...)
}

func (c *VisitConsent) faults() []error {
	if c == nil {
		return []error{errors.New("consent is missing: nothing is taken before consent")}
	}
	var out []error
	for _, s := range c.Scope {
		if wire(scopes(), s) == 0 {
			out = append(out, errors.New("consent.scope: use recording, ai_draft and quality"))
		}
	}
	for _, check := range []struct {
		ok   bool
		text string
	}{
		{len(c.Scope) > 0, "consent.scope is missing"},
		{wire(givers(), c.GivenBy) != 0, "consent.given_by: use patient, parent, guardian, proxy or clinician_alone"},
		{wire(methods(), c.Method) != 0, "consent.method: use verbal, written, standing or electronic"},
		{c.EveryoneAgreed, "consent.everyone_agreed: everyone present must agree before recording"},
		{!c.At.IsZero(), "consent.at is missing: when consent was given"},
	} {
		if !check.ok {
			out = append(out, errors.New(check.text))
		}
	}
	return out
}

func identifierFaults(of string, ids []VisitIdentifier) (out []error) {
	for i, id := range ids {
		if id.Value == "" || id.System == "" {
			out = append(out, fmt.Errorf("%s.identifiers[%d]: give system and value", of, i))
		}
	}
	return out
}

// wire finds the enum value of a word; the zero value when there is none.
func wire[K comparable, V comparable](table map[K]V, word V) K {
	k, _ := find(table, word)
	return k
}

func find[K comparable, V comparable](table map[K]V, word V) (k K, ok bool) {
	for k, v := range table {
		if v == word {
			return k, true
		}
	}
	return k, false
}

func wireRole(role string) countersignpb.SpeakerRole {
	for _, p := range rolePairs() {
		if string(p.role) == role {
			return p.wire
		}
	}
	return countersignpb.SpeakerRole_SPEAKER_ROLE_UNSPECIFIED
}

// start is the Start of a new recording.
func (v Visit) start() *countersignpb.Start {
	s := &countersignpb.Start{
		ProtocolVersion: ProtocolVersion, SiteId: v.SiteID, DeviceId: v.DeviceID, Recording: &countersignpb.RecordingReference{ClientRecordingId: v.RecordingID},
		Practitioner: &countersignpb.PractitionerReference{PractitionerId: v.PractitionerID}, NoteType: v.NoteType, Modality: wire(modalities(), v.Modality),
		Languages: v.Languages, Software: "countersign",
	}
	if p := v.Patient; p != nil {
		s.Patient = &countersignpb.PatientReference{
			Identifiers: wireIdentifiers(p.Identifiers), Name: &countersignpb.PersonName{Family: p.Family, Given: strings.Fields(p.Given)}, BirthDate: p.BirthDate,
		}
		s.Patient.Sex = wire(sexes(), review.Sex(p.Sex))
	}
	if e := v.Encounter; e != nil {
		s.Encounter = &countersignpb.EncounterReference{Identifiers: wireIdentifiers(e.Identifiers)}
		s.Encounter.Class = wire(classes(), review.EncounterClass(e.Class))
		if !e.PeriodStart.IsZero() {
			s.Encounter.PeriodStart = timestamppb.New(e.PeriodStart)
		}
	}
	for _, p := range v.Participants {
		s.Participants = append(s.Participants, &countersignpb.Participant{Role: wireRole(p.Role), Label: p.Label, Name: p.Name})
	}
	if c := v.Consent; c != nil {
		s.Consent = &countersignpb.Consent{
			GivenBy: wire(givers(), c.GivenBy), EveryonePresentAgreed: c.EveryoneAgreed, Method: wire(methods(), c.Method), ScriptVersion: c.ScriptVersion,
			Language: c.Language, AskedBy: c.AskedBy, ClinicianLocation: v.Locations.Clinician, PatientLocation: v.Locations.Patient,
		}
		if !c.At.IsZero() {
			s.Consent.At = timestamppb.New(c.At)
		}
		for _, x := range c.Scope {
			s.Consent.Scope = append(s.Consent.Scope, wire(scopes(), x))
		}
	}
	return s
}

func wireIdentifiers(in []VisitIdentifier) (out []*countersignpb.Identifier) {
	for _, id := range in {
		out = append(out, &countersignpb.Identifier{Type: id.Type, System: id.System, Value: id.Value, DestinationId: id.DestinationID})
	}
	return out
}
