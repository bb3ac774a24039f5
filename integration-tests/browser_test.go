//go:build integration

package integrationtests

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A physician reviews and signs in a real browser without script, and sees
// where the note is. No address holds the patient's words, nothing is loaded
// from elsewhere, and every page passes axe.
func TestReviewInTheBrowser(t *testing.T) {
	needPeers(t)
	g := newGateway(t, "")
	g.start(t)
	id := g.stream(t, g.seed(t, 1), conversation(t))
	g.waitNote(t, id, "drafted", drafted)
	pictures := os.Getenv("COUNTERSIGN_PICTURES") // a folder to look at the pages in
	cmd := exec.Command("node", "review-page.cjs", "http://"+g.httpAddr, "dr-a", g.write(t, "password", password), id, pictures)
	cmd.Dir = "peers"
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var saw struct {
		Cited      int
		Document   string
		Outcomes   []string
		Requests   []string
		Violations []string
	}
	if err := json.Unmarshal(out, &saw); err != nil {
		t.Fatal(err)
	}
	if saw.Cited != len(conversation(t)) {
		t.Errorf("the page shows %d utterances", saw.Cited)
	}
	if !strings.Contains(saw.Document, strings.ToUpper(id)) || !strings.Contains(saw.Document, "Ana Rivera, MD") {
		t.Error("the document shown before signing lacks its number or the signer's line")
	}
	verified := 0
	for _, o := range saw.Outcomes {
		if strings.Contains(o, "verified in chart") {
			verified++
		}
	}
	if len(saw.Outcomes) != 3 || verified != 2 {
		t.Errorf("outcomes: %q", saw.Outcomes)
	}
	for _, u := range saw.Requests {
		low := strings.ToLower(u)
		if !strings.HasPrefix(u, "http://"+g.httpAddr+"/") || strings.Contains(low, strings.ToLower(patientFamily)) || strings.Contains(low, strings.ToLower(patientMRN)) {
			t.Errorf("request %s", u)
		}
	}
	for _, v := range saw.Violations {
		t.Errorf("axe: %s", v)
	}
	g.arrivedOnce(t, id, g.waitNote(t, id, "written", written))
}
