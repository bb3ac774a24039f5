package fhirr4

import (
	"html"
	"strings"
)

// PlainText reduces a document to its words, joined by single spaces: tags,
// RTF control words, entities, line ends and white space are gone, so that a
// note can be compared after an EHR has laid it out anew. No word is changed.
// ok is false for a media type that it cannot read.
func PlainText(c Content) (text string, ok bool) {
	s := string(c.Data)
	switch c.Type {
	case "text/plain":
	case "text/html", "application/xhtml+xml":
		s = htmlText(s)
	case "text/rtf", "application/rtf", "text/richtext":
		s = rtfText(s)
	default:
		return "", false
	}
	return Words(s), true
}

// Words joins the words of s by single spaces. A no-break space, a byte order
// mark and a zero-width space count as white space.
func Words(s string) string {
	s = strings.NewReplacer("\u00a0", " ", "\ufeff", " ", "\u200b", " ").Replace(s)
	return strings.Join(strings.Fields(s), " ")
}

// htmlText drops comments, tags and the content of head, style and script.
// Elements other than inline ones part words.
func htmlText(s string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		s = s[i:]
		if strings.HasPrefix(s, "<!--") {
			_, s, _ = strings.Cut(s, "-->")
			b.WriteByte(' ')
			continue
		}
		j := strings.IndexByte(s, '>')
		if j < 0 || !tagStart(s) {
			b.WriteByte('<') // a lone sign, as in "pain < 3"
			s = s[1:]
			continue
		}
		name := tagName(s[1:j])
		s = s[j+1:]
		switch name {
		case "head", "style", "script":
			s = after(s, "</"+name)
		case "b", "i", "u", "em", "strong", "span", "font", "a", "sub", "sup", "small", "tt", "code":
			continue
		}
		b.WriteByte(' ')
	}
	return html.UnescapeString(b.String())
}

func tagStart(s string) bool {
	if len(s) < 2 {
		return false
	}
	c := s[1] | 0x20
	return s[1] == '/' || s[1] == '!' || s[1] == '?' || 'a' <= c && c <= 'z'
}

func tagName(tag string) string {
	tag = strings.TrimPrefix(tag, "/")
	end := strings.IndexFunc(tag, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9')
	})
	if end >= 0 {
		tag = tag[:end]
	}
	return strings.ToLower(tag)
}

// after returns what follows the next closing tag, whose name may be in any
// case; nothing when it is missing.
func after(s, closing string) string {
	i := strings.Index(strings.ToLower(s), closing)
	if i < 0 {
		return ""
	}
	_, rest, _ := strings.Cut(s[i:], ">")
	return rest
}
