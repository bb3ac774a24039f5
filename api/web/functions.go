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
		"text":    shown,
		"state":   stateWords,
		"role":    roleWords,
		"clock":   func(d time.Duration) string { return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60) },
		"when":    when,
		"flag":    flagWords,
		"name":    patientName,
		"record":  recordNumber,
		"minutes": func(p review.Period) int { return int(p.End.Sub(p.Start).Round(time.Minute) / time.Minute) },
		"words":   func(code string) string { return strings.ReplaceAll(code, "_", " ") },
		"reasons": discardReasons,
	}
}

// when is a point in time. A site has no time zone of its own yet, so the
// zone is said.
func when(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04 UTC") }

// shown is clinical text as it may stand on a page. Invisible characters that
// reorder or hide what a reader sees are left out, as they are in the document
// that is signed (adapters/render); html/template escapes the rest.
func shown(t review.ClinicalText) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x206F,
			r == 0xFEFF, r == 0x00AD, r == 0x200B, r == 0x2060, r >= 0xE0000 && r <= 0xE007F, r >= 0xFFF9 && r <= 0xFFFB:
			return -1
		case r < ' ' && r != '\n' && r != '\t', r == 0x7F:
			return -1
		}
		return r
	}, string(t))
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
		return shown(p.Family)
	}
	return shown(p.Family) + ", " + shown(p.Given)
}

// recordNumber is the medical record number, or whatever id there is.
func recordNumber(p review.Patient) string {
	for _, id := range p.Identifiers {
		if id.Type == "MR" {
			return "MRN " + shown(id.Value)
		}
	}
	if len(p.Identifiers) > 0 {
		return p.Identifiers[0].Type + " " + shown(p.Identifiers[0].Value)
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
	return sentence(string(f.Kind))
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
