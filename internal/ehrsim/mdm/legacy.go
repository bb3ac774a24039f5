package mdm

import (
	"fmt"
	"strings"

	lhl7 "github.com/lenaten/hl7"
)

// ReadLegacy reads with a lenient library and asks only for what an old engine needs to file a document: MSH, a patient identifier and a
// document number. Text outside ASCII may come out cut or shifted, as it does there. A panic of the library is answered with an
// application error.
func ReadLegacy(raw []byte) (*Message, *Problem) {
	// The library reads one byte past the end of the message and calls the message unreadable, or panics, if its buffer has no room there.
	buffer := make([]byte, len(raw), len(raw)+2)
	copy(buffer, raw)
	return readLegacy(buffer)
}

// readLegacy hands the buffer to the library as it is, with whatever capacity it has.
func readLegacy(raw []byte) (m *Message, p *Problem) {
	defer func() {
		if r := recover(); r != nil {
			m, p = nil, &Problem{Ack: ApplicationError, Code: CodeApplication, Text: "the receiver's HL7 library crashed on this message"}
		}
	}()
	msg := lhl7.NewMessage(raw)
	if err := msg.Parse(); err != nil {
		return nil, &Problem{Ack: ApplicationError, Code: CodeApplication, Text: "the receiver's HL7 library could not read this message"}
	}
	h, p := ReadHeader(raw)
	if p != nil {
		return nil, p
	}
	if _, known := structureOf(h.Event); h.Type != "MDM" || !known {
		return nil, reject(CodeUnsupportedEvent, 9, "only MDM events T01 to T11 are taken here")
	}
	find := func(seg string, field, comp int) string {
		v, err := msg.Find(fmt.Sprintf("%s.%d.%d", seg, field, comp-1))
		if err != nil {
			return ""
		}
		return h.delims.unescape(strings.TrimRight(v, "\r"))
	}
	m = &Message{
		Header:     h,
		PatientIDs: []ID{{Value: find("PID", 3, 1), Authority: find("PID", 3, 4), Type: find("PID", 3, 5)}},
		FamilyName: find("PID", 5, 1), GivenName: find("PID", 5, 2), BirthDate: find("PID", 7, 1),
		Visit:        ID{Value: find("PV1", 19, 1), Authority: find("PV1", 19, 4), Type: find("PV1", 19, 5)},
		PatientClass: find("PV1", 2, 1),
		DocumentType: find("TXA", 2, 1), Presentation: find("TXA", 3, 1),
		Document:   ID{Value: find("TXA", 12, 1), Authority: find("TXA", 12, 2)},
		Parent:     ID{Value: find("TXA", 13, 1), Authority: find("TXA", 13, 2)},
		FileName:   find("TXA", 16, 1),
		Completion: find("TXA", 17, 1), Confidentiality: find("TXA", 18, 1), Availability: find("TXA", 19, 1),
		ChangeReason: find("TXA", 21, 1),
	}
	switch {
	case m.PatientIDs[0].Value == "":
		return nil, &Problem{Ack: ApplicationError, Code: CodeRequiredField, Segment: "PID", Pos: 1, Field: 3, Text: "required field is empty"}
	case m.Document.Value == "":
		return nil, &Problem{Ack: ApplicationError, Code: CodeRequiredField, Segment: "TXA", Pos: 1, Field: 12, Text: "required field is empty"}
	}
	m.Sections = legacySections(h.delims, msg)
	return m, nil
}

func legacySections(d delimiters, msg *lhl7.Message) []Section {
	segs, err := msg.AllSegments("OBX")
	if err != nil {
		return nil
	}
	var out []Section
	for _, seg := range segs {
		get := func(field, comp int) string {
			v, err := seg.Get(&lhl7.Location{Segment: "OBX", FieldSeq: field, Comp: comp - 1, SubComp: -1})
			if err != nil {
				return ""
			}
			return d.unescape(strings.TrimRight(v, "\r"))
		}
		s := Section{Code: get(3, 1), Title: get(3, 2), System: get(3, 3), SubID: get(4, 1), ValueType: get(2, 1), ResultStatus: get(11, 1)}
		values, err := seg.AllFields(5)
		if err == nil {
			lines := make([]string, len(values))
			for i, f := range values {
				lines[i] = d.unescape(strings.TrimRight(string(f.Value), "\r"))
			}
			s.Text = strings.Join(lines, "\n")
		}
		out = append(out, s)
	}
	return out
}
