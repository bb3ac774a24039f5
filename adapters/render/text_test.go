package render_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"countersign/adapters/render"
	"countersign/review"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestTextGolden(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]review.PlanRequest{
		"cosigned":       cosigned(),
		"unsigned":       unsigned(),
		"by-hand":        byHand(),
		"addendum":       addendum(),
		"hostile-inputs": hostile(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := render.Text(r)
			checkShape(t, got)
			file := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(file, append(bytes.Clone(got.Body), '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.TrimSuffix(string(want), "\n"), string(got.Body)); diff != "" {
				t.Errorf("rendering (-want +got); a change of bytes is a change of TextVersion:\n%s", diff)
			}
		})
	}
}

func TestTextParts(t *testing.T) {
	t.Parallel()
	var titles []string
	for _, p := range render.Text(cosigned()).Parts {
		titles = append(titles, strings.TrimSpace(p.Code+" "+p.Title))
	}
	want := []string{
		"Head", "10154-3 Chief complaint", "10164-2 History of present illness", "10187-3 Review of systems",
		"29545-1 Physical examination", "51847-2 Assessment and plan", "Signatures", "AI assistance",
	}
	if diff := cmp.Diff(want, titles); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
}

// TestTextProperties: whatever the text is, the structure stands.
func TestTextProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := cosigned()
		n := rapid.IntRange(0, 6).Draw(t, "sections")
		r.Revision.Content.Sections = nil
		for range n {
			r.Revision.Content.Sections = append(r.Revision.Content.Sections, drawSection(t))
		}
		for i := range r.Signatures {
			r.Signatures[i].Name = anyText().Draw(t, "name")
			r.Signatures[i].Attestation = anyText().Draw(t, "attestation")
		}
		r.Signatures = r.Signatures[:rapid.IntRange(0, 2).Draw(t, "signatures")]
		r.Revision.Generator.Drafter = anyText().Draw(t, "drafter")
		got := render.Text(r)
		checkShape(t, got)
		if again := render.Text(r); !bytes.Equal(got.Body, again.Body) || got.SHA256 != again.SHA256 {
			t.Error("two renderings of one request differ")
		}
		if line := strings.Split(string(got.Body), "\n")[1]; line != render.DocumentNumberLine+r.Note.DocumentNumber() {
			t.Errorf("the second line is %q, want the document number", line)
		}
		checkSections(t, r.Revision.Content.Sections, got)
	})
}

// checkSections: one part for each section that says anything, in order, and
// every statement on a line of its own section.
func checkSections(t rapid.TB, sections []review.Section, r review.Rendering) {
	parts := r.Parts[1:]
	for _, s := range sections {
		lines := 0
		for _, st := range s.Statements {
			if visible(string(st.Text)) {
				lines++
			}
		}
		if lines == 0 {
			continue
		}
		if len(parts) == 0 || parts[0].Code != s.Code {
			t.Fatalf("section %s has no part", s.Code)
		}
		block := string(r.Body[parts[0].Start:parts[0].End])
		if got := strings.Count(block, "\n- "); !strings.HasPrefix(s.Code, "10") && got != lines {
			t.Errorf("section %s has %d lines, want %d:\n%s", s.Code, got, lines, block)
		}
		parts = parts[1:]
	}
	for _, p := range parts {
		if p.Code != "" {
			t.Errorf("part %+v belongs to no section", p)
		}
	}
}

// visible reports whether anyStatement drew something to print.
func visible(s string) bool { return strings.HasSuffix(s, "w") }

// checkShape holds for every rendering.
func checkShape(t rapid.TB, r review.Rendering) {
	t.Helper()
	if r.SHA256 != review.DigestOf(r.Body) || r.Format != review.FormatText || r.RendererVersion != render.TextVersion {
		t.Errorf("rendering: hash, format %q or version %q is wrong", r.Format, r.RendererVersion)
	}
	// Parts tile the body: joined by blank lines they are the body.
	var blocks [][]byte
	end := 0
	for i, p := range r.Parts {
		if i > 0 && p.Start != end+2 || i == 0 && p.Start != 0 || p.End <= p.Start || p.End > len(r.Body) {
			t.Fatalf("part %d is [%d, %d) after %d in %d bytes", i, p.Start, p.End, end, len(r.Body))
		}
		end = p.End
		blocks = append(blocks, r.Body[p.Start:p.End])
	}
	if !bytes.Equal(bytes.Join(blocks, []byte("\n\n")), r.Body) {
		t.Error("the parts do not tile the body")
	}
	if got := strings.Split(string(r.Body), "\n\n"); len(got) != len(blocks) {
		t.Errorf("the body has %d blocks, want %d", len(got), len(blocks))
	}
	for i, line := range strings.Split(string(r.Body), "\n") {
		if strings.TrimSpace(line) != line || strings.Contains(line, "  ") {
			t.Errorf("line %d has spaces at its ends or twice: %q", i+1, line)
		}
	}
	if !utf8.Valid(r.Body) || !norm.NFC.IsNormal(r.Body) {
		t.Error("the body is not UTF-8 in NFC")
	}
	for _, c := range string(r.Body) {
		if c != '\n' && (unicode.IsControl(c) || unicode.Is(unicode.Z, c) && c != ' ') || c >= 0x202A && c <= 0x202E || c >= 0x2066 && c <= 0x2069 {
			t.Errorf("the body holds %U", c)
		}
	}
}

// anyText draws text, often of the kinds that break renderers.
func anyText() *rapid.Generator[string] {
	piece := rapid.OneOf(
		rapid.String(),
		rapid.StringMatching(`[a-zA-Z0-9 ,.]{1,40}`),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		rapid.SampledFrom([]string{
			"\n", "\n\n", "\r\n", "\t", "\x0b", "\x1c\r", "\x00", "|", "~", "^~\\&", "<script>", "&amp;", "- ", "• ", ":", "שלום", "\u202e", "\u2028", "\u2029",
			"\u0085", "\u00a0", "\ufeff", "\u0301", "e\u0301", "\u1100\u1161", "\U000e0041", "\ufffe", "👩🏽‍⚕️", "PLAN", "Document number: AAAA",
			"Electronically signed by X, MD (author) on 2026-01-01 00:00:00 UTC", "ß", "ﬁ",
		}),
	)
	return rapid.Map(rapid.SliceOfN(piece, 0, 5), func(p []string) string { return strings.Join(p, "") })
}

// anyStatement draws nothing to print, or a text that has something to print.
func anyStatement() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"", " ", "\n\n", "\t\x00", "\u2028", "\ufeff", "• "}),
		rapid.Map(anyText(), func(s string) string { return s + "w" }),
	)
}

func drawSection(t *rapid.T) review.Section {
	s := review.Section{
		Code:  rapid.SampledFrom([]string{"10154-3", "10164-2", "51847-2", "29545-1", "48765-2"}).Draw(t, "code"),
		Title: anyText().Draw(t, "title"),
	}
	heading := ""
	for range rapid.IntRange(0, 5).Draw(t, "statements") {
		if rapid.Bool().Draw(t, "new heading") {
			heading = anyText().Draw(t, "heading")
		}
		s.Statements = append(s.Statements, statement(heading, anyStatement().Draw(t, "text")))
	}
	return s
}

func statement(heading, text string) review.Statement {
	return review.Statement{Text: review.ClinicalText(text), Heading: review.ClinicalText(heading), Origin: review.OriginAI}
}

func section(code, title string, texts ...string) review.Section {
	s := review.Section{Code: code, Title: title}
	for _, text := range texts {
		heading, text, ok := strings.Cut(text, " :: ")
		if !ok {
			heading, text = "", heading
		}
		s.Statements = append(s.Statements, statement(heading, text))
	}
	return s
}

func cosigned() review.PlanRequest {
	r := unsigned()
	r.Signatures = []review.Signature{
		signature("Amara Okafor, MD", review.MeaningAuthor, time.Date(2026, 11, 23, 14, 40, 2, 0, time.UTC)),
		signature("Jonas Lindqvist, MD, PhD", review.MeaningCoSignature, time.Date(2026, 11, 23, 15, 12, 45, 0, time.UTC)),
	}
	return r
}

func unsigned() review.PlanRequest {
	return review.PlanRequest{
		Note: review.Note{
			ID: "abcdefghijklmnopqrstuvwxyz", Type: "11506-3", Kind: review.NoteOriginal, Recordings: []review.RecordingID{"r"},
		},
		Revision: review.Revision{
			Number:    2,
			Generator: review.Generator{Drafter: "extractive", Version: "1"},
			Content: review.Content{Sections: []review.Section{
				section("10154-3", "Chief complaint", "Annual exam."),
				section("10164-2", "History of present illness",
					"The patient is a 50-year-old woman with congestive heart failure, depression and hypertension who presents for her annual exam",
					"She has watched her diet and avoids salty foods.", "She denies chest pain, shortness of breath or swelling in her legs."),
				section("10187-3", "Review of systems", "Ears, nose, mouth and throat: endorses nasal congestion from allergies.", "Psychiatric: denies suicidal ideation."),
				section("10160-0", "Medications"),
				section("29545-1", "Physical examination", "Cardiovascular: grade 3/6 systolic ejection murmur.", "1+ pitting edema of the lower extremities."),
				section("51847-2", "Assessment and plan",
					"Congestive heart failure :: Repeat echocardiogram and lipid panel this year.", "Congestive heart failure :: Increase lisinopril to 40 mg daily; start Lasix 20 mg daily.",
					"Depression. :: Doing well with weekly therapy.", "Hypertension :: Home blood pressures for the next week."),
			}},
		},
		StartedAt: time.Date(2026, 11, 23, 9, 5, 0, 0, time.FixedZone("", -5*3600)),
		EndedAt:   time.Date(2026, 11, 23, 9, 31, 20, 0, time.FixedZone("", -5*3600)),
	}
}

func byHand() review.PlanRequest {
	r := cosigned()
	r.Note.Recordings, r.Revision.Generator, r.Signatures = nil, review.Generator{}, r.Signatures[:1]
	r.Signatures[0].Attestation = ""
	r.EndedAt = time.Time{}
	return r
}

func addendum() review.PlanRequest {
	r := byHand()
	r.Note.Kind, r.Note.ParentID = review.NoteAddendum, "zyxwvutsrqponmlkjihgfedcba"
	r.Note.ID = "addendumaddendumaddendumaa"
	r.Revision.Number = 1
	r.Revision.Content.Sections = []review.Section{section("48767-8", "Addendum", "The echocardiogram of 2026-11-25 shows an ejection fraction of 45%.")}
	return r
}

func hostile() review.PlanRequest {
	r := cosigned()
	r.Revision.Content.Sections = []review.Section{
		section("10164-2", "history\nof\tpresent  illness", "first line\r\nsecond line\n\nASSESSMENT", "• bullet", "   ", "quoted “sore.”", "who?"),
		section("51847-2", "", "Head|ing~: :: a|b^c&d~e\\f", "x :: <script>alert(1)</script> &amp;", "x :: \u202edesrever\u202c and שלום", "x :: e\u0301 \x0b\x1c\x00 \ufeff\xff"),
	}
	return r
}

func signature(name string, m review.Meaning, at time.Time) review.Signature {
	verb := "wrote"
	if m == review.MeaningCoSignature {
		verb = "reviewed"
	}
	return review.Signature{Name: name, Meaning: m, SignedAt: at, Attestation: "I, " + name + ", " + verb + " this note."}
}
