package epic

import (
	"slices"
	"time"

	"countersign/adapters"
	"countersign/internal/fhirr4"
	"countersign/review"
)

const defaultBusyAfter = 30 * time.Second

// Options of an adapter.
type Options struct {
	// NoteTypes maps LOINC document types to the coding that is sent: the
	// LOINC code, or the organisation's own note type in its system
	// urn:oid:1.2.840.114350.1.13.<org>.<env>.7.4.737880.5010. A type without
	// an entry is refused before a signature. Nil means DefaultNoteTypes.
	NoteTypes map[string]fhirr4.Coding
	// Tokens is nil for a simulator that takes requests without a token; see
	// package smartauth.
	Tokens fhirr4.TokenSource
	// Timeout of one HTTP call; zero means fhirr4.DefaultTimeout.
	Timeout time.Duration
	// BusyAfter is when to come back after a 429 without Retry-After, and
	// when no token was given; zero means 30 s.
	BusyAfter time.Duration
	// Clock is the machine's when nil.
	Clock review.Clock
}

// DefaultNoteTypes are the LOINC codes that Epic maps to note types
// everywhere. Discharge summary (18842-5) and patient instructions are filed
// through other Epic workflows and are not taken here.
func DefaultNoteTypes() map[string]fhirr4.Coding {
	m := map[string]fhirr4.Coding{}
	for _, code := range []string{"11506-3", "11488-4", "34117-2", "34111-5"} {
		m[code] = fhirr4.Coding{System: fhirr4.SystemLOINC, Code: code, Display: review.NoteTypeTitle(code)}
	}
	return m
}

// Adapter writes to one Epic organisation. It is safe for concurrent use.
type Adapter struct {
	client *fhirr4.Client
	codec  *fhirr4.Codec
	opts   Options
}

var (
	_ adapters.Adapter  = (*Adapter)(nil)
	_ adapters.Finder   = (*Adapter)(nil)
	_ adapters.Verifier = (*Adapter)(nil)
)

// New returns an adapter for the FHIR base URL, which ends with
// /api/FHIR/R4. It does not connect; only loopback addresses will be
// connected to ([adapters.CheckLoopback]).
func New(baseURL string, o Options) (*Adapter, error) {
	if o.NoteTypes == nil {
		o.NoteTypes = DefaultNoteTypes()
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

// Profile implements adapters.Adapter. Epic has no update, no addendum and no
// retraction by FHIR, and keeps no confidentiality mark of a note.
func (a *Adapter) Profile() adapters.Profile {
	types := make([]string, 0, len(a.opts.NoteTypes))
	for code := range a.opts.NoteTypes {
		types = append(types, code)
	}
	slices.Sort(types)
	return adapters.Profile{
		Formats:             []string{review.FormatText},
		Actions:             []review.WriteAction{review.WriteCreate},
		EncounterRequired:   true,
		PatientIdentifier:   review.IdentifierFHIR,
		EncounterIdentifier: review.IdentifierFHIR,
		AuthorIdentifier:    review.IdentifierFHIR,
		Types:               types,
		MaxBytes:            1 << 20, // no limit is published; no visit's note comes near this
	}
}
