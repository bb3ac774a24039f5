package fhirr4

import (
	"crypto/sha1" //nolint:gosec // FHIR R4 says that Attachment.hash is a SHA-1
	"time"

	codes "github.com/google/fhir/go/proto/google/fhir/proto/r4/core/codes_go_proto"
	dt "github.com/google/fhir/go/proto/google/fhir/proto/r4/core/datatypes_go_proto"
	drpb "github.com/google/fhir/go/proto/google/fhir/proto/r4/core/resources/document_reference_go_proto"
)

// Code systems of a DocumentReference.
const (
	SystemLOINC           = "http://loinc.org"
	SystemNPI             = "http://hl7.org/fhir/sid/us-npi"
	systemCategory        = "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category"
	systemConfidentiality = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
	systemObservation     = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
)

// Coding is a code of a code system.
type Coding struct{ System, Code, Display string }

// Identifier is a business identifier.
type Identifier struct{ System, Value string }

// Person is a reference to a practitioner: by ID where the server knows the
// person, else by identifier. Display is a clinician's name, not PHI.
type Person struct {
	ID         string // Practitioner logical id
	Identifier Identifier
	Display    string
}

// Relation says how the document relates to another one on the same server.
type Relation struct {
	Code codes.DocumentRelationshipTypeCode_Value
	ID   string // of the other DocumentReference
}

// Envelope is everything a DocumentReference says about an attachment. Zero
// values are left out of the resource, so that a destination that takes few
// fields gets few.
type Envelope struct {
	Identifier Identifier // version independent: the document number
	// Master is specific to this version (R4 DocumentReference.masterIdentifier).
	Master        Identifier
	Final         bool // docStatus final, else preliminary
	Type          Coding
	PatientID     string
	EncounterID   string
	Authors       []Person
	Authenticator *Person
	CustodianID   string // Organization logical id
	RelatesTo     []Relation
	Description   string
	// Confidentiality is a v3-Confidentiality code: N, R or V.
	Confidentiality string
	// AIAssisted adds the label AIAST (AI Transparency IG, level 1).
	AIAssisted bool
	// Date is when the reference was made.
	Date time.Time
	// Start and End are the time of care.
	Start, End time.Time

	ContentType string
	Title       string
	Creation    time.Time
	Data        []byte
	// Hash adds size and SHA-1 of the data.
	Hash bool
}

// Build makes the resource: status current, category clinical-note (US Core),
// exactly one content. Times are written in UTC with their time part.
func Build(e Envelope) *drpb.DocumentReference {
	d := &drpb.DocumentReference{
		Status:    &drpb.DocumentReference_StatusCode{Value: codes.DocumentReferenceStatusCode_CURRENT},
		DocStatus: &drpb.DocumentReference_DocStatusCode{Value: codes.CompositionStatusCode_PRELIMINARY},
		Type:      concept(e.Type),
		Category:  []*dt.CodeableConcept{concept(Coding{systemCategory, "clinical-note", "Clinical Note"})},
		Subject:   reference("Patient", e.PatientID),
		Content:   []*drpb.DocumentReference_Content{{Attachment: e.attachment()}},
		Context:   e.context(),
	}
	if e.Final {
		d.DocStatus.Value = codes.CompositionStatusCode_FINAL
	}
	if e.Identifier.Value != "" {
		d.Identifier = []*dt.Identifier{identifier(e.Identifier)}
	}
	if e.Master.Value != "" {
		d.MasterIdentifier = identifier(e.Master)
	}
	for _, p := range e.Authors {
		d.Author = append(d.Author, person(p))
	}
	if e.Authenticator != nil {
		d.Authenticator = person(*e.Authenticator)
	}
	if e.CustodianID != "" {
		d.Custodian = reference("Organization", e.CustodianID)
	}
	if e.Description != "" {
		d.Description = str(e.Description)
	}
	if !e.Date.IsZero() {
		d.Date = &dt.Instant{ValueUs: e.Date.UnixMicro(), Timezone: "Z", Precision: dt.Instant_MICROSECOND}
	}
	for _, r := range e.RelatesTo {
		d.RelatesTo = append(d.RelatesTo, &drpb.DocumentReference_RelatesTo{
			Code: &drpb.DocumentReference_RelatesTo_CodeType{Value: r.Code}, Target: reference("DocumentReference", r.ID)})
	}
	e.labels(d)
	return d
}

// labels sets securityLabel, and the AI label also on the resource itself,
// where the AI Transparency IG puts it.
func (e Envelope) labels(d *drpb.DocumentReference) {
	if e.Confidentiality != "" {
		d.SecurityLabel = append(d.SecurityLabel, concept(Coding{System: systemConfidentiality, Code: e.Confidentiality}))
	}
	if e.AIAssisted {
		c := Coding{systemObservation, "AIAST", "Artificial Intelligence asserted"}
		d.SecurityLabel = append(d.SecurityLabel, concept(c))
		d.Meta = &dt.Meta{Security: []*dt.Coding{coding(c)}}
	}
}

func (e Envelope) attachment() *dt.Attachment {
	a := &dt.Attachment{
		ContentType: &dt.Attachment_ContentTypeCode{Value: e.ContentType},
		Data:        &dt.Base64Binary{Value: e.Data},
	}
	if e.Title != "" {
		a.Title = str(e.Title)
	}
	if !e.Creation.IsZero() {
		a.Creation = dateTime(e.Creation)
	}
	if e.Hash {
		sum := sha1.Sum(e.Data) //nolint:gosec // see the import
		a.Hash = &dt.Base64Binary{Value: sum[:]}
		a.Size = &dt.UnsignedInt{Value: uint32(len(e.Data))} //nolint:gosec // a rendering is far below 4 GiB
	}
	return a
}

func (e Envelope) context() *drpb.DocumentReference_Context {
	if e.EncounterID == "" && e.Start.IsZero() && e.End.IsZero() {
		return nil
	}
	c := &drpb.DocumentReference_Context{}
	if e.EncounterID != "" {
		c.Encounter = []*dt.Reference{reference("Encounter", e.EncounterID)}
	}
	if !e.Start.IsZero() || !e.End.IsZero() {
		c.Period = &dt.Period{}
		if !e.Start.IsZero() {
			c.Period.Start = dateTime(e.Start)
		}
		if !e.End.IsZero() {
			c.Period.End = dateTime(e.End)
		}
	}
	return c
}

func person(p Person) *dt.Reference {
	r := &dt.Reference{Type: &dt.Uri{Value: "Practitioner"}}
	if p.ID != "" {
		r = reference("Practitioner", p.ID)
	} else if p.Identifier.Value != "" {
		r.Identifier = identifier(p.Identifier)
	}
	if p.Display != "" {
		r.Display = str(p.Display)
	}
	return r
}

func reference(resourceType, id string) *dt.Reference {
	return &dt.Reference{Reference: &dt.Reference_Uri{Uri: str(resourceType + "/" + id)}}
}

func identifier(i Identifier) *dt.Identifier {
	return &dt.Identifier{System: &dt.Uri{Value: i.System}, Value: str(i.Value)}
}

func concept(c Coding) *dt.CodeableConcept {
	return &dt.CodeableConcept{Coding: []*dt.Coding{coding(c)}}
}

func coding(c Coding) *dt.Coding {
	out := &dt.Coding{System: &dt.Uri{Value: c.System}, Code: &dt.Code{Value: c.Code}}
	if c.Display != "" {
		out.Display = str(c.Display)
	}
	return out
}

func dateTime(t time.Time) *dt.DateTime {
	return &dt.DateTime{ValueUs: t.UnixMicro(), Timezone: "Z", Precision: dt.DateTime_SECOND}
}

func str(s string) *dt.String { return &dt.String{Value: s} }
