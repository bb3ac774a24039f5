package hl7mdm

import (
	"errors"
	"slices"
	"strings"
	"time"

	"countersign/adapters"
	"countersign/internal/hl7v2"
	"countersign/review"
)

// encode builds the message and proves, by decoding it again, that it holds
// the stored rendering.
func (a *Adapter) encode(d review.Document) (msg []byte, written review.Digest, err error) {
	m, err := a.mdm(d)
	if err != nil {
		return nil, written, err
	}
	msg, err = m.Encode()
	if err != nil {
		var v *hl7v2.ValidationError
		if errors.As(err, &v) { // names fields and tables, never values of the patient
			return nil, written, adapters.Permanent("mdm_invalid", strings.Join(v.Faults, "; "))
		}
		return nil, written, adapters.Permanent("mdm_invalid", "the message cannot be built")
	}
	parsed, err := hl7v2.Parse(msg)
	if err != nil {
		return nil, written, adapters.Permanent("mdm_invalid", "the outgoing message cannot be read back")
	}
	written = review.DigestOf([]byte(strings.Join(hl7v2.MDMText(parsed), "\n\n")))
	if written != d.Rendering.SHA256 {
		return nil, written, adapters.Permanent("rendering_altered", "the text cannot be carried in HL7 v2 without a change: line ends other than LF, or blocks that do not fit the text")
	}
	return msg, written, nil
}

func (a *Adapter) mdm(d review.Document) (hl7v2.MDM, error) {
	author, ok := a.person(d.Author, d.Destination.ID)
	if !ok {
		return hl7v2.MDM{}, adapters.Permanent("author_unmapped", "the author has no NPI and no identifier of this destination")
	}
	observations, err := a.observations(d)
	if err != nil {
		return hl7v2.MDM{}, err
	}
	m := hl7v2.MDM{
		Trigger: hl7v2.T02, ControlID: d.ControlID, Timestamp: a.at(d.CreatedAt),
		SendingApp: a.opts.SendingApp, SendingFacility: a.opts.SendingFacility,
		ReceivingApp: a.opts.ReceivingApp, ReceivingFacility: a.opts.ReceivingFacility,
		ProcessingID: a.opts.ProcessingID, VersionID: a.opts.VersionID,
		Patient:      a.patient(d),
		Visit:        a.visit(d),
		Doc:          a.document(d, author),
		Observations: observations,
	}
	for i, s := range d.Signatures {
		if i >= len(d.Signers) {
			return hl7v2.MDM{}, adapters.Permanent("signer_missing", "a signature has no practitioner: tell the operator")
		}
		who, ok := a.person(d.Signers[i], d.Destination.ID)
		if !ok {
			return hl7v2.MDM{}, adapters.Permanent("signer_unmapped", "a signer has no NPI and no identifier of this destination")
		}
		m.Doc.Authenticators = append(m.Doc.Authenticators, who)
		m.Doc.Authentications = append(m.Doc.Authentications, hl7v2.PPN{Person: who, At: a.at(s.SignedAt)})
	}
	switch {
	case a.opts.RecordAuthority != "" && len(m.Patient.IDs) == 0:
		return hl7v2.MDM{}, adapters.Permanent("patient_identifier", "the patient has no record number of the authority that record_authority names: add it, or correct the destination's configuration")
	case a.opts.EncounterRequired && m.Visit.Number.ID == "":
		return hl7v2.MDM{}, adapters.Permanent("encounter_identifier", "the encounter has no visit number of the authority that visit_authority names: add it, or correct the destination's configuration")
	}
	return m, nil
}

func (a *Adapter) document(d review.Document, author hl7v2.XCN) hl7v2.Document {
	recorded := a.at(first(d.StartedAt, d.CreatedAt))
	doc := hl7v2.Document{
		Type:              a.opts.Types[d.Type],
		Presentation:      a.opts.Presentation,
		ActivityTime:      recorded,
		OriginationTime:   recorded,
		TranscriptionTime: a.at(first(d.EndedAt, d.StartedAt, d.CreatedAt)),
		Originators:       []hl7v2.XCN{author},
		DocumentNumber:    a.number(d.DocumentNumber),
		ParentNumber:      a.number(d.ParentNumber),
		CompletionStatus:  a.opts.SignedStatus,
		Confidentiality:   string(d.Confidential),
		Availability:      "AV",
	}
	if d.Completed {
		doc.CompletionStatus = a.opts.CompletedStatus
	}
	if a.opts.Transcriptionist != (hl7v2.XCN{}) {
		doc.Transcriptionists = []hl7v2.XCN{a.opts.Transcriptionist}
	}
	return doc
}

// observations are the blocks of the rendering. What the blocks leave out of
// the body is found by encode.
func (a *Adapter) observations(d review.Document) ([]hl7v2.Observation, error) {
	body := d.Rendering.Body
	parts := d.Rendering.Parts
	if len(parts) == 0 {
		parts = []review.Part{{End: len(body)}}
	}
	var out []hl7v2.Observation
	for _, p := range parts {
		if p.Start < 0 || p.Start > p.End || p.End > len(body) {
			return nil, adapters.Permanent("rendering_blocks", "the stored blocks do not fit the stored text: tell the operator")
		}
		o := hl7v2.Observation{Code: p.Code, Text: p.Title, Value: string(body[p.Start:p.End]), Status: "F"}
		switch {
		case p.Code != "":
		case p.Title != "":
			o.Code, o.CodeSystem = localCode(p.Title), a.opts.LocalSystem
		default:
			o.Code, o.Text = d.Type, d.Title
		}
		out = append(out, o)
	}
	return out, nil
}

// localCode makes a code of a block's fixed title: "AI assistance" is
// AI-ASSISTANCE.
func localCode(title string) string { return strings.ToUpper(strings.ReplaceAll(title, " ", "-")) }

func (a *Adapter) patient(d review.Document) hl7v2.Patient {
	p := hl7v2.Patient{
		Family: string(d.Patient.Family), Given: string(d.Patient.Given),
		BirthDate: strings.ReplaceAll(string(d.Patient.BirthDate), "-", ""),
	}
	for _, id := range review.For(d.Patient.Identifiers, d.Destination.ID) {
		if id.Type == "MR" && id.Value != "" && of(a.opts.RecordAuthority, id) {
			p.IDs = append(p.IDs, hl7v2.CX{ID: string(id.Value), Authority: a.authority(id.Authority), Type: "MR"})
		}
	}
	switch d.Patient.Sex { // table 0001
	case review.SexFemale:
		p.Sex = "F"
	case review.SexMale:
		p.Sex = "M"
	case review.SexOther:
		p.Sex = "O"
	case review.SexUnknown:
		p.Sex = "U"
	}
	return p
}

func (a *Adapter) visit(d review.Document) hl7v2.Visit {
	v := hl7v2.Visit{Class: "O"} // table 0004; ambulatory, virtual and home visits are outpatient
	switch d.Encounter.Class {
	case review.ClassEmergency:
		v.Class = "E"
	case review.ClassInpatient:
		v.Class = "I"
	}
	ids := slices.DeleteFunc(slices.Clone(d.Encounter.Identifiers), func(id review.Identifier) bool { return !of(a.opts.VisitAuthority, id) })
	if id, ok := adapters.IdentifierFor(ids, d.Destination.ID, "VN"); ok {
		v.Number = hl7v2.CX{ID: string(id.Value), Authority: a.authority(id.Authority), Type: "VN"}
	}
	return v
}

// of reports whether an identifier is of the authority; any is when it is empty.
func of(authority string, id review.Identifier) bool {
	return authority == "" || id.Authority == authority
}

// person names a practitioner by the receiver's own identifier, else by NPI.
func (a *Adapter) person(p review.Practitioner, dest review.DestinationID) (hl7v2.XCN, bool) {
	x := hl7v2.XCN{Family: p.Family, Given: p.Given, Degree: p.Credential}
	for _, id := range review.For(p.Identifiers, dest) {
		if id.Authority == "" && id.Destination == dest {
			id.Authority = a.opts.PractitionerAuthority
		}
		if id.Type != review.IdentifierFHIR && id.Value != "" && of(a.opts.PractitionerAuthority, id) {
			x.ID, x.Authority, x.IDType = string(id.Value), a.authority(id.Authority), id.Type
			return x, true
		}
	}
	if p.NPI == "" {
		return hl7v2.XCN{}, false
	}
	x.ID, x.Authority, x.IDType = p.NPI, hl7v2.HD{Namespace: "NPI"}, "NPI"
	return x, true
}

// authority writes an OID as universal id, anything else as namespace.
func (a *Adapter) authority(s string) hl7v2.HD {
	if ns := a.opts.Authorities[s]; ns != "" {
		return hl7v2.HD{Namespace: ns}
	}
	if oid, ok := strings.CutPrefix(s, "urn:oid:"); ok {
		return hl7v2.HD{UniversalID: oid, UniversalIDType: "ISO"}
	}
	return hl7v2.HD{Namespace: s}
}

func (a *Adapter) number(n string) hl7v2.EI {
	if n == "" {
		return hl7v2.EI{}
	}
	return hl7v2.EI{ID: n, Namespace: a.opts.DocumentAuthority}
}

func (a *Adapter) at(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.In(a.opts.Location)
}

func first(ts ...time.Time) time.Time {
	for _, t := range ts {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}
