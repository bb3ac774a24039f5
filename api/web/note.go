package web

import (
	"fmt"
	"net/http"
	"net/url"
	"unicode/utf8"

	"countersign/review"
)

type notePage struct {
	frame
	Banner     banner
	View       review.NoteView
	Sections   []sectionView
	Utterances []utteranceView
	Omissions  []omissionView
	WriteBacks []writeBackView
	Seen       string // content hash the page was rendered from
	CanEdit    bool
	SignVerb   string // "sign" or "co-sign" when it is this person's turn, else empty
	CoSignDue  bool
	FirstOpen  string // anchor of the first statement to check
	Working    bool   // machines will change the page
	Next       *review.WorkItem
}

// banner says whose note it is, on every page about it.
type banner struct {
	Patient   review.Patient
	NoteTitle string
	Note      review.Note
	Recorded  review.Period
	Author    string
	Bound     bool
}

func bannerOf(v review.NoteView) banner {
	return banner{
		Patient: v.Patient, NoteTitle: review.NoteTypeTitle(v.Note.Type), Note: v.Note, Recorded: v.Recorded,
		Author: v.Author.DisplayName(), Bound: v.Encounter.Bound,
	}
}

type sectionView struct {
	review.Section
	Anchor     string
	Statements []statementView
}

type statementView struct {
	review.Statement
	Number     int
	NewHeading bool
	Evidence   []utteranceView // what it cites, cut at the words
	Selected   bool
	Blocked    bool
}

type utteranceView struct {
	review.SpokenUtterance
	Number int
	Anchor string
	// Before, Marked and After cut the text at the selected statement's span.
	Before, Marked, After review.ClinicalText
	Cited                 bool
}

type omissionView struct {
	review.Omission
	// Number and Anchor lead to the utterance; 0 when it is not kept.
	Number int
	Anchor string
}

func (s *Server) getNote(w http.ResponseWriter, r *http.Request, a review.Actor) error {
	id, err := noteID(r)
	if err != nil {
		return err
	}
	v, err := s.notes.OpenNote(r.Context(), a, id)
	if err != nil {
		return err
	}
	site, err := s.notes.Site(r.Context(), a)
	if err != nil {
		return err
	}
	selected := review.StatementID(r.URL.Query().Get("s"))
	if !review.ValidID(selected) {
		selected = ""
	}
	p := makeNotePage(v, a, site, selected)
	if err := s.turn(r, a, &p); err != nil {
		return err
	}
	if p.Working && !p.CanEdit && p.SignVerb == "" {
		keep := url.Values{}
		if selected != "" {
			keep.Set("s", string(selected))
		}
		p.wait(r, keep)
	}
	return s.render(w, http.StatusOK, "note", p)
}

// turn finds out whether it is this person's turn to sign and, if not, which
// note waits for them instead.
func (s *Server) turn(r *http.Request, a review.Actor, p *notePage) error {
	v := p.View
	first, open := review.NextDue(v.Due)
	switch {
	case open > 0 && p.CanEdit && first.Meaning == review.MeaningAuthor:
		if v.Encounter.Bound {
			p.SignVerb = "sign"
		}
		return nil
	case open > 0 && v.Note.State == review.StatePendingCoSign && first.Meaning == review.MeaningCoSignature:
		p.CoSignDue = true
		if v.Note.Author != a.PractitionerID {
			// Only the service knows who may: somebody of the records office
			// sees the same note.
			if _, err := s.notes.PreviewNote(r.Context(), a, v.Note.ID); err == nil {
				p.SignVerb = "co-sign"
				return nil
			}
		}
	}
	items, err := s.notes.Worklist(r.Context(), a, review.NoteFilter{
		States: []review.State{review.StateReadyForReview, review.StateInReview, review.StatePendingCoSign}, Limit: worklistSize,
	})
	p.Next = nextToSign(items, a, v.Note.ID)
	return err
}

func mayEdit(v review.NoteView, a review.Actor) bool {
	return v.Note.State == review.StateInReview && v.Note.Author == a.PractitionerID
}

func anchor(stream review.StreamID, seq int64) string { return fmt.Sprintf("u-%s-%d", stream, seq) }

func makeNotePage(v review.NoteView, a review.Actor, site review.Site, selected review.StatementID) notePage {
	p := notePage{
		frame: frameFor(review.NoteTypeTitle(v.Note.Type), a, site), Banner: bannerOf(v),
		View: v, Seen: v.Revision.ContentSHA256.String(), CanEdit: mayEdit(v, a),
		FirstOpen: firstOpen(v.Revision.Content), Working: machinesWork(v),
		WriteBacks: writeBackViews(v.WriteBacks, site),
	}
	spoken := v.Transcript.Ordered()
	at := map[string]utteranceView{}
	for i, u := range spoken {
		x := utteranceView{SpokenUtterance: u, Number: i + 1, Anchor: anchor(u.StreamID, u.Seq), Before: u.Text}
		at[x.Anchor] = x
	}
	count := 0
	for i, sec := range v.Revision.Content.Sections {
		sv := sectionView{Section: sec, Anchor: sectionAnchor(i)}
		heading := review.ClinicalText("")
		for _, st := range sec.Statements {
			count++
			x := statementView{Statement: st, Number: count, Selected: st.ID == selected, NewHeading: st.Heading != heading, Blocked: blocked(st)}
			heading = st.Heading
			for _, e := range st.Evidence {
				// What is not in the transcript any more cannot be shown.
				if u, ok := at[anchor(e.StreamID, e.Seq)]; ok {
					x.Evidence = append(x.Evidence, u.cut(e))
				}
			}
			sv.Statements = append(sv.Statements, x)
		}
		p.Sections = append(p.Sections, sv)
	}
	for _, e := range evidenceOf(v.Revision.Content, selected) {
		k := anchor(e.StreamID, e.Seq)
		if u, ok := at[k]; ok {
			at[k] = u.cut(e)
		}
	}
	for _, u := range spoken {
		p.Utterances = append(p.Utterances, at[anchor(u.StreamID, u.Seq)])
	}
	for _, o := range v.Revision.Content.Omissions {
		u := at[anchor(o.Evidence.StreamID, o.Evidence.Seq)]
		p.Omissions = append(p.Omissions, omissionView{o, u.Number, u.Anchor})
	}
	return p
}

// evidenceOf is what a statement cites.
func evidenceOf(c review.Content, id review.StatementID) []review.Evidence {
	if i, j, ok := c.Statement(id); ok && id != "" {
		return c.Sections[i].Statements[j].Evidence
	}
	return nil
}

// cut marks the words of u that e points at: all of them where the span no
// longer fits the text.
func (u utteranceView) cut(e review.Evidence) utteranceView {
	start, end := e.SpanStart, e.SpanEnd
	if end == 0 || !cuts(string(u.Text), start) || !cuts(string(u.Text), end) || start >= end {
		start, end = 0, len(u.Text)
	}
	u.Cited = true
	u.Before, u.Marked, u.After = u.Text[:start], u.Text[start:end], u.Text[end:]
	return u
}

// cuts reports whether text can be cut at i without splitting a character.
func cuts(text string, i int) bool {
	return i == len(text) || i >= 0 && i < len(text) && utf8.RuneStart(text[i])
}
