package extractive

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/notegen/grounding"
	"countersign/review"
)

func render(d review.Draft) string {
	var b strings.Builder
	for _, s := range d.Sections {
		fmt.Fprintf(&b, "%s\n\n", strings.ToUpper(s.Title))
		head := ""
		for _, st := range s.Statements {
			if h := string(st.Heading); h != head && h != "" {
				fmt.Fprintf(&b, "\n%s.\n", h)
				head = h
			}
			fmt.Fprintf(&b, "%s\n", string(st.Text))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestDump(t *testing.T) {
	out := os.Getenv("DUMP")
	if out == "" {
		t.Skip()
	}
	d := newRules()
	if os.Getenv("RULES") == "" {
		var err error
		d, err = New()
		if err != nil {
			t.Fatal(err)
		}
	}
	var fl, n, om int
	var total time.Duration
	for _, g := range []string{"aci/train/*.txt", "aci/valid/*.txt", "primock57/*.jsonl"} {
		fs, _ := filepath.Glob("/work/shared/data/" + g)
		for _, f := range fs {
			if strings.HasSuffix(f, ".note.txt") {
				continue
			}
			us, _, err := readFile(f)
			if err != nil {
				t.Fatal(f, err)
			}
			c := review.Conversation{Transcript: review.Transcript{Streams: []review.StreamTranscript{{StreamID: "s", Utterances: us}}}, Context: review.ChartContext{AgeYears: -1}}
			t0 := time.Now()
			dr, err := d.Draft(context.Background(), c)
			total += time.Since(t0)
			if err != nil {
				fmt.Println(f, err)
				continue
			}
			om += len(dr.Omissions)
			var fs strings.Builder
			for _, s := range dr.Sections {
				for _, st := range s.Statements {
					n++
					for _, x := range grounding.Ground(c.Transcript, st) {
						fl++
						fmt.Fprintf(&fs, "FLAG %s %s: %s | %s\n", x.Kind, string(x.Detail), string(st.Text), string(us[st.Evidence[0].Seq-1].Text))
					}
				}
			}
			base := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(f), ".txt"), ".jsonl")
			dir := filepath.Join(out, filepath.Base(filepath.Dir(f)))
			os.MkdirAll(dir, 0o755)
			os.WriteFile(filepath.Join(dir, base+".txt"), []byte(render(dr)), 0o644)
			fmt.Print(fs.String())
		}
	}
	fmt.Println("statements", n, "flags", fl, "omissions", om, "time", total)
}
