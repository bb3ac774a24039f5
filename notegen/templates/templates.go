// Package templates holds the shape of a note: its LOINC-coded sections and
// their order. A drafter writes into these sections and no others, so that
// every adapter can map them.
//
// Codes are those of the C-CDA R2.1 sections.
// 10167-5 (surgical history) is in no current value set and is not used;
// 51847-2 (assessment and plan) never stands beside 51848-0 or 18776-5.
package templates

import "slices"

// Section codes.
const (
	ChiefComplaint    = "10154-3"
	HPI               = "10164-2" // history of present illness
	ROS               = "10187-3" // review of systems
	MedicalHistory    = "11348-0"
	Procedures        = "47519-4" // past surgical history too
	Medications       = "10160-0" // history of use
	MedicationsGiven  = "29549-3" // administered in the visit
	Allergies         = "48765-2"
	SocialHistory     = "29762-2"
	FamilyHistory     = "10157-6"
	Immunizations     = "11369-6"
	VitalSigns        = "8716-3"
	Exam              = "29545-1" // physical findings
	Results           = "30954-2"
	Assessment        = "51848-0"
	Plan              = "18776-5"
	AssessmentAndPlan = "51847-2"
	Instructions      = "69730-0"
)

// Document types.
const (
	ProgressNote     = "11506-3"
	ConsultNote      = "11488-4"
	HistoryPhysical  = "34117-2"
	DischargeSummary = "18842-5"
	EmergencyNote    = "34111-5"
)

// Section is a section of a note: code, fixed title and what belongs in it.
type Section struct {
	Code  string
	Title string
	// About tells a model what to write there.
	About string
}

// sections in the order of a note.
var sections = [...]Section{
	{ChiefComplaint, "Chief complaint", "why the patient came, in a few words"},
	{HPI, "History of present illness", "the story of the present problems, in the third person"},
	{ROS, "Review of systems", "symptoms asked for and reported or denied, one statement for each system, the system as heading"},
	{MedicalHistory, "Past medical history", "diagnoses the patient already had"},
	{Procedures, "Past surgical history", "operations and procedures before this visit"},
	{Medications, "Medications", "what the patient takes now, with dose and frequency where said; not what is newly prescribed"},
	{MedicationsGiven, "Medications administered", "what was given during the visit"},
	{Allergies, "Allergies", "allergies and intolerances, and denied allergies"},
	{SocialHistory, "Social history", "tobacco, alcohol, drugs, work, home"},
	{FamilyHistory, "Family history", "diseases of relatives, never of the patient"},
	{Immunizations, "Immunizations", "vaccines received"},
	{VitalSigns, "Vital signs", "measured in this visit"},
	{Exam, "Physical exam", "findings of the examination as said, grouped by system as heading; nothing that was not examined"},
	{Results, "Results", "laboratory, imaging and other results that were discussed"},
	{Assessment, "Assessment", "diagnoses and reasoning"},
	{Plan, "Plan", "what will be done"},
	{AssessmentAndPlan, "Assessment and plan", "for each problem as heading: reasoning, tests, treatment, referrals, advice"},
	{Instructions, "Instructions", "follow-up, and when to call or come back"},
}

// Sections returns all sections in the order of a note.
func Sections() []Section { return slices.Clone(sections[:]) }

// Known reports whether code is a section of a note.
func Known(code string) bool { return Position(code) >= 0 }

// Position is the place of a section in a note, -1 when it is not known.
func Position(code string) int {
	return slices.IndexFunc(sections[:], func(s Section) bool { return s.Code == code })
}

// Title is the fixed title of a section, empty when it is not known.
func Title(code string) string {
	if i := Position(code); i >= 0 {
		return sections[i].Title
	}
	return ""
}

// Drafted returns the sections a drafter writes for a document type:
// assessment and plan combined. All document types share them today.
func Drafted(_ string) []Section {
	return slices.DeleteFunc(Sections(), func(s Section) bool { return s.Code == Assessment || s.Code == Plan })
}
