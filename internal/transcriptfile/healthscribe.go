package transcriptfile

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"countersign/review"
)

// healthScribe is the part of a HealthScribe transcript file that is used;
// aws-samples/aws-healthscribe-demo, src/types/HealthScribeTranscript.ts.
type healthScribe struct {
	Conversation struct {
		LanguageCode       string
		TranscriptSegments []struct {
			BeginAudioTime     float64 // seconds
			EndAudioTime       float64
			Content            string
			ParticipantDetails struct{ ParticipantRole string }
		}
	}
}

func parseHealthScribe(b []byte) ([]review.Utterance, error) {
	var f healthScribe
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, &Error{Format: FormatHealthScribe, Text: "not the JSON of a HealthScribe transcript: use the file transcript.json, not summary.json"}
	}
	var us []review.Utterance
	for i, s := range f.Conversation.TranscriptSegments {
		text := strings.TrimSpace(s.Content)
		if text == "" {
			continue
		}
		start, ok1 := seconds(s.BeginAudioTime)
		end, ok2 := seconds(s.EndAudioTime)
		if !ok1 || !ok2 || end < start {
			return nil, &Error{Format: FormatHealthScribe, Text: fmt.Sprintf("TranscriptSegments[%d]: times are negative, too large or run backwards", i)}
		}
		role, ok := roleOf(s.ParticipantDetails.ParticipantRole)
		u := review.Utterance{Speaker: review.Speaker{Role: role}, Start: start, End: end, Text: review.ClinicalText(text), Language: f.Conversation.LanguageCode}
		if !ok {
			u.Speaker.Label = s.ParticipantDetails.ParticipantRole
		}
		us = append(us, u)
	}
	return us, nil
}

func seconds(s float64) (time.Duration, bool) {
	ok := s >= 0 && s <= 86400
	if !ok {
		return 0, false
	}
	return time.Duration(s * float64(time.Second)), true
}
