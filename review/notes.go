package review

import (
	"context"
	"errors"
	"slices"
	"strconv"
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
