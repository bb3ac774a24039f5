package hl7mdm

import (
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"syscall"
	"time"

	"countersign/adapters"
	"countersign/internal/hl7v2"
	"countersign/internal/mllp"
	"countersign/review"
)

const defaultBusyAfter = 30 * time.Second

// Options of an adapter. Every zero value means a default that is written
// with the field.
type Options struct {
	// SendingApp (MSH-3) is COUNTERSIGN where it is empty; the others are
	// left out.
	SendingApp, SendingFacility, ReceivingApp, ReceivingFacility hl7v2.HD
	// ProcessingID is MSH-11: P. It is fixed for a connection.
	ProcessingID string
	// VersionID is MSH-12: 2.5.1.
	VersionID string
	// Types maps LOINC document types to TXA-2 codes of the receiver; see
	// DefaultTypes. A type without a code is refused before a signature.
	Types map[string]string
	// Authorities translates assigning authorities of identifiers to the
	// receiver's namespaces. One without an entry is sent as it is.
	Authorities map[string]string
	// RecordAuthority is the assigning authority, as identifiers carry it, of
	// the record numbers the receiver knows: PID-3 has those only, and a
	// patient without one is refused. Empty: every record number that is
	// valid there is sent.
	RecordAuthority string
	// VisitAuthority is the same of visit numbers, PV1-19. A visit without
	// one is sent without a number, or refused with EncounterRequired.
	VisitAuthority string
	// PractitionerAuthority is the same of practitioners, XCN-9. An identifier
	// of the destination that names no authority is taken as of this one. Who
	// has neither is named by NPI.
	PractitionerAuthority string
	// DocumentAuthority is TXA-12.2: left out. The whole field has 30
	// characters, of which the document number takes 26.
	DocumentAuthority string
	// Presentation is TXA-3: TX.
	Presentation string
	// CompletedStatus is TXA-17 of a note with every due signature: LA.
	CompletedStatus string
	// SignedStatus is TXA-17 of a note that waits for one: AU.
	SignedStatus string
	// LocalSystem is OBX-3.3 of blocks that have no LOINC code: L.
	LocalSystem string
	// Transcriptionist is TXA-11, for receivers that want the system named
	// there: left out.
	Transcriptionist hl7v2.XCN
	// EncounterRequired refuses notes without a visit number.
	EncounterRequired bool
	// Marks are the levels of TXA-18 the receiver keeps: U only.
	Marks []review.Confidentiality
	// Location is the zone that times are written in, with offset: UTC.
	Location *time.Location
	// TLS is nil for plain TCP.
	TLS *tls.Config
	// ReplyTimeout is how long an answer may take: 30 s. An earlier deadline
	// of the context holds.
	ReplyTimeout time.Duration
	// BusyAfter is when to come back to a receiver that is busy: 30 s.
	BusyAfter time.Duration
	// Clock is the machine's when nil.
	Clock review.Clock
}

// DefaultTypes maps the LOINC types of review.NoteTypeTitle to HL7 table
// 0270. Progress note is PR; PN is a procedure note.
func DefaultTypes() map[string]string {
	return map[string]string{
		"11506-3": "PR", "11488-4": "CN", "34117-2": "HP", "18842-5": "DS", "34111-5": "ED",
	}
}

// Adapter writes to one MLLP receiver over one connection. It is safe for
// concurrent use: messages go one after the other.
type Adapter struct {
	client *mllp.Client
	opts   Options
	turn   chan struct{} // held from sending a message to understanding its answer
}

var _ adapters.Adapter = (*Adapter)(nil)

// New returns an adapter for the receiver at address, HOST:PORT. It does not
// connect; only loopback addresses will be connected to
// ([adapters.CheckLoopback]).
func New(address string, o Options) (*Adapter, error) {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, errors.New("hl7mdm: address: want HOST:PORT")
	}
	if o.SendingApp == (hl7v2.HD{}) {
		o.SendingApp.Namespace = "COUNTERSIGN"
	}
	def := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	def(&o.ProcessingID, "P")
	def(&o.Presentation, "TX")
	def(&o.CompletedStatus, "LA")
	def(&o.SignedStatus, "AU")
	def(&o.LocalSystem, "L")
	if o.Types == nil {
		o.Types = DefaultTypes()
	}
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.BusyAfter == 0 {
		o.BusyAfter = defaultBusyAfter
	}
	if o.Clock == nil {
		o.Clock = review.SystemClock{}
	}
	dialer := &net.Dialer{Control: func(_, resolved string, _ syscall.RawConn) error { return adapters.CheckLoopback(resolved) }}
	client := mllp.NewClient(address, mllp.ClientOptions{TLS: o.TLS, ReplyTimeout: o.ReplyTimeout, DialFunc: dialer.DialContext})
	return &Adapter{client: client, opts: o, turn: make(chan struct{}, 1)}, nil
}

// Close closes the connection; a message in flight ends as unknown.
func (a *Adapter) Close() { _ = a.client.Close() } // never fails

// Profile implements adapters.Adapter.
func (a *Adapter) Profile() adapters.Profile {
	types := make([]string, 0, len(a.opts.Types))
	for code := range a.opts.Types {
		types = append(types, code)
	}
	slices.Sort(types)
	return adapters.Profile{
		Formats:             []string{review.FormatText},
		Actions:             []review.WriteAction{review.WriteCreate},
		EncounterRequired:   a.opts.EncounterRequired,
		PatientIdentifier:   "MR",
		EncounterIdentifier: "VN",
		Types:               types,
		Marks:               a.opts.Marks,
		MaxBytes:            4 << 20, // far below what receivers and our own parser take
		KeepsIdentifier:     true,
	}
}
