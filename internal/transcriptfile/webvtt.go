package transcriptfile

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"countersign/review"
)

var (
	reTiming = regexp.MustCompile(`^(?:(\d{2,}):)?([0-5]\d):([0-5]\d)\.(\d{3})[ \t]+-->[ \t]+(?:(\d{2,}):)?([0-5]\d):([0-5]\d)\.(\d{3})(?:[ \t]|$)`)
	reVoice  = regexp.MustCompile(`<v(?:\.[^ \t>]*)?[ \t]+([^>]*)>`)
	reTag    = regexp.MustCompile(`<[^>]*>`)
	reEntity = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&nbsp;", " ", "&lrm;", "", "&rlm;", "", "&amp;", "&")
)

// parseWebVTT reads cues; NOTE, STYLE and REGION blocks are skipped. A cue
// with several voice spans gives several utterances that share its times. A
// cue without one may begin with "Doctor: "; else its speaker is unknown.
func parseWebVTT(b []byte) ([]review.Utterance, error) {
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(b))
	lines := strings.Split(text, "\n")
	var us []review.Utterance
	for i := 0; i < len(lines); i++ {
		if !strings.Contains(lines[i], "-->") {
			continue
		}
		if skipped(lines, i) {
			continue
		}
		start, end, ok := timing(lines[i])
		if !ok || end < start {
			return nil, &Error{Format: FormatWebVTT, Line: i + 1, Text: "cue times cannot be read: write 00:00:01.000 --> 00:00:04.000"}
		}
		first := i + 1
		for i+1 < len(lines) && strings.TrimSpace(lines[i+1]) != "" {
			i++
		}
		us = append(us, cue(strings.Join(lines[first:i+1], " "), start, end)...)
	}
	return us, nil
}

// skipped reports whether line i stands in a NOTE block, where an arrow is
// only text. A block ends at an empty line.
func skipped(lines []string, i int) bool {
	for ; i >= 0 && strings.TrimSpace(lines[i]) != ""; i-- {
		if strings.HasPrefix(lines[i], "NOTE") || strings.HasPrefix(lines[i], "STYLE") || strings.HasPrefix(lines[i], "REGION") {
			return true
		}
	}
	return false
}

func timing(s string) (start, end time.Duration, ok bool) {
	m := reTiming.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil || len(m[1]) > 3 || len(m[5]) > 3 {
		return 0, 0, false
	}
	at := func(p []string) time.Duration {
		var n [4]int
		for i, x := range p {
			n[i], _ = strconv.Atoi(x) // digits by the pattern; empty hours are 0
		}
		return time.Duration(n[0])*time.Hour + time.Duration(n[1])*time.Minute + time.Duration(n[2])*time.Second + time.Duration(n[3])*time.Millisecond
	}
	return at(m[1:5]), at(m[5:9]), true
}

func cue(payload string, start, end time.Duration) []review.Utterance {
	var us []review.Utterance
	add := func(name, text string) {
		text = strings.Join(strings.Fields(reEntity.Replace(reTag.ReplaceAllString(text, ""))), " ")
		if name == "" {
			if head, rest, ok := strings.Cut(text, ": "); ok && len(head) <= 40 {
				if _, known := roleOf(head); known {
					name, text = head, rest
				}
			}
		}
		if text == "" {
			return
		}
		role, ok := roleOf(name)
		u := review.Utterance{Speaker: review.Speaker{Role: role}, Start: start, End: end, Text: review.ClinicalText(text)}
		if !ok {
			u.Speaker.Label = strings.TrimSpace(name)
		}
		us = append(us, u)
	}
	voices := reVoice.FindAllStringSubmatchIndex(payload, -1)
	if len(voices) == 0 {
		add("", payload)
		return us
	}
	add("", payload[:voices[0][0]])
	for i, v := range voices {
		stop := len(payload)
		if i+1 < len(voices) {
			stop = voices[i+1][0]
		}
		add(payload[v[2]:v[3]], payload[v[1]:stop])
	}
	return us
}
