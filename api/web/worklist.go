package web

import (
	"net/http"
	"slices"

	"countersign/review"
)

// worklistSize is how many notes one page of the worklist shows.
const worklistSize = 200

type worklistPage struct {
	frame
	Lanes []lane
	// Authors is true when the list has notes of others than the reader.
	Authors bool
	First   bool
	// Older is the last note of a full page.
	Older review.NoteID
}

// lane is one group of the worklist.
type lane struct {
	Title string
	Items []review.WorkItem
}

func (s *Server) getWorklist(w http.ResponseWriter, r *http.Request, a review.Actor) error {
	after := idOrNone(r.URL.Query().Get("after"))
	items, err := s.notes.Worklist(r.Context(), a, review.NoteFilter{After: after, Limit: worklistSize})
	if err != nil {
		return err
	}
	site, err := s.notes.Site(r.Context(), a)
	if err != nil {
		return err
	}
	p := worklistPage{frame: frameFor("Your notes", a, site), Lanes: lanes(items, a), First: after == ""}
	if len(items) == worklistSize {
		p.Older = items[len(items)-1].Note.ID
	}
	drafting := false
	for _, i := range items {
		drafting = drafting || i.Note.State == review.StateDrafting
		p.Authors = p.Authors || i.Note.Author != a.PractitionerID
	}
	if drafting {
		p.wait(r, nil)
	}
	return s.render(w, http.StatusOK, "worklist", p)
}

// lanes groups notes by what is to be done, most pressing first.
func lanes(items []review.WorkItem, a review.Actor) []lane {
	out := []lane{
		{Title: "To review and sign"}, {Title: "To co-sign"}, {Title: "No draft could be made"}, {Title: "Being drafted"},
		{Title: "Waiting for a colleague"}, {Title: "Signed"}, {Title: "Closed"},
	}
	for _, i := range items {
		n := laneOf(i, a)
		out[n].Items = append(out[n].Items, i)
	}
	return slices.DeleteFunc(out, func(l lane) bool { return len(l.Items) == 0 })
}

func laneOf(i review.WorkItem, a review.Actor) int {
	switch i.Note.State {
	case review.StateReadyForReview, review.StateInReview:
		if i.Note.Author != a.PractitionerID {
			return 4
		}
		return 0
	case review.StatePendingCoSign:
		if i.Note.Author != a.PractitionerID && (i.NextDue.Practitioner == "" || i.NextDue.Practitioner == a.PractitionerID) {
			return 1
		}
		return 4
	case review.StateDraftFailed:
		return 2
	case review.StateDrafting:
		return 3
	case review.StateCompleted, review.StateHandedOver:
		return 5
	}
	return 6
}

// nextToSign is the oldest other note that waits for this person's signature.
func nextToSign(items []review.WorkItem, a review.Actor, not review.NoteID) *review.WorkItem {
	for _, i := range slices.Backward(items) { // the list is newest first
		if i.Note.ID != not && laneOf(i, a) <= 1 {
			return &i
		}
	}
	return nil
}
