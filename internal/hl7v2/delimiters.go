package hl7v2

import "errors"

// ErrDelimiters says that MSH-1 and MSH-2 do not declare usable delimiters.
var ErrDelimiters = errors.New("parse hl7: MSH-1 and MSH-2 must declare four or five different punctuation characters")

// Delimiters are the characters that MSH-1 and MSH-2 declare (HL7 v2.5.1 §2.5.4). The zero value is not usable;
// start from [DefaultDelimiters].
type Delimiters struct {
	Field        byte // MSH-1, usually |
	Component    byte // MSH-2 first character, usually ^
	Repetition   byte // MSH-2 second character, usually ~
	Escape       byte // MSH-2 third character, usually \
	Subcomponent byte // MSH-2 fourth character, usually &
	Truncation   byte // MSH-2 fifth character, usually #, from v2.7; 0 where it is not declared
}

// DefaultDelimiters returns the delimiters that the standard recommends, without truncation: |^~\&.
func DefaultDelimiters() Delimiters {
	return Delimiters{Field: '|', Component: '^', Repetition: '~', Escape: '\\', Subcomponent: '&'}
}

// readDelimiters reads them from the start of a message and returns the length of MSH-2. The caller has seen "MSH".
func readDelimiters(b []byte) (Delimiters, int, error) {
	if len(b) < len(`MSH|^~\&`) {
		return Delimiters{}, 0, ErrDelimiters
	}
	d := Delimiters{Field: b[3], Component: b[4], Repetition: b[5], Escape: b[6], Subcomponent: b[7]}
	n := 4
	if len(b) > 8 && b[8] != d.Field && b[8] != '\r' && b[8] != '\n' {
		d.Truncation, n = b[8], 5
	}
	if end := 4 + n; len(b) > end && b[end] != d.Field && b[end] != '\r' && b[end] != '\n' {
		return Delimiters{}, 0, ErrDelimiters
	}
	if !d.valid() {
		return Delimiters{}, 0, ErrDelimiters
	}
	return d, n, nil
}

// valid reports whether all declared characters are different ASCII punctuation, so that none can be mistaken for a
// part of a name, a number, an escape code or a multi-byte character.
func (d Delimiters) valid() bool {
	all := []byte{d.Field, d.Component, d.Repetition, d.Escape, d.Subcomponent}
	if d.Truncation != 0 {
		all = append(all, d.Truncation)
	}
	for i, c := range all {
		if !isPunctuation(c) {
			return false
		}
		for _, other := range all[:i] {
			if c == other {
				return false
			}
		}
	}
	return true
}

func isPunctuation(c byte) bool {
	alphanumeric := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
	return c > ' ' && c < 0x7f && !alphanumeric && c != '.' && c != '"'
}

// special reports whether c cannot stand for itself inside a value.
func (d Delimiters) special(c byte) bool {
	return c < ' ' || c == 0x7f || c == d.Field || c == d.Component || c == d.Repetition || c == d.Escape ||
		c == d.Subcomponent || c == d.Truncation
}
