package hl7v2

import "time"

// Trigger is the event of an MDM message (chapter 9 of HL7 v2.5.1), MSH-9.2.
type Trigger string

// Triggers that carry the document's text, and the cancellation, which carries none.
const (
	T02 Trigger = "T02" // original document
	T04 Trigger = "T04" // status change, as the co-signature
	T06 Trigger = "T06" // addendum: new number, TXA-13 names the parent
	T08 Trigger = "T08" // edit, only while the document is unavailable (TXA-19 UN)
	T10 Trigger = "T10" // replacement of an available document: new number, TXA-13 names the parent
	T11 Trigger = "T11" // cancel a document that was never available
)

// structure returns the abstract message structure, MSH-9.3.
func (t Trigger) structure() string {
	if t == T11 {
		return "MDM_T01"
	}
	return "MDM_T02"
}

// hasContent reports whether the message carries OBX segments.
func (t Trigger) hasContent() bool { return t != T11 }

// MDM is one medical document management message for HL7 v2.5.1 (and, with VersionID, the versions from 2.3.1 to
// 2.6, whose fields used here are the same). Times are written in their own location with its offset.
type MDM struct {
	Trigger           Trigger   // MSH-9.2; blank means T02
	ControlID         string    // MSH-10, at most 20 characters, never used for another message
	SendingApp        HD        // MSH-3
	SendingFacility   HD        // MSH-4
	ReceivingApp      HD        // MSH-5
	ReceivingFacility HD        // MSH-6
	ProcessingID      string    // MSH-11, table 0103: P production, T training, D debugging
	VersionID         string    // MSH-12; blank means 2.5.1
	Timestamp         time.Time // MSH-7 and EVN-2

	Patient      Patient
	Visit        Visit
	Doc          Document
	Observations []Observation // one for each heading; none for T11
}

// Patient is PID.
type Patient struct {
	IDs       []CX   // PID-3, at least one
	Family    string // PID-5.1
	Given     string // PID-5.2
	Middle    string // PID-5.3
	BirthDate string // PID-7: YYYY, YYYYMM or YYYYMMDD; blank where unknown
	Sex       string // PID-8, table 0001: A F M N O U, or blank
}

// Visit is PV1.
type Visit struct {
	Class     string // PV1-2, table 0004: O outpatient, I inpatient, E emergency, …
	Attending []XCN  // PV1-7
	Number    CX     // PV1-19
}

// Document is TXA.
type Document struct {
	Type              string    // TXA-2, table 0270 or a site's own code, at most 30 characters
	Presentation      string    // TXA-3, table 0191; most receivers want TX
	ActivityTime      time.Time // TXA-4: when the visit or procedure was
	ActivityProviders []XCN     // TXA-5, required with TXA-4; blank means the Originators
	OriginationTime   time.Time // TXA-6: when it was dictated or recorded
	TranscriptionTime time.Time // TXA-7, required unless the status is DI
	Originators       []XCN     // TXA-9: the author
	Authenticators    []XCN     // TXA-10: who must sign
	Transcriptionists []XCN     // TXA-11: who or what wrote the text down
	DocumentNumber    EI        // TXA-12, at most 30 characters in all, never reused
	ParentNumber      EI        // TXA-13, required for T06 and T10
	FileName          string    // TXA-16, at most 30 characters
	CompletionStatus  string    // TXA-17, table 0271
	Confidentiality   string    // TXA-18, table 0272: U R V, or blank
	Availability      string    // TXA-19, table 0273: AV CA OB UN, or blank
	Storage           string    // TXA-20, table 0275: AA AC AR PU, or blank
	ChangeReason      string    // TXA-21, at most 30 characters
	Authentications   []PPN     // TXA-22: who signed and when; required for status AU and LA
}

// Observation is one OBX of type TX: one heading of the document and its text.
type Observation struct {
	Code       string    // OBX-3.1, a LOINC section code
	Text       string    // OBX-3.2
	CodeSystem string    // OBX-3.3; blank means LN
	SubID      string    // OBX-4; blank is numbered where the same code is used more than once
	Value      string    // OBX-5: the text block, lines parted by "\n"; not blank
	Status     string    // OBX-11, table 0085
	Time       time.Time // OBX-14
	Observers  []XCN     // OBX-16
}

func (m MDM) trigger() Trigger {
	if m.Trigger == "" {
		return T02
	}
	return m.Trigger
}

func (m MDM) version() string {
	if m.VersionID == "" {
		return "2.5.1"
	}
	return m.VersionID
}

func (d Document) activityProviders() []XCN {
	if len(d.ActivityProviders) == 0 && !d.ActivityTime.IsZero() {
		return d.Originators
	}
	return d.ActivityProviders
}
