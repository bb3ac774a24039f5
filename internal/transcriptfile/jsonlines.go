package transcriptfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"countersign/review"
)

// line is one utterance as written in a file. Unknown keys are ignored:
// corpora add their own.
type line struct {
	Seq      *int64    `json:"seq"`
	Speaker  speaker   `json:"speaker"`
	StartMS  *float64  `json:"start_ms"`
	EndMS    *float64  `json:"end_ms"`
	Start    *duration `json:"start"`
	End      *duration `json:"end"`
	Text     *string   `json:"text"`
	Language string    `json:"language"`
	Final    *bool     `json:"final"`
}

// speaker is a name or an object.
type speaker struct{ review.Speaker }

func (s *speaker) UnmarshalJSON(b []byte) error {
	var name string
	if json.Unmarshal(b, &name) == nil {
		role, ok := roleOf(name)
		s.Speaker = review.Speaker{Role: role}
		if !ok {
			s.Label = name
		}
		return nil
	}
	var obj review.Speaker
	if err := json.Unmarshal(b, &obj); err != nil {
		return err
	}
	obj.Role, _ = roleOf(string(obj.Role))
	s.Speaker = obj
	return nil
}

// duration is nanoseconds or text such as "1.5s".
type duration time.Duration

func (d *duration) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		v, err := time.ParseDuration(text)
		*d = duration(v)
		return err
	}
	var ns int64
	err := json.Unmarshal(b, &ns)
	*d = duration(ns)
	return err
}

func parseJSONLines(b []byte) ([]review.Utterance, error) {
	var us []review.Utterance
	no := 0
	for raw := range bytes.Lines(b) {
		no++
		fault := func(format string, args ...any) error {
			return &Error{Format: FormatJSONLines, Line: no, Text: fmt.Sprintf(format, args...)}
		}
		raw = bytes.TrimSpace(raw)
		if len(raw) == 0 {
			continue
		}
		var l line
		// The decoder's own error may quote the input, so it is not shown.
		if err := json.Unmarshal(raw, &l); err != nil {
			return nil, fault(`not one JSON object with "speaker" and "text": write one utterance per line`)
		}
		if l.Text == nil {
			return nil, fault(`"text" is missing`)
		}
		if l.Seq != nil && *l.Seq != int64(len(us)+1) {
			return nil, fault(`"seq" is %d, want %d: number utterances 1, 2, 3 … or leave "seq" out`, *l.Seq, len(us)+1)
		}
		text := strings.TrimSpace(*l.Text)
		if text == "" || l.Final != nil && !*l.Final {
			if l.Seq != nil {
				return nil, fault(`numbered, but empty or not final: leave it out`)
			}
			continue
		}
		u := review.Utterance{Speaker: l.Speaker.Speaker, Text: review.ClinicalText(text), Language: l.Language}
		if u.Speaker.Role == "" {
			u.Speaker.Role = review.RoleUnknown
		}
		var ok1, ok2 bool
		u.Start, ok1 = pick(l.StartMS, l.Start)
		u.End, ok2 = pick(l.EndMS, l.End)
		if !ok1 || !ok2 || u.End < u.Start {
			return nil, fault("times are negative, too large or run backwards: start_ms and end_ms count from the start of the recording")
		}
		us = append(us, u)
	}
	return us, nil
}

// pick takes milliseconds before a duration; ok is false outside a day.
func pick(ms *float64, d *duration) (v time.Duration, ok bool) {
	const day = 24 * time.Hour
	switch {
	case ms != nil:
		if math.IsNaN(*ms) || *ms < 0 || *ms > float64(day/time.Millisecond) {
			return 0, false
		}
		v = time.Duration(*ms * float64(time.Millisecond))
	case d != nil:
		v = time.Duration(*d)
	}
	return v, v >= 0 && v <= day
}
