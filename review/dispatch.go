package review

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"
)

// NextWork finds what is due in a document family and, for a send, claims
// it: the row is sending and its attempt row durable before this returns.
// Order is strict within a family per destination: a write-back waits for
// every earlier one there to be settled, and for what it depends on. ok is
// false when nothing is due; next is then when something will be, zero when
// nothing is owed.
func (s *Service) NextWork(ctx context.Context, family NoteID) (w Work, ok bool, next time.Time, err error) {
	var pick *WriteBack
	var kind WorkKind
	err = s.store.Write(ctx, func(tx Tx) error {
		pick, kind, next = nil, "", time.Time{}
		list, err := tx.WriteBacks(WriteBackFilter{Family: family, Limit: 500})
		if err != nil {
			return err
		}
		if pick, kind, next = due(list, tx.Now()); pick == nil || kind != WorkSend {
			return nil
		}
		held, err := s.gate(tx, pick)
		if err != nil || held {
			pick = nil
			return err
		}
		return s.claim(tx, pick)
	})
	if err != nil || pick == nil {
		return Work{}, false, next, err
	}
	if kind == WorkSend {
		s.lease.begin(pick.ID, pick.Attempts)
	}
	w = Work{Kind: kind, WriteBack: *pick, Attempt: pick.Attempts}
	err = s.store.Read(ctx, func(r Reader) (err error) {
		w.Document, err = document(r, *pick)
		return err
	})
	if err != nil {
		return Work{}, false, next, errors.Join(err, s.unreadable(context.WithoutCancel(ctx), w, err))
	}
	if kind == WorkSend {
		s.work.WriteBackChanged(pick.ID)
	}
	return w, true, next, nil
}

// gate holds a write-back whose destination is not simulated (any more):
// until sites have gates that people open, nothing else is written.
func (s *Service) gate(tx Tx, w *WriteBack) (held bool, err error) {
	site, err := tx.Site(w.SiteID)
	if err != nil {
		return false, err
	}
	if d, ok := site.Destination(w.DestinationID); !ok || d.Mode == ModeSimulated {
		return false, nil // a destination that is gone is found when the document is put together
	}
	return true, settle(tx, *w, w.Attempts, Outcome{Event: EventHold, ErrorCode: "gate_closed"})
}

// unreadable settles work whose document cannot be put together, so that it
// does not keep the rest of its family from being done. Nothing has left: a
// send is given back or, where trying again cannot help, put before a person;
// a question goes before a person; a read-back ends as failed. An error of
// the journal itself is left to the next try.
func (s *Service) unreadable(ctx context.Context, w Work, cause error) error {
	kind := KindOf(cause)
	age := s.clock.Now().Sub(w.WriteBack.StateAt)
	forGood := kind == KindNotFound || kind == KindConflict || kind == KindInternal && age > s.options.UnreadableFor
	switch {
	case w.Kind == WorkSend && (forGood || w.Attempt >= 10):
		return s.Settle(ctx, w, Outcome{Event: EventGiveUp, ErrorCode: "journal_read"})
	case w.Kind == WorkSend:
		wait := time.Duration(w.Attempt) * time.Second
		return s.Settle(ctx, w, Outcome{Event: EventNotArrived, ErrorCode: "journal_read", RetryAt: s.clock.Now().Add(wait)})
	case !forGood:
		return nil
	case w.Kind == WorkVerify:
		return s.Verified(ctx, w, VerificationFailed, time.Time{})
	case w.WriteBack.State == WriteBackCommitted:
		return s.Settle(ctx, w, Outcome{Event: EventLose, ErrorCode: "journal_read"})
	}
	return s.Settle(ctx, w, Outcome{Event: EventGiveUp, ErrorCode: "journal_read"})
}

// due picks the first thing to do in a family: sends and questions in order
// per destination first, then read-backs.
func due(list []WriteBack, now time.Time) (pick *WriteBack, kind WorkKind, next time.Time) {
	states := map[WriteBackID]WriteBackState{}
	for _, w := range list {
		states[w.ID] = w.State
	}
	wait := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	blocked := map[DestinationID]bool{}
	for i := range list {
		w := &list[i]
		if w.State.Settled() || blocked[w.DestinationID] {
			continue
		}
		blocked[w.DestinationID] = true // whatever comes later there waits for this one
		committed := w.State == WriteBackCommitted && !w.NextAttemptAt.IsZero()
		if w.State != WriteBackPending && w.State != WriteBackUnknown && !committed {
			continue
		}
		if w.DependsOn != "" && states[w.DependsOn] != WriteBackAccepted {
			continue
		}
		if w.NextAttemptAt.After(now) {
			wait(w.NextAttemptAt)
			continue
		}
		if w.State != WriteBackPending {
			return w, WorkResolve, next
		}
		return w, WorkSend, next
	}
	for i := range list {
		w := &list[i]
		if w.State != WriteBackAccepted || w.VerifyAt.IsZero() {
			continue
		}
		if w.VerifyAt.After(now) {
			wait(w.VerifyAt)
			continue
		}
		return w, WorkVerify, next
	}
	return nil, "", next
}

// claim writes the intent: this process is alive, state sending, attempt row,
// audit line.
func (s *Service) claim(tx Tx, w *WriteBack) error {
	from, attempts, holder := w.State, w.Attempts, s.lease.Holder()
	to, err := NextWriteBack(w.State, EventClaim)
	if err != nil {
		return err
	}
	// In the same transaction: a process that was declared dead cannot claim,
	// and one that claims cannot be declared dead meanwhile.
	if err := tx.Beat(holder); err != nil {
		return err
	}
	w.State, w.StateAt, w.Attempts, w.Holder = to, tx.Now(), attempts+1, holder
	if err := tx.UpdateWriteBack(*w, from, attempts); err != nil {
		return err
	}
	if err := tx.InsertAttempt(Attempt{WriteBackID: w.ID, Number: w.Attempts, Holder: holder, StartedAt: tx.Now()}); err != nil {
		return err
	}
	return tx.Audit(event(SystemActor(w.SiteID), w.EncounterID, "writeback.send", "writeback/"+string(w.ID), map[string]string{
		"destination": string(w.DestinationID), "attempt": strconv.Itoa(w.Attempts), "rendering_sha256": w.RenderingID.String(),
	}))
}

// Settle records what came of a send or a resolve.
func (s *Service) Settle(ctx context.Context, w Work, o Outcome) error {
	err := s.store.Write(ctx, func(tx Tx) error {
		cur, err := tx.WriteBack(w.WriteBack.ID)
		if err != nil {
			return err
		}
		if w.Kind == WorkResolve && (cur.State != w.WriteBack.State || !cur.StateAt.Equal(w.WriteBack.StateAt)) {
			return lateAnswer(tx, cur, o)
		}
		return settle(tx, cur, w.WriteBack.Attempts, o)
	})
	// Recorded or not, the call is over: what could not be recorded is found
	// sending without a sender.
	s.lease.end(w.WriteBack.ID)
	if err == nil {
		s.work.WriteBackChanged(w.WriteBack.ID)
		s.work.NoteChanged(w.WriteBack.NoteID)
	}
	return err
}

// lateAnswer takes the answer to a question about a row that has moved on,
// most likely by a person's decision, which stands. One thing still matters:
// that the document was found, where it is about to be sent again.
func lateAnswer(tx Tx, w WriteBack, o Outcome) error {
	if o.Event == EventAccept && w.State == WriteBackPending {
		return settle(tx, w, w.Attempts, Outcome{Event: EventGiveUp, ErrorCode: "found_after_resend", Receipt: o.Receipt})
	}
	return Errorf(KindConflict, "settle: the write-back has moved on while the question was asked")
}

// settle moves a write-back by an outcome. attempts is the count the caller
// worked with: a row that has moved on since is a conflict.
func settle(tx Tx, w WriteBack, attempts int, o Outcome) error {
	from := w.State
	w.ErrorCode, w.NextAttemptAt = o.ErrorCode, o.RetryAt
	if o.Event != "" {
		to, err := NextWriteBack(w.State, o.Event)
		if err != nil {
			return err
		}
		w.State, w.StateAt, w.Holder = to, tx.Now(), ""
	}
	if o.Event == EventAccept || o.Event == EventCommit {
		w.ErrorCode, w.VerifyAt = "", o.VerifyAt
	}
	if o.Event == EventRelease {
		w.OwedSince = tx.Now() // held time is not time in which it failed to arrive
	}
	if o.Receipt != (Receipt{}) {
		w.Receipt = o.Receipt // also of a write that a person has to look at
	}
	if err := tx.UpdateWriteBack(w, from, attempts); err != nil {
		return err
	}
	if from == WriteBackSending {
		if err := tx.EndAttempt(Attempt{
			WriteBackID: w.ID, Number: attempts, EndedAt: tx.Now(), Outcome: attemptOutcome(o), ErrorCode: o.ErrorCode,
		}); err != nil {
			return err
		}
	}
	if o.Event == "" {
		return nil
	}
	e := event(SystemActor(w.SiteID), w.EncounterID, "writeback."+string(o.Event), "writeback/"+string(w.ID), map[string]string{
		"destination": string(w.DestinationID), "state": string(w.State), "attempt": strconv.Itoa(attempts),
	})
	if o.ErrorCode != "" {
		e.Outcome, e.Details["code"] = "failure", o.ErrorCode
	}
	if o.Event == EventAccept {
		e.Details["written_sha256"] = o.Receipt.WrittenSHA256.String()
	}
	return tx.Audit(e)
}

// attemptOutcome is what an attempt is remembered by.
func attemptOutcome(o Outcome) string {
	switch o.Event {
	case EventAccept:
		return "accepted"
	case EventCommit:
		return "committed"
	case EventReject:
		return "rejected"
	case EventNotArrived:
		return "not_arrived"
	case EventGiveUp:
		if o.Receipt == (Receipt{}) {
			return "not_arrived" // given up after too many tries
		}
	}
	return "unknown"
}

// Verified records a read-back. A zero retryAt ends it; otherwise v is kept
// and the destination is read again then.
func (s *Service) Verified(ctx context.Context, w Work, v Verification, retryAt time.Time) error {
	err := s.store.Write(ctx, func(tx Tx) error {
		cur, err := tx.WriteBack(w.WriteBack.ID)
		if err != nil {
			return err
		}
		cur.Verification, cur.VerifyAt = v, retryAt
		if err := tx.UpdateWriteBack(cur, WriteBackAccepted, cur.Attempts); err != nil {
			return err
		}
		if !retryAt.IsZero() {
			return nil
		}
		return tx.Audit(event(SystemActor(cur.SiteID), cur.EncounterID, "writeback.verify", "writeback/"+string(cur.ID), map[string]string{
			"destination": string(cur.DestinationID), "verification": string(v),
		}))
	})
	if err == nil {
		s.work.WriteBackChanged(w.WriteBack.ID)
		s.work.NoteChanged(w.WriteBack.NoteID)
	}
	return err
}

// document resolves the envelope of a write-back around its stored bytes.
func document(r Reader, w WriteBack) (Document, error) {
	d := Document{
		WriteBackID: w.ID, SiteID: w.SiteID, Action: w.Action, ControlID: w.ControlID, NoteID: w.NoteID,
		Revision: w.Revision, CreatedAt: w.CreatedAt, Receipt: w.Receipt,
	}
	site, err := r.Site(w.SiteID)
	if err != nil {
		return d, err
	}
	var ok bool
	if d.Destination, ok = site.Destination(w.DestinationID); !ok {
		return d, Errorf(KindNotFound, "write-back: destination %s is no longer configured", w.DestinationID)
	}
	n, err := r.Note(w.NoteID)
	if err != nil {
		return d, err
	}
	d.DocumentNumber, d.Type, d.Title, d.Confidential = n.DocumentNumber(), n.Type, NoteTypeTitle(n.Type), n.Confidential
	if n.ParentID != "" {
		d.ParentNumber = upper(string(n.ParentID))
	}
	if d.Rendering, err = r.Rendering(w.NoteID, w.Revision, w.Format); err != nil {
		return d, err
	}
	if d.Rendering.SHA256 != w.RenderingID {
		return d, Errorf(KindInternal, "write-back: the stored rendering is not the one that was signed")
	}
	if d.Patient, err = r.Patient(n.PatientID); err != nil {
		return d, err
	}
	if d.Encounter, err = r.Encounter(n.EncounterID); err != nil {
		return d, err
	}
	if d.Author, err = r.Practitioner(n.Author); err != nil {
		return d, err
	}
	d.StartedAt, d.EndedAt, err = period(r, n)
	if err != nil {
		return d, err
	}
	if now, err := addressee(d.Patient, d.Encounter, w.DestinationID); err != nil || now != w.Addressee {
		return d, errors.Join(err, Errorf(KindConflict, "write-back: patient or encounter have other identifiers there than when the note was signed"))
	}
	return d, signers(r, n, w.Revision, &d)
}

// addressee stands for whose chart a document goes to at a destination: name,
// birth date, and the identifiers that may be sent there. It is fixed when the
// note is signed; afterwards nothing may lead it elsewhere.
func addressee(p Patient, e Encounter, d DestinationID) (Digest, error) {
	b, err := json.Marshal([]any{p.ID, p.Family, p.BirthDate, For(p.Identifiers, d), e.ID, For(e.Identifiers, d)})
	return DigestOf(b), err
}

func signers(r Reader, n Note, revision int, d *Document) error {
	all, err := r.Signatures(n.ID)
	if err != nil {
		return err
	}
	dueList, err := r.Due(n.ID)
	if err != nil {
		return err
	}
	_, open := NextDue(dueList)
	d.Completed = open == 0
	for _, sig := range all {
		if sig.Revision != revision {
			continue
		}
		p, err := r.Practitioner(sig.Practitioner)
		if err != nil {
			return err
		}
		d.Signatures, d.Signers = append(d.Signatures, sig), append(d.Signers, p)
	}
	return nil
}

// period is when the note's recordings began and ended.
func period(r Reader, n Note) (start, end time.Time, err error) {
	for _, id := range n.Recordings {
		rec, err := r.Recording(id)
		if err != nil {
			return start, end, err
		}
		if start.IsZero() || rec.StartedAt.Before(start) {
			start = rec.StartedAt
		}
		if rec.ClosedAt.After(end) {
			end = rec.ClosedAt
		}
	}
	if start.IsZero() {
		start = n.CreatedAt
	}
	if end.Before(start) {
		end = start
	}
	return start, end, nil
}
