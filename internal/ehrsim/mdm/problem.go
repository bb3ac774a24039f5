package mdm

import "fmt"

// AckCode is an acknowledgment code of table 0008.
type AckCode string

// The acknowledgment codes of the original mode, and of the accept step of the enhanced mode.
const (
	ApplicationAccept AckCode = "AA"
	ApplicationError  AckCode = "AE" // something in the message is wrong; sending it again changes nothing
	ApplicationReject AckCode = "AR" // wrong type, event, processing id or version, or the receiver is in trouble
	CommitAccept      AckCode = "CA"
	CommitError       AckCode = "CE"
	CommitReject      AckCode = "CR"
)

// Codes of table 0357, message error condition.
const (
	CodeSegmentSequence    = 100
	CodeRequiredField      = 101
	CodeDataType           = 102
	CodeTableValue         = 103
	CodeTooLong            = 104
	CodeUnsupportedType    = 200
	CodeUnsupportedEvent   = 201
	CodeUnsupportedProcess = 202
	CodeUnsupportedVersion = 203
	CodeUnknownKey         = 204
	CodeDuplicateKey       = 205
	CodeRecordLocked       = 206
	CodeApplication        = 207
)

// Problem is why a message was refused. It carries what an ERR segment needs and never the value that was wrong.
type Problem struct {
	Ack     AckCode
	Code    int    // table 0357
	Segment string // ERR-2.1, empty when the message as a whole is meant
	Pos     int    // ERR-2.2: which of the segments with this id, from 1
	Field   int    // ERR-2.3, 0 when the segment as a whole is meant
	Text    string // ERR-7: what is wrong, in words
}

// Error names the acknowledgment, the code and the place.
func (p *Problem) Error() string {
	return fmt.Sprintf("read mdm: %s %d at %s-%d: %s", p.Ack, p.Code, p.Segment, p.Field, p.Text)
}

func reject(code int, field int, text string) *Problem {
	return &Problem{Ack: ApplicationReject, Code: code, Segment: "MSH", Pos: 1, Field: field, Text: text}
}

func at(s rawSegment, field, code int, text string) *Problem {
	return &Problem{Ack: ApplicationError, Code: code, Segment: s.id, Pos: s.pos, Field: field, Text: text}
}

// codeText is the display text of table 0357, for ERR-3.2.
func codeText(code int) string {
	switch code {
	case CodeSegmentSequence:
		return "Segment sequence error"
	case CodeRequiredField:
		return "Required field missing"
	case CodeDataType:
		return "Data type error"
	case CodeTableValue:
		return "Table value not found"
	case CodeTooLong:
		return "Value too long"
	case CodeUnsupportedType:
		return "Unsupported message type"
	case CodeUnsupportedEvent:
		return "Unsupported event code"
	case CodeUnsupportedProcess:
		return "Unsupported processing id"
	case CodeUnsupportedVersion:
		return "Unsupported version id"
	case CodeUnknownKey:
		return "Unknown key identifier"
	case CodeDuplicateKey:
		return "Duplicate key identifier"
	case CodeRecordLocked:
		return "Application record locked"
	}
	return "Application internal error"
}
