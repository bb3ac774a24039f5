package web

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"countersign/review"
)

func TestSign(t *testing.T) {
	t.Parallel()
	t.Run("the document as it will be written", func(t *testing.T) {
		t.Parallel()
		f := inReview()
		b := setup(t, f).signIn()
		a := b.get(notePath+"/sign").want(http.StatusOK).has("<h1>Featherstone, Marguerite</h1>", "PROGRESS NOTE\nDocument", hash(f), "I, Ngozi Okafor, MD, have reviewed", "can take it", ">Sign</button>", "HL7 interface (simulated)", "<strong>files</strong>")
		checkPage(t, a.Body)
	})
	t.Run("needs the tick", func(t *testing.T) {
		t.Parallel()
		f := inReview()
		b := setup(t, f).signIn()
		for _, agree := range []string{"", "no", "on"} {
			b.post(notePath+"/sign", "seen", hash(f), "shown", hash(f), "agree", agree).want(http.StatusBadRequest).has("Tick the statement", notePath)
		}
		if f.called["SignNote"] > 0 {
			t.Error("it was signed")
		}
	})
	t.Run("OK, and the next note is offered", func(t *testing.T) {
		t.Parallel()
		f := inReview()
		next := review.Note{ID: review.NoteID(strings.Repeat("m", 26)), PatientID: "p2", Author: author.ID, State: review.StateReadyForReview}
		newer := next
		newer.ID = review.NoteID(strings.Repeat("o", 26))
		self := f.view.Note
		f.list = []review.WorkItem{{Note: newer}, {Note: next, Patient: review.Patient{ID: "p2", Family: "Abara", Given: "Tunde"}}, {Note: self}}
		b := setup(t, f).signIn()
		b.post(notePath+"/sign", "seen", hash(f), "shown", hash(f), "agree", "yes").leadsTo(notePath)
		b.get(notePath).has("Signed by Ngozi Okafor, MD, 20 Nov 2026, 12:03 UTC", "Next: Abara, Tunde", `href="/notes/`+string(next.ID)).hasNot("Read and sign", "textarea")
	})
	t.Run("stale page", func(t *testing.T) {
		t.Parallel()
		f := inReview()
		b := setup(t, f).signIn()
		a := b.post(notePath+"/sign", "seen", strings.Repeat("0", 64), "shown", strings.Repeat("0", 64), "agree", "yes").want(http.StatusConflict).has("changed after you were shown it", `href="`+notePath+`"`)
		checkPage(t, a.Body)
		if f.signed > 0 {
			t.Error("it was signed")
		}
	})
	t.Run("open flags", func(t *testing.T) {
		t.Parallel()
		f := newFake(viewOf(review.StateInReview, flagged()))
		b := setup(t, f).signIn()
		b.get(notePath + "/sign").has("2 marked statements have to be checked").hasNot(`name="agree"`)
		b.post(notePath+"/sign", "seen", hash(f), "shown", hash(f), "agree", "yes").want(http.StatusConflict).has("2 blocking flags are open")
	})
	t.Run("a destination that cannot take it", func(t *testing.T) {
		t.Parallel()
		f := inReview()
		f.routes = []review.Route{{DestinationID: "epic"}, {DestinationID: "mdm", Refusals: []string{"no record number there"}}}
		setup(t, f).signIn().get(notePath+"/sign").has("cannot take it: no record number there", "It cannot be signed yet").hasNot(`name="agree"`)
	})
}

// A double click signs once, and both halves end on the note.
func TestDoubleClick(t *testing.T) {
	t.Parallel()
	click := func(t *testing.T, f *fakeNotes) {
		t.Helper()
		b := setup(t, f).signIn()
		h := hash(f)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { b.post(notePath+"/sign", "seen", h, "shown", h, "agree", "yes").leadsTo(notePath) })
		}
		wg.Wait()
		if f.signed != 1 {
			t.Errorf("signed %d times", f.signed)
		}
	}
	t.Run("author alone", func(t *testing.T) {
		t.Parallel()
		click(t, inReview())
	})
	t.Run("a co-signature is due next", func(t *testing.T) {
		t.Parallel()
		f := inReview() // nobody co-signs their own note: the second click is forbidden, not illegal
		f.view.Due = append(f.view.Due, review.DueSignature{NoteID: fixedNote, Position: 2, Meaning: review.MeaningCoSignature})
		click(t, f)
	})
	t.Run("signed by another is not taken for one's own", func(t *testing.T) {
		t.Parallel()
		f := newFake(viewOf(review.StateCompleted, content()))
		f.view.Signatures[0].Practitioner = "dr-else"
		setup(t, f).signIn().post(notePath+"/sign", "seen", hash(f), "shown", hash(f), "agree", "yes").want(http.StatusConflict)
	})
}

func TestCoSign(t *testing.T) {
	t.Parallel()
	t.Run("attending reads and co-signs", func(t *testing.T) {
		t.Parallel()
		f := newFake(pendingCoSign())
		b := setup(t, f).signIn()
		b.get(notePath).has("Read and co-sign", "Signed by Per Lindqvist, MD", "Return it to Per Lindqvist, MD").hasNot("textarea")
		b.get(notePath+"/sign").has(">Co-sign</button>", "have reviewed this note and co-sign it")
		b.post(notePath+"/sign", "seen", hash(f), "shown", hash(f), "agree", "yes").leadsTo(notePath)
		b.get(notePath).has("Co-signed by Ngozi Okafor, MD").hasNot("Read and co-sign", "Return it")
	})
	t.Run("attending returns it", func(t *testing.T) {
		t.Parallel()
		f := newFake(pendingCoSign())
		b := setup(t, f).signIn()
		b.post(notePath+"/return", "reason", "She is worse!").want(http.StatusBadRequest).hasNot("worse")
		b.post(notePath+"/return", "reason", "incomplete").leadsTo("/")
	})
	t.Run("records office reads", func(t *testing.T) {
		t.Parallel()
		clerk := review.Practitioner{ID: "clerk", SiteID: "main-campus", Family: "Moss", Given: "Ada", Roles: []review.PractitionerRole{review.RoleRecords}}
		f := newFake(pendingCoSign())
		f.person = clerk
		b := setupWith(t, f, fakeAuth{review.Actor{PractitionerID: clerk.ID, SiteID: clerk.SiteID}}, Options{}).signIn()
		b.get(notePath).want(http.StatusOK).has("Featherstone", "The co-signature is due").hasNot("Read and", "Return it", "textarea", "Discard")
		b.get(notePath + "/sign").want(http.StatusForbidden).has("Only an attending may co-sign.")
		b.post(notePath+"/sign", "seen", hash(f), "shown", hash(f), "agree", "yes").want(http.StatusForbidden)
		if f.signed > 0 {
			t.Error("it was signed")
		}
	})
	t.Run("author waits", func(t *testing.T) {
		t.Parallel()
		f := newFake(pendingCoSign())
		f.person = resident
		b := setupWith(t, f, fakeAuth{review.Actor{PractitionerID: resident.ID, SiteID: "main-campus"}}, Options{}).signIn()
		b.get(notePath).has("The co-signature is due").hasNot("Read and", "Return it")
	})
}

// A page loads itself again while machines work, never under a person's hands,
// ever more slowly, and not for ever.
func TestRefresh(t *testing.T) {
	t.Parallel()
	const refresh = `http-equiv="refresh"`
	at := func(t *testing.T, v review.NoteView, query string) answer {
		t.Helper()
		return setup(t, newFake(v)).signIn().get(notePath + query).want(http.StatusOK)
	}
	with := func(s review.WriteBackState) review.NoteView {
		v := viewOf(review.StateCompleted, content())
		v.WriteBacks = []review.WriteBack{writeBack("epic", s, review.VerificationNone)}
		return v
	}
	for _, s := range []review.WriteBackState{review.WriteBackPending, review.WriteBackSending, review.WriteBackCommitted, review.WriteBackUnknown} {
		at(t, with(s), "").has(refresh, `content="2; url=`+notePath+`?auto=1"`)
	}
	for _, s := range []review.WriteBackState{review.WriteBackAccepted, review.WriteBackRejected, review.WriteBackManual, review.WriteBackHeld, review.WriteBackSuperseded} {
		at(t, with(s), "").hasNot(refresh)
	}
	reading := with(review.WriteBackAccepted)
	reading.WriteBacks[0].VerifyAt = noon
	at(t, reading, "").has(refresh)
	at(t, viewOf(review.StateDrafting, content()), "").has(refresh)
	at(t, viewOf(review.StateDraftFailed, content()), "").hasNot(refresh)

	slow := with(review.WriteBackPending)
	at(t, slow, "?auto=20&s="+string(stID(1))).has(`content="10; url=` + notePath + `?auto=21&amp;s=` + string(stID(1)) + `"`)
	at(t, slow, "?auto=50").has(`content="60;`)
	at(t, slow, "?auto=60").hasNot(refresh).has("Look again")
	at(t, slow, "?auto=-5").has(`?auto=1"`)

	returned := with(review.WriteBackPending)
	returned.Note.State = review.StateInReview
	at(t, returned, "").hasNot(refresh)
}

func TestOutcomeSaysNoMoreThanIsKnown(t *testing.T) {
	t.Parallel()
	for _, w := range everyWriteBack() {
		light, words := outcome(w)
		filed := strings.HasPrefix(words, "Filed") || strings.HasPrefix(words, "Withdrawn")
		if filed != (w.State == review.WriteBackAccepted) {
			t.Errorf("%s: %q", w.State, words)
		}
		if strings.Contains(words, "verified in chart") != (w.Verification == review.VerificationVerified) {
			t.Errorf("%s, %s: %q", w.State, w.Verification, words)
		}
		if light == "good" && (w.State != review.WriteBackAccepted || w.Verification == review.VerificationEdited || w.Verification == review.VerificationMismatch) {
			t.Errorf("%s, %s looks good", w.State, w.Verification)
		}
	}
}
