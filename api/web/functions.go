package web

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"countersign/review"
)

func functions() template.FuncMap {
	return template.FuncMap{
		"text":    func(t review.ClinicalText) string { return string(t) },
		"state":   stateWords,
		"role":    roleWords,
		"clock":   func(d time.Duration) string { return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60) },
		"when":    when,
		"flag":    flagWords,
		"name":    patientName,
		"record":  recordNumber,
		"minutes": minutes,
		"words":   func(code string) string { return strings.ReplaceAll(code, "_", " ") },
		"reasons": discardReasons,
		"open":    func(s review.State) bool { return s == review.StateReadyForReview || s == review.StateInReview },
	}
}

// when is a point in time. A site has no time zone of its own yet, so the
// zone is said.
func when(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04 UTC") }

// minutes is how long a visit was; 0 when it is not known or was left running.
func minutes(p review.Period) int {
	d := p.End.Sub(p.Start).Round(time.Minute)
	if d < 0 || d > 12*time.Hour {
		return 0
	}
	return int(d / time.Minute)
}

// visible keeps the characters of a page that a reader can see. Those that
// reorder or hide text are left out, as they are in the document that is signed
// (adapters/render), whatever field they came in.
func visible(r rune) rune {
	switch {
	case r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x206F,
		r == 0xFEFF, r == 0x00AD, r == 0x200B, r == 0x2060, r >= 0xE0000 && r <= 0xE007F, r >= 0xFFF9 && r <= 0xFFFB:
		return -1
	case r < ' ' && r != '\n' && r != '\t', r == 0x7F:
		return -1
	}
	return r
}

// patientName is the name for a list. A note without a patient is unbound; a
// patient without a name is one that this reader may not see.
func patientName(n review.Note, p review.Patient) string {
	switch {
	case n.PatientID == "":
		return "Patient not known yet"
	case p.ID == "":
		return "Patient not shown"
	case p.Given == "":
		return string(p.Family)
	}
	return string(p.Family) + ", " + string(p.Given)
}

// recordNumber is the medical record number, or whatever id there is.
func recordNumber(p review.Patient) string {
	for _, id := range p.Identifiers {
		if id.Type == "MR" {
			return "MRN " + string(id.Value)
		}
	}
	if len(p.Identifiers) > 0 {
		return p.Identifiers[0].Type + " " + string(p.Identifiers[0].Value)
	}
	return ""
}

func stateWords(s review.State) string {
	switch s {
	case "":
		return ""
	case review.StateReadyForReview:
		return "Draft ready"
	case review.StatePendingCoSign:
		return "Co-signature due"
	case review.StateHandedOver:
		return "To be signed in the EHR"
	case review.StateEnteredInError:
		return "Entered in error"
	case review.StateCompleted:
		return "Signed"
	}
	w := strings.ReplaceAll(string(s), "_", " ")
	return strings.ToUpper(w[:1]) + w[1:]
}

func roleWords(sp review.Speaker) string {
	switch sp.Role {
	case review.RoleClinician:
		return "Clinician"
	case review.RolePatient:
		return "Patient"
	case review.RoleCaregiver:
		return "Caregiver"
	case review.RoleInterpreter:
		return "Interpreter"
	case review.RoleStaff:
		return "Staff"
	case review.RoleOtherPatient:
		return "Other patient"
	}
	return "Speaker not known"
}

func flagWords(f review.Flag) string {
	switch f.Kind {
	case review.FlagNumber:
		return "This number is not in what was said"
	case review.FlagNoEvidence:
		return "Nothing that was said supports this"
	}
	return strings.TrimSuffix(sentence(string(f.Kind)), ".")
}

type choice struct{ Value, Words string }

func discardReasons() []choice {
	return []choice{
		{string(review.DiscardElsewhere), "it is documented elsewhere"},
		{string(review.DiscardNoService), "no service was given"},
		{string(review.DiscardDuplicate), "it is a duplicate"},
		{string(review.DiscardWrongPatient), "it is the wrong patient"},
	}
}
