package web

import (
	"net/http"
	"net/url"
	"strconv"

	"countersign/review"
)

// A page that waits for machines loads itself again, ever more slowly, with a
// count in its URL: so the server can tell it from a person, and stop.
const loadCount = "auto"

func loadedItself(r *http.Request) bool {
	return r.Method == http.MethodGet && r.URL.Query().Get(loadCount) != ""
}

// wait makes the page load itself again; query is what else its URL keeps.
func (f *frame) wait(r *http.Request, query url.Values) {
	n, err := strconv.Atoi(r.URL.Query().Get(loadCount))
	if err != nil || n < 0 {
		n = 0
	}
	switch {
	case n < 15:
		f.Refresh = 2
	case n < 45:
		f.Refresh = 10
	case n < 60:
		f.Refresh = 60
	default:
		return
	}
	q := url.Values{loadCount: {strconv.Itoa(n + 1)}}
	for k, v := range query {
		q[k] = v
	}
	f.RefreshURL = r.URL.Path + "?" + q.Encode()
}

// machinesWork reports whether something will change without a person.
func machinesWork(v review.NoteView) bool {
	if v.Note.State == review.StateDrafting {
		return true
	}
	for _, w := range v.WriteBacks {
		switch w.State {
		case review.WriteBackPending, review.WriteBackSending, review.WriteBackCommitted, review.WriteBackUnknown:
			return true
		case review.WriteBackAccepted:
			if !w.VerifyAt.IsZero() {
				return true
			}
		}
	}
	return false
}
