package openai

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"countersign/notegen/prompts"
	"countersign/notegen/templates"
	"countersign/review"
)

// maxPromptBytes is about 100,000 tokens: several hours of talk.
const maxPromptBytes = 400_000

// prompt is one request and what is needed to read its answer.
type prompt struct {
	text  string
	cited []review.SpokenUtterance // number n in the prompt is cited[n-1]
	names []string                 // names[i] was replaced by [name-i+1]
}

func systemPrompt() string {
	var b strings.Builder
	for _, s := range templates.Drafted("") {
		fmt.Fprintf(&b, "%s %s: %s\n", s.Code, s.Title, s.About)
	}
	return strings.Replace(prompts.Draft(), "{{SECTIONS}}", strings.TrimSpace(b.String()), 1)
}

// prepare numbers the utterances between two lines with a fresh random mark.
// Words of another patient are left out.
func prepare(c review.Conversation) prompt {
	var p prompt
	p.names = namesIn(string(c.Context.DisplayName))
	hide := hider(p.names)
	var b strings.Builder
	for _, u := range c.Transcript.Ordered() {
		text := strings.Join(strings.Fields(clean(string(u.Text))), " ")
		if u.Speaker.Role == review.RoleOtherPatient || text == "" {
			continue
		}
		p.cited = append(p.cited, u)
		fmt.Fprintf(&b, "[%d] %s: %s\n", len(p.cited), u.Speaker.Role, hide(text))
	}
	mark := fence(b.String())
	p.text = fmt.Sprintf("%s\n\n----- transcript %s -----\n%s----- transcript %s -----\n", about(c.Context), mark, b.String(), mark)
	return p
}

// about is all that is told of the patient.
func about(c review.ChartContext) string {
	s := "Patient: sex not known"
	if c.Sex == review.SexFemale || c.Sex == review.SexMale {
		s = "Patient: " + string(c.Sex)
	}
	if c.AgeYears >= 0 && c.AgeYears < 130 {
		s += fmt.Sprintf(", %d years old", min(c.AgeYears, 90)) // 90 stands for older, 45 CFR 164.514(b)(2)(i)(C)
		if c.AgeYears > 90 {
			s += " or older"
		}
	}
	return s + "."
}

// fence is a mark that nobody said.
func fence(text string) string {
	for {
		var b [8]byte
		rand.Read(b[:])
		if m := hex.EncodeToString(b[:]); !strings.Contains(text, m) {
			return m
		}
	}
}

// clean drops control characters, which could look like structure.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, s)
}

// namesIn are the parts of a display name of two letters and more.
func namesIn(display string) []string {
	var out []string
	for _, f := range strings.FieldsFunc(display, func(r rune) bool { return unicode.IsSpace(r) || r == ',' }) {
		if len([]rune(f)) >= 2 {
			out = append(out, f)
		}
	}
	return out
}

// hider replaces whole words that are part of the patient's name.
func hider(names []string) func(string) string {
	if len(names) == 0 {
		return func(s string) string { return s }
	}
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = regexp.QuoteMeta(n)
	}
	re := regexp.MustCompile(`(?i)[\p{L}\p{M}'’-]*(?:` + strings.Join(quoted, "|") + `)[\p{L}\p{M}'’-]*`)
	return func(s string) string {
		return re.ReplaceAllStringFunc(s, func(w string) string {
			stem, end := w, ""
			for _, e := range []string{"'s", "’s"} {
				if t, ok := strings.CutSuffix(w, e); ok {
					stem, end = t, e
				}
			}
			for i, n := range names {
				if strings.EqualFold(stem, n) {
					return fmt.Sprintf("[name-%d]%s", i+1, end)
				}
			}
			return w
		})
	}
}

var rePlaceholder = regexp.MustCompile(`\[name-(\d{1,2})\]`)

// restore puts the names back; a placeholder nobody gave is "the patient".
func (p prompt) restore(s string) string {
	return rePlaceholder.ReplaceAllStringFunc(s, func(m string) string {
		var i int
		fmt.Sscanf(m, "[name-%d]", &i)
		if i >= 1 && i <= len(p.names) {
			return p.names[i-1]
		}
		return "the patient"
	})
}

// schema is the strict JSON schema of the answer: every property required,
// no others, as Azure's strict mode asks.
func schema() json.RawMessage {
	var codes []string
	for _, s := range templates.Drafted("") {
		codes = append(codes, s.Code)
	}
	object := func(props map[string]any, required ...string) map[string]any {
		return map[string]any{"type": "object", "properties": props, "required": required, "additionalProperties": false}
	}
	list := func(items any) map[string]any { return map[string]any{"type": "array", "items": items} }
	text := map[string]any{"type": "string"}
	statement := object(map[string]any{"heading": text, "text": text, "evidence": list(map[string]any{"type": "integer"})}, "heading", "text", "evidence")
	section := object(map[string]any{"code": map[string]any{"type": "string", "enum": codes}, "statements": list(statement)}, "code", "statements")
	b, err := json.Marshal(object(map[string]any{"sections": list(section)}, "sections"))
	if err != nil {
		panic("openai: schema cannot be encoded: " + err.Error()) // plain data always can
	}
	return b
}
