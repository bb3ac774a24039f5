package review

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"time"
)

// OpenRequest is what a device says when it begins to stream.
type OpenRequest struct {
	SiteID       SiteID
	DeviceID     string
	ClientID     string // the device's own id of the recording, 1 to 64 characters
	StreamLabel  string
	Patient      *Patient   // nil: not known yet; the recording is unbound
	Encounter    *Encounter // nil: not known yet
	Practitioner PractitionerID
	NoteType     string
	Details      RecordingDetails
	Consent      *Consent
	GroupVisit   bool
	StartedAt    time.Time
	// ResumeToken is given when the device comes back to a stream.
	ResumeToken string
	StreamID    StreamID
}

// OpenStream is a stream that may be appended to.
type OpenStream struct {
	RecordingID RecordingID
	StreamID    StreamID
	Epoch       int64
	DurableSeq  int64 // the device goes on after this sequence
	ResumeToken string
	Unbound     bool
	// Ended says that the stream has ended before: only EndStream makes sense.
	Ended bool
}

func (r OpenRequest) validate() error {
	switch {
	case !ValidName(r.SiteID):
		return Errorf(KindUnknownSite, "start.site_id: not a site id: ask the gateway's operator for it")
	case r.DeviceID == "" || len(r.DeviceID) > 64:
		return Errorf(KindInvalid, "start.device_id: give 1 to 64 characters")
	case r.ClientID == "" || len(r.ClientID) > 64:
		return Errorf(KindInvalid, "start.recording_id: give the device's own id of the recording, 1 to 64 characters")
	case r.GroupVisit:
		return Errorf(KindForbidden, "start.group_visit: group visits are not allowed at this site")
	case r.Practitioner == "":
		return Errorf(KindInvalid, "start.practitioner: say whose visit this is")
	case r.Consent == nil:
		return Errorf(KindConsent, "start.consent is missing: no utterance is taken before consent")
	}
	return r.Consent.Validate()
}

// OpenRecording begins a recording, or returns to it: with the resume token
// a device takes its stream up after the last durable sequence, in a new
// epoch that shuts its old connection out. Without a token the same client id
// opens its stream again only while nothing is stored (the first answer was
// lost); after that it is a conflict, so that no second device can take a
// stream over.
func (s *Service) OpenRecording(ctx context.Context, r OpenRequest) (OpenStream, error) {
	if r.ResumeToken != "" {
		return s.resume(ctx, r)
	}
	if err := r.validate(); err != nil {
		return OpenStream{}, err
	}
	r = r.cleaned()
	// Two devices may name the same new patient at the same moment: the one
	// that came second finds in its next try what the first has made.
	for try := 1; ; try++ {
		out, err := s.open(ctx, r)
		if KindOf(err) != KindConflict || errors.Is(err, errRecordingExists) || try == 3 {
			return out, err
		}
	}
}

func (s *Service) open(ctx context.Context, r OpenRequest) (OpenStream, error) {
	start, err := r.digest()
	if err != nil {
		return OpenStream{}, err
	}
	token := rand.Text()
	var out OpenStream
	err = s.store.Write(ctx, func(tx Tx) error {
		site, err := tx.Site(r.SiteID)
		if errors.Is(err, ErrNotFound) {
			return Errorf(KindUnknownSite, "start.site_id: this gateway does not serve that site")
		} else if err != nil {
			return err
		}
		p, err := tx.Practitioner(r.Practitioner)
		if errors.Is(err, ErrNotFound) || err == nil && (p.SiteID != site.ID || !p.MayAuthor()) {
			return Errorf(KindInvalid, "start.practitioner: not a practitioner of this site who may author notes")
		} else if err != nil {
			return err
		}
		if old, err := tx.FindRecording(r.SiteID, r.DeviceID, r.ClientID); err == nil {
			out, err = again(tx, old, start, token)
			return err
		} else if !errors.Is(err, ErrNotFound) {
			return err
		}
		enc, err := s.encounterFor(tx, r)
		if err != nil {
			return err
		}
		rec := Recording{
			ID: NewID[RecordingID](), SiteID: r.SiteID, EncounterID: enc.ID, DeviceID: r.DeviceID, ClientID: r.ClientID,
			Practitioner: r.Practitioner, NoteType: orDefault(r.NoteType, DefaultNoteType), State: RecordingOpen,
			Details: r.Details, Consent: *r.Consent, StartedAt: r.StartedAt.UTC().Truncate(time.Microsecond),
		}
		rec.Details.StartSHA256 = start
		if rec.StartedAt.IsZero() || rec.StartedAt.Year() < 2000 {
			rec.StartedAt = tx.Now()
		}
		if err := tx.InsertRecording(rec); err != nil {
			return err
		}
		st := Stream{
			ID: NewID[StreamID](), RecordingID: rec.ID, SiteID: r.SiteID, Label: r.StreamLabel, Epoch: 1,
			State: StreamOpen, TokenSHA256: DigestOf([]byte(token)),
		}
		if err := tx.InsertStream(st); err != nil {
			return err
		}
		if err := tx.Audit(deviceEvent(rec, "recording.open", map[string]string{
			"stream": string(st.ID), "practitioner": string(r.Practitioner), "consent_scope": r.Consent.Scope,
			"unbound": strconv.FormatBool(!enc.Bound),
		})); err != nil {
			return err
		}
		out = OpenStream{RecordingID: rec.ID, StreamID: st.ID, Epoch: 1, ResumeToken: token, Unbound: !enc.Bound}
		return nil
	})
	return out, err
}

func (s *Service) resume(ctx context.Context, r OpenRequest) (OpenStream, error) {
	var out OpenStream
	err := s.store.Write(ctx, func(tx Tx) error {
		st, err := tx.Stream(r.StreamID)
		// A wrong token and an unknown stream look the same from outside.
		if errors.Is(err, ErrNotFound) || err == nil && (st.SiteID != r.SiteID || st.TokenSHA256 != DigestOf([]byte(r.ResumeToken))) {
			return Errorf(KindNotFound, "start.resume_token: no such stream with this token: start a new recording")
		} else if err != nil {
			return err
		}
		rec, err := tx.Recording(st.RecordingID)
		if err != nil {
			return err
		}
		if r.DeviceID != "" && r.DeviceID != rec.DeviceID {
			return Errorf(KindNotFound, "start.resume_token: no such stream with this token: start a new recording")
		}
		enc, err := tx.Encounter(rec.EncounterID)
		if err != nil {
			return err
		}
		out = OpenStream{
			RecordingID: st.RecordingID, StreamID: st.ID, Epoch: st.Epoch, DurableSeq: st.DurableSeq,
			ResumeToken: r.ResumeToken, Unbound: !enc.Bound,
		}
		if out.Ended = st.State != StreamOpen; out.Ended {
			return nil // End is idempotent: the device is asking for its answer again
		}
		out.Epoch++
		if err := tx.ResumeStream(st.ID, st.Epoch, st.TokenSHA256); err != nil {
			return err
		}
		return tx.Audit(deviceEvent(rec, "recording.resume", map[string]string{
			"stream": string(st.ID), "durable_seq": strconv.FormatInt(st.DurableSeq, 10),
		}))
	})
	return out, err
}

// Append stores utterances of an open stream and returns the highest
// sequence that is on disk. What is already durable is skipped; a hole is
// KindSequenceGap and stores nothing. It returns after the commit.
func (s *Service) Append(ctx context.Context, st OpenStream, us []Utterance) (durable int64, err error) {
	fresh := us[:0:0]
	next := st.DurableSeq + 1
	for _, u := range us {
		if err := u.Validate(); err != nil {
			return st.DurableSeq, err
		}
		switch {
		case u.Seq < next: // a repeat
		case u.Seq > next:
			return st.DurableSeq, Errorf(KindSequenceGap, "utterance %d: sequence %d is missing: send it first", u.Seq, next)
		default:
			fresh = append(fresh, u)
			next++
		}
	}
	if len(fresh) == 0 {
		return st.DurableSeq, nil
	}
	err = s.store.Write(ctx, func(tx Tx) error {
		return tx.AppendChunk(st.StreamID, st.Epoch, st.DurableSeq, fresh)
	})
	if errors.Is(err, ErrConflict) {
		return st.DurableSeq, Errorf(KindClosed, "append: this connection no longer owns the stream, or it has ended: come back with the resume token")
	}
	if err != nil {
		return st.DurableSeq, err
	}
	return next - 1, nil
}

// EndStream ends a stream. When no other stream of its recording is open the
// recording closes and a note is owed. It is idempotent and returns the notes
// of the recording.
func (s *Service) EndStream(ctx context.Context, st OpenStream) ([]NoteID, error) {
	var notes []NoteID
	var owed NoteID
	err := s.store.Write(ctx, func(tx Tx) error {
		notes, owed = nil, ""
		rec, err := tx.Recording(st.RecordingID)
		if err != nil {
			return err
		}
		cur, err := tx.Stream(st.StreamID)
		if err != nil {
			return err
		}
		if cur.State == StreamOpen {
			if err := tx.EndStream(st.StreamID, st.Epoch); err != nil {
				return err
			}
		}
		if rec.State == RecordingOpen {
			if owed, err = s.closeRecording(tx, rec); err != nil {
				return err
			}
		}
		list, err := tx.Notes(NoteFilter{RecordingID: rec.ID})
		for _, n := range list {
			notes = append(notes, n.ID)
		}
		return err
	})
	if err == nil && owed != "" {
		s.publishDraft(ctx, owed)
	}
	return notes, err
}

// closeRecording closes rec when no stream is open any more, and inserts the
// note that is then owed. A recording without a word makes no note.
func (s *Service) closeRecording(tx Tx, rec Recording) (NoteID, error) {
	streams, err := tx.Streams(rec.ID)
	if err != nil {
		return "", err
	}
	var said int64
	for _, st := range streams {
		if st.State == StreamOpen {
			return "", nil
		}
		said += st.DurableSeq
	}
	to := RecordingClosed
	if said == 0 {
		to = RecordingCancelled
	}
	if err := tx.CloseRecording(rec.ID, to); err != nil {
		return "", err
	}
	if err := tx.Audit(deviceEvent(rec, "recording.close", map[string]string{
		"state": string(to), "utterances": strconv.FormatInt(said, 10),
	})); err != nil || said == 0 {
		return "", err
	}
	return s.oweNote(tx, rec)
}

func (s *Service) oweNote(tx Tx, rec Recording) (NoteID, error) {
	enc, err := tx.Encounter(rec.EncounterID)
	if err != nil {
		return "", err
	}
	site, err := tx.Site(rec.SiteID)
	if err != nil {
		return "", err
	}
	author, err := tx.Practitioner(rec.Practitioner)
	if err != nil {
		return "", err
	}
	id := NewID[NoteID]()
	n := Note{
		ID: id, SiteID: rec.SiteID, EncounterID: rec.EncounterID, PatientID: enc.PatientID, Recordings: []RecordingID{rec.ID},
		Kind: NoteOriginal, Family: id, Type: rec.NoteType, State: StateDrafting, Author: rec.Practitioner,
		PolicyVersion: site.Policy.Version, Confidential: ConfidentialityUsual, CreatedAt: tx.Now(), StateAt: tx.Now(),
		NextAttemptAt: tx.Now(),
	}
	if err := tx.InsertNote(n); err != nil {
		return "", err
	}
	if err := tx.InsertDue(DueFor(site.Policy, id, author)); err != nil {
		return "", err
	}
	return id, tx.Audit(event(SystemActor(rec.SiteID), rec.EncounterID, "note.owe", "note/"+string(id), map[string]string{
		"state": string(StateDrafting),
	}))
}

// CancelStream ends a stream whose visit is not to be documented. Its
// recording is cancelled and no note is owed; what was said stays sealed
// until retention takes it. reason is a fixed word of the device's, such as
// consent-refused or started-by-mistake; anything else is kept as "other".
func (s *Service) CancelStream(ctx context.Context, st OpenStream, reason string) error {
	if !ValidName(SiteID(reason)) {
		reason = "other"
	}
	return s.store.Write(ctx, func(tx Tx) error {
		rec, err := tx.Recording(st.RecordingID)
		if err != nil {
			return err
		}
		if rec.State == RecordingCancelled {
			return nil // asked again because our answer was lost
		}
		if err := tx.EndStream(st.StreamID, st.Epoch); err != nil {
			return err
		}
		if err := tx.CloseRecording(rec.ID, RecordingCancelled); err != nil {
			return err
		}
		return tx.Audit(deviceEvent(rec, "recording.cancel", map[string]string{"reason": reason}))
	})
}

// deviceEvent is an audit event of a recording, by its device.
func deviceEvent(rec Recording, action string, details map[string]string) AuditEvent {
	e := event(Actor{SiteID: rec.SiteID, AuthMethod: "device"}, rec.EncounterID, action, "recording/"+string(rec.ID), details)
	e.Actor = "device"
	return e
}

func orDefault(s, d string) string {
	if s == "" {
		return d
	}
	return s
}
