package review

import "time"

// Origin says where a statement comes from.
type Origin string

// Origins of a statement.
const (
	OriginAI        Origin = "ai"        // drafted from the conversation
	OriginChart     Origin = "chart"     // carried from the EHR
	OriginTemplate  Origin = "template"  // fixed wording of a template
	OriginClinician Origin = "clinician" // typed or edited by a person
)

// Statement is one assertion in a section. Its id is stable through
// revisions.
type Statement struct {
	ID     StatementID  `json:"id"`
	Text   ClinicalText `json:"text"`
	Origin Origin       `json:"origin"`
	// Heading groups statements below a sub-heading such as a problem name;
	// empty for none. Statements of one heading are adjacent.
	Heading  ClinicalText `json:"heading,omitempty"`
	Evidence []Evidence   `json:"evidence,omitempty"`
	Flags    []Flag       `json:"flags,omitempty"`
}

// Section is a LOINC-coded part of a note.
type Section struct {
	Code       string      `json:"code"`  // LOINC, such as 10164-2
	Title      string      `json:"title"` // fixed wording, not PHI
	Statements []Statement `json:"statements"`
}

// FlagKind says what the check found.
type FlagKind string

// Kinds of flag. Only the kinds that are checked today are listed.
const (
	// FlagNumber: a number in the statement is not in the utterances it cites.
	FlagNumber FlagKind = "number_not_said"
	// FlagNoEvidence: a drafted statement cites nothing that exists.
	FlagNoEvidence FlagKind = "no_evidence"
)

// Severity of a flag.
type Severity string

// A blocking flag must be resolved before a signature; an advisory one is shown.
const (
	SeverityBlocking Severity = "blocking"
	SeverityAdvisory Severity = "advisory"
)

// Resolution of a flag by a person.
type Resolution string

// How a flag was resolved; empty means it is open.
const (
	ResolutionOpen      Resolution = ""
	ResolutionConfirmed Resolution = "confirmed"
)

// Flag marks a statement that could not be supported. An edited statement is
// checked anew and loses its old flags; a removed one takes them along.
type Flag struct {
	Kind     FlagKind `json:"kind"`
	Severity Severity `json:"severity"`
	// Detail says what was not found; it may quote the statement.
	Detail     ClinicalText   `json:"detail,omitempty"`
	Resolution Resolution     `json:"resolution,omitempty"`
	Reason     ClinicalText   `json:"reason,omitempty"` // the person's, for a confirmation
	ResolvedBy PractitionerID `json:"resolved_by,omitempty"`
	ResolvedAt time.Time      `json:"resolved_at,omitzero"`
}

// Open reports whether the flag still stands against a signature.
func (f Flag) Open() bool { return f.Severity == SeverityBlocking && f.Resolution == ResolutionOpen }

// Generator names what made a draft, for the record and the AI statement.
type Generator struct {
	Drafter    string `json:"drafter"` // "extractive", "openai"
	Version    string `json:"version"`
	Model      string `json:"model,omitempty"`
	Deployment string `json:"deployment,omitempty"`
	PromptID   string `json:"prompt_id,omitempty"`
	// DraftMillis is how long the drafter took.
	DraftMillis float64 `json:"draft_ms,omitempty"`
}

// Omission is something that was said and is not in the note.
type Omission struct {
	Evidence Evidence     `json:"evidence"`
	Reason   string       `json:"reason"` // fixed wording: "finding", "order", "number", …
	Text     ClinicalText `json:"text"`
}

// Draft is what a drafter returns.
type Draft struct {
	Sections  []Section
	Omissions []Omission
	Generator Generator
}

// Content is the signed substance of a revision.
type Content struct {
	Sections  []Section  `json:"sections"`
	Omissions []Omission `json:"omissions,omitempty"`
}

// OpenFlags counts blocking flags that are not resolved.
func (c Content) OpenFlags() int {
	n := 0
	for _, s := range c.Sections {
		for _, st := range s.Statements {
			for _, f := range st.Flags {
				if f.Open() {
					n++
				}
			}
		}
	}
	return n
}

// Flags counts all flags, open or not.
func (c Content) Flags() int {
	n := 0
	c.each(func(st *Statement) { n += len(st.Flags) })
	return n
}

// Statements counts statements.
func (c Content) Statements() int {
	n := 0
	c.each(func(*Statement) { n++ })
	return n
}

func (c Content) each(f func(*Statement)) {
	for i := range c.Sections {
		for j := range c.Sections[i].Statements {
			f(&c.Sections[i].Statements[j])
		}
	}
}

// Statement returns the statement with the id, its section and position.
func (c Content) Statement(id StatementID) (section, pos int, ok bool) {
	for i := range c.Sections {
		for j := range c.Sections[i].Statements {
			if c.Sections[i].Statements[j].ID == id {
				return i, j, true
			}
		}
	}
	return 0, 0, false
}

// NoteKind says how a note relates to its parent.
type NoteKind string

// Kinds of note.
const (
	NoteOriginal  NoteKind = "original"
	NoteAddendum  NoteKind = "addendum"
	NoteAmendment NoteKind = "amendment"
)

// Note is one clinical note through its life. Its revisions hold the text.
type Note struct {
	ID          NoteID
	SiteID      SiteID
	EncounterID EncounterID
	PatientID   PatientID     // empty while unbound
	Recordings  []RecordingID // one or more; none for a child note
	Kind        NoteKind
	// Family is the id of the first note: the note itself, its addenda and
	// amendments share it, and are written in order.
	Family   NoteID
	ParentID NoteID // empty for an original
	Type     string // LOINC document type
	State    State
	Author   PractitionerID
	// Revision is the number of the newest revision; 0 while there is none.
	Revision      int
	OpenFlags     int
	PolicyVersion int
	Confidential  Confidentiality
	CreatedAt     time.Time
	StateAt       time.Time // when State was entered
	// Attempts to draft so far; NextAttemptAt is when the next may begin.
	DraftAttempts int
	NextAttemptAt time.Time
	ErrorCode     string // fixed wording of the last failure; no content
}

// DocumentNumber is the number printed in the text and sent as TXA-12 and
// FHIR identifier: the note id in upper case, 26 characters.
func (n Note) DocumentNumber() string { return upper(string(n.ID)) }

// Confidentiality is HL7 table 0272 / v3-Confidentiality: U, R or V.
type Confidentiality string

// Levels of confidentiality.
const (
	ConfidentialityUsual          Confidentiality = "U"
	ConfidentialityRestricted     Confidentiality = "R"
	ConfidentialityVeryRestricted Confidentiality = "V"
)

// Revision is one state of a note's text. Only the newest unsigned revision
// of a note can change.
type Revision struct {
	NoteID    NoteID
	Number    int // from 1
	Content   Content
	Generator Generator
	// ContentSHA256 covers the canonical encoding of the content.
	ContentSHA256 Digest
	Signed        bool
	CreatedBy     PractitionerID // empty for a draft
	CreatedAt     time.Time
}
