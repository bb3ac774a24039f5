package mdm

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	khl7 "github.com/kardianos/hl7"
	"github.com/kardianos/hl7/h251"
)

// ReadStrict reads an MDM message and refuses whatever the standard refuses. The order is: MSH (type, event, version, processing id),
// character set, structure, data types, then required fields, tables and lengths. On a problem the message is nil.
func ReadStrict(raw []byte, rules Rules) (*Message, *Problem) {
	h, p := ReadHeader(raw)
	if p != nil {
		return nil, p
	}
	if p := h.check(rules); p != nil {
		return nil, p
	}
	cs, p := h.charset()
	if p != nil {
		return nil, p
	}
	decoded, p := cs.decode(raw)
	if p != nil {
		return nil, p
	}
	if p := checkBytes(decoded); p != nil {
		return nil, p
	}
	segments := splitSegments(decoded, h.delims)
	structure, _ := structureOf(h.Event)
	if p := checkStructure(segments, structure); p != nil {
		return nil, p
	}
	if p := checkFields(h, segments); p != nil {
		return nil, p
	}
	typed, err := decodeTyped(decoded)
	if err != nil {
		return nil, problemOf(err)
	}
	return build(h, segments, typed)
}

// checkBytes refuses control characters: MLLP release 1 allows bytes above 0x1F and the carriage return.
func checkBytes(raw []byte) *Problem {
	if i := bytes.IndexFunc(raw, func(r rune) bool { return r < ' ' && r != '\r' && r != '\t' }); i >= 0 {
		return &Problem{Ack: ApplicationError, Code: CodeDataType, Text: "message contains a control character: escape line ends inside fields"}
	}
	return nil
}

// typedMessage is what both structures of h251 have in common.
type typedMessage struct {
	pid *h251.PID
	pv1 *h251.PV1
	txa *h251.TXA
	obx []*h251.OBX
}

// decodeTyped decodes with the library. It guards against panics because it is fed with whatever arrives on a socket.
func decodeTyped(raw []byte) (m typedMessage, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("decode hl7: library panicked: %v", r)
		}
	}()
	v, err := khl7.NewDecoder(h251.Registry, &khl7.DecodeOption{ErrorZSegment: true}).Decode(raw)
	if err != nil {
		return m, err
	}
	switch t := v.(type) {
	case h251.MDM_T01:
		return typedMessage{pid: t.PID, pv1: t.PV1, txa: t.TXA}, nil
	case h251.MDM_T02:
		m = typedMessage{pid: t.PID, pv1: t.PV1, txa: t.TXA}
		for _, o := range t.Obxnte {
			m.obx = append(m.obx, o.OBX)
		}
		return m, nil
	}
	return typedBySegments(raw)
}

// typedBySegments serves the events T03 to T11, whose structures repeat those of T01 and T02 under names of their own when MSH-9.3 is
// absent.
func typedBySegments(raw []byte) (typedMessage, error) {
	list, err := khl7.NewDecoder(h251.Registry, nil).DecodeList(raw)
	if err != nil {
		return typedMessage{}, err
	}
	var m typedMessage
	for _, s := range list {
		switch t := s.(type) {
		case khl7.SegmentError:
			return m, errors.Join(t.ErrorList...)
		case *h251.PID:
			m.pid = t
		case *h251.PV1:
			m.pv1 = t
		case *h251.TXA:
			m.txa = t
		case *h251.OBX:
			m.obx = append(m.obx, t)
		}
	}
	return m, nil
}

// problemOf turns the library's error into a place. Its text may quote values and is dropped.
func problemOf(err error) *Problem {
	p := &Problem{Ack: ApplicationError, Code: CodeDataType, Text: "field does not have its 2.5.1 data type"}
	var seg *khl7.DecodeSegmentError
	if errors.As(err, &seg) {
		p.Segment, p.Pos = seg.SegmentName, 1
		var inner *khl7.DecodeSegmentError
		if p.Field = int(seg.Ordinal); p.Field == 0 && errors.As(seg.Inner, &inner) {
			p.Field = int(inner.Ordinal)
		}
	}
	return p
}

// build takes the fields from the library's structures and the text of OBX-5 from both readings.
func build(h Header, segments []rawSegment, t typedMessage) (*Message, *Problem) {
	if t.pid == nil || t.pv1 == nil || t.txa == nil {
		return nil, &Problem{Ack: ApplicationError, Code: CodeSegmentSequence, Text: "PID, PV1 or TXA was not understood"}
	}
	m := &Message{Header: h, PatientClass: t.pv1.PatientClass}
	for _, cx := range t.pid.PatientIdentifierList {
		m.PatientIDs = append(m.PatientIDs, ID{Value: cx.IDNumber, Authority: authority(cx.AssigningAuthority), Type: cx.IdentifierTypeCode})
	}
	if len(t.pid.PatientName) > 0 {
		m.FamilyName, m.GivenName = t.pid.PatientName[0].FamilyName, t.pid.PatientName[0].GivenName
	}
	if !t.pid.DateTimeOfBirth.IsZero() {
		m.BirthDate = t.pid.DateTimeOfBirth.Format("20060102")
	}
	if v := t.pv1.VisitNumber; v != nil {
		m.Visit = ID{Value: v.IDNumber, Authority: authority(v.AssigningAuthority), Type: v.IdentifierTypeCode}
	}
	fillDocument(m, t.txa)

	var raws []rawSegment
	for _, s := range segments {
		if s.id == "OBX" {
			raws = append(raws, s)
		}
	}
	if len(raws) != len(t.obx) {
		return nil, &Problem{Ack: ApplicationError, Code: CodeSegmentSequence, Segment: "OBX", Pos: 1, Text: "OBX segments were lost while reading"}
	}
	for i, o := range t.obx {
		s, p := section(h.delims, raws[i], o)
		if p != nil {
			return nil, p
		}
		m.Sections = append(m.Sections, s)
	}
	return m, nil
}

func fillDocument(m *Message, x *h251.TXA) {
	m.DocumentType, m.Presentation = x.DocumentType, x.DocumentContentPresentation
	m.Document = entity(&x.UniqueDocumentNumber)
	m.Parent = entity(x.ParentDocumentNumber)
	m.FileName, m.ChangeReason = x.UniqueDocumentFileName, x.DocumentChangeReason
	m.Completion, m.Availability = x.DocumentCompletionStatus, x.DocumentAvailabilityStatus
	m.Confidentiality = x.DocumentConfidentialityStatus
	for _, o := range x.OriginatorCodeName {
		m.Originators = append(m.Originators, ID{Value: o.IDNumber, Authority: authority(o.AssigningAuthority)})
	}
	for _, s := range x.AuthenticationPersonTimeStamp {
		m.Signers = append(m.Signers, ID{Value: s.IDNumber, Authority: authority(s.AssigningAuthority)})
	}
}

func authority(hd *h251.HD) string {
	switch {
	case hd == nil:
		return ""
	case hd.NamespaceID != "":
		return hd.NamespaceID
	}
	return hd.UniversalID
}

func entity(e *h251.EI) ID {
	switch {
	case e == nil:
		return ID{}
	case e.NamespaceID != "":
		return ID{Value: e.EntityIdentifier, Authority: e.NamespaceID}
	}
	return ID{Value: e.EntityIdentifier, Authority: e.UniversalID}
}

func section(d delimiters, raw rawSegment, o *h251.OBX) (Section, *Problem) {
	s := Section{
		Code: o.ObservationIdentifier.Identifier, Title: o.ObservationIdentifier.Text, System: o.ObservationIdentifier.NameOfCodingSystem,
		SubID: o.ObservationSubID, ValueType: o.ValueType, ResultStatus: o.ObservationResultStatus,
	}
	switch o.ValueType {
	case "ED":
		return encapsulated(raw, s, o)
	case "TX", "FT", "ST":
		lines := strings.Split(raw.field(5), d.repetition)
		if !sameLines(d, lines, o.ObservationValue) {
			return s, at(raw, 5, CodeDataType, "two readers disagree about the text: is an escape broken?")
		}
		for i := range lines {
			lines[i] = d.unescape(lines[i])
		}
		s.Text = strings.Join(lines, "\n")
	default:
		s.Text = d.unescape(raw.field(5))
	}
	return s, nil
}

// sameLines compares the repetitions as split here with those the library decoded. The library leaves empty repetitions out and resolves
// only the five delimiter escapes, so lines with other escapes are not compared.
func sameLines(d delimiters, lines []string, values []h251.VARIES) bool {
	n := 0
	for _, line := range lines {
		if line == "" {
			continue
		}
		if n >= len(values) {
			return false
		}
		v, isText := values[n].(string)
		n++
		if !isText {
			return false
		}
		if strings.Contains(line, d.escape+"X") || strings.Contains(line, d.escape+".") {
			continue
		}
		if v != d.unescape(line) {
			return false
		}
	}
	return n == len(values)
}

// encapsulated decodes an ED value: source ^ type ^ subtype ^ encoding ^ data.
func encapsulated(raw rawSegment, s Section, o *h251.OBX) (Section, *Problem) {
	if len(o.ObservationValue) != 1 {
		return s, at(raw, 5, CodeDataType, "an ED value must not repeat")
	}
	ed, ok := o.ObservationValue[0].(h251.ED)
	if !ok {
		return s, at(raw, 5, CodeDataType, "ED value was not understood")
	}
	s.MediaType = strings.ToLower(ed.TypeOfData + "/" + ed.DataSubtype)
	switch ed.Encoding {
	case "Base64":
		data, err := base64.StdEncoding.DecodeString(ed.Data)
		if err != nil {
			return s, at(raw, 5, CodeDataType, "ED data is not base64")
		}
		s.Data = data
	case "A":
		s.Data = []byte(ed.Data)
	default:
		return s, at(raw, 5, CodeTableValue, "ED encoding must be A or Base64")
	}
	if strings.HasPrefix(s.MediaType, "text/") {
		s.Text = string(s.Data)
	}
	return s, nil
}

// stamp formats a time for MSH-7.
func stamp(t time.Time) string { return t.Format("20060102150405-0700") }
