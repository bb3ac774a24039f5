package review

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// NoteView is everything the review page shows of one note.
type NoteView struct {
	Note       Note
	Revision   Revision // zero while there is none
	Patient    Patient  // zero while unbound
	Encounter  Encounter
	Author     Practitioner
	Due        []DueSignature
	Signatures []Signature
	WriteBacks []WriteBack
	Transcript Transcript
	Recorded   Period
}

// Period is when a visit was recorded.
type Period struct{ Start, End time.Time }

// WorkItem is one line of a worklist.
type WorkItem struct {
	Note    Note
	Patient Patient // zero while unbound, and for those who may not read notes
	Author  Practitioner
	// NextDue is the signature that is due next; zero when none is.
	NextDue DueSignature
}

// person reads the practitioner behind an actor. Rules are tested on the
// person as the journal has it, not on what a session remembers.
func person(r Reader, a Actor) (Practitioner, error) {
	p, err := r.Practitioner(a.PractitionerID)
	if errors.Is(err, ErrNotFound) || err == nil && p.SiteID != a.SiteID {
		return p, Errorf(KindForbidden, "this person is not a practitioner of the site")
	}
	return p, err
}

// mayRead reports whether a person may read a note: its author, whoever is
// named as a signer or has signed, the records office, and, while a
// co-signature is due from nobody in particular, whoever may give it. The
// store's filter For repeats it.
func mayRead(p Practitioner, n Note, due []DueSignature, signed []Signature) bool {
	if p.SiteID != n.SiteID {
		return false
	}
	if p.ID == n.Author || p.Has(RoleRecords) {
		return true
	}
	for _, d := range due {
		if d.Practitioner == p.ID {
			return true
		}
		if n.State == StatePendingCoSign && d.Practitioner == "" && d.SignedRevision == 0 && p.MayCoSign() {
			return true
		}
	}
	return slices.ContainsFunc(signed, func(x Signature) bool { return x.Practitioner == p.ID })
}

// errNoNote is the same for a note that is not there and one that this
// person may not see.
func errNoNote() error { return Errorf(KindNotFound, "no such note, or not one of yours") }

// noteFor reads a note that the actor may read.
func noteFor(r Reader, a Actor, id NoteID) (Note, []DueSignature, Practitioner, error) {
	p, err := person(r, a)
	if err != nil {
		return Note{}, nil, p, err
	}
	n, err := r.Note(id)
	if errors.Is(err, ErrNotFound) {
		return n, nil, p, errNoNote()
	} else if err != nil {
		return n, nil, p, err
	}
	due, err := r.Due(id)
	if err != nil {
		return n, nil, p, err
	}
	signed, err := r.Signatures(id)
	if err != nil {
		return n, nil, p, err
	}
	if !mayRead(p, n, due, signed) {
		return Note{}, nil, p, errNoNote()
	}
	return n, due, p, nil
}

// Worklist lists the notes of the actor: authored, or waiting for a
// co-signature the actor may give. The records office sees the whole site;
// an operator sees it without patients. Names were shown, so it is audited.
func (s *Service) Worklist(ctx context.Context, a Actor, f NoteFilter) ([]WorkItem, error) {
	var out []WorkItem
	err := s.store.Read(ctx, func(r Reader) error {
		out = nil
		p, err := person(r, a)
		if err != nil {
			return err
		}
		f.SiteID = a.SiteID
		all := p.Has(RoleRecords) || p.Has(RoleOperator)
		if !all {
			f.For = p.ID
		}
		notes, err := r.Notes(f)
		if err != nil {
			return err
		}
		for _, n := range notes {
			item, err := workItem(r, p, n)
			if err != nil {
				return err
			}
			out = append(out, item)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, s.store.Write(ctx, func(tx Tx) error {
		return tx.Audit(adminEvent(a, "worklist.view", map[string]string{"notes": strconv.Itoa(len(out))}))
	})
}

func workItem(r Reader, p Practitioner, n Note) (WorkItem, error) {
	item := WorkItem{Note: n}
	due, err := r.Due(n.ID)
	if err != nil {
		return item, err
	}
	item.NextDue, _ = NextDue(due)
	if item.Author, err = r.Practitioner(n.Author); err != nil {
		return item, err
	}
	signed, err := r.Signatures(n.ID)
	if err != nil {
		return item, err
	}
	if n.PatientID != "" && mayRead(p, n, due, signed) {
		item.Patient, err = r.Patient(n.PatientID)
	}
	return item, err
}

// ViewNote returns a note for reading and writes who read it into the audit
// trail.
func (s *Service) ViewNote(ctx context.Context, a Actor, id NoteID) (NoteView, error) {
	var v NoteView
	err := s.store.Read(ctx, func(r Reader) error {
		n, due, _, err := noteFor(r, a, id)
		if err != nil {
			return err
		}
		v, err = view(r, n, due)
		return err
	})
	if err != nil {
		return NoteView{}, err
	}
	return v, s.store.Write(ctx, func(tx Tx) error {
		return tx.Audit(event(a, v.Note.EncounterID, "note.view", "note/"+string(id), map[string]string{
			"revision": strconv.Itoa(v.Note.Revision),
		}))
	})
}

func view(r Reader, n Note, due []DueSignature) (v NoteView, err error) {
	v = NoteView{Note: n, Due: due}
	if n.Revision > 0 {
		if v.Revision, err = r.Revision(n.ID, n.Revision); err != nil {
			return v, err
		}
	}
	if n.PatientID != "" {
		if v.Patient, err = r.Patient(n.PatientID); err != nil {
			return v, err
		}
	}
	if v.Encounter, err = r.Encounter(n.EncounterID); err != nil {
		return v, err
	}
	if v.Author, err = r.Practitioner(n.Author); err != nil {
		return v, err
	}
	if v.Signatures, err = r.Signatures(n.ID); err != nil {
		return v, err
	}
	if v.WriteBacks, err = r.WriteBacks(WriteBackFilter{NoteID: n.ID, Limit: 500}); err != nil {
		return v, err
	}
	if v.Recorded.Start, v.Recorded.End, err = period(r, n); err != nil {
		return v, err
	}
	v.Transcript, err = r.Transcript(n.Recordings...)
	return v, err
}

// OpenNote opens a note for its author or co-signer. A draft that nobody has
// opened becomes in_review; opening again is reading.
func (s *Service) OpenNote(ctx context.Context, a Actor, id NoteID) (NoteView, error) {
	var v NoteView
	err := s.store.Write(ctx, func(tx Tx) error {
		n, due, p, err := noteFor(tx, a, id)
		if err != nil {
			return err
		}
		if n.State == StateReadyForReview && p.ID == n.Author {
			if n, err = s.step(tx, a, n, ActionOpen, nil); err != nil {
				return err
			}
		} else if err := tx.Audit(event(a, n.EncounterID, "note.view", "note/"+string(id), map[string]string{
			"revision": strconv.Itoa(n.Revision),
		})); err != nil {
			return err
		}
		v, err = view(tx, n, due)
		return err
	})
	if err == nil {
		s.work.NoteChanged(id)
	}
	return v, err
}

// step takes an action that changes nothing but the state, and audits it.
func (s *Service) step(tx Tx, a Actor, n Note, act Action, details map[string]string) (Note, error) {
	to, err := Next(n.State, act)
	if err != nil {
		return n, err
	}
	from := n.State
	if to != from {
		n.State, n.StateAt = to, tx.Now()
	}
	if err := tx.UpdateNote(n, from, n.Revision); err != nil {
		return n, err
	}
	d := map[string]string{"from": string(from), "to": string(to)}
	for k, v := range details {
		d[k] = v
	}
	return n, tx.Audit(event(a, n.EncounterID, "note."+string(act), "note/"+string(n.ID), d))
}

// EditOp says what an edit does.
type EditOp string

// Edit operations.
const (
	EditReplace EditOp = "replace" // new text for a statement: it becomes the clinician's
	EditRemove  EditOp = "remove"  // the statement goes
	EditAdd     EditOp = "add"     // a new statement in a section
)

// Edit is one change to a note.
type Edit struct {
	Op          EditOp
	StatementID StatementID  // for replace and remove
	SectionCode string       // LOINC; for add
	After       StatementID  // for add: the statement before it; empty for the end
	Text        ClinicalText // for replace and add, 1 to 4,000 bytes
}

// MaxStatementBytes bounds one statement.
const MaxStatementBytes = 4000

// EditNote changes the newest unsigned revision. seen is the content hash the
// editor was shown: if somebody else has changed the note since, the edit is
// KindConflict and nothing is overwritten. All edits are made, or none.
func (s *Service) EditNote(ctx context.Context, a Actor, id NoteID, seen Digest, edits []Edit) (Revision, error) {
	if len(edits) == 0 {
		return Revision{}, Errorf(KindInvalid, "edit note: no edits")
	}
	return s.change(ctx, a, id, seen, ActionEdit, func(c Content, t Transcript) (Content, map[string]string, error) {
		removed, changed := 0, 0
		for _, e := range edits {
			var err error
			if c, err = s.apply(c, e, t); err != nil {
				return c, nil, err
			}
			if e.Op == EditRemove {
				removed++
			} else {
				changed++
			}
		}
		if c.Statements() == 0 {
			return c, nil, Errorf(KindInvalid, "edit note: no statement would be left: discard the note instead")
		}
		return c, map[string]string{"removed": strconv.Itoa(removed), "changed": strconv.Itoa(changed)}, nil
	})
}

func (s *Service) apply(c Content, e Edit, t Transcript) (Content, error) {
	text := ClinicalText(strings.TrimSpace(string(e.Text)))
	if e.Op != EditRemove && (text == "" || len(text) > MaxStatementBytes) {
		return c, Errorf(KindInvalid, "edit note: text: give 1 to %d bytes", MaxStatementBytes)
	}
	if e.Op == EditAdd {
		i := slices.IndexFunc(c.Sections, func(x Section) bool { return x.Code == e.SectionCode })
		if i < 0 {
			return c, Errorf(KindInvalid, "edit note: section_code: the note has no such section")
		}
		st := Statement{ID: NewID[StatementID](), Text: text, Origin: OriginClinician}
		at := len(c.Sections[i].Statements)
		if e.After != "" {
			sec, pos, ok := c.Statement(e.After)
			if !ok || sec != i {
				return c, Errorf(KindNotFound, "edit note: after: the section has no such statement")
			}
			at, st.Heading = pos+1, c.Sections[i].Statements[pos].Heading
		}
		c.Sections[i].Statements = slices.Insert(c.Sections[i].Statements, at, st)
		return c, nil
	}
	i, j, ok := c.Statement(e.StatementID)
	if !ok {
		return c, Errorf(KindNotFound, "edit note: statement_id: the note has no such statement")
	}
	switch e.Op {
	case EditRemove:
		c.Sections[i].Statements = slices.Delete(c.Sections[i].Statements, j, j+1)
		if len(c.Sections[i].Statements) == 0 {
			c.Sections = slices.Delete(c.Sections, i, i+1)
		}
	case EditReplace:
		st := &c.Sections[i].Statements[j]
		if sameWords(st.Text, text) {
			break // nothing was edited: origin and flags stay
		}
		st.Text, st.Origin = text, OriginClinician
		st.Flags = append(s.grounder.Ground(t, *st), s.headingFlags(t, *st)...)
	default:
		return c, Errorf(KindInvalid, "edit note: op: use replace, remove or add")
	}
	return c, nil
}

func sameWords(a, b ClinicalText) bool {
	return slices.Equal(strings.Fields(string(a)), strings.Fields(string(b)))
}

// headingFlags are those of a statement's heading: it is still the drafter's
// when the statement below it has become the clinician's.
func (s *Service) headingFlags(t Transcript, st Statement) (out []Flag) {
	if st.Heading == "" {
		return nil
	}
	st.Text, st.Origin = "", OriginAI
	for _, f := range s.grounder.Ground(t, st) {
		if f.Kind == FlagNumber {
			out = append(out, f)
		}
	}
	return out
}

// ConfirmFlag resolves every open flag of one kind on a statement with the
// author's reason, 3 to 500 bytes: the statement stands although it was not
// found in what was said.
func (s *Service) ConfirmFlag(ctx context.Context, a Actor, id NoteID, seen Digest, st StatementID, kind FlagKind, reason ClinicalText) (Revision, error) {
	reason = ClinicalText(strings.TrimSpace(string(reason)))
	if len(reason) < 3 || len(reason) > 500 {
		return Revision{}, Errorf(KindInvalid, "confirm flag: reason: say in 3 to 500 bytes why the statement is right")
	}
	return s.change(ctx, a, id, seen, ActionConfirm, func(c Content, _ Transcript) (Content, map[string]string, error) {
		i, j, ok := c.Statement(st)
		if !ok {
			return c, nil, Errorf(KindNotFound, "confirm flag: statement_id: the note has no such statement")
		}
		confirmed := 0
		for k := range c.Sections[i].Statements[j].Flags {
			f := &c.Sections[i].Statements[j].Flags[k]
			if f.Kind == kind && f.Resolution == ResolutionOpen {
				f.Resolution, f.Reason, f.ResolvedBy, f.ResolvedAt = ResolutionConfirmed, reason, a.PractitionerID, s.clock.Now()
				confirmed++
			}
		}
		if confirmed == 0 {
			return c, nil, Errorf(KindNotFound, "confirm flag: kind: the statement has no such open flag")
		}
		return c, map[string]string{"statement": string(st), "flag": string(kind), "confirmed": strconv.Itoa(confirmed)}, nil
	})
}

// change is the common way of edits and confirmations. A draft is never
// changed in place: the first change forks a revision of the clinician's.
func (s *Service) change(ctx context.Context, a Actor, id NoteID, seen Digest, act Action,
	f func(Content, Transcript) (Content, map[string]string, error),
) (Revision, error) {
	var rev Revision
	err := s.store.Write(ctx, func(tx Tx) error {
		n, _, p, err := noteFor(tx, a, id)
		if err != nil {
			return err
		}
		if p.ID != n.Author {
			return Errorf(KindForbidden, "%s note: only its author may change it", act)
		}
		if _, err := Next(n.State, act); err != nil {
			return err
		}
		if rev, err = tx.Revision(id, n.Revision); err != nil {
			return err
		}
		if rev.ContentSHA256 != seen {
			return Errorf(KindConflict, "%s note: it was changed after you were shown it: read it again", act)
		}
		t, err := tx.Transcript(n.Recordings...)
		if err != nil {
			return err
		}
		c, details, err := f(rev.Content, t)
		if err != nil {
			return err
		}
		fromRev := n.Revision
		if rev, err = putRevision(tx, rev, c, a); err != nil {
			return err
		}
		n.Revision, n.OpenFlags = rev.Number, c.OpenFlags()
		if err := tx.UpdateNote(n, n.State, fromRev); err != nil {
			return err
		}
		details["revision"], details["content_sha256"] = strconv.Itoa(rev.Number), rev.ContentSHA256.String()
		return tx.Audit(event(a, n.EncounterID, "note."+string(act), "note/"+string(id), details))
	})
	if err == nil {
		s.work.NoteChanged(id)
	}
	return rev, err
}

// putRevision stores changed content: in place when the revision is already
// a clinician's and unsigned, else as a new one.
func putRevision(tx Tx, old Revision, c Content, a Actor) (Revision, error) {
	rev := old
	rev.Content, rev.ContentSHA256, rev.CreatedBy = c, ContentDigest(c), a.PractitionerID
	if old.CreatedBy != "" && !old.Signed {
		return rev, tx.UpdateRevision(rev, old.ContentSHA256)
	}
	rev.Number, rev.Signed, rev.CreatedAt = old.Number+1, false, tx.Now()
	return rev, tx.InsertRevision(rev)
}

// DiscardReason says why a note is thrown away.
type DiscardReason string

// Reasons to discard.
const (
	DiscardElsewhere    DiscardReason = "documented_elsewhere"
	DiscardNoService    DiscardReason = "no_service"
	DiscardDuplicate    DiscardReason = "duplicate"
	DiscardWrongPatient DiscardReason = "wrong_patient"
)

// DiscardNote throws an unsigned note away.
func (s *Service) DiscardNote(ctx context.Context, a Actor, id NoteID, reason DiscardReason) error {
	switch reason {
	case DiscardElsewhere, DiscardNoService, DiscardDuplicate, DiscardWrongPatient:
	default:
		return Errorf(KindInvalid, "discard note: reason: use documented_elsewhere, no_service, duplicate or wrong_patient")
	}
	return s.authorStep(ctx, a, id, ActionDiscard, map[string]string{"reason": string(reason)})
}

// RedraftNote asks for a fresh draft of a note nobody has typed in. (What a
// clinician typed, edited or confirmed is never overwritten: such a note is
// refused.)
func (s *Service) RedraftNote(ctx context.Context, a Actor, id NoteID) error {
	err := s.store.Write(ctx, func(tx Tx) error {
		n, _, p, err := noteFor(tx, a, id)
		if err != nil {
			return err
		}
		if p.ID != n.Author {
			return Errorf(KindForbidden, "redraft note: only its author may ask for it")
		}
		if n.Revision > 0 {
			rev, err := tx.Revision(id, n.Revision)
			if err != nil {
				return err
			}
			if rev.CreatedBy != "" {
				return Errorf(KindIllegal, "redraft note: it holds what a clinician typed, edited or confirmed, which a redraft never overwrites")
			}
		}
		n.DraftAttempts, n.NextAttemptAt, n.OpenFlags = 0, tx.Now(), 0
		_, err = s.step(tx, a, n, ActionRedraft, nil)
		return err
	})
	if err == nil {
		s.publishDraft(ctx, id)
		s.work.NoteChanged(id)
	}
	return err
}

func (s *Service) authorStep(ctx context.Context, a Actor, id NoteID, act Action, details map[string]string) error {
	err := s.store.Write(ctx, func(tx Tx) error {
		n, _, p, err := noteFor(tx, a, id)
		if err != nil {
			return err
		}
		if p.ID != n.Author {
			return Errorf(KindForbidden, "%s note: only its author may", act)
		}
		_, err = s.step(tx, a, n, act, details)
		return err
	})
	if err == nil {
		s.work.NoteChanged(id)
	}
	return err
}
