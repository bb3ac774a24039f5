package spoken

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind says what a token is.
type Kind uint8

// Kinds of token.
const (
	Word   Kind = iota // letters and apostrophes
	Number             // digits, with decimals and without thousands separators
	Ident              // letters followed by digits: a1c, l4
	Punct              // one character
)

// Token is a piece of text.
type Token struct {
	Text       string // lower case; a Number has "." for its decimals and no ","
	Kind       Kind
	Start, End int  // bytes in the scanned text
	Glued      bool // no space before it
}

// Scan cuts text into tokens. White space, control characters and bytes that
// are not UTF-8 are dropped. It never fails: characters it does not know are
// Punct.
func Scan(text string) []Token {
	toks := make([]Token, 0, len(text)/4+1)
	end := -1
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		// Control and format characters are nobody's words and must not reach a
		// note, where they could look like structure.
		if unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == utf8.RuneError && size == 1 {
			i += size
			continue
		}
		t := Token{Start: i, Kind: Punct, Glued: i == end}
		switch {
		case isDigit(r), r == '.' && decimalPoint(text, i):
			i = scanNumber(text, i)
			t.Kind, t.Text = Number, number(text[t.Start:i])
		case unicode.IsLetter(r):
			i, t.Kind = scanWord(text, i)
			t.Text = lower(text[t.Start:i])
		default:
			i += size
			t.Text = text[t.Start:i]
			if r == '’' || r == '‘' {
				t.Text = "'"
			}
		}
		t.End, end = i, i
		toks = append(toks, t)
	}
	return toks
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

func digitAt(s string, i int) bool { return i >= 0 && i < len(s) && isDigit(rune(s[i])) }

// decimalPoint reports whether the dot at i begins a number such as .5.
func decimalPoint(s string, i int) bool {
	return digitAt(s, i+1) && (i == 0 || s[i-1] == ' ' || s[i-1] == '(')
}

func scanNumber(s string, i int) int {
	for digitAt(s, i) {
		i++
	}
	for i < len(s) && s[i] == ',' && digitAt(s, i+1) && digitAt(s, i+2) && digitAt(s, i+3) && !digitAt(s, i+4) {
		i += 4
	}
	if i < len(s) && s[i] == '.' && digitAt(s, i+1) {
		i++
		for digitAt(s, i) {
			i++
		}
	}
	return i
}

// number is the canonical writing: no separators, no superfluous zeros.
func number(s string) string {
	s = strings.ReplaceAll(s, ",", "")
	whole, frac, _ := strings.Cut(s, ".")
	whole = strings.TrimLeft(whole, "0")
	if whole == "" {
		whole = "0"
	}
	if frac = strings.TrimRight(frac, "0"); frac == "" {
		return whole
	}
	return whole + "." + frac
}

func scanWord(s string, i int) (int, Kind) {
	kind := Word
	for i < len(s) {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case unicode.IsLetter(r) || unicode.IsMark(r):
		case isDigit(r):
			kind = Ident
		case r == '\'' || r == '’':
			// An apostrophe belongs to a word only between letters.
			n, _ := utf8.DecodeRuneInString(s[i+size:])
			if !unicode.IsLetter(n) {
				return i, kind
			}
		default:
			return i, kind
		}
		i += size
	}
	return i, kind
}

func lower(s string) string {
	s = strings.ToLower(s)
	if strings.Contains(s, "’") {
		s = strings.ReplaceAll(s, "’", "'")
	}
	return s
}
