package web

import (
	"html"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/review"
)

func TestNotePage(t *testing.T) {
	t.Parallel()
	t.Run("opens a draft and offers to sign it", func(t *testing.T) {
		t.Parallel()
		f := newFake(viewOf(review.StateReadyForReview, content()))
		b := setup(t, f).signIn()
		a := b.get(notePath).want(http.StatusOK).has("<h1>Featherstone, Marguerite</h1>", "born 1961-04-02", "MRN 70012345", "In review", "Read and sign", "Watery stools", "Six or seven times a day")
		checkPage(t, a.Body)
	})
	t.Run("open flags stand in the way and lead on", func(t *testing.T) {
		t.Parallel()
		b := setup(t, newFake(viewOf(review.StateInReview, flagged()))).signIn()
		b.get(notePath).has("Check 2 marked statements", `href="#s-`+string(stID(3)), "This number is not in what was said", "read from the monitor").hasNot("Read and sign")
	})
	t.Run("evidence is marked", func(t *testing.T) {
		t.Parallel()
		b := setup(t, inReview()).signIn()
		a := b.get(notePath+"?s="+string(stID(1))).has("<mark>Six or seven times a day. </mark>It&#39;s watery", "<mark>How many times a day do you go?</mark>", "statement selected")
		checkPage(t, a.Body)
		if got := strings.Count(a.Body, "<mark>Six or seven times a day. </mark>"); got != 2 {
			t.Errorf("marked %d times, want below the statement and in the transcript", got)
		}
		if _, said, _ := strings.Cut(b.get(notePath+"?s="+string(stID(77))).want(http.StatusOK).Body, "What was said</h2>"); strings.Contains(said, "<mark>") {
			t.Error("something is marked for a statement that is not there")
		}
		b.get(notePath + "?s=%22%3E%3Cscript%3E").want(http.StatusOK).hasNot("<script")
	})
	t.Run("another's note cannot be changed", func(t *testing.T) {
		t.Parallel()
		v := viewOf(review.StateInReview, flagged())
		v.Note.Author, v.Author = resident.ID, resident
		b := setup(t, newFake(v)).signIn()
		b.get(notePath).want(http.StatusOK).hasNot("textarea", "Confirm", "Read and sign", "Check 2")
		b.post(notePath+"/edit", "seen", v.Revision.ContentSHA256.String(), "op", "replace", "statement", string(stID(0)), "text", "mine").want(http.StatusForbidden)
	})
	t.Run("unbound cannot be signed", func(t *testing.T) {
		t.Parallel()
		v := viewOf(review.StateInReview, content())
		v.Encounter.Bound, v.Note.PatientID, v.Patient = false, "", review.Patient{}
		setup(t, newFake(v)).signIn().get(notePath).has("cannot be signed before the recording is bound", "Patient not known yet", "textarea").hasNot("Read and sign")
	})
	t.Run("draft failed", func(t *testing.T) {
		t.Parallel()
		v := viewOf(review.StateDraftFailed, content())
		v.Note.ErrorCode = "no_statement"
		f := newFake(v)
		b := setup(t, f).signIn()
		b.get(notePath).has("No draft could be made: no statement", "Draft again", "Six or seven times", "Discard")
		b.post(notePath + "/redraft").leadsTo(notePath)
		b.get(notePath).has("The draft is being made")
	})
}

// A span that no longer fits the text marks the whole utterance.
func TestSpans(t *testing.T) {
	t.Parallel()
	u := utteranceView{SpokenUtterance: review.SpokenUtterance{StreamID: "s", Utterance: review.Utterance{Seq: 1, Text: "38,9 °C"}}}
	for name, c := range map[string]struct {
		start, end   int
		before, mark string
	}{
		"inside":           {0, 4, "", "38,9"},
		"after":            {5, 8, "38,9 ", "°C"},
		"whole":            {0, 0, "", "38,9 °C"},
		"splits a letter":  {0, 6, "", "38,9 °C"},
		"beyond":           {0, 99, "", "38,9 °C"},
		"negative":         {-1, 3, "", "38,9 °C"},
		"backwards":        {4, 2, "", "38,9 °C"},
		"nothing is no ev": {3, 3, "", "38,9 °C"},
	} {
		got := u.cut(review.Evidence{SpanStart: c.start, SpanEnd: c.end})
		if string(got.Before) != c.before || string(got.Marked) != c.mark || got.Before+got.Marked+got.After != u.Text {
			t.Errorf("%s: %q %q %q", name, string(got.Before), string(got.Marked), string(got.After))
		}
	}
}

func TestEdits(t *testing.T) {
	t.Parallel()
	t.Run("replace leads to the statement", func(t *testing.T) {
		t.Parallel()
		f := inReview()
		b := setup(t, f).signIn()
		b.post(notePath+"/edit", "seen", hash(f), "op", "replace", "statement", string(stID(1)), "section", "10164-2", "text", "Eight times a day.").leadsTo(notePath + "#s-" + string(stID(1)))
		b.get(notePath).has("Eight times a day.", "yours").hasNot("Watery stools six")
		if diff := cmp.Diff([]review.Edit{{Op: review.EditReplace, StatementID: stID(1), SectionCode: "10164-2", Text: "Eight times a day."}}, f.edits); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("remove leads to the next thing to check", func(t *testing.T) {
		t.Parallel()
		f := newFake(viewOf(review.StateInReview, flagged()))
		b := setup(t, f).signIn()
		b.post(notePath+"/edit", "seen", hash(f), "op", "remove", "statement", string(stID(3))).leadsTo(notePath + "#s-" + string(stID(10)))
		b.post(notePath+"/edit", "seen", hash(f), "op", "remove", "statement", string(stID(10))).leadsTo(notePath)
		b.get(notePath).has("Read and sign").hasNot("Fever of 38.9")
	})
	t.Run("add leads to the section", func(t *testing.T) {
		t.Parallel()
		f := inReview()
		b := setup(t, f).signIn()
		b.post(notePath+"/edit", "seen", hash(f), "op", "add", "section", "48765-2", "text", "Latex.").leadsTo(notePath + "#sec-3")
		b.get(notePath).has("Latex.", `id="sec-3"`)
	})
	t.Run("confirm leads on, then back", func(t *testing.T) {
		t.Parallel()
		f := newFake(viewOf(review.StateInReview, flagged()))
		b := setup(t, f).signIn()
		b.post(notePath+"/confirm", "seen", hash(f), "statement", string(stID(3)), "kind", "number_not_said", "text", "thermometer shown").leadsTo(notePath + "#s-" + string(stID(10)))
		b.post(notePath+"/confirm", "seen", hash(f), "statement", string(stID(10)), "kind", "no_evidence", "text", "my judgement").leadsTo(notePath + "#s-" + string(stID(10)))
		b.get(notePath).has("thermometer shown", "my judgement", "Read and sign")
	})
	t.Run("without the hash nothing is changed", func(t *testing.T) {
		t.Parallel()
		f := inReview()
		b := setup(t, f).signIn()
		for _, act := range []string{"edit", "confirm", "sign"} {
			for _, h := range []string{"", "00", strings.Repeat("z", 64)} {
				b.post(notePath+"/"+act, "seen", h, "op", "remove", "statement", string(stID(0)), "agree", "yes").want(http.StatusBadRequest)
			}
		}
		if f.called["EditNote"]+f.called["ConfirmFlag"]+f.called["SignNote"] > 0 {
			t.Errorf("called: %v", f.called)
		}
	})
	t.Run("discard leads to the worklist", func(t *testing.T) {
		t.Parallel()
		f := inReview()
		b := setup(t, f).signIn()
		b.post(notePath+"/discard", "reason", "because").want(http.StatusBadRequest).has("Reason: use documented elsewhere")
		b.post(notePath+"/discard", "reason", "duplicate").leadsTo("/")
		b.get(notePath).has("Discarded").hasNot("textarea")
	})
}

// What a person typed survives every refusal and is never saved unasked.
func TestTypedTextIsNotLost(t *testing.T) {
	t.Parallel()
	const mine = `Six times, "at most" <b>daily</b> & no blood.`
	escaped := html.EscapeString(mine)
	edit := func(b *browser, hash string) answer {
		return b.post(notePath+"/edit", "seen", hash, "op", "replace", "statement", string(stID(1)), "section", "10164-2", "text", mine)
	}
	// colleague changes the note behind the browser's back.
	colleague := func(f *fakeNotes, change func(c *review.Content)) {
		f.mu.Lock()
		defer f.mu.Unlock()
		change(&f.view.Revision.Content)
		f.change(f.view.Revision.Content)
	}
	t.Run("both texts on a conflict, and one click saves", func(t *testing.T) {
		t.Parallel()
		f := inReview()
		b := setup(t, f).signIn()
		old := hash(f)
		colleague(f, func(c *review.Content) { c.Sections[1].Statements[0].Text = "Theirs." })
		a := edit(b, old).want(http.StatusConflict).has("Theirs.", escaped, "Replace it with mine", `href="`+notePath+`"`, hash(f), "<h1>Featherstone").hasNot("<b>", old)
		checkPage(t, a.Body)
		if len(f.edits) > 0 {
			t.Fatal("it was overwritten")
		}
		edit(b, hash(f)).leadsTo(notePath + "#s-" + string(stID(1)))
	})
	t.Run("statement gone: can be added", func(t *testing.T) {
		t.Parallel()
		f := inReview()
		b := setup(t, f).signIn()
		old := hash(f)
		colleague(f, func(c *review.Content) { c.Sections[1].Statements = c.Sections[1].Statements[1:] })
		edit(b, old).want(http.StatusConflict).has(escaped, "Add it to the section", `name="op" value="add"`, "Cramping pain low")
	})
	t.Run("section gone: can be copied", func(t *testing.T) {
		t.Parallel()
		f := inReview()
		b := setup(t, f).signIn()
		old := hash(f)
		colleague(f, func(c *review.Content) { c.Sections = c.Sections[:1] })
		edit(b, old).want(http.StatusConflict).has(escaped, "readonly", "Copy it from here")
	})
	t.Run("signed meanwhile: can be copied", func(t *testing.T) {
		t.Parallel()
		f := newFake(viewOf(review.StateCompleted, content()))
		b := setup(t, f).signIn()
		edit(b, hash(f)).want(http.StatusConflict).has(escaped, "readonly", "Not possible while the note is completed").hasNot("Replace it with mine")
	})
	t.Run("too long", func(t *testing.T) {
		t.Parallel()
		f := inReview()
		b := setup(t, f).signIn()
		b.post(notePath+"/edit", "seen", hash(f), "op", "replace", "statement", string(stID(1)), "text", strings.Repeat("é", 2001)).
			want(http.StatusBadRequest).has("give 1 to 4000 bytes", strings.Repeat("é", 2001), "Replace it with mine")
	})
	t.Run("a reason on a conflict", func(t *testing.T) {
		t.Parallel()
		f := newFake(viewOf(review.StateInReview, flagged()))
		b := setup(t, f).signIn()
		old := hash(f)
		colleague(f, func(c *review.Content) { c.Sections[0].Statements[0].Text = "Theirs." })
		b.post(notePath+"/confirm", "seen", old, "statement", string(stID(3)), "kind", "number_not_said", "text", mine).
			want(http.StatusConflict).has(escaped, "Confirm with my reason", notePath+`/confirm"`)
	})
	t.Run("session ended: carried through the sign-in", func(t *testing.T) {
		t.Parallel()
		f := inReview()
		b := setup(t, f).signIn()
		h := hash(f)
		b.post("/signout")
		checkPage(t, edit(b, h).want(http.StatusUnauthorized).has("Your session has ended", `value="`+escaped+`"`).hasNot("Featherstone", "Watery").Body)
		fields := []string{"login", "okafor", "password", "wrong", "note", string(fixedNote), "op", "replace", "statement", string(stID(1)), "section", "10164-2", "text", mine}
		b.post("/signin", fields...).want(http.StatusUnauthorized).has(`value="` + escaped + `"`)
		fields[3] = "right"
		a := b.post("/signin", fields...).want(http.StatusOK).has(escaped, "Watery stools six", "Replace it with mine", h)
		checkPage(t, a.Body)
		if len(f.edits) > 0 {
			t.Fatal("it was saved unasked")
		}
	})
	t.Run("session ended, another person signs in", func(t *testing.T) {
		t.Parallel()
		f := inReview()
		f.fail["OpenNote"] = errNoNote()
		b := setup(t, f)
		b.post("/signin", "login", "okafor", "password", "right", "note", string(fixedNote), "op", "replace", "statement", string(stID(1)), "text", mine).leadsTo("/")
	})
}

// Hostile text in every place where clinical or configured text stands is
// shown as text, and what reorders or hides it is not shown at all.
func TestHostileText(t *testing.T) {
	t.Parallel()
	const hostile = "</textarea></pre></title><script>alert(1)</script>\" onfocus=\"x\" 'q' \u202egnol\u202c\u2066\u200b\x00</bdi>{{.}}"
	h := review.ClinicalText(hostile)
	c := content()
	for i := range c.Sections {
		c.Sections[i].Title, c.Sections[i].Code = hostile, hostile
		for j := range c.Sections[i].Statements {
			st := &c.Sections[i].Statements[j]
			st.Text, st.Heading = h, h
			st.Flags = []review.Flag{
				{Kind: hostile, Severity: review.SeverityBlocking, Detail: h},
				{Kind: review.FlagNumber, Severity: review.SeverityBlocking, Detail: h, Resolution: review.ResolutionConfirmed, Reason: h},
			}
		}
	}
	c.Omissions[0].Text, c.Omissions[0].Reason = h, hostile
	v := viewOf(review.StateInReview, c)
	v.Note.ErrorCode, v.Revision.Generator = hostile, review.Generator{Drafter: hostile, Model: hostile}
	v.Patient.Family, v.Patient.Given, v.Patient.BirthDate, v.Patient.Sex = h, h, h, hostile
	v.Patient.Identifiers = []review.Identifier{{Type: hostile, Value: h}}
	v.Author.Family, v.Author.Given, v.Author.Credential = hostile, hostile, hostile
	for i := range v.Transcript.Streams[0].Utterances {
		v.Transcript.Streams[0].Utterances[i].Text = h
	}
	w := writeBack("epic", review.WriteBackRejected, review.VerificationNone)
	w.ErrorCode, w.DestinationID = hostile, hostile
	v.WriteBacks = []review.WriteBack{w}
	v.Signatures = []review.Signature{{Name: hostile, Meaning: hostile}}
	f := newFake(v)
	f.list = []review.WorkItem{{Note: v.Note, Patient: v.Patient, Author: v.Author}}
	f.person = v.Author
	f.routes = []review.Route{{DestinationID: hostile, Refusals: []string{hostile}}}
	b := setupWith(t, f, fakeAuth{review.Actor{PractitionerID: author.ID, SiteID: "main-campus"}}, Options{Hint: hostile})

	pages := map[string]answer{"signin": b.get("/signin")}
	b.signIn()
	pages["worklist"] = b.get("/").want(200)
	pages["note"] = b.get(notePath + "?s=" + string(stID(1))).want(200)
	pages["sign"] = b.get(notePath + "/sign").want(200)
	pages["typed"] = b.post(notePath+"/edit", "seen", strings.Repeat("0", 64), "op", hostile, "statement", string(stID(1)), "section", hostile, "text", hostile).want(409)
	pages["typed reason"] = b.post(notePath+"/confirm", "seen", strings.Repeat("0", 64), "kind", hostile, "statement", hostile, "text", hostile).want(409)
	b.post("/signout")
	pages["signin typed"] = b.post(notePath+"/edit", "seen", hostile, "op", hostile, "statement", hostile, "section", hostile, "text", hostile).want(401)
	for name, a := range pages {
		t.Run(name, func(t *testing.T) {
			a.t = t
			a.hasNot("<script", `onfocus="x"`, "</bdi>{{", "[redacted]", "ZgotmplZ", "\u202e", "\u2066", "\u200b", "\x00")
			if !strings.Contains(a.Body, "&lt;script&gt;") {
				t.Error("the text is not on the page")
			}
			checkPage(t, a.Body)
		})
	}
}
