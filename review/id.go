package review

import (
	"crypto/rand"
	"encoding/base32"
	"regexp"
)

// Ids are 128 random bits as 26 lower-case base32 characters (RFC 4648
// without padding). They carry no time and no meaning, and may stand in
// logs, URLs and NATS subjects. Each noun has its own type so that one id
// cannot be passed for another.
type (
	// SiteID names a health-care organisation's site; chosen by its
	// operator, 1 to 26 characters of [a-z0-9-].
	SiteID string
	// DestinationID names one EHR connection of a site; chosen by the
	// operator, same form as SiteID.
	DestinationID string
	// PractitionerID names one person who acts; chosen by the operator or
	// random.
	PractitionerID string
	// PatientID names a patient in Countersign, never in an EHR.
	PatientID string
	// EncounterID names an encounter in Countersign, never in an EHR.
	EncounterID string
	// RecordingID names one consented stretch of talk.
	RecordingID string
	// StreamID names one device stream of a recording.
	StreamID string
	// NoteID names a note; its upper-case form is the document number.
	NoteID string
	// StatementID names a statement; it is stable through revisions.
	StatementID string
	// WriteBackID names one write to one destination.
	WriteBackID string
	// IncarnationID names one run of one process.
	IncarnationID string
)

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewID returns 128 fresh random bits as 26 base32 characters.
func NewID[T ~string]() T {
	var b [16]byte
	rand.Read(b[:]) // never fails since Go 1.24
	return T(idEncoding.EncodeToString(b[:]))
}

// NewControlID returns a random HL7 message control id: 20 upper-case
// characters, the longest MSH-10 that v2.5.1 receivers must take.
func NewControlID() string {
	var b [13]byte
	rand.Read(b[:])
	return upper(idEncoding.EncodeToString(b[:])[:20])
}

func upper(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}

var (
	reID   = regexp.MustCompile(`^[a-z2-7]{26}$`)
	reName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,25}$`)
)

// ValidID reports whether s has the form of a random id.
func ValidID[T ~string](s T) bool { return reID.MatchString(string(s)) }

// ValidName reports whether s has the form of an operator-chosen id: 1 to 26
// characters of a-z, 0-9 and hyphen, not beginning with a hyphen.
func ValidName[T ~string](s T) bool { return reName.MatchString(string(s)) }
