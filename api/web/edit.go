package web

import (
	"net/http"
	"strconv"

	"countersign/review"
)

// noteID reads the id of the path. One that cannot be an id looks like one
// that does not exist.
func noteID(r *http.Request) (review.NoteID, error) {
	id := review.NoteID(r.PathValue("id"))
	if !review.ValidID(id) {
		return "", errNoNote()
	}
	return id, nil
}

func errNoNote() error {
	return review.Errorf(review.KindNotFound, "no such note, or not one of yours")
}

// seen reads the content hash that the form's page was rendered from.
func seen(r *http.Request) (review.Digest, error) {
	var d review.Digest
	if err := d.UnmarshalText([]byte(r.PostFormValue("seen"))); err != nil {
		return d, review.Errorf(review.KindInvalid, "the form does not say which content you were shown: open the note again")
	}
	return d, nil
}

// target reads what every form on a note's content carries.
func target(r *http.Request) (review.NoteID, review.Digest, error) {
	id, err := noteID(r)
	if err != nil {
		return id, review.Digest{}, err
	}
	d, err := seen(r)
	return id, d, err
}

func (s *Server) postEdit(w http.ResponseWriter, r *http.Request, a review.Actor) error {
	id, d, err := target(r)
	if err != nil {
		return err
	}
	t := readTyped(r)
	e := review.Edit{Op: t.Op, StatementID: t.Statement, SectionCode: t.Section, Text: t.Text}
	rev, err := s.notes.EditNote(r.Context(), a, id, d, []review.Edit{e})
	if err != nil {
		return s.keepTyped(w, r, a, id, t, err)
	}
	to := ""
	switch e.Op {
	case review.EditReplace:
		to = "s-" + string(e.StatementID)
	case review.EditRemove:
		to = firstOpen(rev.Content)
	case review.EditAdd:
		for i, sec := range rev.Content.Sections {
			if sec.Code == e.SectionCode {
				to = sectionAnchor(i)
			}
		}
	}
	back(w, r, id, to)
	return nil
}

func (s *Server) postConfirm(w http.ResponseWriter, r *http.Request, a review.Actor) error {
	id, d, err := target(r)
	if err != nil {
		return err
	}
	t := readTyped(r)
	rev, err := s.notes.ConfirmFlag(r.Context(), a, id, d, t.Statement, t.Kind, t.Text)
	if err != nil {
		return s.keepTyped(w, r, a, id, t, err)
	}
	to := firstOpen(rev.Content)
	if to == "" {
		to = "s-" + string(t.Statement)
	}
	back(w, r, id, to)
	return nil
}

// firstOpen is the anchor of the first statement that still has to be
// checked: the next thing to do. Empty for none.
func firstOpen(c review.Content) string {
	for _, sec := range c.Sections {
		for _, st := range sec.Statements {
			if blocked(st) {
				return "s-" + string(st.ID)
			}
		}
	}
	return ""
}

func blocked(st review.Statement) bool {
	for _, f := range st.Flags {
		if f.Open() {
			return true
		}
	}
	return false
}

func sectionAnchor(i int) string { return "sec-" + strconv.Itoa(i+1) }

// back returns to the note, at an anchor that the service has vouched for.
func back(w http.ResponseWriter, r *http.Request, id review.NoteID, at string) {
	to := "/notes/" + string(id)
	if at != "" {
		to += "#" + at
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (s *Server) postReturn(w http.ResponseWriter, r *http.Request, a review.Actor) error {
	id, err := noteID(r)
	if err != nil {
		return err
	}
	if err := s.notes.ReturnNote(r.Context(), a, id, r.PostFormValue("reason")); err != nil {
		return err
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

func (s *Server) postDiscard(w http.ResponseWriter, r *http.Request, a review.Actor) error {
	id, err := noteID(r)
	if err != nil {
		return err
	}
	if err := s.notes.DiscardNote(r.Context(), a, id, review.DiscardReason(r.PostFormValue("reason"))); err != nil {
		return err
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

func (s *Server) postRedraft(w http.ResponseWriter, r *http.Request, a review.Actor) error {
	id, err := noteID(r)
	if err != nil {
		return err
	}
	if err := s.notes.RedraftNote(r.Context(), a, id); err != nil {
		return err
	}
	back(w, r, id, "")
	return nil
}
