package mdm

import (
	"strconv"
	"strings"
)

// rawSegment is one segment split at the field separator. Field numbers are HL7's: field(0) is the segment id, and in MSH the separator
// itself is MSH-1.
type rawSegment struct {
	id     string
	fields []string
	pos    int // 1 for the first segment of its id in the message: ERR-2.2
}

// field returns the raw text of a field, still escaped, or "" if the segment ends before it.
func (s rawSegment) field(n int) string {
	if n < 0 || n >= len(s.fields) {
		return ""
	}
	return s.fields[n]
}

// delimiters are the five characters of MSH-1 and MSH-2.
type delimiters struct {
	field, component, repetition, escape, sub string
}

func standardDelimiters() delimiters { return delimiters{"|", "^", "~", `\`, "&"} }

// splitSegments cuts a message at carriage returns. Line feeds are no segment ends in HL7 and stay where they are, to be refused.
func splitSegments(raw []byte, d delimiters) []rawSegment {
	var out []rawSegment
	seen := map[string]int{}
	for line := range strings.SplitSeq(string(raw), "\r") {
		if line == "" {
			continue
		}
		fields := strings.Split(line, d.field)
		if len(out) == 0 { // MSH: the separator is a field of its own
			fields = append([]string{fields[0], d.field}, fields[1:]...)
		}
		seen[fields[0]]++
		out = append(out, rawSegment{id: fields[0], fields: fields, pos: seen[fields[0]]})
	}
	return out
}

// component returns component n (1-based) of the first repetition of a raw field, unescaped.
func (d delimiters) componentOf(field string, n int) string {
	field, _, _ = strings.Cut(field, d.repetition)
	parts := strings.Split(field, d.component)
	if n > len(parts) {
		return ""
	}
	return d.unescape(parts[n-1])
}

// unescape resolves the escapes of chapter 2.7: F S T R E, X with pairs of hexadecimal digits, and .br of formatted text, which becomes
// "\n". An escape it does not know (highlighting, other formatting) is kept as written.
func (d delimiters) unescape(s string) string {
	if !strings.Contains(s, d.escape) {
		return s
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, d.escape)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		code, after, closed := strings.Cut(rest, d.escape)
		if !closed { // a lone escape character is kept
			b.WriteString(d.escape + rest)
			return b.String()
		}
		if v, ok := d.resolve(code); ok {
			b.WriteString(v)
		} else {
			b.WriteString(d.escape + code + d.escape)
		}
		s = after
	}
}

func (d delimiters) resolve(code string) (string, bool) {
	switch code {
	case "F":
		return d.field, true
	case "S":
		return d.component, true
	case "T":
		return d.sub, true
	case "R":
		return d.repetition, true
	case "E":
		return d.escape, true
	case ".br":
		return "\n", true
	}
	if hex, ok := strings.CutPrefix(code, "X"); ok && len(hex) > 0 && len(hex)%2 == 0 {
		var b strings.Builder
		for i := 0; i < len(hex); i += 2 {
			n, err := strconv.ParseUint(hex[i:i+2], 16, 8)
			if err != nil {
				return "", false
			}
			b.WriteByte(byte(n))
		}
		return b.String(), true
	}
	return "", false
}
