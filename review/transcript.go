package review

import (
	"fmt"
	"time"
	"unicode/utf8"
)

// Role is what a speaker is in the visit.
type Role string

// Speaker roles. A recogniser that cannot tell says RoleUnknown.
const (
	RoleClinician    Role = "clinician"
	RolePatient      Role = "patient"
	RoleCaregiver    Role = "caregiver"
	RoleInterpreter  Role = "interpreter"
	RoleStaff        Role = "staff"
	RoleOtherPatient Role = "other_patient"
	RoleUnknown      Role = "unknown"
)

// Valid reports whether r is one of the roles above.
func (r Role) Valid() bool {
	switch r {
	case RoleClinician, RolePatient, RoleCaregiver, RoleInterpreter, RoleStaff, RoleOtherPatient, RoleUnknown:
		return true
	}
	return false
}

// Speaker says who spoke an utterance.
type Speaker struct {
	Role Role `json:"role"`
	// PractitionerID is set for a clinician the device knows.
	PractitionerID PractitionerID `json:"practitioner_id,omitempty"`
	// Label is the device's own name for the voice, such as "spk_1".
	Label string `json:"label,omitempty"`
	// Confidence of the attribution, 0 to 1; 0 means not given.
	Confidence float32 `json:"confidence,omitempty"`
}

// Word is one recognised word with its confidence and alternatives.
type Word struct {
	Text       ClinicalText  `json:"text"`
	Start      time.Duration `json:"start,omitempty"`
	End        time.Duration `json:"end,omitempty"`
	Confidence float32       `json:"confidence,omitempty"` // 0 to 1; 0 means not given
	Alternates []Alternate   `json:"alternates,omitempty"`
}

// Alternate is another reading of a word.
type Alternate struct {
	Text       ClinicalText `json:"text"`
	Confidence float32      `json:"confidence,omitempty"`
}

// Utterance is one final piece of speech by one speaker. Sequence numbers
// are the device's, begin at 1 in each stream and have no holes.
type Utterance struct {
	Seq      int64         `json:"seq"`
	Revision int32         `json:"revision,omitempty"` // 0 for the first reading; corrections count up
	Speaker  Speaker       `json:"speaker"`
	Start    time.Duration `json:"start"` // from the start of the recording
	End      time.Duration `json:"end"`
	Text     ClinicalText  `json:"text"`
	Language string        `json:"language,omitempty"` // BCP 47
	Words    []Word        `json:"words,omitempty"`
}

// Limits on one utterance.
const (
	MaxUtteranceBytes = 16 << 10
	MaxUtteranceWords = 4096
)

// Validate names the first field that cannot be accepted, without content.
func (u Utterance) Validate() error {
	switch {
	case u.Seq < 1:
		return Errorf(KindInvalid, "utterance: sequence %d: sequence numbers begin at 1", u.Seq)
	case !u.Speaker.Role.Valid():
		return Errorf(KindInvalid, "utterance %d: speaker.role: use clinician, patient, caregiver, interpreter, staff, other_patient or unknown", u.Seq)
	case len(u.Text) == 0:
		return Errorf(KindInvalid, "utterance %d: text is empty: send only final utterances with words", u.Seq)
	case len(u.Text) > MaxUtteranceBytes:
		return Errorf(KindInvalid, "utterance %d: text has %d bytes: split it at %d", u.Seq, len(u.Text), MaxUtteranceBytes)
	case len(u.Words) > MaxUtteranceWords:
		return Errorf(KindInvalid, "utterance %d: %d words: at most %d", u.Seq, len(u.Words), MaxUtteranceWords)
	case !utf8.ValidString(string(u.Text)):
		return Errorf(KindInvalid, "utterance %d: text is not UTF-8", u.Seq)
	case u.Start < 0 || u.End < u.Start:
		return Errorf(KindInvalid, "utterance %d: times run backwards: end must not be before start, both count from the start of the recording", u.Seq)
	}
	return nil
}

// Evidence points from a statement to what was said: bytes [SpanStart,
// SpanEnd) of the text of one utterance. SpanEnd 0 means the whole utterance.
type Evidence struct {
	StreamID  StreamID `json:"stream_id"`
	Seq       int64    `json:"seq"`
	Revision  int32    `json:"revision,omitempty"`
	SpanStart int      `json:"span_start,omitempty"`
	SpanEnd   int      `json:"span_end,omitempty"`
}

// String names the place, not the words.
func (e Evidence) String() string { return fmt.Sprintf("%s/%d", e.StreamID, e.Seq) }

// StreamTranscript is what one stream of a recording has said so far.
type StreamTranscript struct {
	StreamID   StreamID
	Utterances []Utterance // by sequence, final only
}

// Transcript is all streams of one or more recordings.
type Transcript struct {
	Streams []StreamTranscript
}

// SpokenUtterance is an utterance together with the stream it came from.
type SpokenUtterance struct {
	StreamID StreamID
	Utterance
}

// Ordered returns every utterance of all streams by start time, then
// stream, then sequence.
func (t Transcript) Ordered() []SpokenUtterance {
	var all []SpokenUtterance
	for _, s := range t.Streams {
		for _, u := range s.Utterances {
			all = append(all, SpokenUtterance{s.StreamID, u})
		}
	}
	sortUtterances(all)
	return all
}

// Find returns the utterance an evidence pointer names.
func (t Transcript) Find(e Evidence) (Utterance, bool) {
	for _, s := range t.Streams {
		if s.StreamID != e.StreamID {
			continue
		}
		// Sequences have no holes, so the position is nearly always the index.
		if i := int(e.Seq) - 1; i >= 0 && i < len(s.Utterances) && s.Utterances[i].Seq == e.Seq {
			return s.Utterances[i], true
		}
		for _, u := range s.Utterances {
			if u.Seq == e.Seq {
				return u, true
			}
		}
	}
	return Utterance{}, false
}

// Conversation is what a drafter is given: the transcript and what the chart
// says of the patient. It has no identifiers of the patient beyond those.
type Conversation struct {
	Transcript Transcript
	Context    ChartContext
	// NoteType is the LOINC document type to draft, such as 11506-3.
	NoteType string
	// StartedAt is when the recording began.
	StartedAt time.Time
}

// ChartContext is what the EHR told about the patient. Every field may be
// empty: an unbound recording has none.
type ChartContext struct {
	// DisplayName is for pronouns and salutation checks in local drafters;
	// it is never sent to a model outside.
	DisplayName ClinicalText
	Sex         Sex
	// AgeYears at the time of the visit; -1 when not known.
	AgeYears int
}
