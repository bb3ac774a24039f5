package hl7v2

import (
	"errors"
	"time"
)

// ErrTime says that a value is not an HL7 date or time.
var ErrTime = errors.New("parse hl7 time: want YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]")

// Precision says how much of a time is known and written.
type Precision int

// Precisions of HL7 v2.5.1 type DTM. An offset is written from Hour on: a date has none.
const (
	Year Precision = iota + 1
	Month
	Day
	Hour
	Minute
	Second
	Millisecond
)

// layout returns the form of a precision for package time, without offset.
func (p Precision) layout() string {
	switch p {
	case Year:
		return "2006"
	case Month:
		return "200601"
	case Day:
		return "20060102"
	case Hour:
		return "2006010215"
	case Minute:
		return "200601021504"
	case Millisecond:
		return "20060102150405.000"
	default:
		return "20060102150405"
	}
}

// FormatDTM writes t in its own location, with the offset from UTC where p reaches the hour. The zero time gives "".
func FormatDTM(t time.Time, p Precision) string {
	return string(AppendDTM(nil, t, p))
}

// AppendDTM appends what [FormatDTM] returns.
func AppendDTM(dst []byte, t time.Time, p Precision) []byte {
	if t.IsZero() {
		return dst
	}
	dst = t.AppendFormat(dst, p.layout())
	if p < Hour {
		return dst
	}
	return t.AppendFormat(dst, "-0700")
}

// ParseDTM reads a date or time and says how precise it is. Where no offset is written the time is taken to be in
// loc: for a sender that leaves it out that is the sender's own zone, never a guess of ours. A fraction
// counts as Millisecond; its fourth digit is kept.
func ParseDTM(s string, loc *time.Location) (time.Time, Precision, error) {
	digits, offset := s, ""
	if n := len(s) - 5; n >= 0 && (s[n] == '+' || s[n] == '-') {
		digits, offset = s[:n], s[n:]
	}
	p, ok := precisionOf(digits)
	if !ok {
		return time.Time{}, 0, ErrTime
	}
	layout := p.layout()
	if p == Millisecond {
		layout = "20060102150405." + "0000"[:len(digits)-len("20060102150405.")]
	}
	var t time.Time
	var err error
	if offset == "" {
		t, err = time.ParseInLocation(layout, digits, loc)
	} else {
		t, err = time.Parse(layout+"-0700", s)
	}
	if err != nil {
		return time.Time{}, 0, ErrTime // the cause quotes the value, which may be a date of birth
	}
	return t, p, nil
}

func precisionOf(digits string) (Precision, bool) {
	whole := len(digits)
	for i := 0; i < len(digits); i++ {
		if digits[i] == '.' && i == 14 {
			whole = i
			continue
		}
		if digits[i] < '0' || digits[i] > '9' {
			return 0, false
		}
	}
	if fraction := len(digits) - whole; fraction > 0 {
		return Millisecond, fraction >= 2 && fraction <= 5
	}
	switch whole {
	case 4:
		return Year, true
	case 6:
		return Month, true
	case 8:
		return Day, true
	case 10:
		return Hour, true
	case 12:
		return Minute, true
	case 14:
		return Second, true
	}
	return 0, false
}
