package render

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// clean makes text of any origin fit for one line: see the package comment.
func clean(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for _, r := range s { // invalid UTF-8 ranges as U+FFFD
		switch {
		case unicode.IsSpace(r) || unicode.Is(unicode.Z, r) || unicode.Is(unicode.Cc, r):
			space = true
			continue
		case dropped(r):
			continue
		case nonCharacter(r):
			r = unicode.ReplacementChar
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		b.WriteRune(r)
	}
	// After the filter: dropping a character can join a letter and its accent.
	return norm.NFC.String(b.String())
}

// dropped reports whether r is an invisible character that could make a
// reader see another text than the one that is stored: bidirectional
// embeddings, overrides and isolates, byte order marks, soft hyphens, zero
// width spaces and tags. Joiners and direction marks stay: scripts need them.
func dropped(r rune) bool {
	switch {
	case r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069, r >= 0x206A && r <= 0x206F:
		return true
	case r == 0xFEFF, r == 0x00AD, r == 0x200B, r == 0x2060, r >= 0xE0000 && r <= 0xE007F, r >= 0xFFF9 && r <= 0xFFFB:
		return true
	}
	return false
}

// nonCharacter reports code points that Unicode will never assign.
func nonCharacter(r rune) bool {
	return r&0xFFFE == 0xFFFE || r >= 0xFDD0 && r <= 0xFDEF
}

// unbullet removes a list mark that the drafter or a person typed, since the
// renderer sets its own.
func unbullet(s string) string {
	for _, mark := range []string{"- ", "• ", "* ", "•"} {
		if rest, ok := strings.CutPrefix(s, mark); ok {
			return unbullet(rest)
		}
	}
	return s
}

// sentence ends s with a full stop unless it ends with punctuation, so that
// statements can be joined into a paragraph.
func sentence(s string) string {
	if s == "" || strings.ContainsAny(s[len(s)-1:], ".!?:;") || strings.HasSuffix(s, "…") {
		return s
	}
	for _, closing := range []string{`."`, `?"`, `!"`, ".”", "?”", "!”", ".)", "?)", "!)"} {
		if strings.HasSuffix(s, closing) {
			return s
		}
	}
	return s + "."
}
