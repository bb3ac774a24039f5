package review

import "time"

// RecordingState is where a recording is.
type RecordingState string

// States of a recording.
const (
	RecordingOpen      RecordingState = "open"
	RecordingClosed    RecordingState = "closed"
	RecordingCancelled RecordingState = "cancelled"
)

// Recording is one consented stretch of talk, of one or more streams.
// Consent, transcript and closing belong to it, not to the note.
type Recording struct {
	ID           RecordingID
	SiteID       SiteID
	EncounterID  EncounterID
	DeviceID     string
	ClientID     string // the device's own id of the recording; unique per site and device
	Practitioner PractitionerID
	NoteType     string // LOINC document type to draft
	State        RecordingState
	Details      RecordingDetails
	Consent      Consent
	StartedAt    time.Time
	ClosedAt     time.Time
}

// RecordingDetails are facts of the visit that are kept sealed.
type RecordingDetails struct {
	Modality          string        `json:"modality,omitempty"` // in_person, video, phone, dictation
	ClinicianLocation ClinicalText  `json:"clinician_location,omitempty"`
	PatientLocation   ClinicalText  `json:"patient_location,omitempty"`
	Participants      []Participant `json:"participants,omitempty"`
	Languages         []string      `json:"languages,omitempty"`
	// StartSHA256 recognises a start that is sent again.
	StartSHA256 Digest `json:"start_sha256"`
}

// Participant is somebody present in the visit.
type Participant struct {
	Role  Role         `json:"role"`
	Label string       `json:"label,omitempty"`
	Name  ClinicalText `json:"name,omitempty"`
}

// StreamState is where a stream is.
type StreamState string

// States of a stream.
const (
	StreamOpen  StreamState = "open"
	StreamEnded StreamState = "ended"
)

// Stream is what one device connection sends for a recording. It survives
// the connection: a device that comes back with the resume token goes on
// after DurableSeq, in a new epoch that shuts the old connection out.
type Stream struct {
	ID          StreamID
	RecordingID RecordingID
	SiteID      SiteID
	Label       string
	Epoch       int64
	DurableSeq  int64 // highest sequence that is on disk
	State       StreamState
	TokenSHA256 Digest // of the resume token
}
