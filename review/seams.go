package review

import (
	"context"
	"time"
)

// Grounder checks statements against what was said. It is pure and may be
// called concurrently. notegen/grounding implements it.
type Grounder interface {
	// Ground returns the flags of one statement; none for one a clinician typed.
	Ground(t Transcript, s Statement) []Flag
}

// Planner says where a signed note would go and in which exact bytes.
// adapters implements it. It does no I/O to destinations and may be called
// concurrently. It is asked before a signature, so that a destination that
// cannot take the note is known then and not hours later.
type Planner interface {
	// Plan returns one route per destination of the site and one rendering
	// per format in use; FormatText is always among them. An error means no
	// plan could be made at all.
	Plan(ctx context.Context, r PlanRequest) (Plan, error)
}

// PlanRequest is the note as it will stand after the signature being made.
type PlanRequest struct {
	Site      Site
	Note      Note
	Revision  Revision
	Patient   Patient
	Encounter Encounter
	Author    Practitioner
	// Signatures so far, the one being made last; JWS and hashes of that one
	// are still empty.
	Signatures []Signature
	Action     WriteAction
	StartedAt  time.Time
	EndedAt    time.Time
}

// Plan is a Planner's answer.
type Plan struct {
	Routes     []Route
	Renderings []Rendering
}

// Route is one destination of a plan.
type Route struct {
	DestinationID DestinationID
	Adapter       string
	Action        WriteAction
	Format        string
	// Refusals say why the destination cannot take the note, for a person,
	// naming the way out. Empty means it can.
	Refusals []string
}

// Rendering returns the plan's rendering in the format.
func (p Plan) Rendering(format string) (Rendering, bool) {
	for _, r := range p.Renderings {
		if r.Format == format {
			return r, true
		}
	}
	return Rendering{}, false
}

// Signer makes and checks detached JWS signatures (RFC 7515 appendix F).
// internal/keyring implements it; it may be called concurrently.
type Signer interface {
	Sign(payload []byte) (jws string, err error)
	Verify(payload []byte, jws string) error
}

// Sealer keeps site keys. The key it guards them with comes from a key file
// or a KMS and never enters the database. internal/keyring implements it.
type Sealer interface {
	// NewSiteKey makes a site key; wrapped is what the database keeps.
	NewSiteKey(site SiteID) (key SiteKey, wrapped []byte, err error)
	OpenSiteKey(site SiteID, wrapped []byte) (SiteKey, error)
}

// SiteKey wraps data keys and makes keyed hashes. It stays in memory and may
// be used concurrently.
type SiteKey interface {
	NewDataKey(owner, class string) (key DataKey, wrapped []byte, err error)
	OpenDataKey(owner, class string, wrapped []byte) (DataKey, error)
	// Hash is a keyed hash for exact search, 32 bytes; domain keeps hashes
	// of different columns apart.
	Hash(domain string, value string) []byte
}

// DataKey seals columns with an AEAD. Associated data binds a ciphertext to
// its table, column and row. It may be used concurrently.
type DataKey interface {
	Seal(plaintext, associatedData []byte) ([]byte, error)
	Open(ciphertext, associatedData []byte) ([]byte, error)
}

// WorkPublisher tells workers that something is owed. It is called after the
// commit and carries ids only. An error costs time, not data: the sweep
// publishes again. internal/workqueue implements it.
type WorkPublisher interface {
	PublishDraft(ctx context.Context, id NoteID) error
	PublishWriteBack(ctx context.Context, family NoteID) error
	// NoteChanged and WriteBackChanged are hints for live pages.
	NoteChanged(id NoteID)
	WriteBackChanged(id WriteBackID)
}

// Authenticator tells who somebody is. It may be called concurrently and
// takes the same time for an unknown name as for a wrong secret.
type Authenticator interface {
	// Authenticate returns KindUnauthenticated for anything that is not right.
	Authenticate(ctx context.Context, name, secret string) (Actor, error)
}

// Store is the journal: SQLite or PostgreSQL. review/sqlstore implements it.
type Store interface {
	// Write runs fn in a transaction and commits it, durably, before it
	// returns nil. fn may be run more than once and beside other closures in
	// one transaction: it must do nothing but call tx and compute, and must
	// set its results afresh each time. An error from fn undoes fn alone. A
	// guard that matched no row is KindConflict. ctx bounds the wait for a
	// place, never the transaction.
	Write(ctx context.Context, fn func(tx Tx) error) error
	// Read runs fn over a consistent snapshot. fn must not keep r.
	Read(ctx context.Context, fn func(r Reader) error) error
}

// Reader reads the journal. Every method returns KindNotFound for an id that
// does not exist. What is sealed comes back open; a destroyed key is
// KindNotFound.
type Reader interface {
	Site(id SiteID) (Site, error)
	Sites() ([]Site, error)
	Practitioner(id PractitionerID) (Practitioner, error)
	Practitioners(site SiteID) ([]Practitioner, error)

	Patient(id PatientID) (Patient, error)
	// FindPatient and FindEncounter search by keyed hash of any of the
	// identifiers (authority and value); KindNotFound when none matches.
	FindPatient(site SiteID, ids []Identifier) (PatientID, error)
	FindEncounter(site SiteID, ids []Identifier) (EncounterID, error)
	Encounter(id EncounterID) (Encounter, error)

	Recording(id RecordingID) (Recording, error)
	// FindRecording searches by the device's own recording id.
	FindRecording(site SiteID, device, clientID string) (Recording, error)
	Stream(id StreamID) (Stream, error)
	Streams(recording RecordingID) ([]Stream, error)
	Transcript(recordings ...RecordingID) (Transcript, error)

	Note(id NoteID) (Note, error)
	Notes(f NoteFilter) ([]Note, error)
	Revision(note NoteID, number int) (Revision, error)
	Due(note NoteID) ([]DueSignature, error)
	Signatures(note NoteID) ([]Signature, error)
	Rendering(note NoteID, revision int, format string) (Rendering, error)

	WriteBack(id WriteBackID) (WriteBack, error)
	WriteBacks(f WriteBackFilter) ([]WriteBack, error)
	Attempts(id WriteBackID) ([]Attempt, error)

	// Owed lists notes to draft and families to write or verify that are due
	// at now, oldest first, at most limit of each.
	Owed(now time.Time, limit int) (Owed, error)
	Incarnations() ([]Incarnation, error)

	// AuditTrail returns one chain from its beginning, with the head and
	// count kept on its root row.
	AuditTrail(chain string) (events []AuditEvent, head Digest, count int64, err error)
	// AuditChains lists the chains of a site.
	AuditChains(site SiteID) ([]string, error)
}

// Tx writes the journal. Guards are part of the statements: where a row is
// not as expected the method returns KindConflict and changes nothing.
type Tx interface {
	Reader
	// Now is one time for the whole transaction.
	Now() time.Time

	// PutSite and PutPractitioner insert or replace configuration.
	PutSite(Site) error
	PutPractitioner(Practitioner) error

	InsertPatient(Patient) error
	// UpdatePatient fills in what was not known and adds new identifiers;
	// nothing that is there is changed or removed.
	UpdatePatient(Patient) error
	InsertEncounter(Encounter) error
	// UpdateEncounter stores Bound and adds new identifiers.
	UpdateEncounter(Encounter) error
	InsertRecording(Recording) error
	// CloseRecording moves an open recording to closed or cancelled.
	CloseRecording(id RecordingID, to RecordingState) error
	InsertStream(Stream) error
	// ResumeStream begins a new epoch of an open stream, with the resume token
	// of this hash from then on; guard: epoch.
	ResumeStream(id StreamID, epoch int64, token Digest) error
	// AppendChunk stores us as one sealed chunk and moves durable_seq from
	// durable to the last of us; guard: id, epoch, durable_seq, open.
	AppendChunk(id StreamID, epoch, durable int64, us []Utterance) error
	// EndStream closes a stream; guard: epoch, open.
	EndStream(id StreamID, epoch int64) error

	InsertNote(Note) error
	// UpdateNote stores everything that can change; guard: the state and
	// revision that the note was read with.
	UpdateNote(n Note, fromState State, fromRevision int) error
	InsertRevision(Revision) error
	// UpdateRevision replaces the content of an unsigned revision; guard:
	// not signed, and the content hash it was read with.
	UpdateRevision(r Revision, from Digest) error
	// MarkSigned freezes a revision; guard: the content hash.
	MarkSigned(note NoteID, revision int, content Digest) error
	InsertDue([]DueSignature) error
	// ReopenDue makes every position of a note due again; signatures given
	// stay on the revision they covered.
	ReopenDue(note NoteID) error
	// InsertSignature stores s and marks its position signed; guard: the
	// position is due.
	InsertSignature(Signature) error
	InsertRendering(Rendering) error

	InsertWriteBack(WriteBack) error
	// UpdateWriteBack stores everything that can change; guard: the state
	// and attempt count it was read with.
	UpdateWriteBack(w WriteBack, fromState WriteBackState, fromAttempts int) error
	InsertAttempt(Attempt) error
	// EndAttempt sets the outcome of a running attempt; guard: not ended.
	EndAttempt(a Attempt) error

	// Audit appends to a chain; Seq and hashes are set by the store. It
	// locks the root row: two writers of one chain never interleave.
	Audit(AuditEvent) error

	// Beat moves an incarnation's counter on, inserting it at 1.
	Beat(id IncarnationID) error
	// EndIncarnation marks one as gone; guard: its counter.
	EndIncarnation(id IncarnationID, counter int64) error
}

// NoteFilter selects notes; zero fields select all. Newest first.
type NoteFilter struct {
	SiteID      SiteID
	EncounterID EncounterID
	RecordingID RecordingID
	Family      NoteID
	States      []State
	// For selects the notes that this person may read as author or signer:
	// authored, signed, named as a signer, or, while a co-signature is due
	// from nobody in particular, any that the person may co-sign.
	For   PractitionerID
	After NoteID // paging: the last id of the page before
	Limit int    // 1 to 500; 0 means 100
}

// WriteBackFilter selects write-backs; zero fields select all. In order of
// family, destination and sequence.
type WriteBackFilter struct {
	SiteID SiteID
	NoteID NoteID
	Family NoteID
	States []WriteBackState
	Holder IncarnationID
	For    PractitionerID // as in NoteFilter
	After  WriteBackID
	Limit  int // 1 to 500; 0 means 100
}

// Owed is work that the rows' states say is owed.
type Owed struct {
	Drafts   []NoteID
	Families []NoteID
}

// Incarnation is one run of one process, alive while its counter moves.
type Incarnation struct {
	ID        IncarnationID
	Counter   int64
	StartedAt time.Time
	EndedAt   time.Time // zero while it may be alive
}
