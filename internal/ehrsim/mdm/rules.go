package mdm

import (
	"regexp"
	"slices"
	"strings"
)

// timestamp is the form of TS and DTM (chapter 2.A.22): YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ].
var timestamp = regexp.MustCompile(`^\d{4}(\d{2}(\d{2}(\d{2}(\d{2}(\d{2}(\.\d{1,4})?)?)?)?)?)?([+-]\d{4})?$`)

// fieldRule is what the data type alone does not say about a field.
type fieldRule struct {
	field    int
	required bool
	table    []string // allowed values, nil if any
	max      int      // length of the field with its separators, 0 if not limited
	time     bool
}

// rulesOf holds the optionality, tables and lengths of HL7 2.5.1 (chapters 3.4, 9.7, 7.4) that a receiver of documents enforces.
func rulesOf(segment string) []fieldRule {
	switch segment {
	case "MSH":
		return []fieldRule{{field: 7, required: true, time: true}}
	case "EVN":
		return []fieldRule{{field: 2, required: true, time: true}}
	case "PID":
		return []fieldRule{{field: 3, required: true}, {field: 5, required: true}, {field: 7, time: true}}
	case "PV1":
		return []fieldRule{{field: 2, required: true}}
	case "TXA":
		return []fieldRule{
			{field: 1, required: true},
			{field: 2, required: true, max: 30},
			{field: 4, time: true}, {field: 6, time: true}, {field: 7, time: true}, {field: 8, time: true},
			{field: 12, required: true, max: 30},
			{field: 13, max: 30},
			{field: 17, required: true, table: []string{"AU", "DI", "DO", "IN", "IP", "LA", "PA"}},
			{field: 18, table: []string{"R", "U", "V"}},
			{field: 19, table: []string{"AV", "CA", "OB", "UN"}},
			{field: 20, table: []string{"AA", "AC", "AR", "PU"}},
			{field: 21, max: 30},
		}
	case "OBX":
		return []fieldRule{
			{field: 2, required: true, table: []string{"AD", "CE", "CF", "CK", "CN", "CP", "CX", "DT", "ED", "FT", "MO", "NM", "PN", "RP",
				"SN", "ST", "TM", "TN", "TS", "TX", "XAD", "XCN", "XON", "XPN", "XTN"}},
			{field: 3, required: true},
			{field: 11, required: true, table: []string{"C", "D", "F", "I", "N", "O", "P", "R", "S", "U", "W", "X"}},
			{field: 14, time: true},
		}
	}
	return nil
}

// checkFields applies the rules to every segment and returns the first problem.
func checkFields(h Header, segments []rawSegment) *Problem {
	for _, s := range segments {
		for _, r := range rulesOf(s.id) {
			if p := r.check(h.delims, s); p != nil {
				return p
			}
		}
		if p := checkConditions(h, s); p != nil {
			return p
		}
	}
	return nil
}

func (r fieldRule) check(d delimiters, s rawSegment) *Problem {
	v := s.field(r.field)
	switch {
	case v == "" || v == `""`:
		if r.required {
			return at(s, r.field, CodeRequiredField, "required field is empty")
		}
		return nil
	case r.table != nil && !slices.Contains(r.table, v):
		return at(s, r.field, CodeTableValue, "value is not in the table of this field")
	case r.max > 0 && len([]rune(v)) > r.max:
		return at(s, r.field, CodeTooLong, "field is longer than its 2.5.1 definition allows, separators included")
	case r.time:
		for one := range strings.SplitSeq(v, d.repetition) {
			if !timestamp.MatchString(d.componentOf(one, 1)) {
				return at(s, r.field, CodeDataType, "time must have the form YYYYMMDDHHMMSS[.S][+/-ZZZZ]")
			}
		}
	}
	return nil
}

// checkConditions applies the rules that look at more than one field.
func checkConditions(h Header, s rawSegment) *Problem {
	d := h.delims
	switch s.id {
	case "EVN":
		if v := s.field(1); v != "" && v != h.Event {
			return at(s, 1, CodeTableValue, "EVN-1 differs from MSH-9.2")
		}
	case "PID":
		if d.componentOf(s.field(3), 1) == "" {
			return at(s, 3, CodeRequiredField, "patient identifier is empty")
		}
	case "TXA":
		return checkTXA(h, s)
	case "OBX":
		if s.field(2) != "" && s.field(5) == "" && !slices.Contains([]string{"X", "D", "N", "I", "O"}, s.field(11)) {
			return at(s, 5, CodeRequiredField, "observation value is empty")
		}
	}
	return nil
}

func checkTXA(h Header, s rawSegment) *Problem {
	d := h.delims
	if d.componentOf(s.field(12), 1) == "" {
		return at(s, 12, CodeRequiredField, "document number is empty")
	}
	if strings.Contains(s.field(12), d.repetition) {
		return at(s, 12, CodeDataType, "document number must not repeat")
	}
	if needsParent(h.Event) && d.componentOf(s.field(13), 1) == "" {
		return at(s, 13, CodeRequiredField, "parent document number is required for this event")
	}
	if structure, _ := structureOf(h.Event); structure == "MDM_T02" && s.field(3) == "" {
		return at(s, 3, CodeRequiredField, "content presentation is required when content is sent")
	}
	if signers := s.field(22); signers != "" { // PPN: a person and the time must come together
		for one := range strings.SplitSeq(signers, d.repetition) {
			person, at15 := d.componentOf(one, 1)+d.componentOf(one, 2), d.componentOf(one, 15)
			if person == "" || at15 == "" {
				return at(s, 22, CodeRequiredField, "authentication person and time must be given together")
			}
			if !timestamp.MatchString(at15) {
				return at(s, 22, CodeDataType, "authentication time must have the form YYYYMMDDHHMMSS[.S][+/-ZZZZ]")
			}
		}
	}
	return nil
}

// needsParent reports whether an event adds to or replaces another document (TXA-13 is then required).
func needsParent(event string) bool {
	return slices.Contains([]string{"T05", "T06", "T09", "T10"}, event)
}
