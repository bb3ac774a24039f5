package review

import "time"

// WriteAction is what is done at the destination.
type WriteAction string

// Write actions.
const (
	WriteCreate  WriteAction = "create"
	WriteUpdate  WriteAction = "update"
	WriteReplace WriteAction = "replace"
	WriteAppend  WriteAction = "append"
	WriteRetract WriteAction = "retract"
)

// WriteBackState is where one write to one destination is.
type WriteBackState string

// The states of a write-back. Every one ends as accepted, rejected or
// superseded, or waits for a person in manual.
const (
	// WriteBackHeld: a gate is closed or the site is in downtime.
	WriteBackHeld WriteBackState = "held"
	// WriteBackPending: owed; the dispatcher takes it when it is due.
	WriteBackPending WriteBackState = "pending"
	// WriteBackSending: an attempt row is written and bytes may be leaving.
	// If its process dies it becomes unknown, never pending.
	WriteBackSending WriteBackState = "sending"
	// WriteBackCommitted: taken by the interface (CA, HTTP 202); the
	// application's answer is awaited. Not yet in the chart.
	WriteBackCommitted WriteBackState = "committed"
	// WriteBackAccepted: the destination has it and said so.
	WriteBackAccepted WriteBackState = "accepted"
	// WriteBackRejected: the destination refused this document for good.
	WriteBackRejected WriteBackState = "rejected"
	// WriteBackUnknown: it may have arrived. Asked before anything is sent again.
	WriteBackUnknown WriteBackState = "unknown"
	// WriteBackManual: a person has to look.
	WriteBackManual WriteBackState = "manual"
	// WriteBackSuperseded: overtaken before it was sent.
	WriteBackSuperseded WriteBackState = "superseded"
)

// WriteBackStates lists all states in the order above.
func WriteBackStates() []WriteBackState {
	return []WriteBackState{
		WriteBackHeld, WriteBackPending, WriteBackSending, WriteBackCommitted, WriteBackAccepted,
		WriteBackRejected, WriteBackUnknown, WriteBackManual, WriteBackSuperseded,
	}
}

// Settled reports whether nothing more will be sent for it and whatever
// depends on it may go on.
func (s WriteBackState) Settled() bool {
	return s == WriteBackAccepted || s == WriteBackSuperseded
}

// WriteBackEvent is what happens to a write-back.
type WriteBackEvent string

// Events of a write-back.
const (
	EventHold       WriteBackEvent = "hold"        // a gate closed
	EventRelease    WriteBackEvent = "release"     // the gate opened
	EventClaim      WriteBackEvent = "claim"       // an attempt begins
	EventAccept     WriteBackEvent = "accept"      // the destination has it
	EventCommit     WriteBackEvent = "commit"      // the interface has taken it
	EventReject     WriteBackEvent = "reject"      // refused for good
	EventLose       WriteBackEvent = "lose"        // it may have arrived
	EventNotArrived WriteBackEvent = "not_arrived" // certainly not there: may be sent (again)
	EventGiveUp     WriteBackEvent = "give_up"     // put before a person
	EventOvertake   WriteBackEvent = "overtake"    // a newer one replaces it before it was sent
	EventResend     WriteBackEvent = "resend"      // a person sends it again
)

// WriteBackEvents lists all events in the order above.
func WriteBackEvents() []WriteBackEvent {
	return []WriteBackEvent{
		EventHold, EventRelease, EventClaim, EventAccept, EventCommit, EventReject, EventLose, EventNotArrived,
		EventGiveUp, EventOvertake, EventResend,
	}
}

// NextWriteBack is the whole life of a write-back: the state an event leads
// to, or an error of KindIllegal. It is pure.
//
// Rows are events, columns states: he held, pe pending, se sending, cm
// committed, ac accepted, rj rejected, uk unknown, ma manual, su superseded.
//
//	event         he  pe  se  cm  ac  rj  uk  ma  su
//	hold          ·   he  ·   ·   ·   ·   ·   ·   ·
//	release       pe  ·   ·   ·   ·   ·   ·   ·   ·
//	claim         ·   se  ·   ·   ·   ·   ·   ·   ·
//	accept        ·   ·   ac  ac  ·   ·   ac  ac  ·
//	commit        ·   ·   cm  ·   ·   ·   ·   ·   ·
//	reject        ·   ·   rj  rj  ·   ·   ·   ·   ·
//	lose          ·   ·   uk  uk  ·   ·   ·   ·   ·
//	not_arrived   ·   ·   pe  ·   ·   ·   pe  ·   ·
//	give_up       ·   ma  ma  ·   ·   ·   ma  ·   ·
//	overtake      su  su  ·   ·   ·   ·   ·   ·   ·
//	resend        ·   ·   ·   ·   ·   pe  ·   pe  ·
func NextWriteBack(s WriteBackState, e WriteBackEvent) (WriteBackState, error) {
	if to := nextWriteBack(s, e); to != "" {
		return to, nil
	}
	return "", Errorf(KindIllegal, "%s: not possible while the write-back is %s", e, s)
}

func nextWriteBack(s WriteBackState, e WriteBackEvent) WriteBackState {
	from := func(to WriteBackState, states ...WriteBackState) WriteBackState {
		for _, x := range states {
			if s == x {
				return to
			}
		}
		return ""
	}
	switch e {
	case EventHold:
		return from(WriteBackHeld, WriteBackPending)
	case EventRelease:
		return from(WriteBackPending, WriteBackHeld)
	case EventClaim:
		return from(WriteBackSending, WriteBackPending)
	case EventAccept:
		return from(WriteBackAccepted, WriteBackSending, WriteBackCommitted, WriteBackUnknown, WriteBackManual)
	case EventCommit:
		return from(WriteBackCommitted, WriteBackSending)
	case EventReject:
		return from(WriteBackRejected, WriteBackSending, WriteBackCommitted)
	case EventLose:
		return from(WriteBackUnknown, WriteBackSending, WriteBackCommitted)
	case EventNotArrived:
		return from(WriteBackPending, WriteBackSending, WriteBackUnknown)
	case EventGiveUp:
		return from(WriteBackManual, WriteBackPending, WriteBackSending, WriteBackUnknown)
	case EventOvertake:
		return from(WriteBackSuperseded, WriteBackHeld, WriteBackPending)
	case EventResend:
		return from(WriteBackPending, WriteBackRejected, WriteBackManual)
	}
	return ""
}

// WriteBackTransitions lists every pair of different states that some event
// joins, in table order. The database triggers are generated from it.
func WriteBackTransitions() []Transition[WriteBackState] {
	var out []Transition[WriteBackState]
	for _, from := range WriteBackStates() {
		for _, to := range WriteBackStates() {
			for _, e := range WriteBackEvents() {
				if from != to && nextWriteBack(from, e) == to {
					out = append(out, Transition[WriteBackState]{from, to})
					break
				}
			}
		}
	}
	return out
}

// InitialWriteBackStates are the states a write-back may be created in.
func InitialWriteBackStates() []WriteBackState {
	return []WriteBackState{WriteBackPending, WriteBackHeld}
}

// Verification says what a read-back of the chart found.
type Verification string

// Results of a read-back. None also stands for a destination that cannot be
// read back.
const (
	VerificationNone     Verification = "none"
	VerificationVerified Verification = "verified"
	VerificationEdited   Verification = "edited_in_ehr"
	VerificationMismatch Verification = "mismatch"
	// VerificationFailed: it should have been read back and could not be.
	VerificationFailed Verification = "failed"
)

// WriteBack is one write of one revision to one destination.
type WriteBack struct {
	ID            WriteBackID
	SiteID        SiteID
	EncounterID   EncounterID
	NoteID        NoteID
	Family        NoteID
	Seq           int64 // order within the family at the destination
	Revision      int
	DestinationID DestinationID
	Adapter       string
	Action        WriteAction
	Format        string // of the stored rendering to send
	DependsOn     WriteBackID
	State         WriteBackState
	Verification  Verification
	// ControlID is the MSH-10 and request id: the same for every attempt, so
	// that a repeated send is the same bytes.
	ControlID     string
	Attempts      int
	NextAttemptAt time.Time
	// VerifyAt is when the read-back is owed; zero for none.
	VerifyAt    time.Time
	Holder      IncarnationID // while sending
	ErrorCode   string        // fixed wording of the last failure
	Receipt     Receipt
	CreatedAt   time.Time
	StateAt     time.Time
	OwedSince   time.Time // since when it is to be sent: its creation, or when a person sent it again
	RenderingID Digest    // SHA-256 of the stored rendering
	Addressee   Digest    // whose chart, by the identifiers that were known at the signature
}

// Receipt is the proof of receipt a destination gave.
type Receipt struct {
	ResourceID string    `json:"resource_id,omitempty"` // FHIR id, or TXA-12
	Version    string    `json:"version,omitempty"`     // FHIR version
	AckCode    string    `json:"ack_code,omitempty"`    // MSA-1
	ControlID  string    `json:"control_id,omitempty"`  // MSA-2
	Status     int       `json:"status,omitempty"`      // HTTP status
	At         time.Time `json:"at,omitzero"`
	// WrittenSHA256 is of the attachment, taken from the outgoing message by
	// decoding it again.
	WrittenSHA256 Digest `json:"written_sha256"`
}

// Attempt is one try, written before the first byte leaves.
type Attempt struct {
	WriteBackID WriteBackID
	Number      int // from 1
	Holder      IncarnationID
	StartedAt   time.Time
	EndedAt     time.Time // zero while it runs, or when its process died
	Outcome     string    // accepted, committed, rejected, unknown, not_arrived; empty while it runs
	ErrorCode   string
}

// Rendering is a note as it is written: the attachment bytes in one media
// type, before base64 or HL7 escaping. The writer never renders again.
type Rendering struct {
	NoteID          NoteID
	Revision        int
	Format          string // "text/plain;charset=utf-8"
	RendererVersion string
	Body            []byte
	// Parts says where each section stands in Body, for destinations that
	// take sections one by one.
	Parts  []Part
	SHA256 Digest
}

// FormatText is the plain-text rendering that every signer is shown.
const FormatText = "text/plain;charset=utf-8"

// Part is one block of a rendering: bytes [Start, End) of its body. Blocks
// are joined by a blank line ("\n\n"): nothing else stands between them.
type Part struct {
	Code  string `json:"code"` // LOINC section code, or empty for head and signature blocks
	Title string `json:"title"`
	Start int    `json:"start"`
	End   int    `json:"end"`
}

// Document is what an adapter is given to write: the stored bytes and the
// envelope, resolved for its destination.
type Document struct {
	WriteBackID    WriteBackID
	SiteID         SiteID
	Destination    Destination
	Action         WriteAction
	ControlID      string
	NoteID         NoteID
	DocumentNumber string
	ParentNumber   string // document number of the parent, for append and replace
	Revision       int
	Type           string // LOINC document type
	Title          string // of the document type: "Progress note"
	Confidential   Confidentiality
	Patient        Patient
	Encounter      Encounter
	Author         Practitioner
	Signatures     []Signature
	// Signers are the practitioners of Signatures, in order.
	Signers []Practitioner
	// Completed is true when every due signature is there (TXA-17 LA).
	Completed bool
	Rendering Rendering
	// StartedAt is when the visit was recorded; CreatedAt when the write-back
	// was made, the same for every attempt.
	StartedAt time.Time
	EndedAt   time.Time
	CreatedAt time.Time
	// Receipt is what an earlier attempt brought, for Find and Verify.
	Receipt Receipt
}

// DefaultNoteType is the document type of a recording that names none:
// progress note.
const DefaultNoteType = "11506-3"

// NoteTypeTitle is the display of a LOINC document type.
func NoteTypeTitle(code string) string {
	switch code {
	case "11488-4":
		return "Consultation note"
	case "34117-2":
		return "History and physical note"
	case "18842-5":
		return "Discharge summary"
	case "34111-5":
		return "Emergency department note"
	default:
		return "Progress note"
	}
}
