package grounding

import (
	"strings"

	"countersign/notegen/spoken"
	"countersign/review"
)

// Checker implements review.Grounder. The zero value is ready; it has no
// state and may be used concurrently.
type Checker struct{}

// Ground is [Ground].
func (Checker) Ground(t review.Transcript, s review.Statement) []review.Flag { return Ground(t, s) }

// Ground returns the flags of one statement, nil when it stands. It looks at
// text, heading, origin and evidence only: flags the statement already has
// are not taken over. It keeps and changes nothing.
func Ground(t review.Transcript, s review.Statement) []review.Flag {
	if s.Origin != review.OriginAI {
		return nil
	}
	var flags []review.Flag
	cited, missing := cite(t, s.Evidence)
	if len(s.Evidence) == 0 || missing {
		detail := "cites nothing that was said"
		if missing {
			detail = "cites words that do not exist"
		}
		flags = append(flags, review.Flag{Kind: review.FlagNoEvidence, Severity: review.SeverityBlocking, Detail: review.ClinicalText(detail)})
	}
	wanted := required(spoken.Scan(string(s.Text)))
	said := newReadings()
	if len(wanted) > 0 {
		for _, u := range cited {
			said.add(spoken.Scan(string(u.Text)))
		}
	}
	unsaid := said.without(wanted)
	if s.Heading != "" {
		unsaid = append(unsaid, headingNumbers(t, s.Heading)...)
	}
	if len(unsaid) > 0 {
		flags = append(flags, review.Flag{Kind: review.FlagNumber, Severity: review.SeverityBlocking,
			Detail: review.ClinicalText("not in the words it cites: " + list(unsaid))})
	}
	return flags
}

// cite returns the utterances that exist, each once, and whether any
// evidence points at nothing. A span must lie inside the text.
func cite(t review.Transcript, evidence []review.Evidence) (us []review.Utterance, missing bool) {
	for i, e := range evidence {
		u, ok := t.Find(e)
		if !ok || e.SpanStart < 0 || e.SpanEnd < 0 || e.SpanEnd > len(u.Text) || e.SpanEnd != 0 && e.SpanStart >= e.SpanEnd || e.SpanEnd == 0 && e.SpanStart != 0 {
			missing = true
			continue
		}
		if !cites(evidence[:i], e) {
			us = append(us, u)
		}
	}
	return us, missing
}

func cites(evidence []review.Evidence, e review.Evidence) bool {
	for _, x := range evidence {
		if x.StreamID == e.StreamID && x.Seq == e.Seq {
			return true
		}
	}
	return false
}

func headingNumbers(t review.Transcript, heading review.ClinicalText) []quantity {
	wanted := required(spoken.Scan(string(heading)))
	if len(wanted) == 0 {
		return nil
	}
	said := newReadings()
	for _, s := range t.Streams {
		for _, u := range s.Utterances {
			said.add(spoken.Scan(string(u.Text)))
		}
	}
	return said.without(wanted)
}

// list names the numbers as written, each once, at most eight.
func list(qs []quantity) string {
	var names []string
	seen := map[string]bool{}
	for _, q := range qs {
		if !seen[q.written] && len(names) < 8 {
			seen[q.written] = true
			names = append(names, q.written)
		}
	}
	return strings.Join(names, ", ")
}
