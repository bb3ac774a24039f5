package hl7v2

import (
	"fmt"
	"strings"
	"time"
)

// Limits of [MDM.Validate], from the field lengths of v2.5.1 where it has one.
const (
	MaxControlID      = 20   // characters of MSH-10
	MaxDocumentNumber = 30   // characters of TXA-12 and TXA-13, component separators included
	MaxChangeReason   = 30   // characters of TXA-21
	MaxFileName       = 30   // characters of TXA-16
	MaxDocumentType   = 30   // characters of TXA-2
	MaxObservations   = 2000 // OBX segments
)

// ValidationError lists every fault of a message that was not encoded. It names fields, tables and coded values;
// nothing that identifies a patient.
type ValidationError struct {
	Faults []string
}

// Error joins the faults.
func (e *ValidationError) Error() string {
	return "encode mdm: " + strings.Join(e.Faults, "; ")
}

// faults collects what is wrong, in the order of the fields.
type faults []string

func (f *faults) addf(format string, args ...any) {
	*f = append(*f, fmt.Sprintf(format, args...))
}

// Validate checks m against chapter 9 of v2.5.1 and the lengths above. All faults are reported at once, as a
// [*ValidationError]; each names the field and, where a code is wrong, its table.
//
// Text may hold any Unicode character but control characters other than line ends and tabs (in OBX-5 only): they are
// never part of a note and some receivers break on them.
func (m MDM) Validate() error {
	var f faults
	m.checkHeader(&f)
	m.Patient.check(&f)
	m.Visit.check(&f)
	m.Doc.check(&f, m.trigger())
	m.checkObservations(&f)
	if len(f) > 0 {
		return &ValidationError{Faults: f}
	}
	return nil
}

func (m MDM) checkHeader(f *faults) {
	f.hd(field("MSH-3 sending application"), m.SendingApp, true)
	f.hd(field("MSH-4 sending facility"), m.SendingFacility, false)
	f.hd(field("MSH-5 receiving application"), m.ReceivingApp, false)
	f.hd(field("MSH-6 receiving facility"), m.ReceivingFacility, false)
	f.when(field("MSH-7 timestamp"), m.Timestamp, true)
	f.code(field("MSH-9.2 trigger event"), string(m.trigger()), triggerTable(), true)
	f.text(field("MSH-10 control id"), m.ControlID, MaxControlID, true)
	f.code(field("MSH-11 processing id"), m.ProcessingID, processingTable(), true)
	f.code(field("MSH-12 version id"), m.version(), versionTable(), true)
}

func (p Patient) check(f *faults) {
	if len(p.IDs) == 0 {
		f.addf("PID-3 patient identifier list is empty: give at least one")
	}
	for i, id := range p.IDs {
		f.cx(label{name: "PID-3 patient identifier", item: i + 1}, id, true)
	}
	f.text(field("PID-5.1 family name"), p.Family, 0, true)
	f.text(field("PID-5.2 given name"), p.Given, 0, false)
	f.text(field("PID-5.3 middle name"), p.Middle, 0, false)
	if _, precision, err := ParseDTM(p.BirthDate, time.UTC); p.BirthDate != "" && (err != nil || precision > Day || len(p.BirthDate) > 8) {
		f.addf("PID-7 date of birth: want YYYY, YYYYMM or YYYYMMDD")
	}
	if p.Sex != "" && !sexTable().has(p.Sex) {
		f.addf("PID-8 administrative sex: use one of table 0001 (%s)", sexTable().values)
	}
}

func (v Visit) check(f *faults) {
	f.text(field("PV1-2 patient class"), v.Class, 1, true) // table 0004 is user-defined: a site may have its own
	f.people(field("PV1-7 attending doctor"), v.Attending)
	f.cx(field("PV1-19 visit number"), v.Number, false)
}

func (d Document) check(f *faults, t Trigger) {
	f.text(field("TXA-2 document type (table 0270)"), d.Type, MaxDocumentType, true)
	f.code(field("TXA-3 content presentation"), d.Presentation, presentationTable(), t.hasContent())
	f.when(field("TXA-4 activity time"), d.ActivityTime, false)
	f.people(field("TXA-5 primary activity provider"), d.ActivityProviders)
	if !d.ActivityTime.IsZero() && len(d.activityProviders()) == 0 {
		f.addf("TXA-5 primary activity provider is required with TXA-4: give it or TXA-9 originator")
	}
	f.when(field("TXA-6 origination time"), d.OriginationTime, false)
	f.when(field("TXA-7 transcription time (required unless TXA-17 is DI)"), d.TranscriptionTime, d.CompletionStatus != "DI")
	f.people(field("TXA-9 originator"), d.Originators)
	f.people(field("TXA-10 assigned authenticator"), d.Authenticators)
	f.people(field("TXA-11 transcriptionist"), d.Transcriptionists)
	f.ei(field("TXA-12 unique document number"), d.DocumentNumber, true)
	f.ei(field("TXA-13 parent document number"), d.ParentNumber, t == T06 || t == T10)
	if d.DocumentNumber.ID != "" && d.DocumentNumber == d.ParentNumber {
		f.addf("TXA-13 parent document number equals TXA-12: a document needs a number of its own")
	}
	f.text(field("TXA-16 unique file name"), d.FileName, MaxFileName, false)
	f.code(field("TXA-17 completion status"), d.CompletionStatus, completionTable(), true)
	f.code(field("TXA-18 confidentiality status"), d.Confidentiality, confidentialityTable(), false)
	f.code(field("TXA-19 availability status"), d.Availability, availabilityTable(), false)
	f.code(field("TXA-20 storage status"), d.Storage, storageTable(), false)
	f.text(field("TXA-21 change reason"), d.ChangeReason, MaxChangeReason, false)
	d.checkAuthentications(f)
}

func (d Document) checkAuthentications(f *faults) {
	signed := d.CompletionStatus == "AU" || d.CompletionStatus == "LA"
	if signed && len(d.Authentications) == 0 {
		f.addf("TXA-22 authentication person and time: required for TXA-17 completion status %q", d.CompletionStatus)
	}
	for i, p := range d.Authentications {
		l := label{name: "TXA-22 authentication", item: i + 1}
		f.person(l, p.Person)
		f.when(l.with(" time (component 15, required with the person)"), p.At, true)
	}
}

func (m MDM) checkObservations(f *faults) {
	switch n := len(m.Observations); {
	case m.trigger().hasContent() && n == 0:
		f.addf("OBX: %s carries the document's text, give at least one observation", m.trigger())
	case !m.trigger().hasContent() && n > 0:
		f.addf("OBX: %s carries no text, remove the observations", m.trigger())
	case n > MaxObservations:
		f.addf("OBX: %d observations, the limit is %d", n, MaxObservations)
	}
	for i, o := range m.Observations {
		l := label{name: "OBX", item: i + 1}
		f.text(l.with(": OBX-3.1 observation code"), o.Code, 0, true)
		f.text(l.with(": OBX-3.2 observation text"), o.Text, 0, false)
		f.text(l.with(": OBX-3.3 coding system"), o.CodeSystem, 0, false)
		f.text(l.with(": OBX-4 sub-id"), o.SubID, 20, false)
		f.block(l.with(": OBX-5 value"), o.Value)
		f.code(l.with(": OBX-11 result status"), o.Status, resultStatusTable(), true)
		f.when(l.with(": OBX-14 time"), o.Time, false)
		f.people(l.with(": OBX-16 responsible observer"), o.Observers)
	}
}
