package mdm

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Answer builds the acknowledgment of a message: ACK^Txx^ACK with MSH-3/4 and 5/6 exchanged, MSH-11, MSH-12 and MSH-18 mirrored, MSH-10
// its own, MSA-2 the control id of the message, and one ERR if the code is not a success (chapter 2.9.2). p may be nil.
func (h Header) Answer(code AckCode, p *Problem, ownID string, now time.Time) []byte {
	d := h.delims
	version, processing := h.Version, h.ProcessingID
	if version == "" {
		version = "2.5.1"
	}
	if processing == "" {
		processing = "P"
	}
	event := "ACK"
	if _, known := structureOf(h.Event); known {
		event = strings.Join([]string{"ACK", h.Event, "ACK"}, d.component)
	}
	msh := []string{"MSH", d.component + d.repetition + d.escape + d.sub, h.ReceivingApp, h.ReceivingFacility, h.SendingApp, h.SendingFacility,
		stamp(now), "", event, ownID, processing, version}
	if h.CharacterSet != "" {
		msh = append(msh, "", "", "", "", "", h.CharacterSet) // MSH-13 to MSH-18
	}
	lines := []string{strings.Join(msh, d.field), strings.Join([]string{"MSA", string(code), h.ControlID}, d.field)}
	if p != nil && !slices.Contains([]AckCode{ApplicationAccept, CommitAccept}, code) {
		lines = append(lines, h.errSegment(p, version))
	}
	return []byte(strings.Join(lines, "\r") + "\r")
}

// errSegment writes ERR in the form of the message's version: one coded field before 2.5, ERR-2, 3, 4 and 7 from then on.
func (h Header) errSegment(p *Problem, version string) string {
	d := h.delims
	var place []string
	if p.Segment != "" {
		place = []string{p.Segment, strconv.Itoa(max(p.Pos, 1))}
		if p.Field > 0 {
			place = append(place, strconv.Itoa(p.Field))
		}
	}
	if version < "2.5" {
		for len(place) < 3 {
			place = append(place, "")
		}
		return "ERR" + d.field + strings.Join(append(place, strconv.Itoa(p.Code)), d.component)
	}
	code := strings.Join([]string{strconv.Itoa(p.Code), codeText(p.Code), "HL70357"}, d.component)
	return strings.Join([]string{"ERR", "", strings.Join(place, d.component), code, "E", "", "", d.escapeText(p.Text)}, d.field)
}

// escapeText escapes the delimiters, the escape character first.
func (d delimiters) escapeText(s string) string {
	e := d.escape
	return strings.NewReplacer(e, e+"E"+e, d.field, e+"F"+e, d.component, e+"S"+e, d.repetition, e+"R"+e, d.sub, e+"T"+e).Replace(s)
}

// Enhanced returns the accept-level code for an application-level one, and whether the sender of the message asked for that answer in
// MSH-15 (table 0155: AL always, NE never, ER only on error, SU only on success).
func (h Header) Enhanced(code AckCode) (AckCode, bool) {
	success := code == ApplicationAccept
	commit := map[AckCode]AckCode{ApplicationAccept: CommitAccept, ApplicationError: CommitError, ApplicationReject: CommitReject}[code]
	switch h.AcceptAck {
	case "NE":
		return commit, false
	case "ER":
		return commit, !success
	case "SU":
		return commit, success
	}
	return commit, true
}

// Key identifies a transmission: sending application and facility with the control id. A receiver answers a repeated key with the answer
// it gave before.
func (h Header) Key() string {
	return fmt.Sprintf("%q %q %q", h.SendingApp, h.SendingFacility, h.ControlID)
}
