package ehrsim_test

import (
	"encoding/base64"
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/internal/ehrsim"
)

func TestEpicCreate(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{})
	a := must(t, "POST", s.EpicBase()+"/DocumentReference", document(t, "eP1", "eE1"), "If-None-Exist: patient=eP1")
	id, relative := strings.CutPrefix(a.Header.Get("Location"), "DocumentReference/")
	if a.StatusCode != 201 || !relative || strings.Contains(id, "/") || a.Header.Get("ETag") != "" || len(a.body) != 0 {
		t.Fatalf("%d %v %s", a.StatusCode, a.Header, a.body)
	}
	// A replay makes a second note, If-None-Exist or not.
	if b := must(t, "POST", s.EpicBase()+"/DocumentReference", document(t, "eP1", "eE1"), "If-None-Exist: patient=eP1"); b.StatusCode != 201 || b.Header.Get("Location") == a.Header.Get("Location") {
		t.Errorf("replay: %d", b.StatusCode)
	}
	docs := s.Documents()
	if len(docs) != 2 || docs[0].TimesFiled != 2 || docs[0].DocumentNumber != "" || docs[0].Text != noteText || docs[0].PatientID != "eP1" || docs[0].EncounterID != "eE1" {
		t.Errorf("documents: %d %+v", len(docs), docs[0])
	}
}

func TestEpicReadsOtherFormatsThanItTakes(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{})
	created := must(t, "POST", s.EpicBase()+"/DocumentReference", document(t, "eP1", "eE1"))
	resource := must(t, "GET", s.EpicBase()+"/"+created.Header.Get("Location"), "")
	if resource.Header.Get("ETag") != "" || strings.Contains(string(resource.body), "urn:countersign") || strings.Contains(string(resource.body), `"data"`) {
		t.Errorf("read: %v %s", resource.Header, resource.body)
	}
	contents := resource.json(t)["content"].([]any)
	formats := map[string]string{}
	for _, c := range contents {
		att := c.(map[string]any)["attachment"].(map[string]any)
		formats[att["contentType"].(string)] = att["url"].(string)
	}
	page := must(t, "GET", s.EpicBase()+"/"+formats["text/html"], "")
	text := regexp.MustCompile(`<div[^>]*>`).ReplaceAllString(string(page.body), "")
	text = regexp.MustCompile(`(?s)^.*<body>|</div></body>.*$`).ReplaceAllString(text, "")
	text = html.UnescapeString(strings.ReplaceAll(strings.ReplaceAll(text, "<br>", ""), "</div>", "\n"))
	if diff := cmp.Diff(noteText+"\n", text); diff != "" || page.Header.Get("Content-Type") != "text/html" {
		t.Errorf("html: %s", diff)
	}
	rtf := must(t, "GET", s.EpicBase()+"/"+formats["text/rtf"], "")
	if !strings.HasPrefix(string(rtf.body), `{\rtf1`) || !strings.Contains(string(rtf.body), `Cough for 3 days \u8212? dry.\par`) {
		t.Errorf("rtf: %s", rtf.body)
	}
	binary := must(t, "GET", s.EpicBase()+"/"+formats["text/html"], "", "Accept: application/fhir+json").json(t)
	if data, _ := base64.StdEncoding.DecodeString(binary["data"].(string)); string(data) != string(page.body) || binary["resourceType"] != "Binary" {
		t.Errorf("binary as a resource: %v", binary)
	}
}

func TestEpicRefusals(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{})
	for name, tc := range map[string]struct {
		edits            []string
		status           int
		code, expression string
	}{
		"status superseded":            {[]string{`"status":"current"`, `"status":"superseded"`}, 422, "59012", "status"},
		"docStatus amended":            {[]string{`"docStatus":"final"`, `"docStatus":"amended"`}, 422, "59138", "docStatus"},
		"docStatus absent":             {[]string{`"docStatus":"final",`, ``}, 422, "59138", "docStatus"},
		"type absent":                  {[]string{`"type":{"coding":[{"system":"http://loinc.org","code":"11506-3"}]},`, ``}, 400, "59108", "type"},
		"type not mapped":              {[]string{`11506-3`, `18842-5`}, 422, "59138", "type"},
		"html":                         {[]string{`text/plain`, `text/html`}, 422, "59138", "content/attachment/contentType"},
		"charset parameter":            {[]string{`text/plain`, `text/plain;charset=utf-8`}, 422, "59138", "content/attachment/contentType"},
		"url in place of data":         {[]string{`"data":"` + base64.StdEncoding.EncodeToString([]byte(noteText)) + `"`, `"url":"Binary/1"`}, 400, "59108", "content/attachment/data"},
		"subject unknown":              {[]string{`Patient/eP1`, `Patient/eP9`}, 400, "59102", "subject"},
		"subject by the FHIR id":       {[]string{`Patient/eP1`, `Patient/p1`}, 400, "59102", "subject"},
		"subject absolute":             {[]string{`Patient/eP1`, s.EpicBase() + `/Patient/eP1`}, 400, "59102", "subject"},
		"encounter absent":             {[]string{`,"context":{"encounter":[{"reference":"Encounter/eE1"}]}`, ``}, 400, "59108", "context/encounter"},
		"encounter unknown":            {[]string{`Encounter/eE1`, `Encounter/eE9`}, 400, "59108", "context/encounter"},
		"encounter of another patient": {[]string{`Encounter/eE1`, `Encounter/eE2`}, 400, "59108", "context/encounter"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := must(t, "POST", s.EpicBase()+"/DocumentReference", document(t, "eP1", "eE1", tc.edits...))
			first := a.json(t)["issue"].([]any)[0].(map[string]any)
			details, _ := first["details"].(map[string]any)
			if a.StatusCode != tc.status || details == nil || details["coding"].([]any)[0].(map[string]any)["code"] != tc.code || first["expression"].([]any)[0] != tc.expression {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
		})
	}
	t.Run("documented diagnostics", func(t *testing.T) {
		t.Parallel()
		a := must(t, "POST", s.EpicBase()+"/DocumentReference", document(t, "eP1", "eE1", `,"context":{"encounter":[{"reference":"Encounter/eE1"}]}`, ``))
		if !strings.Contains(string(a.body), `"diagnostics":"Valid encounter required"`) {
			t.Errorf("%s", a.body)
		}
	})
	for method, want := range map[string]int{"PUT": 403, "PATCH": 405, "DELETE": 405} {
		if a := must(t, method, s.EpicBase()+"/DocumentReference/x", "{}"); a.StatusCode != want || len(a.body) != 0 {
			t.Errorf("%s: %d", method, a.StatusCode)
		}
	}
	if a := must(t, "GET", s.EpicBase()+"/AuditEvent", ""); a.StatusCode != 403 || len(a.body) != 0 {
		t.Errorf("api that is not registered: %d", a.StatusCode)
	}
}

func TestEpicAccepts(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{})
	second := `,{"attachment":{"contentType":"application/pdf","data":"AAAA"}}],"context"`
	for name, edits := range map[string][]string{
		"a draft":                 {`"docStatus":"final"`, `"docStatus":"preliminary"`},
		"the organisation's code": {`"system":"http://loinc.org","code":"11506-3"`, `"system":"urn:oid:1.2.840.114350.1.13.861.1.7.4.737880.5010","code":"1"`},
		"two attachments":         {`}],"context"`, `}` + second},
		"no author":               {`"author":[{"reference":"Practitioner/d1"}],`, ``},
	} {
		if a := must(t, "POST", s.EpicBase()+"/DocumentReference", document(t, "eP1", "eE1", edits...)); a.StatusCode != 201 {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
	background := 0
	for _, d := range s.Documents() {
		if d.Text != noteText {
			t.Errorf("only the first attachment is kept: %q", d.Text)
		}
		if d.AuthorRef == "Practitioner/eBackgroundUser" {
			background++
		}
	}
	if background != 1 {
		t.Errorf("%d notes by the background user, want 1", background)
	}
}

func TestEpicSearch(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{})
	must(t, "POST", s.EpicBase()+"/DocumentReference", document(t, "eP1", "eE1"))
	for query, want := range map[string]int{"patient=eP1": 1, "patient=eP1&encounter=eE1&type=11506-3&date=ge2026-01-01": 1, "patient=eP2": 0} {
		if b := must(t, "GET", s.EpicBase()+"/DocumentReference?"+query, "").json(t); b["total"] != float64(want) {
			t.Errorf("%s: %v", query, b["total"])
		}
	}
	if a := must(t, "GET", s.EpicBase()+"/DocumentReference?patient=eP2", ""); !strings.Contains(string(a.body), `"4101"`) {
		t.Errorf("empty search carries no warning: %s", a.body)
	}
	for _, query := range []string{"", "type=11506-3", "patient=eP1&identifier=DOC-1"} {
		if a := must(t, "GET", s.EpicBase()+"/DocumentReference?"+query, ""); a.StatusCode != 400 {
			t.Errorf("%q: %d", query, a.StatusCode)
		}
	}
}

func TestEpicOwnListener(t *testing.T) {
	t.Parallel()
	s := setup(t, ehrsim.Options{EpicAddr: "127.0.0.1:0"})
	if strings.TrimSuffix(s.EpicBase(), "/epic/api/FHIR/R4") == strings.TrimSuffix(s.FHIRBase(), "/fhir/r4") {
		t.Fatal("both doors share a listener")
	}
	if a := must(t, "POST", s.EpicBase()+"/DocumentReference", document(t, "eP1", "eE1")); a.StatusCode != 201 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}
