package review

import (
	"context"
	"slices"
	"strconv"
	"strings"
)

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
