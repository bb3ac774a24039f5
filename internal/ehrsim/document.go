package ehrsim

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"
)

// ReceivedDocument is one document as the simulator filed it. Values handed out are copies.
type ReceivedDocument struct {
	Endpoint Endpoint `json:"endpoint"`
	// ID is the resource id; on the MLLP door the document number.
	ID string `json:"id"`
	// PatientID and EncounterID are ids of the simulator's patients; on the MLLP door PID-3.1 and PV1-19.1 where nobody with that
	// identifier was seeded.
	PatientID   string `json:"patient_id"`
	EncounterID string `json:"encounter_id,omitempty"`
	PatientName string `json:"patient_name,omitempty"`
	// DocumentNumber is masterIdentifier or else the first identifier of a DocumentReference, or TXA-12.1. The Epic door keeps none.
	DocumentNumber string `json:"document_number,omitempty"`
	ParentNumber   string `json:"parent_number,omitempty"` // TXA-13.1
	TypeCode       string `json:"type_code"`               // first type coding, or TXA-2
	Status         string `json:"status,omitempty"`        // DocumentReference.status
	DocStatus      string `json:"doc_status,omitempty"`    // DocumentReference.docStatus, or TXA-17
	Availability   string `json:"availability,omitempty"`  // TXA-19
	AuthorRef      string `json:"author,omitempty"`        // first author reference, or TXA-9.1
	ContentType    string `json:"content_type"`            // of the first attachment; text/plain on the MLLP door
	// Text is the decoded first attachment (empty if it is no text), or the sections of the MDM joined by blank lines.
	Text string `json:"text"`
	// SHA256 is the lower-case hexadecimal digest of the decoded first attachment, or of Text.
	SHA256     string    `json:"sha256"`
	Sections   []Section `json:"sections,omitempty"` // one per OBX
	Raw        []byte    `json:"raw"`                // request body or message, byte by byte
	ReceivedAt time.Time `json:"received_at"`
	ControlID  string    `json:"control_id,omitempty"` // MSH-10
	// Replays counts transmissions that were recognised as repetitions and not filed again; AlteredReplays those whose bytes differed.
	Replays        int     `json:"replays"`
	AlteredReplays int     `json:"altered_replays"`
	Events         []Event `json:"events,omitempty"`
	// TimesFiled is the number of documents of the same door, patient and SHA256 at the moment of asking: more than 1 is a duplicate note.
	TimesFiled int `json:"times_filed"`
}

// Section is one OBX segment of a filed MDM.
type Section struct {
	Code  string `json:"code"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

// Event is one MDM message that touched a document, the first included.
type Event struct {
	Trigger      string    `json:"trigger"` // T01 to T11
	ControlID    string    `json:"control_id"`
	DocStatus    string    `json:"doc_status"`
	Availability string    `json:"availability"`
	Raw          []byte    `json:"raw"`
	At           time.Time `json:"at"`
}

func (d *ReceivedDocument) copy() ReceivedDocument {
	c := *d
	c.Raw = bytes.Clone(d.Raw)
	c.Sections = slices.Clone(d.Sections)
	c.Events = slices.Clone(d.Events)
	return c
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
