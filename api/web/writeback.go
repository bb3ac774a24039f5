package web

import (
	"fmt"

	"countersign/review"
)

type writeBackView struct {
	review.WriteBack
	Name  string
	Light string // how it looks: good, waiting, attention, bad, none
	Words string
}

func writeBackViews(list []review.WriteBack, site review.Site) []writeBackView {
	var out []writeBackView
	for _, w := range list {
		light, words := outcome(w)
		out = append(out, writeBackView{w, destinationName(site, w.DestinationID), light, words})
	}
	return out
}

func destinationName(site review.Site, id review.DestinationID) string {
	if d, ok := site.Destination(id); ok && d.Name != "" {
		return d.Name
	}
	return string(id)
}

// outcome says what became of a write-back, for the physician, never more
// than is known.
func outcome(w review.WriteBack) (light, words string) {
	switch w.State {
	case review.WriteBackAccepted:
		return accepted(w)
	case review.WriteBackCommitted:
		return "waiting", "Taken by the interface; not confirmed by the EHR yet"
	case review.WriteBackRejected:
		return "bad", "Refused by the EHR: it is not in the chart. Tell your integration team"
	case review.WriteBackUnknown:
		return "attention", "No answer came. The EHR is being asked whether it has the note"
	case review.WriteBackManual:
		return "bad", "It may or may not be in the chart: somebody has to look there"
	case review.WriteBackHeld:
		return "attention", "Held here: writing to this EHR is not switched on"
	case review.WriteBackSuperseded:
		return "none", "Not sent: overtaken by a newer version"
	}
	if w.Attempts > 1 {
		return "waiting", fmt.Sprintf("On its way, attempt %d", w.Attempts)
	}
	return "waiting", "On its way"
}

func accepted(w review.WriteBack) (light, words string) {
	done := "Filed"
	if w.Action == review.WriteRetract {
		done = "Withdrawn"
	}
	switch {
	case w.Verification == review.VerificationVerified:
		return "good", done + " · verified in chart " + when(w.StateAt)
	case w.Verification == review.VerificationEdited:
		return "attention", done + " · changed in the EHR since"
	case w.Verification == review.VerificationMismatch:
		return "bad", done + ", but the chart does not show what you signed: call your IT department"
	case !w.VerifyAt.IsZero():
		return "waiting", done + " " + when(w.StateAt) + " · being read back"
	}
	return "good", done + " " + when(w.StateAt) + " · the EHR confirmed it; it cannot be read back there"
}
