package web

import (
	"errors"
	"net/http"

	"countersign/review"
)

type signInPage struct {
	frame
	Wrong bool
	Hint  string
	// Note is where the person wanted to go; empty for the worklist.
	Note review.NoteID
	// Typed is what was posted after the session had ended: it is carried
	// through the sign-in by the browser and kept nowhere else.
	Typed *typed
}

func (s *Server) getSignIn(w http.ResponseWriter, r *http.Request) error {
	return s.renderSignIn(w, http.StatusOK, signInPage{Note: idOrNone(r.URL.Query().Get("note"))})
}

func (s *Server) renderSignIn(w http.ResponseWriter, status int, p signInPage) error {
	p.Title, p.Hint = "Sign in", s.options.Hint
	return s.render(w, status, "signin", p)
}

// askSignIn sends somebody who is not signed in to sign in, and from there to
// where they wanted to go, with what they had typed.
func (s *Server) askSignIn(w http.ResponseWriter, r *http.Request) error {
	note := idOrNone(r.PathValue("id"))
	if r.Method == http.MethodPost {
		if t := readTyped(r); note != "" && t.Text != "" {
			return s.renderSignIn(w, http.StatusUnauthorized, signInPage{Note: note, Typed: &t})
		}
	}
	to := "/signin"
	if note != "" {
		to += "?note=" + string(note)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

func (s *Server) postSignIn(w http.ResponseWriter, r *http.Request) error {
	p := signInPage{Note: idOrNone(r.PostFormValue("note"))}
	if t := readTyped(r); p.Note != "" && t.Text != "" {
		p.Typed = &t
	}
	a, err := s.auth.Authenticate(r.Context(), r.PostFormValue("login"), r.PostFormValue("password"))
	if errors.Is(err, review.ErrUnauthenticated) {
		p.Wrong = true
		return s.renderSignIn(w, http.StatusUnauthorized, p)
	}
	if err != nil {
		return err
	}
	s.sessions.start(w, r, a)
	if p.Typed != nil {
		err := s.showTyped(w, r, a, p.Note, *p.Typed, http.StatusOK, "Your session had ended before you saved. Nothing was lost: save it now, or leave the note as it is.")
		if !errors.Is(err, review.ErrNotFound) {
			return err
		}
		p.Note = "" // another person has signed in, whose note it is not
	}
	to := "/"
	if p.Note != "" {
		to = "/notes/" + string(p.Note)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// idOrNone returns s if it has the form of a note's id.
func idOrNone(s string) review.NoteID {
	if review.ValidID(s) {
		return review.NoteID(s)
	}
	return ""
}

func (s *Server) postSignOut(w http.ResponseWriter, r *http.Request) error {
	s.sessions.end(w, r)
	http.Redirect(w, r, "/signin", http.StatusSeeOther)
	return nil
}
