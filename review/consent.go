package review

import "time"

// Consent is the event that allows a recording, bound to it before its first
// utterance. A sentence that claims consent may stand in a note only if this
// event exists.
type Consent struct {
	Scope string `json:"scope"` // "recording_and_ai_note"
	// GivenBy is "patient" or the relation of who spoke for the patient.
	GivenBy       string    `json:"given_by"`
	EveryoneAgree bool      `json:"everyone_agreed"` // all persons present were asked
	Method        string    `json:"method"`          // verbal, written, standing
	ScriptVersion string    `json:"script_version,omitempty"`
	Language      string    `json:"language,omitempty"` // BCP 47
	AskedBy       string    `json:"asked_by,omitempty"` // practitioner id or "device"
	At            time.Time `json:"at"`
}

// Validate names what is missing.
func (c Consent) Validate() error {
	switch {
	case c.Scope == "":
		return Errorf(KindConsent, "consent.scope is missing: say what was consented to, such as recording_and_ai_note")
	case c.GivenBy == "":
		return Errorf(KindConsent, "consent.given_by is missing: patient, or the relation of who spoke for the patient")
	case !c.EveryoneAgree:
		return Errorf(KindConsent, "consent.everyone_agreed is false: everyone present must agree before recording")
	case c.Method == "":
		return Errorf(KindConsent, "consent.method is missing: verbal, written or standing")
	case c.At.IsZero():
		return Errorf(KindConsent, "consent.at is missing: when consent was given")
	}
	return nil
}
