package web

import (
	"net/http"

	"countersign/review"
)

// typed is what a person typed into a form of a note: the text of an edit, or
// the reason of a confirmation.
type typed struct {
	Op        review.EditOp // empty for a confirmation
	Statement review.StatementID
	Section   string
	Kind      review.FlagKind
	Text      review.ClinicalText
}

func readTyped(r *http.Request) typed {
	return typed{
		Op: review.EditOp(r.PostFormValue("op")), Statement: review.StatementID(r.PostFormValue("statement")),
		Section: r.PostFormValue("section"), Kind: review.FlagKind(r.PostFormValue("kind")),
		Text: review.ClinicalText(r.PostFormValue("text")),
	}
}

// typedPage shows what a person typed beside what the note says now.
type typedPage struct {
	frame
	Banner banner
	ID     review.NoteID
	Why    string
	Typed  typed
	// Section is the title of where it belongs; Now is what stands there.
	Section string
	Now     []review.Statement
	Seen    string // content hash of what is shown as Now
	Button  string // empty when it cannot be saved any more
}

// keepTyped answers a form that was refused. Nothing that a person typed is
// lost: it is shown beside the newest text, to be saved over that knowingly.
func (s *Server) keepTyped(w http.ResponseWriter, r *http.Request, a review.Actor, id review.NoteID, t typed, cause error) error {
	kind := kindOf(cause)
	switch {
	case t.Text == "", t.Op == review.EditRemove:
		return cause
	case kind == review.KindNotFound, kind == review.KindInternal, kind == review.KindForbidden:
		return cause
	}
	why := told(cause)
	if kind == review.KindConflict {
		why = "The note changed after you were shown it. Nothing was overwritten: both texts stand below."
	}
	if s.showTyped(w, r, a, id, t, statusOf(kind), why) != nil {
		return cause
	}
	return nil
}

// showTyped renders the page. It is KindNotFound for a note that is not this
// person's to see.
func (s *Server) showTyped(w http.ResponseWriter, r *http.Request, a review.Actor, id review.NoteID, t typed, status int, why string) error {
	v, err := s.notes.OpenNote(r.Context(), a, id)
	if err != nil {
		return err
	}
	site, err := s.notes.Site(r.Context(), a)
	if err != nil {
		return err
	}
	p := typedPage{frame: frameFor("Not saved yet", a, site), Banner: bannerOf(v), ID: id, Why: why, Typed: t, Seen: v.Revision.ContentSHA256.String()}
	p.compare(v.Revision.Content)
	if !mayEdit(v, a) {
		p.Button = ""
	}
	return s.render(w, status, "typed", p)
}

// compare finds what stands now where the text was to go, and what saving it
// would do.
func (p *typedPage) compare(c review.Content) {
	if i, j, ok := c.Statement(p.Typed.Statement); ok {
		st := c.Sections[i].Statements[j]
		p.Section, p.Now = c.Sections[i].Title, []review.Statement{st}
		switch {
		case p.Typed.Op == review.EditReplace:
			p.Button = "Replace it with mine"
		case p.Typed.Op == "" && openFlag(st, p.Typed.Kind):
			p.Button = "Confirm with my reason"
		}
		return
	}
	for _, sec := range c.Sections {
		if sec.Code != p.Typed.Section || p.Typed.Op == "" {
			continue
		}
		// What was to be replaced is gone: it can only be added.
		p.Typed.Op, p.Typed.Statement = review.EditAdd, ""
		p.Section, p.Now, p.Button = sec.Title, sec.Statements, "Add it to the section"
		return
	}
}

func openFlag(st review.Statement, k review.FlagKind) bool {
	for _, f := range st.Flags {
		if f.Kind == k && f.Open() {
			return true
		}
	}
	return false
}
