package mdm

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// charset is a value of MSH-18, table 0211.
type charset string

const (
	ascii  charset = "ASCII"
	latin1 charset = "8859/1"
	utf8CS charset = "UNICODE UTF-8"
)

// charsetOf reads the first repetition of MSH-18. Empty means ASCII (chapter 2.15.9.18).
func (h Header) charset() (charset, *Problem) {
	first, _, _ := strings.Cut(h.CharacterSet, h.delims.repetition)
	cs := charset(h.delims.unescape(first))
	if cs == "" {
		return ascii, nil
	}
	if !slices.Contains([]charset{ascii, latin1, utf8CS}, cs) {
		return "", &Problem{Ack: ApplicationError, Code: CodeTableValue, Segment: "MSH", Pos: 1, Field: 18, Text: "character set is not supported"}
	}
	return cs, nil
}

// decode turns bytes into text as a receiver does that believes MSH-18. Bytes outside ASCII in a message that declares nothing become
// U+FFFD, one each: real engines garble them too and still answer AA, which only a read-back notices.
func (c charset) decode(raw []byte) ([]byte, *Problem) {
	switch c {
	case utf8CS:
		if !utf8.Valid(raw) {
			return nil, &Problem{Ack: ApplicationError, Code: CodeDataType, Segment: "MSH", Pos: 1, Field: 18, Text: "message is not valid UTF-8"}
		}
		return raw, nil
	case latin1:
		return mapHigh(raw, func(b byte) rune { return rune(b) }), nil
	}
	return mapHigh(raw, func(byte) rune { return utf8.RuneError }), nil
}

func mapHigh(raw []byte, to func(byte) rune) []byte {
	out := make([]byte, 0, len(raw))
	for _, b := range raw {
		if b < utf8.RuneSelf {
			out = append(out, b)
			continue
		}
		out = utf8.AppendRune(out, to(b))
	}
	return out
}
