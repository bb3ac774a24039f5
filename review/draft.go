package review

import (
	"context"
	"strconv"
	"time"
)

// DraftInput returns the conversation of a note that is owed a draft. It is
// KindIllegal when the note is no longer drafting (nothing is owed) and
// KindUnavailable when its next attempt is not due.
func (s *Service) DraftInput(ctx context.Context, id NoteID) (Conversation, error) {
	var c Conversation
	err := s.store.Read(ctx, func(r Reader) error {
		n, err := r.Note(id)
		if err != nil {
			return err
		}
		if n.State != StateDrafting {
			return Errorf(KindIllegal, "draft input: the note is %s", n.State)
		}
		if n.NextAttemptAt.After(s.clock.Now()) {
			return Errorf(KindUnavailable, "draft input: the next attempt is not due")
		}
		c, err = conversation(r, n)
		return err
	})
	return c, err
}

// conversation reads what a drafter and the check need. An unbound note has
// no chart context.
func conversation(r Reader, n Note) (Conversation, error) {
	t, err := r.Transcript(n.Recordings...)
	if err != nil {
		return Conversation{}, err
	}
	c := Conversation{Transcript: t, NoteType: n.Type, Context: ChartContext{AgeYears: -1}}
	if len(n.Recordings) > 0 {
		rec, err := r.Recording(n.Recordings[0])
		if err != nil {
			return c, err
		}
		c.StartedAt = rec.StartedAt
	}
	if n.PatientID == "" {
		return c, nil
	}
	p, err := r.Patient(n.PatientID)
	if err != nil {
		return c, err
	}
	c.Context.DisplayName = p.Given + " " + p.Family
	c.Context.Sex = p.Sex
	c.Context.AgeYears = ageAt(string(p.BirthDate), c.StartedAt)
	return c, nil
}

// ageAt is whole years at a date, -1 when the birth date is not a full date.
func ageAt(birth string, at time.Time) int {
	b, err := time.Parse(time.DateOnly, birth)
	if err != nil || at.Before(b) {
		return -1
	}
	age := at.Year() - b.Year()
	if at.YearDay() < b.AddDate(age, 0, 0).YearDay() {
		age--
	}
	return age
}

// SaveDraft stores a draft as a new revision and puts the note before its
// author. Every statement is checked against what was said: flags of the
// draft are replaced by the check's own. A draft without a statement is
// refused: an empty note must never look like success.
func (s *Service) SaveDraft(ctx context.Context, id NoteID, d Draft) error {
	var conv Conversation
	if err := s.store.Read(ctx, func(r Reader) error {
		n, err := r.Note(id)
		if err != nil {
			return err
		}
		conv, err = conversation(r, n)
		return err
	}); err != nil {
		return err
	}
	c := s.ground(conv.Transcript, d)
	if c.Statements() == 0 {
		return Errorf(KindInvalid, "save draft: the draft has no statement")
	}
	err := s.store.Write(ctx, func(tx Tx) error {
		n, err := tx.Note(id)
		if err != nil {
			return err
		}
		to, err := Next(n.State, ActionDraft)
		if err != nil {
			return err
		}
		from, fromRev := n.State, n.Revision
		rev := Revision{
			NoteID: id, Number: n.Revision + 1, Content: c, Generator: d.Generator, ContentSHA256: ContentDigest(c),
			CreatedAt: tx.Now(),
		}
		if err := tx.InsertRevision(rev); err != nil {
			return err
		}
		n.State, n.StateAt, n.Revision, n.OpenFlags, n.ErrorCode = to, tx.Now(), rev.Number, c.OpenFlags(), ""
		if err := tx.UpdateNote(n, from, fromRev); err != nil {
			return err
		}
		return tx.Audit(event(SystemActor(n.SiteID), n.EncounterID, "note.draft", "note/"+string(id), map[string]string{
			"revision": strconv.Itoa(rev.Number), "drafter": d.Generator.Drafter, "model": d.Generator.Model,
			"prompt": d.Generator.PromptID, "content_sha256": rev.ContentSHA256.String(),
			"open_flags": strconv.Itoa(n.OpenFlags),
		}))
	})
	if err == nil {
		s.work.NoteChanged(id)
	}
	return err
}

// ground gives every statement an id and the check's flags, and drops
// sections that say nothing.
func (s *Service) ground(t Transcript, d Draft) Content {
	c := Content{Omissions: d.Omissions}
	seen := map[StatementID]bool{}
	for _, sec := range d.Sections {
		if len(sec.Statements) == 0 {
			continue
		}
		out := Section{Code: sec.Code, Title: sec.Title, Statements: make([]Statement, len(sec.Statements))}
		for i, st := range sec.Statements {
			if !ValidID(st.ID) || seen[st.ID] {
				st.ID = NewID[StatementID]()
			}
			seen[st.ID] = true
			st.Flags = s.grounder.Ground(t, st)
			out.Statements[i] = st
		}
		c.Sections = append(c.Sections, out)
	}
	return c
}

// DraftFailed records a failed attempt. The note is tried again after the
// wait (0: a wait that doubles from two seconds to ten minutes), or moves to
// draft_failed when the failure is permanent or there were too many. code is
// fixed wording.
func (s *Service) DraftFailed(ctx context.Context, id NoteID, code string, retryAfter time.Duration, permanent bool) error {
	err := s.store.Write(ctx, func(tx Tx) error {
		n, err := tx.Note(id)
		if err != nil {
			return err
		}
		if n.State != StateDrafting {
			return nil // somebody else was faster
		}
		from, rev := n.State, n.Revision
		n.DraftAttempts++
		n.ErrorCode = code
		n.NextAttemptAt = tx.Now().Add(draftWait(retryAfter, n.DraftAttempts))
		action := "note.draft_attempt"
		if permanent || n.DraftAttempts >= s.options.MaxDraftAttempts {
			if n.State, err = Next(n.State, ActionGiveUp); err != nil {
				return err
			}
			n.StateAt, action = tx.Now(), "note.give_up"
		}
		if err := tx.UpdateNote(n, from, rev); err != nil {
			return err
		}
		e := event(SystemActor(n.SiteID), n.EncounterID, action, "note/"+string(id), map[string]string{
			"code": code, "attempt": strconv.Itoa(n.DraftAttempts),
		})
		e.Outcome = "failure"
		return tx.Audit(e)
	})
	if err == nil {
		s.work.NoteChanged(id)
	}
	return err
}

func draftWait(asked time.Duration, attempts int) time.Duration {
	if asked > 0 {
		return asked
	}
	return min(10*time.Minute, time.Second<<min(attempts, 20))
}
