package web

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"countersign/review"
)

func TestWorklist(t *testing.T) {
	t.Parallel()
	t.Run("empty", func(t *testing.T) {
		t.Parallel()
		setup(t, inReview()).signIn().get("/").has("Nothing here yet")
	})
	t.Run("most pressing first", func(t *testing.T) {
		t.Parallel()
		f := inReview()
		f.list = workItems(11, func(int) review.Practitioner { return author })
		f.list = append(f.list, review.WorkItem{Note: pendingCoSign().Note, Patient: thePatient, Author: resident})
		a := setup(t, f).signIn().get("/").has("Per Lindqvist, MD", "Patient not known yet")
		last := -1
		for _, title := range []string{"To review and sign", "To co-sign", "No draft could be made", "Being drafted", "Waiting for a colleague", "Signed <", "Closed"} {
			at := strings.Index(a.Body, "<h2>"+title)
			if at <= last {
				t.Errorf("%q stands at %d, after %d", title, at, last)
			}
			last = at
		}
	})
	t.Run("a full page leads to older notes", func(t *testing.T) {
		t.Parallel()
		f := inReview()
		f.list = workItems(worklistSize, func(int) review.Practitioner { return author })
		b := setup(t, f).signIn()
		older := "/?after=" + string(f.list[worklistSize-1].Note.ID)
		b.get("/").has(older)
		b.get(older)
		if f.filter.After != f.list[worklistSize-1].Note.ID || f.filter.Limit != worklistSize {
			t.Errorf("asked for %+v", f.filter)
		}
	})
	t.Run("a patient that may not be shown", func(t *testing.T) {
		t.Parallel()
		f := inReview()
		f.list = []review.WorkItem{{Note: f.view.Note, Author: author}}
		setup(t, f).signIn().get("/").has("Patient not shown").hasNot("Featherstone")
	})
	t.Run("loads itself while a draft is made", func(t *testing.T) {
		t.Parallel()
		f := inReview()
		b := setup(t, f).signIn()
		f.list = []review.WorkItem{{Note: review.Note{ID: fixedNote, State: review.StateDrafting, Author: author.ID}}}
		b.get("/").has(`content="2; url=/?auto=1"`)
		f.list[0].Note.State = review.StateReadyForReview
		b.get("/").hasNot("refresh")
	})
}

// Nothing of the patient or of what was said or typed stands in a URL, a
// title or a log: URLs and titles end up in histories and proxies.
func TestNoPHIOutsideThePage(t *testing.T) {
	t.Parallel()
	phi := []string{"featherstone", "marguerite", "70012345", "1961", "diarrh", "typed%20words", "typed words", "because%20of", "because of"}
	leaks := func(t *testing.T, where, s string) {
		t.Helper()
		for _, p := range phi {
			if strings.Contains(strings.ToLower(s), p) {
				t.Errorf("%s has %q: %s", where, p, s)
			}
		}
	}
	urls := regexp.MustCompile(`(?:href|action|url|content)="?([^" >]*)|<title>(.*)</title>`)
	f := newFake(viewOf(review.StateInReview, flagged()))
	f.list = workItems(11, func(int) review.Practitioner { return author })
	b := setup(t, f).signIn()
	see := func(a answer) {
		for _, m := range urls.FindAllStringSubmatch(a.Body, -1) {
			leaks(t, "a URL or title", m[1]+m[2])
		}
		leaks(t, "a redirect", a.Header.Get("Location"))
		leaks(t, "a cookie", a.Header.Get("Set-Cookie"))
	}
	see(b.get("/"))
	see(b.get(notePath + "?s=" + string(stID(1))))
	see(b.post(notePath+"/edit", "seen", hash(f), "op", "replace", "statement", string(stID(1)), "text", "typed words").want(http.StatusSeeOther))
	see(b.post(notePath+"/edit", "seen", strings.Repeat("0", 64), "op", "replace", "statement", string(stID(1)), "text", "typed words").want(http.StatusConflict))
	see(b.post(notePath+"/confirm", "seen", hash(f), "statement", string(stID(3)), "kind", "number_not_said", "text", "because of").want(http.StatusSeeOther))
	see(b.post(notePath+"/edit", "seen", hash(f), "op", "remove", "statement", string(stID(10))).want(http.StatusSeeOther))
	see(b.get(notePath + "/sign"))
	see(b.post(notePath+"/sign", "seen", hash(f), "shown", hash(f), "agree", "yes").want(http.StatusSeeOther))
	for method := range f.called {
		f.fail[method] = review.Errorf(review.KindInternal, "row of Featherstone, Marguerite: typed words")
	}
	for _, path := range []string{"/", notePath, notePath + "/sign"} {
		a := b.get(path).want(http.StatusInternalServerError)
		leaks(t, "a problem page", a.Body)
	}
	b.post("/signout")
	see(b.post(notePath+"/edit", "op", "replace", "text", "typed words"))
	if !strings.Contains(b.log.String(), "internal") {
		t.Error("nothing was logged: this test sees nothing")
	}
	leaks(t, "the log", b.log.String())
}
