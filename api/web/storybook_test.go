package web

import (
	"flag"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"countersign/review"
)

var storybook = flag.String("storybook", "", "write every page in every state to this `directory`, for looking at")

// story is one page in one state.
type story struct {
	name, page string
	data       any
}

func notePageStory(name string, v review.NoteView, a review.Actor, change func(*notePage)) story {
	p := makeNotePage(v, a, theSite, "")
	if first, open := review.NextDue(v.Due); open > 0 && p.CanEdit && first.Meaning == review.MeaningAuthor && v.Encounter.Bound {
		p.SignVerb = "sign"
	}
	if change != nil {
		change(&p)
	}
	return story{"note-" + name, "note", p}
}

func stories() []story {
	all := []story{
		{"signin", "signin", signInPage{frame: frame{Title: "Sign in"}, Hint: "Demonstration: name demo, password demo."}},
		{"signin-wrong", "signin", signInPage{frame: frame{Title: "Sign in"}, Wrong: true}},
		{"signin-typed", "signin", signInPage{frame: frame{Title: "Sign in"}, Note: fixedNote, Typed: &typed{Op: review.EditReplace, Statement: stID(1), Text: `He said "no".`}}},
		{"problem-404", "problem", problemPage{frame: frame{Title: "That did not work"}, Text: told(errNoNote()), Back: "/"}},
		{"problem-409", "problem", problemPage{frame: frame{Title: "That did not work", SignedIn: true}, Text: told(review.ErrConflict), Back: notePath}},
	}
	all = append(all, noteStories()...)
	all = append(all, signStories()...)
	all = append(all, worklistStories()...)
	return append(all, typedStories()...)
}

func noteStories() []story {
	var all []story
	for _, s := range review.States() {
		all = append(all, notePageStory("state-"+string(s), viewOf(s, content()), theActor, nil))
	}
	open := viewOf(review.StateInReview, flagged())
	all = append(all, notePageStory("flags-open", open, theActor, nil))
	all = append(all, story{"note-evidence", "note", makeNotePage(open, theActor, theSite, stID(1))})

	unbound := viewOf(review.StateInReview, content())
	unbound.Note.PatientID, unbound.Patient, unbound.Encounter.Bound = "", review.Patient{}, false
	all = append(all, notePageStory("unbound", unbound, theActor, func(p *notePage) { p.SignVerb = "" }))

	long := content()
	long.Sections[1].Statements[0].Text = review.ClinicalText(strings.Repeat("Describes the pain at length, with many words. ", 80) + strings.Repeat("x", 300))
	restricted := viewOf(review.StateInReview, long)
	restricted.Note.Confidential = review.ConfidentialityRestricted
	all = append(all, notePageStory("long-text", restricted, theActor, nil))

	empty := viewOf(review.StateCompleted, content())
	empty.Transcript = review.Transcript{}
	all = append(all, notePageStory("transcript-destroyed", empty, theActor, nil))

	all = append(all, notePageStory("cosign-attending", pendingCoSign(), theActor, func(p *notePage) { p.SignVerb, p.CoSignDue = "co-sign", true }))
	all = append(all, notePageStory("cosign-records-office", pendingCoSign(), review.Actor{PractitionerID: "records", SiteID: "main-campus"}, func(p *notePage) { p.CoSignDue = true }))

	signed := viewOf(review.StateCompleted, content())
	signed.WriteBacks = everyWriteBack()
	all = append(all, notePageStory("writebacks", signed, theActor, func(p *notePage) {
		p.Next = &review.WorkItem{Note: review.Note{ID: review.NoteID(strings.Repeat("m", 26)), PatientID: "pat"}, Patient: thePatient}
	}))
	typical := viewOf(review.StateCompleted, content())
	typical.WriteBacks = []review.WriteBack{
		writeBack("epic", review.WriteBackAccepted, review.VerificationVerified),
		writeBack("mdm", review.WriteBackAccepted, review.VerificationNone), writeBack("fhir", review.WriteBackUnknown, review.VerificationNone),
	}
	return append(all, notePageStory("signed", typical, theActor, func(p *notePage) {
		p.Refresh, p.RefreshURL = 2, notePath+"?auto=1"
	}))
}

// everyWriteBack is one write-back in every state and with every result of a
// read-back.
func everyWriteBack() []review.WriteBack {
	var out []review.WriteBack
	for _, s := range review.WriteBackStates() {
		w := writeBack("epic", s, review.VerificationNone)
		if s == review.WriteBackRejected {
			w.ErrorCode = "http_422"
		}
		out = append(out, w)
	}
	for _, v := range []review.Verification{review.VerificationVerified, review.VerificationEdited, review.VerificationMismatch} {
		out = append(out, writeBack("mdm", review.WriteBackAccepted, v))
	}
	reading := writeBack("fhir", review.WriteBackAccepted, review.VerificationNone)
	reading.VerifyAt = noon
	again := writeBack("files", review.WriteBackPending, review.VerificationNone)
	again.Attempts, again.ErrorCode = 3, "busy"
	withdrawn := writeBack("fhir", review.WriteBackAccepted, review.VerificationVerified)
	withdrawn.Action = review.WriteRetract
	return append(out, reading, again, withdrawn)
}

func signStories() []story {
	v := viewOf(review.StateInReview, content())
	refused := preview(v, author, review.MeaningAuthor)
	refused.Routes[1].Refusals = []string{"the patient has no record number there: bind the recording to a registered patient", "it is too long"}
	nowhere := preview(v, author, review.MeaningAuthor)
	nowhere.Routes = nil
	open := viewOf(review.StateInReview, flagged())
	return []story{
		{"sign", "sign", makeSignPage(v, preview(v, author, review.MeaningAuthor), theActor, theSite)},
		{"sign-refused", "sign", makeSignPage(v, refused, theActor, theSite)},
		{"sign-nowhere", "sign", makeSignPage(v, nowhere, theActor, theSite)},
		{"sign-flags-open", "sign", makeSignPage(open, preview(open, author, review.MeaningAuthor), theActor, theSite)},
		{"sign-cosign", "sign", makeSignPage(pendingCoSign(), preview(pendingCoSign(), author, review.MeaningCoSignature), theActor, theSite)},
	}
}

// workItems is n notes in all states.
func workItems(n int, authorOf func(int) review.Practitioner) []review.WorkItem {
	var out []review.WorkItem
	states := review.States()
	for i := range n {
		who := authorOf(i)
		v := viewOf(states[i%len(states)], content())
		v.Note.ID = review.NoteID(stID(i))
		v.Note.Author = who.ID
		v.Note.OpenFlags = i % 3
		if i%7 == 6 {
			v.Note.PatientID, v.Patient = "", review.Patient{}
		}
		v.Note.CreatedAt = noon.Add(-time.Duration(i) * 11 * time.Minute)
		out = append(out, review.WorkItem{Note: v.Note, Patient: v.Patient, Author: who})
	}
	return out
}

func worklistStories() []story {
	mine := func(int) review.Practitioner { return author }
	both := func(i int) review.Practitioner { return []review.Practitioner{author, resident}[i%2] }
	page := func(items []review.WorkItem) worklistPage {
		p := worklistPage{frame: frameFor("Your notes", theActor, theSite), Lanes: lanes(items, theActor), First: true}
		for _, i := range items {
			p.Authors = p.Authors || i.Note.Author != author.ID
		}
		return p
	}
	full := page(workItems(200, both))
	full.Older = review.NoteID(stID(199))
	return []story{
		{"worklist-empty", "worklist", page(nil)}, {"worklist-some", "worklist", page(workItems(12, mine))}, {"worklist-200", "worklist", full},
	}
}

func typedStories() []story {
	v := viewOf(review.StateInReview, content())
	make := func(t typed) typedPage {
		p := typedPage{frame: frameFor("Not saved yet", theActor, theSite), Banner: bannerOf(v), ID: fixedNote, Why: "The note changed after you were shown it. Nothing was overwritten: both texts stand below.", Typed: t, Seen: v.Revision.ContentSHA256.String()}
		p.compare(v.Revision.Content)
		return p
	}
	gone := review.NewID[review.StatementID]()
	return []story{
		{"typed-conflict", "typed", make(typed{Op: review.EditReplace, Statement: stID(1), Section: "10164-2", Text: "Watery stools six times a day for three days, no blood or mucus."})},
		{"typed-statement-gone", "typed", make(typed{Op: review.EditReplace, Statement: gone, Section: "10164-2", Text: "Watery stools six times a day."})},
		{"typed-section-gone", "typed", make(typed{Op: review.EditReplace, Statement: gone, Section: "00000-0", Text: "Watery stools six times a day."})},
		{"typed-reason", "typed", make(typed{Statement: stID(3), Kind: review.FlagNumber, Text: "read from the thermometer"})},
	}
}

// TestStorybook renders every page in every state and checks its structure.
func TestStorybook(t *testing.T) {
	t.Parallel()
	s, err := New(newFake(viewOf(review.StateInReview, content())), fakeAuth{}, slog.New(slog.DiscardHandler), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if *storybook != "" {
		if err := os.MkdirAll(*storybook, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	names := map[string]bool{}
	for _, st := range stories() {
		if names[st.name] {
			t.Errorf("two stories are named %s", st.name)
		}
		names[st.name] = true
		t.Run(st.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			if err := s.render(w, 200, st.page, st.data); err != nil {
				t.Fatal(err)
			}
			checkPage(t, w.Body.String())
			if *storybook != "" {
				inline := strings.Replace(w.Body.String(), `<link rel="stylesheet" href="/static/style.css">`, "<style>"+string(s.style)+"</style>", 1)
				if err := os.WriteFile(filepath.Join(*storybook, st.name+".html"), []byte(inline), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// void lists the elements that have no end tag.
var void = []string{"meta", "link", "input", "br", "hr", "img"}

// checkPage fails on tags that do not balance, ids that repeat, fields
// without a label, links to anchors that are not there, and headings that a
// reader who cannot see would get lost in.
func checkPage(t *testing.T, page string) {
	t.Helper()
	var open []string
	ids, labels, hashes := map[string]bool{}, map[string]bool{}, []string{}
	var fields []string
	h1, level := 0, 0
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		tok := z.Token()
		attr := map[string]string{}
		for _, a := range tok.Attr {
			if _, twice := attr[a.Key]; twice {
				t.Errorf("<%s> has two attributes %s", tok.Data, a.Key)
			}
			attr[a.Key] = a.Val
		}
		switch kind {
		case html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != tok.Data {
				t.Fatalf("</%s> closes %v", tok.Data, open)
			}
			open = open[:len(open)-1]
			continue
		case html.StartTagToken:
			if !slices.Contains(void, tok.Data) {
				open = append(open, tok.Data)
			}
		default:
			continue
		}
		if id, ok := attr["id"]; ok {
			if ids[id] || id == "" || strings.ContainsAny(id, " \t\n") {
				t.Errorf("id %q is empty, has white space or stands twice", id)
			}
			ids[id] = true
		}
		if _, found := attr["style"]; found || tok.Data == "script" || tok.Data == "style" {
			t.Errorf("<%s> is inline style or script, which the content security policy forbids", tok.Data)
		}
		for k := range attr {
			if strings.HasPrefix(k, "on") {
				t.Errorf("<%s> has a script handler %s", tok.Data, k)
			}
		}
		switch tok.Data {
		case "h1", "h2", "h3", "h4":
			n := int(tok.Data[1] - '0')
			if n == 1 {
				h1++
			}
			if n > level+1 {
				t.Errorf("<%s> follows <h%d>", tok.Data, level)
			}
			level = n
		case "label":
			labels[attr["for"]] = true
		case "input", "select", "textarea":
			if attr["type"] != "hidden" {
				fields = append(fields, attr["id"])
			}
		case "a":
			if u, err := url.Parse(attr["href"]); err != nil || attr["href"] == "" {
				t.Errorf("link to %q", attr["href"])
			} else if u.Fragment != "" {
				hashes = append(hashes, u.Fragment)
			}
		case "section":
			if by, ok := attr["aria-labelledby"]; ok {
				hashes = append(hashes, by)
			}
		case "button":
			if open[len(open)-1] != "button" || !slices.Contains(open, "form") {
				t.Error("a button outside a form does nothing without script")
			}
		}
	}
	if len(open) > 0 {
		t.Errorf("never closed: %v", open)
	}
	if h1 != 1 {
		t.Errorf("%d <h1>, want 1", h1)
	}
	for _, f := range fields {
		if f == "" || !labels[f] {
			t.Errorf("the field %q has no label", f)
		}
	}
	for _, h := range hashes {
		if !ids[h] {
			t.Errorf("a link leads to #%s, which is not on the page", h)
		}
	}
}
