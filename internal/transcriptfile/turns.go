package transcriptfile

import (
	"strings"

	"countersign/review"
)

// turnHead reads "[speaker]" at the start of s; rest follows it.
func turnHead(s string) (role review.Role, rest string, ok bool) {
	if !strings.HasPrefix(s, "[") {
		return "", "", false
	}
	end := strings.IndexByte(s, ']')
	if end < 2 || end > 40 {
		return "", "", false
	}
	role, ok = roleOf(s[1:end])
	return role, s[end+1:], ok
}

// parseTurns reads "[doctor] …" turns. A line that does not begin with a
// speaker continues the turn before it. A marker is looked for only where a
// line begins: brackets inside a turn are words.
func parseTurns(b []byte) ([]review.Utterance, error) {
	var us []review.Utterance
	var role review.Role
	var text []string
	flush := func() {
		if t := strings.Join(strings.Fields(strings.Join(text, " ")), " "); t != "" {
			us = append(us, review.Utterance{Speaker: review.Speaker{Role: role}, Text: review.ClinicalText(t)})
		}
		text = text[:0]
	}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if r, rest, ok := turnHead(line); ok {
			flush()
			role, line = r, rest
		}
		text = append(text, line)
	}
	flush()
	return us, nil
}
