package ehrsim

import (
	"fmt"
	"html"
	"slices"
	"strings"
)

const (
	htmlSuffix = "-html"
	rtfSuffix  = "-rtf"
)

// epicResource is the note as Epic reads it back: the content in other formats than it was written in, each behind a Binary URL, the type
// with the LOINC code and what the client sent, the category and a date added, and nothing that Epic does not keep.
func (d *door) epicResource(ref documentReference, doc *ReceivedDocument) map[string]any {
	types := []any{}
	for _, c := range ref.Type.Coding {
		types = append(types, map[string]any{"system": c.System, "code": c.Code})
	}
	if !slices.ContainsFunc(ref.Type.Coding, func(c coding) bool { return c.System == loinc && c.Code == "11506-3" }) {
		types = append(types, map[string]any{"system": loinc, "code": "11506-3", "display": "Progress note", "userSelected": true})
	}
	author := map[string]any{"reference": ref.Author[0].Reference}
	if ref.Author[0].Display != "" {
		author["display"] = ref.Author[0].Display
	}
	content := func(contentType, suffix string) map[string]any {
		return map[string]any{"attachment": map[string]any{"contentType": contentType, "url": "Binary/" + doc.ID + suffix}}
	}
	return map[string]any{
		"resourceType": "DocumentReference", "id": doc.ID, "status": ref.Status, "docStatus": ref.DocStatus,
		"type": map[string]any{"coding": types},
		"category": []any{map[string]any{"coding": []any{map[string]any{
			"system": "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", "code": "clinical-note", "display": "Clinical Note"}}}},
		"subject": map[string]any{"reference": "Patient/" + doc.PatientID},
		"date":    ref.Date,
		"author":  []any{author},
		"content": []any{content("text/html", htmlSuffix), content("text/rtf", rtfSuffix)},
		"context": map[string]any{"encounter": []any{map[string]any{"reference": "Encounter/" + doc.EncounterID}}},
	}
}

// epicBinary renders a note in the format that the suffix of its Binary id names. The caller holds the journal's lock.
func (d *door) epicBinary(id string) (contentType string, data []byte, ok bool) {
	base, isHTML := strings.CutSuffix(id, htmlSuffix)
	base, isRTF := strings.CutSuffix(base, rtfSuffix)
	res, ok := d.stored(base)
	switch {
	case !ok || isHTML == isRTF:
		return "", nil, false
	case isHTML:
		return "text/html", []byte(textToHTML(res.doc.Text)), true
	}
	return "text/rtf", []byte(textToRTF(res.doc.Text)), true
}

// textToHTML puts each line into a div of its own; runs of blanks survive as no-break spaces.
func textToHTML(text string) string {
	var b strings.Builder
	b.WriteString(`<html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"></head><body><div class="fmtConv">`)
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		if line == "" {
			b.WriteString("<div><br></div>")
			continue
		}
		b.WriteString("<div>" + strings.ReplaceAll(html.EscapeString(line), "  ", "&nbsp; ") + "</div>")
	}
	b.WriteString("</div></body></html>")
	return b.String()
}

// textToRTF writes RTF 1 with \par at line ends and \u escapes (signed 16-bit UTF-16 units) outside ASCII.
func textToRTF(text string) string {
	var b strings.Builder
	b.WriteString(`{\rtf1\ansi\deff0{\fonttbl{\f0 Arial;}}\f0\fs20 `)
	for _, r := range strings.ReplaceAll(text, "\r\n", "\n") {
		switch {
		case r == '\n':
			b.WriteString("\\par\n")
		case r == '\\' || r == '{' || r == '}':
			b.WriteString(`\` + string(r))
		case r == '\t':
			b.WriteString(`\tab `)
		case r < 0x80:
			b.WriteRune(r)
		case r > 0xFFFF:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%d?\u%d?`, int16(0xD800+(r>>10)), int16(0xDC00+(r&0x3FF))) // surrogate pair
		default:
			fmt.Fprintf(&b, `\u%d?`, int16(r))
		}
	}
	b.WriteString("}")
	return b.String()
}
