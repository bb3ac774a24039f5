package web

import (
	"errors"
	"net/http"

	"countersign/review"
)

type signPage struct {
	frame
	Banner  banner
	ID      review.NoteID
	Preview review.Preview
	Verb    string // "Sign" or "Co-sign"
	Text    review.ClinicalText
	Seen    string // content hash: finds a double click's signature
	Shown   string // digest of the preview: what is signed
	Routes  []routeView
	Blocked bool
}

type routeView struct {
	review.Route
	Name string
}

func (s *Server) getSign(w http.ResponseWriter, r *http.Request, a review.Actor) error {
	id, err := noteID(r)
	if err != nil {
		return err
	}
	v, err := s.notes.OpenNote(r.Context(), a, id)
	if err != nil {
		return err
	}
	pre, err := s.notes.PreviewNote(r.Context(), a, id)
	if err != nil {
		return err
	}
	site, err := s.notes.Site(r.Context(), a)
	if err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "sign", makeSignPage(v, pre, a, site))
}

func makeSignPage(v review.NoteView, pre review.Preview, a review.Actor, site review.Site) signPage {
	p := signPage{
		frame: frameFor("Sign", a, site), Banner: bannerOf(v), ID: v.Note.ID, Preview: pre, Verb: "Sign",
		Text: review.ClinicalText(pre.Rendering.Body), Seen: pre.ContentSHA256.String(), Shown: pre.Shown.String(), Blocked: pre.OpenFlags > 0,
	}
	if pre.Meaning == review.MeaningCoSignature {
		p.Title, p.Verb = "Co-sign", "Co-sign"
	}
	for _, route := range pre.Routes {
		p.Routes = append(p.Routes, routeView{route, destinationName(site, route.DestinationID)})
		p.Blocked = p.Blocked || len(route.Refusals) > 0
	}
	return p
}

func (s *Server) postSign(w http.ResponseWriter, r *http.Request, a review.Actor) error {
	id, d, err := target(r)
	if err != nil {
		return err
	}
	if r.PostFormValue("agree") != "yes" {
		return review.Errorf(review.KindInvalid, "sign note: tick the statement that you have reviewed the note")
	}
	var shown review.Digest
	if err := shown.UnmarshalText([]byte(r.PostFormValue("shown"))); err != nil {
		return review.Errorf(review.KindInvalid, "sign note: the form does not say what you were shown: open the note again")
	}
	if _, err := s.notes.SignNote(r.Context(), a, id, shown); err != nil && !s.hasSigned(r, a, id, d, err) {
		return err
	}
	back(w, r, id, "")
	return nil
}

// hasSigned reports whether a refused signature is there already: a double
// click signs once, and its second half finds the note signed. Which refusal
// that gives depends on who comes first and on what is due next.
func (s *Server) hasSigned(r *http.Request, a review.Actor, id review.NoteID, d review.Digest, refusal error) bool {
	if !errors.Is(refusal, review.ErrIllegal) && !errors.Is(refusal, review.ErrConflict) && !errors.Is(refusal, review.ErrForbidden) {
		return false
	}
	v, err := s.notes.OpenNote(r.Context(), a, id)
	if err != nil {
		return false
	}
	for _, sig := range v.Signatures {
		if sig.Practitioner == a.PractitionerID && sig.Revision == v.Note.Revision && sig.ContentSHA256 == d {
			return true
		}
	}
	return false
}
