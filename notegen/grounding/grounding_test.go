package grounding

import (
	"fmt"
	"strings"
	"testing"

	"countersign/review"

	"github.com/google/go-cmp/cmp"
)

const stream = review.StreamID("s")

func transcript(texts ...string) review.Transcript {
	var us []review.Utterance
	for i, t := range texts {
		us = append(us, review.Utterance{Seq: int64(i + 1), Speaker: review.Speaker{Role: review.RolePatient}, Text: review.ClinicalText(t)})
	}
	return review.Transcript{Streams: []review.StreamTranscript{{StreamID: stream, Utterances: us}}}
}

func statement(text string, seqs ...int64) review.Statement {
	s := review.Statement{Text: review.ClinicalText(text), Origin: review.OriginAI}
	for _, q := range seqs {
		s.Evidence = append(s.Evidence, review.Evidence{StreamID: stream, Seq: q})
	}
	return s
}

func TestGroundNumbers(t *testing.T) {
	t.Parallel()
	tests := []struct{ said, written, unsaid string }{
		{"forty milligrams", "40 mg", ""},
		{"forty milligrams", "Forty mg", ""},
		{"forty milligrams", "80 mg", "80"},
		{"forty five milligrams", "40 mg", "40"},
		{"one twenty over eighty", "120/80", ""},
		{"one twenty over eighty", "130/80", "130"},
		{"one twenty over eighty", "Blood pressure 120/85.", "85"},
		{"a hundred and two", "102", ""},
		{"it was a hundred and two point four", "102.4 °F", ""},
		{"two and a half weeks", "2.5 weeks", ""},
		{"two and a half weeks", "two and a half weeks", ""},
		{"two and a half weeks", "3.5 weeks", "3.5"},
		{"about a year and a half", "1.5 years", ""},
		{"nineteen ninety five", "1995", ""},
		{"back in twenty twenty one", "2021", ""},
		{"two thousand and four", "2004", ""},
		{"two thousand four", "2005", "2005"},
		{"march of twenty twenty", "03/2020", ""},
		{"a three out of six murmur", "3/6 murmur", ""},
		{"a three out of six murmur", "2/6 murmur", "2"},
		{"forty five %", "45%", ""},
		{"two to three times", "2-3 times", ""},
		{"two times a day", "twice daily", ""},
		{"once a day", "twice daily", "twice"},
		{"twice a day", "BID", ""},
		{"a week ago", "1 week ago", ""},
		{"a few days ago", "1 day ago", "1"},
		{"the third finger", "3rd finger", ""},
		{"the third finger", "fourth finger", "fourth"},
		{"june twenty first", "6/21", ""},
		{"hemoglobin a one c", "Hemoglobin A1c", ""},
		{"i had covid", "COVID-19", ""},
		{"at l four l five", "L4-L5", ""},
		{"at l four", "L5", "L5"},
		{"l4 and l5", "L4, L5", ""},
		{"six point two", "6.2", ""},
		{"it is six two", "6.2", ""},
		{"6.20", "6.2", ""},
		{"1,200 units", "1200 units", ""},
		{"five hundred", "500", ""},
		{"5 hundred", "500", ""},
		{"five hundred", "50", "50"},
		{"i'm fifty years old", "50-year-old", ""},
		{"it went to five or six hundred", "500 or 600", ""},
		{"about two to three thousand", "2000 to 3000", ""},
		{"two or six hundred", "2 or 600", ""},
		{"a point five centimeter stone", "0.5 cm", ""},
		{"six hundred milligrams q . six h", "0.6", "0.6"},
		{"call nine one one", "911", ""},
		{"it hurts", "The patient reports pain in one knee.", ""},
		{"it hurts", "First, rest. The second one is fine.", ""},
		{"half a tablet", "0.5 tablet", ""},
		{"it hurts", "1. Knee pain", ""},
		{"it hurts", "Pain for 3 days, 3 times a day, at 20mg", "3, 20"},
		{"a hundred times", "100 times", ""},
		{"in my fifties", "in her 50s", ""},
		{"٣ مرات", "3", "3"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s as %s", tt.said, tt.written), func(t *testing.T) {
			t.Parallel()
			flags := Ground(transcript("nothing 77", tt.said), statement(tt.written, 2))
			want := []review.Flag(nil)
			if tt.unsaid != "" {
				want = []review.Flag{{Kind: review.FlagNumber, Severity: review.SeverityBlocking, Detail: review.ClinicalText("not in the words it cites: " + tt.unsaid)}}
			}
			if diff := cmp.Diff(want, flags); diff != "" {
				t.Errorf("flags differ (-want +got):\n%s\ngot %+q", diff, details(flags))
			}
		})
	}
}

func details(flags []review.Flag) (out []string) {
	for _, f := range flags {
		out = append(out, string(f.Detail))
	}
	return out
}

func TestGroundEvidence(t *testing.T) {
	t.Parallel()
	said := transcript("it hurts", "for forty days")
	span := func(a, b int) review.Statement {
		s := statement("Hurts.", 1)
		s.Evidence[0].SpanStart, s.Evidence[0].SpanEnd = a, b
		return s
	}
	other := statement("Hurts.", 1)
	other.Evidence[0].StreamID = "x"
	typed := statement("40 mg")
	typed.Origin = review.OriginClinician
	heading := statement("Hurts.", 1)
	heading.Heading = "Type 2 pain"
	headed := statement("Hurts.", 1)
	headed.Heading = "Pain for 40 days"
	tests := []struct {
		name  string
		s     review.Statement
		kinds []review.FlagKind
	}{
		{"OK", statement("Hurts.", 1), nil},
		{"Nothing", statement("Hurts."), []review.FlagKind{review.FlagNoEvidence}},
		{"NoSuchUtterance", statement("Hurts.", 1, 3), []review.FlagKind{review.FlagNoEvidence}},
		{"SequenceZero", statement("Hurts.", 0), []review.FlagKind{review.FlagNoEvidence}},
		{"NoSuchStream", other, []review.FlagKind{review.FlagNoEvidence}},
		{"SpanOK", span(3, 8), nil},
		{"SpanTooLong", span(0, 9), []review.FlagKind{review.FlagNoEvidence}},
		{"SpanBackwards", span(5, 5), []review.FlagKind{review.FlagNoEvidence}},
		{"SpanNegative", span(-1, 5), []review.FlagKind{review.FlagNoEvidence}},
		{"NumberInAnotherUtterance", statement("40 days.", 1), []review.FlagKind{review.FlagNumber}},
		{"NumberInOneOfTwo", statement("40 days.", 1, 2), nil},
		{"NumberWithoutEvidence", statement("40 days."), []review.FlagKind{review.FlagNoEvidence, review.FlagNumber}},
		{"TypedByClinician", typed, nil},
		{"HeadingNeverSaid", heading, []review.FlagKind{review.FlagNumber}},
		{"HeadingSaidElsewhere", headed, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var kinds []review.FlagKind
			for _, f := range (Checker{}).Ground(said, tt.s) {
				kinds = append(kinds, f.Kind)
				if !f.Open() {
					t.Errorf("flag %s does not stand against a signature", f.Kind)
				}
			}
			if diff := cmp.Diff(tt.kinds, kinds); diff != "" {
				t.Errorf("flags (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzGround: a statement that repeats what it cites has no flag, and no
// input makes the check panic or answer differently twice.
func FuzzGround(f *testing.F) {
	for _, s := range []string{"one twenty over eighty", "a1c 6.2, two and a half", "half", "L4-L5", "twenty-first of March 2,000", "5 hundred", "1 hundred thousand"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, said, written string) {
		tr := transcript(said)
		for _, text := range []string{said, written} {
			a, b := Ground(tr, statement(text, 1)), Ground(tr, statement(text, 1))
			if diff := cmp.Diff(a, b); diff != "" {
				t.Fatal("two checks differ")
			}
			if text == said && said != "" && len(a) != 0 {
				t.Fatalf("repeats what was said and is flagged: %q", details(a))
			}
		}
	})
}

func BenchmarkGround(b *testing.B) {
	tr := transcript(strings.Repeat("blood pressure was one twenty over eighty and i take forty milligrams twice a day ", 5))
	s := statement("Blood pressure 120/80; takes lisinopril 40 mg twice daily.", 1)
	for b.Loop() {
		if Ground(tr, s) != nil {
			b.Fatal("flagged")
		}
	}
}
