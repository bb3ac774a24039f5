package hl7v2

import (
	"errors"
	"fmt"
)

// ErrNotACK says that a message is readable but is not one acknowledgement.
var ErrNotACK = errors.New("parse hl7 ack: want exactly one MSA segment with MSA-1 and MSA-2")

// AckCode is MSA-1 (table 0008).
type AckCode string

// Acknowledgement codes. A is the application's answer (original mode), C the accept answer (enhanced mode, §2.9.3).
const (
	AA AckCode = "AA" // processed
	AE AckCode = "AE" // error in the content
	AR AckCode = "AR" // rejected: header not supported, or the system cannot take it now
	CA AckCode = "CA" // committed to safe storage
	CE AckCode = "CE" // could not be committed
	CR AckCode = "CR" // header refused
)

// ACK is an acknowledgement message.
type ACK struct {
	Code      AckCode    // MSA-1
	ControlID string     // MSA-2: MSH-10 of the message it answers
	Text      Text       // MSA-3, free text of the receiver: may name a patient, prints as [redacted]
	Errors    []AckError // one for each ERR segment (or for MSA-6 in messages before v2.5)
	MessageID string     // MSH-10 of the ACK itself
	Version   string     // MSH-12
}

// AckError is one ERR segment. Codes are those of table 0357; the text fields may name a patient.
type AckError struct {
	Code     string // ERR-3.1, or ERR-1.4.1 before v2.5
	Severity string // ERR-4, table 0516: E error, F fatal, I information, W warning; blank before v2.5
	Segment  string // ERR-2.1: segment name
	Field    string // ERR-2.3: field number in the segment
	Text     Text   // ERR-8, or ERR-7 where that is blank
}

// ParseACK reads an acknowledgement. It takes CR, LF and CR LF as line ends, and ERR of v2.5 and of earlier versions.
// A reply that it cannot read says nothing about what became of the message: the outcome is unknown, not refused.
// On error the result is zero.
func ParseACK(b []byte) (ACK, error) {
	m, err := Parser{LineFeeds: true}.Parse(b)
	if err != nil {
		return ACK{}, err
	}
	return ReadACK(m)
}

// ReadACK takes the acknowledgement out of a parsed message.
func ReadACK(m Message) (ACK, error) {
	msh, msa := m.Segment("MSH"), m.Segment("MSA")
	a := ACK{
		Code:      ackCode(msa.Raw(1)),
		ControlID: msa.Get(2),
		Text:      Text(msa.Get(3)),
		MessageID: msh.Get(10),
		Version:   msh.Get(12),
	}
	if a.Code == "" || a.ControlID == "" || countSegments(m, "MSA") != 1 {
		return ACK{}, ErrNotACK
	}
	for _, s := range m.Segments {
		if s.Name == "ERR" {
			a.Errors = append(a.Errors, readAckError(s))
		}
	}
	if code := msa.Get(6); code != "" && len(a.Errors) == 0 { // MSA-6, until v2.4
		a.Errors = []AckError{{Code: code}}
	}
	return a, nil
}

func readAckError(s Segment) AckError {
	e := AckError{Code: s.Get(3), Severity: s.Get(4), Segment: s.Get(2), Field: s.Get(2, 1, 3)}
	if e.Text = Text(s.Get(8)); e.Text == "" {
		e.Text = Text(s.Get(7))
	}
	if e.Code == "" { // ERR-1 (ELD): segment ^ sequence ^ field ^ code
		e.Code, e.Segment, e.Field = s.Get(1, 1, 4), s.Get(1), s.Get(1, 1, 3)
	}
	return e
}

func ackCode(raw []byte) AckCode {
	for _, c := range [...]AckCode{AA, AE, AR, CA, CE, CR} {
		if string(raw) == string(c) {
			return c
		}
	}
	return AckCode(raw)
}

func countSegments(m Message, name string) int {
	n := 0
	for _, s := range m.Segments {
		if s.Name == name {
			n++
		}
	}
	return n
}

// Answers reports whether the ACK is for the message with that MSH-10. Any other answer is late or misrouted and
// leaves the outcome of ours unknown.
func (a ACK) Answers(controlID string) bool {
	return a.ControlID == controlID && controlID != ""
}

// Disposition is what an ACK means for whoever sent the message.
type Disposition int

// Dispositions. The zero value is Unrecognised, so a forgotten case is never taken for success.
const (
	Unrecognised Disposition = iota // MSA-1 is not in table 0008: the outcome is unknown
	Accepted                        // AA processed or CA committed: "taken by the interface"
	Permanent                       // the same bytes will be refused again
	Transient                       // refused now, not stored; the same bytes may succeed later
)

// String returns the lower-case name.
func (d Disposition) String() string {
	switch d {
	case Accepted:
		return "accepted"
	case Permanent:
		return "permanent"
	case Transient:
		return "transient"
	case Unrecognised:
		return "unrecognised"
	default:
		return fmt.Sprintf("disposition(%d)", int(d))
	}
}

// Disposition classifies the answer. Check [ACK.Answers] before acting on it.
//
// AA and CA are accepted, whatever ERR says (warnings ride on accepted messages; look at Errors). Otherwise codes
// decide first: 200–203 (unsupported type, event, processing id, version) are permanent, else 206 (record locked)
// and 207 (application error) are transient. Without such a code AE and CR are permanent and CE is transient; AR is
// transient only where no error code came with it, because it also stands for "system down" (§2.9.2).
func (a ACK) Disposition() Disposition {
	switch a.Code {
	case AA, CA:
		return Accepted
	case AE, AR, CE, CR:
	default:
		return Unrecognised
	}
	transient, coded := false, false
	for _, e := range a.Errors {
		if e.Severity == "W" || e.Severity == "I" {
			continue
		}
		switch e.Code {
		case "200", "201", "202", "203":
			return Permanent
		case "206", "207":
			transient = true
		}
		coded = coded || e.Code != ""
	}
	switch {
	case transient, a.Code == CE, a.Code == AR && !coded:
		return Transient
	default:
		return Permanent
	}
}
