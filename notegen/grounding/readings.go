package grounding

import (
	"strconv"
	"strings"

	"countersign/notegen/spoken"
)

// readings is the set of numbers that may have been said.
type readings map[string]bool

func newReadings() readings { return readings{} }

// without returns the quantities that were not said.
func (r readings) without(wanted []quantity) []quantity {
	var out []quantity
	for _, q := range wanted {
		if !r[q.value] {
			out = append(out, q)
		}
	}
	return out
}

// counts are words and the number they stand for. A month is a number
// because a note writes dates in digits.
var counts = map[string]string{
	"once": "1", "single": "1", "twice": "2", "both": "2", "couple": "2", "pair": "2", "double": "2", "bilateral": "2", "thrice": "3", "triple": "3",
	"dozen": "12", "half": "0.5", "quarter": "0.25", "bid": "2", "tid": "3", "qid": "4", "none": "0", "no": "0", "nothing": "0", "oh": "0",
	"january": "1", "february": "2", "march": "3", "april": "4", "may": "5", "june": "6", "july": "7", "august": "8",
	"september": "9", "october": "10", "november": "11", "december": "12",
	"fifties": "50", "sixties": "60", "seventies": "70", "eighties": "80", "nineties": "90", "twenties": "20", "thirties": "30", "forties": "40",
	"noon": "12", "midnight": "12", "fortnight": "2",
}

// add takes every reading of one utterance. Generous: a number belongs to
// the set if a listener could have understood it.
func (r readings) add(toks []spoken.Token) {
	// What a reader of the same words would see was said, whatever the
	// readings below make of it.
	for _, q := range required(toks) {
		r[q.value] = true
	}
	var run []string // numbers said one after another
	for i := 0; i < len(toks); {
		v, n := atom(toks[i:])
		if n > 0 {
			r.shared(toks, i+n, v)
		}
		if n == 0 {
			if joins(toks, i, run) {
				i++
				continue
			}
			r.take(run)
			run = run[:0]
			if i+1 < len(toks) && pointAt(toks, i) {
				if v, n := atom(toks[i+1:]); n > 0 && len(v) <= 3 {
					r[canonical("0."+v)] = true // "a point five centimeter stone"
				}
			}
			r.word(toks, i)
			i++
			continue
		}
		if len(run) == 6 {
			r.take(run)
			run = run[:0]
		}
		run = append(run, v)
		i += n
	}
	r.take(run)
}

// shared reads "five or six hundred" as 500 too: the scale belongs to both.
func (r readings) shared(toks []spoken.Token, next int, v string) {
	if len(v) > 2 || next+1 >= len(toks) || toks[next].Text != "or" && toks[next].Text != "to" {
		return
	}
	w, n := atom(toks[next+1:])
	if n == 0 {
		return
	}
	zeros := strings.TrimLeft(w, "123456789")
	if (len(zeros) == 2 || len(zeros) == 3) && strings.Trim(zeros, "0") == "" {
		r[v+zeros] = true
	}
}

// pointAt reports whether token i is the point of a decimal without a whole
// part: "a point five", "measuring . 5". "q . six h" is none.
func pointAt(toks []spoken.Token, i int) bool {
	switch toks[i].Text {
	case "point":
		return true
	case ".":
		return i > 0 && toks[i-1].Kind == spoken.Word && beforeDecimal[toks[i-1].Text]
	}
	return false
}

var beforeDecimal = map[string]bool{"a": true, "an": true, "the": true, "of": true, "at": true, "is": true, "was": true, "about": true, "by": true, "to": true, "around": true, "approximately": true, "measuring": true}

// joins reports whether token i stands between the parts of one number:
// "ninety eight point six", "98 . 6", "twenty-twenty".
func joins(toks []spoken.Token, i int, run []string) bool {
	if len(run) == 0 || i+1 >= len(toks) {
		return false
	}
	switch toks[i].Text {
	case "point", ".", "-", ",":
		_, n := atom(toks[i+1:])
		return n > 0
	}
	return false
}

// atom reads one number of speech or writing.
func atom(toks []spoken.Token) (string, int) {
	t := toks[0]
	switch t.Kind {
	case spoken.Number:
		return scaled(toks)
	case spoken.Word:
		if begins(toks) {
			ws, ends := words(toks)
			if v, n := spoken.Cardinal(ws); n > 0 {
				return strconv.FormatInt(v, 10), ends[n-1]
			}
		}
		if t.Text == "oh" || t.Text == "o" {
			return "0", 1
		}
	}
	return "", 0
}

// scaled reads digits with a scale after them: "5 hundred" is 500.
func scaled(toks []spoken.Token) (string, int) {
	v := toks[0].Text
	if len(toks) < 2 || len(v) > 3 || strings.Contains(v, ".") || v == "0" {
		return v, 1
	}
	switch toks[1].Text {
	case "hundred":
		return v + "00", 2
	case "thousand":
		return v + "000", 2
	case "million":
		return v + "000000", 2
	}
	return v, 1
}

// take adds the numbers of a run alone, joined (one twenty: 120) and as
// decimals (six two: 6.2). "Twenty five" is one part and never 20 and 5.
func (r readings) take(run []string) {
	for i := range run {
		r[run[i]] = true
		joined := run[i]
		for j := i + 1; j < len(run) && len(joined) < 6; j++ {
			if len(joined) <= 3 && len(run[j]) <= 2 {
				r[canonical(joined+"."+run[j])] = true
			}
			joined += run[j]
			r[joined] = true
		}
	}
}

// canonical drops zeros at the end of decimals: 5.0 is 5.
func canonical(s string) string {
	if t := spoken.Scan(s); len(t) == 1 {
		return t[0].Text
	}
	return s
}

// word adds what a word that is no plain number may stand for.
func (r readings) word(toks []spoken.Token, i int) {
	t := toks[i]
	switch t.Kind {
	case spoken.Ident:
		for j := range t.Text {
			if c := t.Text[j]; c >= '0' && c <= '9' {
				for _, n := range spoken.Scan(t.Text[j:]) {
					r[n.Text] = true
				}
				break
			}
		}
	case spoken.Word:
		if v, ok := counts[t.Text]; ok {
			r[v] = true
		}
		if v, ok := spoken.Ordinal(t.Text); ok {
			r[strconv.FormatInt(v, 10)] = true
			r.tensBefore(toks, i, v)
		}
		switch t.Text {
		case "a", "an", "per", "every", "each", "last", "next", "this", "another":
			if unitNear(toks, i) {
				r["1"] = true
			}
		case "half":
			r.half(toks, i)
		case "thirds":
			r["0.67"], r["0.66"] = true, true
		case "yesterday", "tomorrow", "annual", "yearly", "daily", "weekly", "monthly":
			r["1"] = true
		}
	}
}

// unitNear reports whether a unit follows within two words: "a few days" is
// no 1, "every single day" is.
func unitNear(toks []spoken.Token, i int) bool {
	for j := i + 1; j < len(toks) && j <= i+2; j++ {
		if toks[j].Text == "few" || toks[j].Text == "couple" {
			return false
		}
		if spoken.IsUnit(toks[j].Text) {
			return true
		}
	}
	return false
}

// tensBefore reads "twenty first" as 21 too.
func (r readings) tensBefore(toks []spoken.Token, i int, v int64) {
	j := i - 1
	if j > 0 && toks[j].Text == "-" {
		j--
	}
	if j < 0 || toks[j].Kind != spoken.Word || v > 9 {
		return
	}
	if tens, n := spoken.Cardinal([]string{toks[j].Text}); n == 1 && tens >= 20 && tens < 100 {
		r[strconv.FormatInt(tens+v, 10)] = true
	}
}

// half reads "two and a half" as 2.5 and "a year and a half" as 1.5.
func (r readings) half(toks []spoken.Token, i int) {
	r["50"], r["30"] = true, true // half the time, half an hour
	for j := i - 1; j >= 0 && j >= i-5; j-- {
		switch t := toks[j]; {
		case t.Kind == spoken.Number:
			r[t.Text+".5"] = true
			return
		case t.Text == "a" || t.Text == "an" || t.Text == "one":
			r["1.5"] = true
		case t.Kind == spoken.Word:
			ws := []string{t.Text}
			from := j
			if j > 0 && toks[j-1].Kind == spoken.Word {
				ws = []string{toks[j-1].Text, t.Text}
				from = j - 1
			}
			for ; len(ws) > 0; ws, from = ws[1:], from+1 {
				if v, n := spoken.Cardinal(ws); n == len(ws) {
					r[strconv.FormatInt(v, 10)+".5"] = true
					return
				}
			}
		}
	}
}
