package openai

import (
	"encoding/json"
	"io"
	"slices"
	"strings"

	"countersign/notegen"
	"countersign/notegen/templates"
	"countersign/review"
)

// Limits on an answer. A model that runs away is malformed, not long.
const (
	maxStatements        = 300
	maxStatementBytes    = 2000
	maxHeadingBytes      = 200
	maxEvidence          = 64 // of one statement; more are dropped
	maxSectionStatements = 120
)

type answer struct {
	Sections []struct {
		Code       string `json:"code"`
		Statements []struct {
			Heading  string  `json:"heading"`
			Text     string  `json:"text"`
			Evidence []int64 `json:"evidence"`
		} `json:"statements"`
	} `json:"sections"`
}

// read turns an answer into sections in the order of a note. Numbers of
// utterances that do not exist are dropped.
func (p prompt) read(text string) ([]review.Section, error) {
	var a answer
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if dec.Decode(&a) != nil {
		return nil, malformed()
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, malformed()
	}
	byCode := map[string][]review.Statement{}
	total := 0
	for _, s := range a.Sections {
		if !slices.ContainsFunc(templates.Drafted(""), func(t templates.Section) bool { return t.Code == s.Code }) {
			return nil, malformed()
		}
		for _, st := range s.Statements {
			body := strings.Join(strings.Fields(clean(p.restore(st.Text))), " ")
			heading := strings.Join(strings.Fields(clean(p.restore(st.Heading))), " ")
			if body == "" {
				continue
			}
			if total++; len(body) > maxStatementBytes || len(heading) > maxHeadingBytes || total > maxStatements {
				return nil, malformed()
			}
			byCode[s.Code] = append(byCode[s.Code], review.Statement{
				ID: review.NewID[review.StatementID](), Text: review.ClinicalText(body), Heading: review.ClinicalText(heading),
				Origin: review.OriginAI, Evidence: p.evidence(st.Evidence),
			})
		}
		if len(byCode[s.Code]) > maxSectionStatements {
			return nil, malformed()
		}
	}
	if total == 0 {
		return nil, &notegen.TransientError{Code: notegen.CodeNoOutput}
	}
	var out []review.Section
	for _, t := range templates.Sections() {
		if sts := byCode[t.Code]; len(sts) > 0 {
			out = append(out, review.Section{Code: t.Code, Title: t.Title, Statements: adjacent(sts)})
		}
	}
	return out, nil
}

// malformed is transient: the model may do better when asked again.
func malformed() error { return &notegen.TransientError{Code: notegen.CodeMalformed} }

func (p prompt) evidence(numbers []int64) []review.Evidence {
	var out []review.Evidence
	for _, n := range numbers {
		if n < 1 || n > int64(len(p.cited)) || len(out) == maxEvidence {
			continue
		}
		u := p.cited[n-1]
		e := review.Evidence{StreamID: u.StreamID, Seq: u.Seq, Revision: u.Revision}
		if !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return out
}

// adjacent brings statements of one heading together, in the order in which
// the headings first come.
func adjacent(sts []review.Statement) []review.Statement {
	first := map[review.ClinicalText]int{}
	for i, s := range sts {
		if _, ok := first[s.Heading]; !ok {
			first[s.Heading] = i
		}
	}
	slices.SortStableFunc(sts, func(a, b review.Statement) int { return first[a.Heading] - first[b.Heading] })
	return sts
}
