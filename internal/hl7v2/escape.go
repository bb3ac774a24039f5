package hl7v2

import (
	"bytes"
	"encoding/hex"
	"strings"
)

// nullValue is the two characters that tell a receiver to delete what it stored (HL7 v2.5.1 §2.5.3).
const nullValue = `""`

const hexDigits = "0123456789ABCDEF"

// AppendEscaped appends one value (a component or subcomponent) to dst. Delimiters become escape sequences; control
// characters, line ends included, become \Xhh\; the value `""` is written in hexadecimal so that it does not mean
// "delete". [Unescape] gives back exactly s, for every s.
func AppendEscaped(dst []byte, s string, d Delimiters) []byte {
	if s == nullValue {
		return append(dst, d.Escape, 'X', '2', '2', '2', '2', d.Escape)
	}
	plain := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if ordinary(c) || !d.special(c) {
			continue
		}
		dst = append(dst, s[plain:i]...)
		dst = d.appendSequence(dst, c)
		plain = i + 1
	}
	return append(dst, s[plain:]...)
}

// ordinary is a quick way past the bytes that no message can declare as a delimiter.
func ordinary(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c == ' ' || c >= 0x80 || c >= '0' && c <= '9'
}

// appendSequence writes the escape sequence for c. The escape character itself is looked at first.
func (d Delimiters) appendSequence(dst []byte, c byte) []byte {
	var name byte
	switch c {
	case d.Escape:
		name = 'E'
	case d.Field:
		name = 'F'
	case d.Component:
		name = 'S'
	case d.Subcomponent:
		name = 'T'
	case d.Repetition:
		name = 'R'
	default:
		if c == d.Truncation && c != 0 {
			name = 'P'
			break
		}
		return append(dst, d.Escape, 'X', hexDigits[c>>4], hexDigits[c&15], d.Escape)
	}
	return append(dst, d.Escape, name, d.Escape)
}

// AppendTX appends a block of text as one TX field: every line becomes one repetition (chapter 2A, type TX). CR LF,
// LF and CR all end a line. [DecodeText] gives back the text with "\n" for every line end. A lone `~` in the result
// is therefore always a line end, and no byte below 0x20 is written.
func AppendTX(dst []byte, text string, d Delimiters) []byte {
	for {
		i := strings.IndexAny(text, "\r\n")
		if i < 0 {
			return AppendEscaped(dst, text, d)
		}
		dst = AppendEscaped(dst, text[:i], d)
		dst = append(dst, d.Repetition)
		if text[i] == '\r' && i+1 < len(text) && text[i+1] == '\n' {
			i++
		}
		text = text[i+1:]
	}
}

// DecodeText reads a TX or FT field: repetitions and \.br\ become "\n", escape sequences the characters they stand
// for. It is the inverse of [AppendTX].
func DecodeText(field []byte, d Delimiters) string {
	if bytes.IndexByte(field, d.Escape) < 0 && bytes.IndexByte(field, d.Repetition) < 0 {
		return string(field)
	}
	out := make([]byte, 0, len(field))
	for {
		i := bytes.IndexByte(field, d.Repetition)
		if i < 0 {
			return string(appendUnescaped(out, field, d))
		}
		out = appendUnescaped(out, field[:i], d)
		out = append(out, '\n')
		field = field[i+1:]
	}
}

// Unescape returns the characters that an encoded value stands for. Highlighting (\H\ \N\) is dropped, \.br\ becomes
// "\n", and a sequence that is not known (\Z..\, \C..\) or not closed is kept as it is written. \Xhh\ can produce
// any byte, also ones that are not valid UTF-8.
func Unescape(value []byte, d Delimiters) string {
	if bytes.IndexByte(value, d.Escape) < 0 {
		return string(value)
	}
	return string(appendUnescaped(make([]byte, 0, len(value)), value, d))
}

func appendUnescaped(dst, value []byte, d Delimiters) []byte {
	for {
		open := bytes.IndexByte(value, d.Escape)
		if open < 0 {
			return append(dst, value...)
		}
		dst = append(dst, value[:open]...)
		value = value[open+1:]
		end := bytes.IndexByte(value, d.Escape)
		if end < 0 {
			dst = append(dst, d.Escape)
			return append(dst, value...)
		}
		var known bool
		if dst, known = d.appendMeaning(dst, value[:end]); known {
			value = value[end+1:]
			continue
		}
		// Not a sequence: this was a stray escape character. Its would-be end may open a real one.
		dst = append(dst, d.Escape)
	}
}

// appendMeaning appends what the sequence between two escape characters stands for.
func (d Delimiters) appendMeaning(dst, name []byte) ([]byte, bool) {
	switch string(name) {
	case "F":
		return append(dst, d.Field), true
	case "S":
		return append(dst, d.Component), true
	case "T":
		return append(dst, d.Subcomponent), true
	case "R":
		return append(dst, d.Repetition), true
	case "E":
		return append(dst, d.Escape), true
	case "P":
		if d.Truncation == 0 {
			return append(dst, '#'), true
		}
		return append(dst, d.Truncation), true
	case "H", "N":
		return dst, true
	case ".br", ".BR":
		return append(dst, '\n'), true
	}
	if len(name) < 3 || name[0] != 'X' || len(name)%2 == 0 {
		return dst, false
	}
	out, err := hex.AppendDecode(dst, name[1:])
	if err != nil {
		return dst, false
	}
	return out, true
}
