package eval

import (
	"bufio"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/transcriptfile"
	"countersign/notegen/drafttest"
	"countersign/notegen/extractive"
	"countersign/notegen/grounding"
	"countersign/notegen/templates"
	"countersign/review"
)

var dataDir = flag.String("data", "", "folder with conversations and grounding items")

// maxOwnFlags is the share of the drafter's own statements that the check
// may flag.
const maxOwnFlags = 0.02

func data(t *testing.T) string {
	t.Helper()
	if *dataDir == "" {
		t.Skip("needs -data DIR")
	}
	return *dataDir
}

func read(t *testing.T, name string) review.Conversation {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	us, _, err := transcriptfile.Read(f)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return review.Conversation{Transcript: review.Transcript{Streams: []review.StreamTranscript{{StreamID: "s", Utterances: us}}},
		NoteType: templates.ProgressNote, Context: review.ChartContext{AgeYears: -1}}
}

// TestOwnStatements drafts every visit, checks the contract, and counts how
// many of the drafter's own statements are flagged.
func TestOwnStatements(t *testing.T) {
	root := data(t)
	d, err := extractive.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range []string{"aci/train", "aci/valid", "primock57"} {
		files, _ := filepath.Glob(filepath.Join(root, set, "*"))
		statements, flagged, omitted := 0, 0, 0
		var took []time.Duration
		for _, f := range files {
			if strings.Contains(f, ".note.") || strings.Contains(f, ".meta.") {
				continue
			}
			c := read(t, f)
			begun := time.Now()
			draft, err := d.Draft(t.Context(), c)
			took = append(took, time.Since(begun))
			if err != nil {
				t.Fatalf("%s: %v", f, err)
			}
			drafttest.Check(t, c, draft)
			omitted += len(draft.Omissions)
			for _, s := range draft.Sections {
				for _, st := range s.Statements {
					statements++
					if len(grounding.Ground(c.Transcript, st)) > 0 {
						flagged++
					}
				}
			}
		}
		if len(took) == 0 {
			t.Fatalf("no visit in %s", set)
		}
		slices.Sort(took)
		t.Logf("%s: %d visits, %d statements, %d flagged, %d omissions, draft p50 %s p99 %s",
			set, len(took), statements, flagged, omitted, took[len(took)/2], took[len(took)*99/100])
		if float64(flagged) > maxOwnFlags*float64(statements) {
			t.Errorf("%s: %d of %d own statements are flagged", set, flagged, statements)
		}
	}
}

type groundingItem struct {
	Kind       string `json:"kind"`
	Original   string `json:"sentence_original"`
	Perturbed  string `json:"sentence_perturbed"`
	Sentence   string `json:"sentence"`
	Transcript string `json:"transcript_id"`
}

func items(t *testing.T, name string) []groundingItem {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []groundingItem
	for s := bufio.NewScanner(f); s.Scan(); {
		var it groundingItem
		if err := json.Unmarshal(s.Bytes(), &it); err != nil {
			t.Fatal(err)
		}
		out = append(out, it)
	}
	return out
}

// TestNumberRecall cites the whole visit for each sentence, the hardest case:
// a number must be said nowhere at all to be found.
func TestNumberRecall(t *testing.T) {
	root := data(t)
	visits := map[string]review.Transcript{}
	flagged := func(id, sentence string) bool {
		tr, ok := visits[id]
		if !ok {
			files, _ := filepath.Glob(filepath.Join(root, "aci", "*", id+".txt"))
			if len(files) != 1 {
				t.Fatalf("%d transcripts %s", len(files), id)
			}
			tr = read(t, files[0]).Transcript
			visits[id] = tr
		}
		st := review.Statement{Text: review.ClinicalText(sentence), Origin: review.OriginAI}
		for _, u := range tr.Streams[0].Utterances {
			st.Evidence = append(st.Evidence, review.Evidence{StreamID: "s", Seq: u.Seq})
		}
		return slices.ContainsFunc(grounding.Ground(tr, st), func(f review.Flag) bool { return f.Kind == review.FlagNumber })
	}
	hit, all, before := map[string]int{}, map[string]int{}, map[string]int{}
	for _, it := range items(t, filepath.Join(root, "grounding", "dev.jsonl")) {
		all[it.Kind]++
		if flagged(it.Transcript, it.Original) {
			before[it.Kind]++
		}
		if flagged(it.Transcript, it.Perturbed) {
			hit[it.Kind]++
		} else if it.Kind == "dose" || it.Kind == "number" {
			t.Logf("missed %s in %s", it.Kind, it.Transcript)
		}
	}
	for _, k := range []string{"dose", "number", "time_span"} {
		t.Logf("%s: %d of %d found (%.1f %%); %d of the unchanged sentences flagged", k, hit[k], all[k], 100*float64(hit[k])/float64(max(1, all[k])), before[k])
	}
	clean, n := 0, 0
	for _, it := range items(t, filepath.Join(root, "grounding", "dev_clean.jsonl")) {
		n++
		if flagged(it.Transcript, it.Sentence) {
			clean++
			if testing.Verbose() {
				t.Logf("clean, flagged: %s: %s", it.Transcript, it.Sentence)
			}
		}
	}
	t.Logf("clean reference sentences: %d of %d flagged (%.1f %%)", clean, n, 100*float64(clean)/float64(n))
	if hit["dose"]*100 < 90*all["dose"] || hit["number"]*100 < 85*all["number"] {
		t.Error("recall on changed doses or numbers fell")
	}
}
