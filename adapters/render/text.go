package render

import (
	"strconv"
	"strings"
	"time"

	"countersign/review"
)

// TextVersion is the RendererVersion of Text. It changes with the bytes.
const TextVersion = "text/1"

// DocumentNumberLine begins the second line of every rendering, before the
// document number, for a destination that can only be searched by text.
const DocumentNumberLine = "Document number: "

// Titles of the parts that are not sections; their Code is empty.
const (
	PartHead       = "Head"
	PartSignatures = "Signatures"
	PartAI         = "AI assistance"
)

// prose reports whether a section is written as paragraphs; all others are
// lists.
func prose(code string) bool {
	switch code {
	case "10154-3", // chief complaint
		"10164-2", // history of present illness
		"61150-9", // subjective
		"8648-8",  // hospital course
		"48767-8": // annotation comment: an addendum
		return true
	}
	return false
}

// Text renders r as [review.FormatText]. The result shares no memory with r.
// A section without text is left out. Text may be called concurrently.
func Text(r review.PlanRequest) review.Rendering {
	var b builder
	b.block("", PartHead, head(r))
	for _, s := range r.Revision.Content.Sections {
		if lines := section(s); len(lines) > 1 {
			b.block(s.Code, sectionTitle(s), lines)
		}
	}
	b.block("", PartSignatures, signatures(r.Signatures))
	b.block("", PartAI, assistance(r))
	body := []byte(b.body.String())
	return review.Rendering{
		NoteID: r.Note.ID, Revision: r.Revision.Number, Format: review.FormatText, RendererVersion: TextVersion,
		Body: body, Parts: b.parts, SHA256: review.DigestOf(body),
	}
}

// builder joins blocks by blank lines and remembers where they stand.
type builder struct {
	body  strings.Builder
	parts []review.Part
}

func (b *builder) block(code, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	if b.body.Len() > 0 {
		b.body.WriteString("\n\n")
	}
	start := b.body.Len()
	b.body.WriteString(strings.Join(lines, "\n"))
	b.parts = append(b.parts, review.Part{Code: code, Title: title, Start: start, End: b.body.Len()})
}

func head(r review.PlanRequest) []string {
	lines := []string{
		review.NoteTypeTitle(r.Note.Type),
		DocumentNumberLine + clean(r.Note.DocumentNumber()),
		"Revision: " + strconv.Itoa(r.Revision.Number),
	}
	if r.Note.ParentID != "" {
		parent := review.Note{ID: r.Note.ParentID}.DocumentNumber()
		switch r.Note.Kind {
		case review.NoteAddendum:
			lines = append(lines, "Addendum to: "+clean(parent))
		case review.NoteAmendment:
			lines = append(lines, "Amendment, replaces: "+clean(parent))
		}
	}
	if !r.StartedAt.IsZero() {
		lines = append(lines, "Visit: "+period(r.StartedAt, r.EndedAt))
	}
	return lines
}

// period prints times in UTC with their offset, since a reader elsewhere
// cannot know ours.
func period(from, to time.Time) string {
	const layout = "2006-01-02 15:04:05 -07:00"
	s := from.UTC().Format(layout)
	if to.After(from) {
		s += " to " + to.UTC().Format(layout)
	}
	return s
}

func sectionTitle(s review.Section) string {
	if t := clean(s.Title); t != "" {
		return t
	}
	return clean("Section " + s.Code)
}

// section is the title line and the lines below it; the title alone when
// nothing is said.
func section(s review.Section) []string {
	lines := []string{clean(strings.ToUpper(sectionTitle(s)))}
	var heading string
	var paragraph []string
	flush := func() {
		if len(paragraph) > 0 {
			lines = append(lines, strings.Join(paragraph, " "))
			paragraph = nil
		}
	}
	for _, st := range s.Statements {
		text := unbullet(clean(string(st.Text)))
		if text == "" {
			continue
		}
		if h := headingText(st); h != heading {
			flush()
			if heading = h; h != "" {
				lines = append(lines, h+":")
			}
		}
		if prose(s.Code) {
			paragraph = append(paragraph, sentence(text))
		} else {
			lines = append(lines, "- "+text)
		}
	}
	flush()
	return lines
}

// headingText is a heading without the marks that the renderer sets itself.
func headingText(st review.Statement) string {
	return strings.TrimRight(unbullet(clean(string(st.Heading))), ".: ")
}

func signatures(sigs []review.Signature) []string {
	if len(sigs) == 0 {
		return []string{"Not signed."}
	}
	var lines []string
	for _, s := range sigs {
		meaning := "author"
		if s.Meaning == review.MeaningCoSignature {
			meaning = "co-signature"
		}
		lines = append(lines, clean("Electronically signed by "+s.Name+" ("+meaning+") on "+s.SignedAt.UTC().Format("2006-01-02 15:04:05")+" UTC"))
		if a := clean(s.Attestation); a != "" {
			lines = append(lines, a)
		}
	}
	return lines
}

// assistance says what a machine did. It claims a review only when somebody
// has signed, a recording only when there is one, and nothing for a note that
// was written by hand.
func assistance(r review.PlanRequest) []string {
	g := r.Revision.Generator
	by := clean(g.Drafter + " " + g.Model)
	if by == "" {
		return nil
	}
	text := "This note was drafted with AI assistance (" + by + ")"
	if len(r.Note.Recordings) > 0 {
		text += " from a recording of the visit"
	}
	if len(r.Signatures) == 0 {
		return []string{text + ". It has not been signed."}
	}
	return []string{text + " and reviewed by the signing clinician."}
}

// As renders r in a format, or reports false for one that is not known.
func As(format string, r review.PlanRequest) (review.Rendering, bool) {
	switch format {
	case review.FormatText:
		return Text(r), true
	}
	return review.Rendering{}, false
}
