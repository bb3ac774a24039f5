package review

import "time"

// Site is one organisation's site: its policy and its destinations.
type Site struct {
	ID           SiteID        `json:"id"`
	Name         string        `json:"name"`
	Policy       Policy        `json:"policy"`
	Destinations []Destination `json:"destinations"`
}

// Destination returns the destination with the id.
func (s Site) Destination(id DestinationID) (Destination, bool) {
	for _, d := range s.Destinations {
		if d.ID == id {
			return d, true
		}
	}
	return Destination{}, false
}

// Mode says what a destination is.
type Mode string

// Modes of a destination. Only simulated ones, which listen on loopback
// addresses, need no gate.
const (
	ModeSimulated  Mode = "simulated"
	ModeTest       Mode = "test"
	ModeProduction Mode = "production"
)

// Destination is one EHR connection of a site. Addresses and secrets are the
// adapter's configuration, not the domain's.
type Destination struct {
	ID      DestinationID `json:"id"`
	Name    string        `json:"name"`    // for people: "Epic (simulated)"
	Adapter string        `json:"adapter"` // fhir, epic, hl7mdm, filedir
	Mode    Mode          `json:"mode"`
	// RepeatSafe says that the destination is declared safe for sending the
	// same document again: it recognises what it has. Default false.
	RepeatSafe bool `json:"repeat_safe,omitempty"`
	// Settle is how long after a lost reply the destination may still be
	// filing: that it does not have the document proves nothing before then.
	// 0 means two minutes.
	Settle time.Duration `json:"settle,omitempty"`
}

// FileAt says when a note is written.
type FileAt string

// When a note is written to its destinations.
const (
	FileAtCompletion      FileAt = "completion"
	FileAtAuthorSignature FileAt = "author_signature"
)

// Policy says who must sign. The version in force is stored with the note.
type Policy struct {
	Version int    `json:"version"`
	FileAt  FileAt `json:"file_at,omitempty"` // empty means completion
	// CoSignFor lists the practitioner roles whose notes need a co-signature.
	CoSignFor []PractitionerRole `json:"co_sign_for,omitempty"`
}
