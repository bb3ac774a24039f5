package web

import (
	"context"
	"sync"

	"countersign/review"
)

// fakeNotes is one note of a site behind the rules of review.Service that the
// page can run into: who may, what was shown, open flags, one signature.
type fakeNotes struct {
	mu     sync.Mutex
	view   review.NoteView
	person review.Practitioner // who acts
	list   []review.WorkItem
	routes []review.Route
	fail   map[string]error // by method: what it returns instead
	filter review.NoteFilter
	edits  []review.Edit
	signed int
	called map[string]int
}

var _ Notes = (*fakeNotes)(nil)

func newFake(v review.NoteView) *fakeNotes {
	return &fakeNotes{view: v, person: author, fail: map[string]error{}, called: map[string]int{}}
}

func (f *fakeNotes) begin(method string, id review.NoteID) error {
	f.called[method]++
	if err := f.fail[method]; err != nil {
		return err
	}
	if id != f.view.Note.ID {
		return errNoNote()
	}
	return nil
}

func (f *fakeNotes) Worklist(_ context.Context, _ review.Actor, filter review.NoteFilter) ([]review.WorkItem, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.filter = filter
	return f.list, f.begin("Worklist", f.view.Note.ID)
}

func (f *fakeNotes) Site(context.Context, review.Actor) (review.Site, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return theSite, f.begin("Site", f.view.Note.ID)
}

func (f *fakeNotes) OpenNote(_ context.Context, a review.Actor, id review.NoteID) (review.NoteView, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.begin("OpenNote", id); err != nil {
		return review.NoteView{}, err
	}
	if f.view.Note.State == review.StateReadyForReview && f.view.Note.Author == a.PractitionerID {
		f.view.Note.State = review.StateInReview
	}
	return f.view, nil
}

// change stores c the way the service does after an edit.
func (f *fakeNotes) change(c review.Content) review.Revision {
	f.view.Revision.Content, f.view.Revision.ContentSHA256 = c, review.ContentDigest(c)
	f.view.Note.OpenFlags = c.OpenFlags()
	return f.view.Revision
}

func (f *fakeNotes) mayChange(method string, a review.Actor, id review.NoteID, seen review.Digest) error {
	switch err := f.begin(method, id); {
	case err != nil:
		return err
	case f.view.Note.Author != a.PractitionerID:
		return review.Errorf(review.KindForbidden, "edit note: only its author may change it")
	case f.view.Note.State != review.StateInReview:
		_, err := review.Next(f.view.Note.State, review.ActionEdit)
		return err
	case f.view.Revision.ContentSHA256 != seen:
		return review.Errorf(review.KindConflict, "edit note: it was changed after you were shown it: read it again")
	}
	return nil
}

func (f *fakeNotes) EditNote(_ context.Context, a review.Actor, id review.NoteID, seen review.Digest, edits []review.Edit) (review.Revision, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.mayChange("EditNote", a, id, seen); err != nil {
		return review.Revision{}, err
	}
	f.edits = append(f.edits, edits...)
	e, c := edits[0], f.view.Revision.Content
	i, j, ok := c.Statement(e.StatementID)
	switch {
	case e.Op != review.EditRemove && (e.Text == "" || len(e.Text) > review.MaxStatementBytes):
		return review.Revision{}, review.Errorf(review.KindInvalid, "edit note: text: give 1 to %d bytes", review.MaxStatementBytes)
	case e.Op == review.EditAdd:
		for k := range c.Sections {
			if c.Sections[k].Code == e.SectionCode {
				c.Sections[k].Statements = append(c.Sections[k].Statements, review.Statement{ID: review.NewID[review.StatementID](), Text: e.Text, Origin: review.OriginClinician})
			}
		}
	case !ok:
		return review.Revision{}, review.Errorf(review.KindNotFound, "edit note: statement_id: the note has no such statement")
	case e.Op == review.EditRemove:
		c.Sections[i].Statements = append(c.Sections[i].Statements[:j:j], c.Sections[i].Statements[j+1:]...)
	case e.Op == review.EditReplace:
		c.Sections[i].Statements[j] = review.Statement{ID: e.StatementID, Text: e.Text, Origin: review.OriginClinician}
	default:
		return review.Revision{}, review.Errorf(review.KindInvalid, "edit note: op: use replace, remove or add")
	}
	return f.change(c), nil
}

func (f *fakeNotes) ConfirmFlag(_ context.Context, a review.Actor, id review.NoteID, seen review.Digest, st review.StatementID, kind review.FlagKind, reason review.ClinicalText) (review.Revision, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.mayChange("ConfirmFlag", a, id, seen); err != nil {
		return review.Revision{}, err
	}
	if len(reason) < 3 {
		return review.Revision{}, review.Errorf(review.KindInvalid, "confirm flag: reason: say in 3 to 500 bytes why the statement is right")
	}
	c := f.view.Revision.Content
	if i, j, ok := c.Statement(st); ok {
		for k, fl := range c.Sections[i].Statements[j].Flags {
			if fl.Kind == kind && fl.Open() {
				g := &c.Sections[i].Statements[j].Flags[k]
				g.Resolution, g.Reason, g.ResolvedBy, g.ResolvedAt = review.ResolutionConfirmed, reason, a.PractitionerID, noon
				return f.change(c), nil
			}
		}
	}
	return review.Revision{}, review.Errorf(review.KindNotFound, "confirm flag: kind: the statement has no such open flag")
}

// due is what is due from the person, or why nothing is.
func (f *fakeNotes) due() (review.DueSignature, error) {
	d, open := review.NextDue(f.view.Due)
	if open == 0 {
		return d, review.Errorf(review.KindIllegal, "sign note: every due signature is there")
	}
	return d, review.MaySign(d, f.view.Note, f.person)
}

func (f *fakeNotes) PreviewNote(_ context.Context, _ review.Actor, id review.NoteID) (review.Preview, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.begin("PreviewNote", id); err != nil {
		return review.Preview{}, err
	}
	d, err := f.due()
	p := preview(f.view, f.person, d.Meaning)
	p.Shown = p.ContentSHA256 // of this fake
	if f.routes != nil {
		p.Routes = f.routes
	}
	return p, err
}

func (f *fakeNotes) SignNote(_ context.Context, _ review.Actor, id review.NoteID, seen review.Digest) (review.Note, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.begin("SignNote", id); err != nil {
		return review.Note{}, err
	}
	d, err := f.due()
	switch {
	case err != nil:
		return review.Note{}, err
	case f.view.Revision.ContentSHA256 != seen:
		return review.Note{}, review.Errorf(review.KindConflict, "sign note: it was changed after you were shown it: read it again")
	case f.view.Note.OpenFlags > 0:
		return review.Note{}, review.Errorf(review.KindFlagged, "sign note: %d blocking flags are open: confirm each with a reason, edit or remove the statement", f.view.Note.OpenFlags)
	}
	f.signed++
	f.view.Signatures = append(f.view.Signatures, signature(f.view, f.person, d.Meaning))
	f.view.Due[d.Position-1].SignedRevision = f.view.Note.Revision
	f.view.Note.State = review.StateCompleted
	if _, open := review.NextDue(f.view.Due); open > 0 {
		f.view.Note.State = review.StatePendingCoSign
	}
	return f.view.Note, nil
}

func (f *fakeNotes) step(method string, id review.NoteID, act review.Action) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.begin(method, id); err != nil {
		return err
	}
	to, err := review.Next(f.view.Note.State, act)
	if err == nil {
		f.view.Note.State = to
	}
	return err
}

func (f *fakeNotes) ReturnNote(_ context.Context, _ review.Actor, id review.NoteID, reason string) error {
	if !review.ValidName(reason) {
		return review.Errorf(review.KindInvalid, "return note: reason: give a fixed word such as incomplete or incorrect")
	}
	return f.step("ReturnNote", id, review.ActionReturn)
}

func (f *fakeNotes) DiscardNote(_ context.Context, _ review.Actor, id review.NoteID, reason review.DiscardReason) error {
	for _, c := range discardReasons() {
		if c.Value == string(reason) {
			return f.step("DiscardNote", id, review.ActionDiscard)
		}
	}
	return review.Errorf(review.KindInvalid, "discard note: reason: use documented_elsewhere, no_service, duplicate or wrong_patient")
}

func (f *fakeNotes) RedraftNote(_ context.Context, _ review.Actor, id review.NoteID) error {
	return f.step("RedraftNote", id, review.ActionRedraft)
}

// fakeAuth knows one login.
type fakeAuth struct{ actor review.Actor }

func (f fakeAuth) Authenticate(_ context.Context, name, secret string) (review.Actor, error) {
	if name != "okafor" || secret != "right" {
		return review.Actor{}, review.Errorf(review.KindUnauthenticated, "sign in: name or password is wrong")
	}
	return f.actor, nil
}
