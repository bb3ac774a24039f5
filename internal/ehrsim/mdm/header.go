package mdm

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// Header is the MSH segment as far as an acknowledgment needs it. The application and facility fields and the character set are raw field
// text, so that they can be mirrored exactly.
type Header struct {
	SendingApp, SendingFacility     string // MSH-3, MSH-4
	ReceivingApp, ReceivingFacility string // MSH-5, MSH-6
	Type, Event, Structure          string // MSH-9.1, .2, .3
	ControlID                       string // MSH-10
	ProcessingID                    string // MSH-11
	Version                         string // MSH-12.1
	AcceptAck, ApplicationAck       string // MSH-15, MSH-16
	CharacterSet                    string // MSH-18, raw

	delims delimiters
}

// Rules are the parts of MSH that a receiver is configured for.
type Rules struct {
	// Versions accepted in MSH-12. Empty means 2.5.1 only. Whatever the version, fields are read by their 2.5.1 definitions, which hold
	// for MDM in 2.3.1 to 2.6.
	Versions []string
	// ProcessingIDs accepted in MSH-11. Empty means P, T and D.
	ProcessingIDs []string
}

// ReadHeader reads the MSH segment without judging it. It fails only where there is no MSH segment to read; the header is then usable for
// an answer with the standard delimiters.
func ReadHeader(raw []byte) (Header, *Problem) {
	line, _, _ := bytes.Cut(raw, []byte("\r"))
	if len(line) < 9 || !bytes.HasPrefix(line, []byte("MSH")) {
		return Header{delims: standardDelimiters()}, reject(CodeSegmentSequence, 0, "message does not begin with an MSH segment")
	}
	if bytes.IndexFunc(line, func(r rune) bool { return r < ' ' }) >= 0 { // mirrored into an answer it would carry other segments along
		return Header{delims: standardDelimiters()}, reject(CodeSegmentSequence, 0, "MSH segment contains a control character: segments end with a carriage return")
	}
	d := delimiters{string(line[3]), string(line[4]), string(line[5]), string(line[6]), string(line[7])}
	if string(line[8]) != d.field || !distinct(line[3:8]) {
		return Header{delims: standardDelimiters()}, reject(CodeDataType, 2, "MSH-2 must be four distinct encoding characters")
	}
	s := splitSegments(line, d)[0]
	return Header{
		SendingApp: s.field(3), SendingFacility: s.field(4), ReceivingApp: s.field(5), ReceivingFacility: s.field(6),
		Type: d.componentOf(s.field(9), 1), Event: d.componentOf(s.field(9), 2), Structure: d.componentOf(s.field(9), 3),
		ControlID: s.field(10), ProcessingID: d.componentOf(s.field(11), 1), Version: d.componentOf(s.field(12), 1),
		AcceptAck: s.field(15), ApplicationAck: s.field(16), CharacterSet: s.field(18),
		delims: d,
	}, nil
}

func distinct(chars []byte) bool {
	for i, c := range chars {
		if c < ' ' || c > '~' || bytes.IndexByte(chars[i+1:], c) >= 0 {
			return false
		}
	}
	return true
}

// check judges MSH-9, 10, 11 and 12: the fields whose faults are rejections, not errors.
func (h Header) check(rules Rules) *Problem {
	versions, processing := rules.Versions, rules.ProcessingIDs
	if len(versions) == 0 {
		versions = []string{"2.5.1"}
	}
	if len(processing) == 0 {
		processing = []string{"P", "T", "D"}
	}
	structure, known := structureOf(h.Event)
	switch {
	case h.Type != "MDM":
		return reject(CodeUnsupportedType, 9, "only MDM messages are taken here")
	case !known:
		return reject(CodeUnsupportedEvent, 9, "event is not one of T01 to T11")
	case h.Structure != "" && h.Structure != structure:
		return reject(CodeUnsupportedType, 9, "MSH-9.3 must be "+structure+" for this event")
	case !slices.Contains(versions, h.Version):
		return reject(CodeUnsupportedVersion, 12, "version is not one of "+strings.Join(versions, ", "))
	case !slices.Contains(processing, h.ProcessingID):
		return reject(CodeUnsupportedProcess, 11, "processing id is not one of "+strings.Join(processing, ", "))
	case h.ControlID == "":
		return &Problem{Ack: ApplicationReject, Code: CodeRequiredField, Segment: "MSH", Pos: 1, Field: 10, Text: "control id is empty"}
	case len(h.ControlID) > 20:
		return &Problem{Ack: ApplicationReject, Code: CodeTooLong, Segment: "MSH", Pos: 1, Field: 10, Text: "control id is longer than 20"}
	}
	return nil
}

// structureOf returns the abstract message structure of an MDM event (chapter 9.6): odd events carry no content.
func structureOf(event string) (string, bool) {
	n, err := strconv.Atoi(strings.TrimPrefix(event, "T"))
	if err != nil || len(event) != 3 || event[0] != 'T' || n < 1 || n > 11 {
		return "", false
	}
	if n%2 == 1 {
		return "MDM_T01", true
	}
	return "MDM_T02", true
}
