package fhirr4

import (
	"strconv"
	"strings"
	"unicode/utf16"
)

// rtf reads the text of an RTF 1.9 document: control words that part text
// become a space, \uN and \'hh characters (Windows-1252), and destinations
// that hold no text of the document are left out.
type rtf struct {
	in    string
	out   strings.Builder
	skip  int // depth of the group that is left out; 0 for none
	depth int
	uc    []int // characters to drop after \uN, for each open group
	drop  int
	high  rune // first half of a surrogate pair
}

func rtfText(s string) string {
	r := &rtf{in: s, uc: []int{1}}
	for len(r.in) > 0 {
		c := r.in[0]
		r.in = r.in[1:]
		switch c {
		case '{':
			r.depth++
			r.uc = append(r.uc, r.uc[len(r.uc)-1])
			if strings.HasPrefix(r.in, `\*`) {
				r.leaveOut()
			}
		case '}':
			if r.skip == r.depth {
				r.skip = 0
			}
			r.depth--
			if len(r.uc) > 1 {
				r.uc = r.uc[:len(r.uc)-1]
			}
		case '\\':
			r.control()
		case '\r', '\n':
		default:
			r.literal(rune(c))
		}
	}
	return r.out.String()
}

func (r *rtf) leaveOut() {
	if r.skip == 0 {
		r.skip = r.depth
	}
}

// literal writes one character of the code page, unless it stands in for one
// that \uN gave already.
func (r *rtf) literal(c rune) {
	if r.drop > 0 {
		r.drop--
		return
	}
	r.write(c)
}

func (r *rtf) write(c rune) {
	if r.skip == 0 {
		r.out.WriteRune(c)
	}
}

func (r *rtf) control() {
	if r.in == "" {
		return
	}
	c := r.in[0]
	if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z') {
		r.in = r.in[1:]
		r.symbol(c)
		return
	}
	n := 0
	for n < len(r.in) && (r.in[n]|0x20 >= 'a' && r.in[n]|0x20 <= 'z') {
		n++
	}
	word := r.in[:n]
	m := n
	if m < len(r.in) && r.in[m] == '-' {
		m++
	}
	for m < len(r.in) && '0' <= r.in[m] && r.in[m] <= '9' {
		m++
	}
	num, _ := strconv.Atoi(r.in[n:m])
	r.in = strings.TrimPrefix(r.in[m:], " ")
	r.word(word, num)
}

func (r *rtf) symbol(c byte) {
	switch c {
	case '\'':
		if len(r.in) < 2 {
			return
		}
		v, err := strconv.ParseUint(r.in[:2], 16, 8)
		r.in = r.in[2:]
		if err == nil {
			r.literal(windows1252(byte(v)))
		}
	case '~', '\r', '\n':
		r.literal(' ')
	case '_':
		r.literal('-')
	case '\\', '{', '}':
		r.literal(rune(c))
	}
}

func (r *rtf) word(word string, num int) {
	switch word {
	case "par", "line", "tab", "sect", "page", "cell", "row":
		r.write(' ')
	case "uc":
		r.uc[len(r.uc)-1] = num
	case "u":
		r.unicode(num)
	case "emdash":
		r.write('—')
	case "endash":
		r.write('–')
	case "lquote":
		r.write('‘')
	case "rquote":
		r.write('’')
	case "ldblquote":
		r.write('“')
	case "rdblquote":
		r.write('”')
	case "bullet":
		r.write('•')
	case "fonttbl", "colortbl", "stylesheet", "info", "pict", "object":
		r.leaveOut()
	}
}

func (r *rtf) unicode(num int) {
	c := rune(uint16(num)) //nolint:gosec // \uN is a signed 16-bit number by definition
	r.drop = r.uc[len(r.uc)-1]
	switch {
	case utf16.IsSurrogate(c) && r.high == 0:
		r.high = c
	case r.high != 0:
		r.write(utf16.DecodeRune(r.high, c))
		r.high = 0
	default:
		r.write(c)
	}
}

// windows1252 decodes one byte; 0x80 to 0x9F differ from Latin-1.
func windows1252(b byte) rune {
	if b < 0x80 || b > 0x9f {
		return rune(b)
	}
	return []rune("€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ")[b-0x80]
}
