package extractive

import (
	_ "embed"
	"strings"
)

// lexiconText is written by hand for this project: no third-party
// vocabulary is in it.
//
//go:embed lexicon.txt
var lexiconText string

// term is a clinical concept found in words.
type term struct {
	start, end int // words
	concept    string
	kind       string // sym anat cond test drug other
}

type entry struct {
	words         []string
	concept, kind string
}

// lexicon finds clinical terms, longest match first.
type lexicon struct{ first map[string][]entry }

func newLexicon() *lexicon {
	l := &lexicon{first: map[string][]entry{}}
	for line := range strings.Lines(lexiconText) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) != 3 {
			continue
		}
		l.add(strings.Fields(f[0]), f[1], f[2])
	}
	return l
}

func (l *lexicon) add(ws []string, concept, kind string) {
	es := l.first[ws[0]]
	i := len(es)
	for i > 0 && len(es[i-1].words) < len(ws) {
		i--
	}
	es = append(es, entry{})
	copy(es[i+1:], es[i:])
	es[i] = entry{ws, concept, kind}
	l.first[ws[0]] = es
}

// drugEndings are stems by which a drug unknown to the lexicon is told.
var drugEndings = []string{"pril", "sartan", "olol", "statin", "dipine", "cillin", "mycin", "floxacin", "oxetine", "prazole", "gliptin", "gliflozin", "glutide",
	"zepam", "zolam", "triptan", "parin", "semide", "thiazide", "setron", "profen", "cycline"}

func (l *lexicon) find(ws []string) []term {
	var out []term
	for i := 0; i < len(ws); {
		n := 1
		var hit bool
		for _, e := range l.first[ws[i]] {
			if matches(e.words, ws[i:]) {
				out = append(out, term{i, i + len(e.words), e.concept, e.kind})
				n, hit = len(e.words), true
				break
			}
		}
		if !hit && len(ws[i]) > 6 {
			for _, s := range drugEndings {
				if strings.HasSuffix(ws[i], s) {
					out = append(out, term{i, i + 1, ws[i], "drug"})
					break
				}
			}
		}
		i += n
	}
	return out
}

func ofKind(ts []term, kinds ...string) []term {
	var out []term
	for _, t := range ts {
		for _, k := range kinds {
			if t.kind == k {
				out = append(out, t)
			}
		}
	}
	return out
}

func concepts(ts []term) map[string]bool {
	m := map[string]bool{}
	for _, t := range ts {
		m[t.concept] = true
	}
	return m
}
