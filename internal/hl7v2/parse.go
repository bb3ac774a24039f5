package hl7v2

import (
	"bytes"
	"errors"
	"fmt"
)

// Errors of [Parse] and [Parser.Parse], beside [ErrDelimiters].
var (
	ErrTooLarge = errors.New("parse hl7: message exceeds a size limit")
	ErrNoHeader = errors.New("parse hl7: message does not start with MSH")
	ErrSegment  = errors.New("parse hl7: a line is not a segment (three capitals or digits, then the field separator)")
	ErrLineFeed = errors.New("parse hl7: line feed in the message; declare LineFeeds for a sender that ends segments so")
)

// Limits of a [Parser] that sets none.
const (
	DefaultMaxBytes    = 10 << 20
	DefaultMaxSegments = 10_000
	DefaultMaxFields   = 200_000
)

// Parser parses messages under limits. The zero value uses the defaults.
type Parser struct {
	MaxBytes    int  // longest message in bytes; 0 means DefaultMaxBytes
	MaxSegments int  // most segments; 0 means DefaultMaxSegments
	MaxFields   int  // most fields in all segments together (24 bytes of memory each); 0 means DefaultMaxFields
	LineFeeds   bool // LF and CR LF end a segment too (against §2.6, but some senders do it)
}

// Parse parses a message with default limits. See [Parser.Parse].
func Parse(b []byte) (Message, error) {
	return Parser{}.Parse(b)
}

// Parse splits b into segments and fields; the message keeps b. Segments end with CR (with LF too where LineFeeds is
// set); the last end may be missing, and empty lines are skipped. It checks the shape only: required segments and
// value tables are for the caller. On error the message is zero and the error is one of this package's sentinels.
func (p Parser) Parse(b []byte) (Message, error) {
	if len(b) > limit(p.MaxBytes, DefaultMaxBytes) {
		return Message{}, fmt.Errorf("%w (%d bytes)", ErrTooLarge, len(b))
	}
	if !bytes.HasPrefix(b, []byte("MSH")) {
		return Message{}, ErrNoHeader
	}
	d, encodingChars, err := readDelimiters(b)
	if err != nil {
		return Message{}, err
	}
	if !p.LineFeeds && bytes.IndexByte(b, '\n') >= 0 {
		return Message{}, ErrLineFeed
	}

	// Counting first makes two allocations serve the whole message and enforces the limits before any is made.
	segments := 1 + bytes.Count(b, []byte{'\r'})
	if p.LineFeeds {
		segments += bytes.Count(b, []byte{'\n'})
	}
	fields := 1 + bytes.Count(b, []byte{d.Field})
	if fields > limit(p.MaxFields, DefaultMaxFields) {
		return Message{}, fmt.Errorf("%w (%d fields)", ErrTooLarge, fields)
	}
	maxSegments := limit(p.MaxSegments, DefaultMaxSegments)
	m := Message{Delimiters: d, Segments: make([]Segment, 0, min(segments, maxSegments))}
	backing := make([][]byte, 0, fields)

	for len(b) > 0 {
		var line []byte
		line, b = p.cutLine(b)
		if len(line) == 0 {
			continue
		}
		if len(m.Segments) == maxSegments {
			return Message{}, fmt.Errorf("%w (more than %d segments)", ErrTooLarge, maxSegments)
		}
		if !validSegment(line, d.Field) {
			return Message{}, fmt.Errorf("%w: segment %d", ErrSegment, len(m.Segments)+1)
		}
		s := Segment{Name: segmentName(line[:3]), delimiters: d}
		from := len(backing)
		rest := line[3:]
		if s.Name == "MSH" {
			if len(m.Segments) > 0 {
				return Message{}, fmt.Errorf("%w: a second MSH, as segment %d", ErrSegment, len(m.Segments)+1)
			}
			backing = append(backing, line[3:4], line[4:4+encodingChars])
			rest = line[4+encodingChars:]
		}
		backing = appendFields(backing, rest, d.Field)
		s.Fields = backing[from:len(backing):len(backing)]
		m.Segments = append(m.Segments, s)
	}
	return m, nil
}

// appendFields splits what follows a segment name: empty, or a separator before every field.
func appendFields(fields [][]byte, b []byte, sep byte) [][]byte {
	for len(b) > 0 {
		b = b[1:]
		end := bytes.IndexByte(b, sep)
		if end < 0 {
			end = len(b)
		}
		fields = append(fields, b[:end:end])
		b = b[end:]
	}
	return fields
}

func (p Parser) cutLine(b []byte) (line, rest []byte) {
	end := bytes.IndexByte(b, '\r')
	if p.LineFeeds {
		end = bytes.IndexAny(b, "\r\n")
	}
	if end < 0 {
		return b, nil
	}
	return b[:end], b[end+1:]
}

func validSegment(line []byte, sep byte) bool {
	if len(line) < 3 || len(line) > 3 && line[3] != sep {
		return false
	}
	for i, c := range line[:3] {
		letter, digit := c >= 'A' && c <= 'Z', c >= '0' && c <= '9'
		if !letter && (i == 0 || !digit) {
			return false
		}
	}
	return true
}

// segmentName returns the name without allocating for the segments that we meet.
func segmentName(b []byte) string {
	switch string(b) {
	case "MSH":
		return "MSH"
	case "MSA":
		return "MSA"
	case "ERR":
		return "ERR"
	case "EVN":
		return "EVN"
	case "PID":
		return "PID"
	case "PV1":
		return "PV1"
	case "TXA":
		return "TXA"
	case "OBX":
		return "OBX"
	}
	return string(b)
}

func limit(n, fallback int) int {
	if n <= 0 {
		return fallback
	}
	return n
}
