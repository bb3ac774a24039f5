package fhir

import (
	"sync/atomic"
	"time"

	"countersign/adapters"
	"countersign/internal/fhirr4"
	"countersign/review"
)

// DocumentSystem is the identifier system of Countersign's document numbers
// where a destination has no other: an OID made from a UUID (X.667), which
// nobody has to register and nobody else can own.
const DocumentSystem = "urn:oid:2.25.4138369030582008111092633540624668102"

const defaultBusyAfter = 30 * time.Second

// Options of an adapter.
type Options struct {
	// IdentifierSystem of document numbers; empty means DocumentSystem.
	IdentifierSystem string
	// Systems translates assigning authorities of identifiers to FHIR
	// systems. An authority that is a URI already needs no entry. Without
	// entries only the destination's own FHIR ids are used.
	Systems map[string]string
	// Custodian is the logical id of the Organization that keeps the note.
	Custodian string
	// EncounterRequired refuses notes without an encounter there.
	EncounterRequired bool
	// Marks are the confidentiality levels the server keeps; empty: U only.
	Marks []review.Confidentiality
	// Tokens is nil for a server without authorization.
	Tokens fhirr4.TokenSource
	// Timeout of one HTTP call; zero means fhirr4.DefaultTimeout.
	Timeout time.Duration
	// BusyAfter is when to come back to a server that is busy and does not
	// say for how long; zero means 30 s.
	BusyAfter time.Duration
	// Clock is the machine's when nil.
	Clock review.Clock
}

// Adapter writes to one FHIR server. It is safe for concurrent use.
type Adapter struct {
	client *fhirr4.Client
	codec  *fhirr4.Codec
	opts   Options
	// conditional is the answer of the CapabilityStatement; nil until read.
	conditional atomic.Pointer[bool]
}

var (
	_ adapters.Adapter  = (*Adapter)(nil)
	_ adapters.Finder   = (*Adapter)(nil)
	_ adapters.Verifier = (*Adapter)(nil)
)

// New returns an adapter for the server at baseURL. It does not connect;
// only loopback addresses will be connected to ([adapters.CheckLoopback]).
func New(baseURL string, o Options) (*Adapter, error) {
	if o.IdentifierSystem == "" {
		o.IdentifierSystem = DocumentSystem
	}
	if o.BusyAfter == 0 {
		o.BusyAfter = defaultBusyAfter
	}
	if o.Clock == nil {
		o.Clock = review.SystemClock{}
	}
	client, err := fhirr4.New(baseURL, fhirr4.Options{Tokens: o.Tokens, CheckAddress: adapters.CheckLoopback, Timeout: o.Timeout})
	if err != nil {
		return nil, err
	}
	codec, err := fhirr4.NewCodec()
	if err != nil {
		return nil, err
	}
	return &Adapter{client: client, codec: codec, opts: o}, nil
}

// Close closes idle connections.
func (a *Adapter) Close() { a.client.Close() }

// Profile implements adapters.Adapter.
func (a *Adapter) Profile() adapters.Profile {
	p := adapters.Profile{
		Formats:           []string{review.FormatText},
		Actions:           []review.WriteAction{review.WriteCreate},
		EncounterRequired: a.opts.EncounterRequired,
		Marks:             a.opts.Marks,
		MaxBytes:          5 << 20, // US Core, Writing Clinical Notes: inline of 5 MiB at least
		KeepsIdentifier:   true,
	}
	if len(a.opts.Systems) == 0 {
		p.PatientIdentifier, p.EncounterIdentifier = review.IdentifierFHIR, review.IdentifierFHIR
	}
	return p
}
