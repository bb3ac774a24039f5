package hl7v2

import "bytes"

// Message is a parsed or hand-made HL7 v2 message. The first segment is MSH.
type Message struct {
	Delimiters Delimiters
	Segments   []Segment
}

// Segment is one line of a message. Fields holds the encoded fields so that Fields[n-1] is field n of the standard,
// for MSH too, where field 1 is the field separator and field 2 the other delimiters.
type Segment struct {
	Name   string // three characters, as "TXA"
	Fields [][]byte

	delimiters Delimiters // of the message it was parsed from; the zero value stands for the default
}

// Segment returns the first segment of that name, or a segment without fields whose getters all return "".
func (m Message) Segment(name string) Segment {
	for _, s := range m.Segments {
		if s.Name == name {
			return s
		}
	}
	return Segment{Name: name}
}

// Has reports whether a segment of that name is present.
func (m Message) Has(name string) bool {
	return m.Segment(name).Fields != nil
}

// Append appends the encoded message to dst: every segment ends with a carriage return, the last one too. For a
// parsed message this gives back the input, with line ends normalised.
func (m Message) Append(dst []byte) []byte {
	for _, s := range m.Segments {
		dst = append(dst, s.Name...)
		fields := s.Fields
		if s.Name == "MSH" && len(fields) > 1 {
			// MSH-1 is the separator itself: it is not preceded by one.
			dst = append(dst, fields[0]...)
			dst = append(dst, fields[1]...)
			fields = fields[2:]
		}
		for _, f := range fields {
			dst = append(dst, m.Delimiters.Field)
			dst = append(dst, f...)
		}
		dst = append(dst, '\r')
	}
	return dst
}

// Raw returns field n (from 1) as it is encoded, or nil where the segment has no such field.
func (s Segment) Raw(n int) []byte {
	if n < 1 || n > len(s.Fields) {
		return nil
	}
	return s.Fields[n-1]
}

// Repetitions returns how often field n repeats: 0 where it is empty or missing.
func (s Segment) Repetitions(n int) int {
	raw := s.Raw(n)
	if len(raw) == 0 {
		return 0
	}
	if s.declaresDelimiters(n) {
		return 1
	}
	return 1 + bytes.Count(raw, []byte{s.delims().Repetition})
}

// Get returns one value without its escapes. The numbers after the field are repetition, component and subcomponent;
// all start at 1 and are 1 where they are left out. What is not there is "". Get(3) of a field with components gives
// the first one, as HL7 requires of a reader that knows an older version.
func (s Segment) Get(field int, at ...int) string {
	raw := s.Raw(field)
	if len(raw) == 0 {
		return ""
	}
	if s.declaresDelimiters(field) {
		return string(raw)
	}
	d := s.delims()
	for level, sep := range [3]byte{d.Repetition, d.Component, d.Subcomponent} {
		n := 1
		if level < len(at) {
			n = at[level]
		}
		raw = nth(raw, sep, n)
	}
	return Unescape(raw, d)
}

// declaresDelimiters reports whether field n is MSH-1 or MSH-2, in which delimiters stand for themselves.
func (s Segment) declaresDelimiters(n int) bool {
	return s.Name == "MSH" && n <= 2
}

func (s Segment) delims() Delimiters {
	if s.delimiters == (Delimiters{}) {
		return DefaultDelimiters()
	}
	return s.delimiters
}

// nth returns the n-th part (from 1) of b, or nil.
func nth(b []byte, sep byte, n int) []byte {
	if n < 1 {
		return nil
	}
	for ; n > 1; n-- {
		i := bytes.IndexByte(b, sep)
		if i < 0 {
			return nil
		}
		b = b[i+1:]
	}
	if i := bytes.IndexByte(b, sep); i >= 0 {
		return b[:i]
	}
	return b
}
