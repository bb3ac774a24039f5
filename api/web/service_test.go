package web

import (
	"context"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/keyring"
	"countersign/review"
	"countersign/review/sqlstore"
)

// numberCheck flags a statement that says 38.9: the check itself is not what
// is tested here.
type numberCheck struct{}

func (numberCheck) Ground(_ review.Transcript, s review.Statement) []review.Flag {
	if s.Origin == review.OriginAI && strings.Contains(string(s.Text), "38.9") {
		return []review.Flag{{Kind: review.FlagNumber, Severity: review.SeverityBlocking, Detail: "38.9"}}
	}
	return nil
}

// textPlanner renders statements line by line and sends them to one place.
type textPlanner struct{}

func (textPlanner) Plan(_ context.Context, r review.PlanRequest) (review.Plan, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "Document %s\nPatient %s, %s\n", r.Note.DocumentNumber(), string(r.Patient.Family), string(r.Patient.Given))
	for _, sec := range r.Revision.Content.Sections {
		for _, st := range sec.Statements {
			fmt.Fprintf(&b, "%s\n", string(st.Text))
		}
	}
	for _, sig := range r.Signatures {
		fmt.Fprintf(&b, "Signed by %s %s\n", sig.Name, sig.SignedAt.Format(time.RFC3339))
	}
	body := []byte(b.String())
	return review.Plan{
		Routes:     []review.Route{{DestinationID: "epic", Adapter: "epic", Action: r.Action, Format: review.FormatText}},
		Renderings: []review.Rendering{{Format: review.FormatText, RendererVersion: "test", Body: body, SHA256: review.DigestOf(body)}},
	}, nil
}

type noWork struct{}

func (noWork) PublishDraft(context.Context, review.NoteID) error     { return nil }
func (noWork) PublishWriteBack(context.Context, review.NoteID) error { return nil }
func (noWork) NoteChanged(review.NoteID)                             {}
func (noWork) WriteBackChanged(review.WriteBackID)                   {}

// staffAuth signs anybody in whose login is a practitioner's id.
type staffAuth struct{}

func (staffAuth) Authenticate(_ context.Context, name, _ string) (review.Actor, error) {
	return review.Actor{PractitionerID: review.PractitionerID(name), SiteID: "main-campus", AuthMethod: "password"}, nil
}

// realService is review.Service over SQLite with one drafted visit of by.
func realService(t *testing.T, by review.Practitioner) (*review.Service, review.NoteID) {
	t.Helper()
	ctx := t.Context()
	keys, err := keyring.NewInMemory()
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlstore.Open(ctx, sqlstore.Options{Driver: sqlstore.SQLite, Path: filepath.Join(t.TempDir(), "journal.db"), EnvironmentID: "test", Sealer: keys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	svc := review.New(review.Dependencies{
		Store: store, Grounder: numberCheck{}, Planner: textPlanner{}, Signer: keys.Signer(), Work: noWork{}, Clock: review.SystemClock{},
		Log: slog.New(slog.DiscardHandler), Lease: review.NewLease(time.Minute, true),
	}, review.Options{})
	site := theSite
	site.Policy = review.Policy{Version: 1, CoSignFor: []review.PractitionerRole{review.RoleResident}}
	clerk := review.Practitioner{ID: "clerk", SiteID: site.ID, Family: "Moss", Given: "Ada", Roles: []review.PractitionerRole{review.RoleRecords}}
	stranger := review.Practitioner{ID: "dr-stranger", SiteID: site.ID, Family: "Roe", Given: "Kim", Credential: "NP", Roles: []review.PractitionerRole{review.RoleAPP}}
	must(t, svc.Configure(ctx, []review.Site{site}, []review.Practitioner{author, resident, clerk, stranger}))
	must(t, svc.Beat(ctx))

	patient := thePatient
	patient.ID = ""
	st, err := svc.OpenRecording(ctx, review.OpenRequest{
		SiteID: site.ID, DeviceID: "dev", ClientID: "rec-1", Practitioner: by.ID, Patient: &patient,
		Encounter: &review.Encounter{Identifiers: []review.Identifier{{Type: "VN", Authority: "MAIN", Value: "V1"}}},
		Consent:   &review.Consent{Scope: "recording_and_ai_note", GivenBy: "patient", EveryoneAgree: true, Method: "verbal", At: noon}, StartedAt: noon,
	})
	must(t, err)
	_, err = svc.Append(ctx, st, transcript().Streams[0].Utterances)
	must(t, err)
	ids, err := svc.EndStream(ctx, st)
	must(t, err)
	c := content()
	for i := range c.Sections {
		for j := range c.Sections[i].Statements {
			for k := range c.Sections[i].Statements[j].Evidence {
				c.Sections[i].Statements[j].Evidence[k].StreamID = st.StreamID
			}
		}
	}
	must(t, svc.SaveDraft(ctx, ids[0], review.Draft{Sections: c.Sections, Generator: review.Generator{Drafter: "extractive", Version: "1"}}))
	return svc, ids[0]
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var hidden = regexp.MustCompile(`name="seen" value="([0-9a-f]{64})"`)

// seenOn is the content hash in the forms of a page.
func seenOn(a answer) string {
	a.t.Helper()
	m := hidden.FindStringSubmatch(a.Body)
	if m == nil {
		a.t.Fatalf("no form on the page:\n%s", a.Body)
	}
	return m[1]
}

// shownOn is the digest of the preview on a page to sign.
func shownOn(a answer) string {
	a.t.Helper()
	m := regexp.MustCompile(`name="shown" value="([0-9a-f]{64})"`).FindStringSubmatch(a.Body)
	if m == nil {
		a.t.Fatalf("nothing to sign on the page:\n%s", a.Body)
	}
	return m[1]
}

func (b *browser) as(p review.PractitionerID) *browser {
	b.t.Helper()
	b.post("/signin", "login", string(p), "password", "x").leadsTo("/")
	return b
}

// From worklist to signature and co-signature on the real service.
func TestVisitOnTheRealService(t *testing.T) {
	t.Parallel()
	svc, id := realService(t, resident)
	path := "/notes/" + string(id)
	b := setupWith(t, svc, staffAuth{}, Options{}).as(resident.ID)
	b.get("/").has(`href="`+path+`"`, "Featherstone, Marguerite", "1 to check", "Draft ready")
	page := b.get(path).has("Check 1 marked statement", "In review", "MRN 70012345")
	checkPage(t, page.Body)
	b.get(path + "/sign").has("1 marked statement has to be checked").hasNot(`name="agree"`)
	b.post(path+"/sign", "seen", seenOn(page), "shown", seenOn(page), "agree", "yes").want(http.StatusConflict).has("Blocking flags are open (1)")

	b.post(path+"/confirm", "seen", seenOn(page), "statement", string(stID(3)), "kind", "number_not_said", "text", "ok").want(http.StatusBadRequest).has("say in 3 to 500 bytes", "Not saved yet")
	b.post(path+"/confirm", "seen", seenOn(page), "statement", string(stID(3)), "kind", "number_not_said", "text", "thermometer").leadsTo(path + "#s-" + string(stID(3)))
	const mine = `No <blood> & no "mucus".`
	b.post(path+"/edit", "seen", seenOn(page), "op", "replace", "statement", string(stID(1)), "section", "10164-2", "text", mine).
		want(http.StatusConflict).has(html.EscapeString(mine), "Watery stools six", "both texts stand below")
	page = b.get(path).has("Read and sign", "thermometer").hasNot("blood&gt; &amp; no")
	b.post(path+"/edit", "seen", seenOn(page), "op", "replace", "statement", string(stID(1)), "section", "10164-2", "text", mine).leadsTo(path + "#s-" + string(stID(1)))
	b.post(path+"/edit", "seen", seenOn(b.get(path)), "op", "add", "section", "48765-2", "text", "Latex.").leadsTo(path + "#sec-3")
	b.post(path+"/edit", "seen", seenOn(b.get(path)), "op", "remove", "statement", string(stID(0))).leadsTo(path)

	doc := b.get(path+"/sign").has("Latex.", "No &lt;blood&gt;", "I, Per Lindqvist, MD").hasNot("Diarrhoea for three days.")
	b.post(path+"/sign", "seen", seenOn(doc), "shown", shownOn(doc)).want(http.StatusBadRequest)
	b.post(path+"/sign", "seen", seenOn(doc), "shown", shownOn(doc), "agree", "yes").leadsTo(path)
	b.post(path+"/sign", "seen", seenOn(doc), "shown", shownOn(doc), "agree", "yes").leadsTo(path)
	b.get(path).has("Signed by Per Lindqvist, MD", "Co-signature due").hasNot("Where the note is", "Read and")

	b.as("clerk").get(path).has("The co-signature is due", "Featherstone").hasNot("Read and", "Return it")
	b.as("dr-stranger").get(path).want(http.StatusNotFound)
	b.get("/").hasNot("Featherstone")

	b.as(author.ID).get("/").has("To co-sign", "Per Lindqvist, MD")
	b.get(path).has("Read and co-sign", "Return it to Per Lindqvist, MD")
	doc = b.get(path+"/sign").has(">Co-sign</button>", "Signed by Per Lindqvist, MD", "Signed by Ngozi Okafor, MD")
	b.post(path+"/sign", "seen", seenOn(doc), "shown", shownOn(doc), "agree", "yes").leadsTo(path)
	b.get(path).has("Co-signed by Ngozi Okafor, MD", "Where the note is", "Epic (simulated)", "On its way", `http-equiv="refresh"`)
	if strings.Contains(b.log.String(), "Featherstone") {
		t.Error("the log has the patient's name")
	}
}

// Two clicks at once on the real service: its guards, not the page, let one
// signature through, and neither half shows a problem.
func TestDoubleClickOnTheRealService(t *testing.T) {
	t.Parallel()
	svc, id := realService(t, author)
	path := "/notes/" + string(id)
	b := setupWith(t, svc, staffAuth{}, Options{}).as(author.ID)
	b.post(path+"/edit", "seen", seenOn(b.get(path)), "op", "remove", "statement", string(stID(3))).leadsTo(path)
	doc := b.get(path + "/sign")
	seen, shown := seenOn(doc), shownOn(doc)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { b.post(path+"/sign", "seen", seen, "shown", shown, "agree", "yes").leadsTo(path) })
	}
	wg.Wait()
	if n := strings.Count(b.get(path).Body, "Signed by Ngozi Okafor"); n != 1 {
		t.Errorf("%d signatures, want 1", n)
	}
	v, err := svc.OpenNote(t.Context(), theActor, id)
	must(t, err)
	if len(v.WriteBacks) != 1 || len(v.Signatures) != 1 {
		t.Errorf("%d write-backs and %d signatures, want one of each", len(v.WriteBacks), len(v.Signatures))
	}
}

// A co-signer returns a note, and its author goes on with it.
func TestReturnOnTheRealService(t *testing.T) {
	t.Parallel()
	svc, id := realService(t, resident)
	path := "/notes/" + string(id)
	b := setupWith(t, svc, staffAuth{}, Options{}).as(resident.ID)
	b.post(path+"/edit", "seen", seenOn(b.get(path)), "op", "remove", "statement", string(stID(3))).leadsTo(path)
	doc := b.get(path + "/sign")
	b.post(path+"/sign", "seen", seenOn(doc), "shown", shownOn(doc), "agree", "yes").leadsTo(path)
	b.as(author.ID).post(path+"/return", "reason", "incomplete").leadsTo("/")
	b.as(resident.ID).get(path).has("In review", "Read and sign", "(an earlier version)")
}
