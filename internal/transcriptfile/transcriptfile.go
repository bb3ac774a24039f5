package transcriptfile

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"countersign/review"
)

// Format is the kind of a transcript file.
type Format string

// Formats of transcript files.
const (
	FormatUnknown      Format = "transcript"
	FormatJSONLines    Format = "JSON lines"
	FormatTurns        Format = "[speaker] turns"
	FormatWebVTT       Format = "WebVTT"
	FormatHealthScribe Format = "HealthScribe JSON"
)

// MaxBytes is the largest file read: more than a day of talk.
const MaxBytes = 32 << 20

// Error says why a file cannot be read. It holds no content of the file.
type Error struct {
	Format Format
	Line   int // from 1; 0 when it is about the whole file
	Text   string
}

// Error implements error.
func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("read transcript: %s: %s", e.Format, e.Text)
	}
	return fmt.Sprintf("read transcript: %s, line %d: %s", e.Format, e.Line, e.Text)
}

// Read reads a whole transcript. The error is an [*Error] unless r fails.
func Read(r io.Reader) ([]review.Utterance, Format, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, FormatUnknown, fmt.Errorf("read transcript: %w", err)
	}
	if len(b) > MaxBytes {
		return nil, FormatUnknown, &Error{Format: FormatUnknown, Text: fmt.Sprintf("larger than %d MB: split it", MaxBytes>>20)}
	}
	return Parse(b)
}

// Parse reads a whole transcript. On error the utterances are nil.
func Parse(b []byte) ([]review.Utterance, Format, error) {
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	f := detect(b)
	if !utf8.Valid(b) {
		return nil, f, &Error{Format: f, Text: "not UTF-8 text: save it as UTF-8"}
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, f, &Error{Format: f, Text: "the file is empty"}
	}
	var us []review.Utterance
	var err error
	switch f {
	case FormatJSONLines:
		us, err = parseJSONLines(b)
	case FormatTurns:
		us, err = parseTurns(b)
	case FormatWebVTT:
		us, err = parseWebVTT(b)
	case FormatHealthScribe:
		us, err = parseHealthScribe(b)
	default:
		return nil, f, &Error{Format: f, Line: 1, Text: `format not recognised: use JSON lines, "[doctor] …" turns, WebVTT or HealthScribe JSON`}
	}
	if err != nil {
		return nil, f, err
	}
	if len(us) == 0 {
		return nil, f, &Error{Format: f, Text: "no utterance with words in it"}
	}
	if err := finish(f, us); err != nil {
		return nil, f, err
	}
	return us, f, nil
}

// detect looks at the first bytes only.
func detect(b []byte) Format {
	s := bytes.TrimSpace(b)
	switch {
	case bytes.HasPrefix(s, []byte("WEBVTT")):
		return FormatWebVTT
	case bytes.HasPrefix(s, []byte("{")):
		head := s[:min(len(s), 64)]
		if i := bytes.IndexByte(head, '"'); i >= 0 && bytes.HasPrefix(head[i:], []byte(`"Conversation"`)) {
			return FormatHealthScribe
		}
		return FormatJSONLines
	case len(s) > 0 && s[0] == '[':
		if _, _, ok := turnHead(string(s)); ok {
			return FormatTurns
		}
	}
	return FormatUnknown
}

// finish numbers the utterances, makes up missing times and validates.
func finish(f Format, us []review.Utterance) error {
	timed := false
	for _, u := range us {
		timed = timed || u.End > 0
	}
	var at time.Duration
	for i := range us {
		u := &us[i]
		u.Seq = int64(i + 1)
		if !timed {
			u.Start = at
			u.End = at + spokenIn(string(u.Text))
			at = u.End
		}
		if err := u.Validate(); err != nil {
			return &Error{Format: f, Text: err.Error()}
		}
	}
	return nil
}

// spokenIn is how long text takes at 150 words a minute.
func spokenIn(text string) time.Duration {
	return time.Duration(max(1, len(strings.Fields(text)))) * 400 * time.Millisecond
}

// roles maps what devices and corpora write to roles. Keys are lower case
// with underscores.
var roles = map[string]review.Role{
	"clinician": review.RoleClinician, "doctor": review.RoleClinician, "dr": review.RoleClinician, "physician": review.RoleClinician,
	"provider": review.RoleClinician, "practitioner": review.RoleClinician, "gp": review.RoleClinician,
	"patient":   review.RolePatient,
	"caregiver": review.RoleCaregiver, "patient_guest": review.RoleCaregiver, "guest": review.RoleCaregiver, "family": review.RoleCaregiver,
	"parent": review.RoleCaregiver, "mother": review.RoleCaregiver, "father": review.RoleCaregiver, "spouse": review.RoleCaregiver,
	"interpreter": review.RoleInterpreter, "translator": review.RoleInterpreter,
	"staff": review.RoleStaff, "nurse": review.RoleStaff, "assistant": review.RoleStaff, "ma": review.RoleStaff,
	"other_patient": review.RoleOtherPatient,
	"unknown":       review.RoleUnknown, "speaker": review.RoleUnknown,
}

// roleOf reads a speaker's name: a role, a usual name of one, or either with
// a number ("CLINICIAN_0", "Patient 2") or a family name ("Dr. Smith").
func roleOf(name string) (review.Role, bool) {
	key := strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		case r == ' ' || r == '-' || r == '.' || r == ':':
			return '_'
		}
		return r
	}, strings.TrimSpace(name))
	key = strings.Trim(key, "_")
	if r, ok := roles[key]; ok {
		return r, true
	}
	if r, ok := roles[strings.TrimRight(strings.TrimRight(key, "0123456789"), "_")]; ok {
		return r, true
	}
	first, _, _ := strings.Cut(key, "_")
	if r := roles[first]; r == review.RoleClinician && (first == "dr" || first == "doctor") {
		return r, true
	}
	return review.RoleUnknown, false
}
