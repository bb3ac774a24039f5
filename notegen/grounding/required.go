package grounding

import (
	"strconv"
	"strings"

	"countersign/notegen/spoken"
)

// quantity is a number a reader of the statement sees.
type quantity struct {
	written string // as in the statement
	value   string // canonical digits
}

// frequencies are words that are a count.
var frequencies = map[string]string{"twice": "2", "thrice": "3", "bid": "2", "tid": "3", "qid": "4", "dozen": "12"}

// names carry a digit that is part of a word. A person who says "a one c"
// may be written down as A1c.
var names = map[string]bool{
	"a1c": true, "hba1c": true, "hgba1c": true, "b12": true, "b6": true, "b1": true, "d3": true, "d2": true, "h1": true, "h2": true,
	"o2": true, "co2": true, "spo2": true, "sao2": true, "pao2": true, "sars": true, "covid": true, "her2": true, "brca1": true, "brca2": true,
	"p53": true, "ca125": true, "h1n1": true, "glp1": true, "sglt2": true, "pm2": true, "cd4": true, "cd8": true, "k2": true, "c3a": true,
}

// hyphened are words whose number after a hyphen is part of a name.
var hyphened = map[string]bool{"covid": true, "cov": true, "omega": true, "glp": true, "sglt": true, "vitamin": true, "coenzyme": true, "ca": true, "phq": true, "gad": true, "icd": true}

// required returns the numbers of a statement. Strict: what it returns must
// have been said.
func required(toks []spoken.Token) []quantity {
	var qs []quantity
	for i := 0; i < len(toks); i++ {
		t := toks[i]
		switch t.Kind {
		case spoken.Number:
			if i == 0 && listMarker(toks) || namePart(toks, i) {
				continue
			}
			v, n := scaled(toks[i:])
			qs = append(qs, quantity{v, v})
			i += n - 1
		case spoken.Ident:
			if v := level(t.Text); v != "" {
				qs = append(qs, quantity{strings.ToUpper(t.Text), v})
			}
		case spoken.Word:
			q, n := requiredWords(toks[i:])
			if n > 0 {
				qs = append(qs, q)
				i += n - 1
			}
		}
	}
	return qs
}

// listMarker reports whether the statement begins with "1." or "2)".
func listMarker(toks []spoken.Token) bool {
	return len(toks) > 2 && toks[1].Glued && (toks[1].Text == "." || toks[1].Text == ")") && !toks[2].Glued
}

// namePart reports whether the number at i belongs to a name: COVID-19.
func namePart(toks []spoken.Token, i int) bool {
	return i >= 2 && toks[i-1].Text == "-" && toks[i-1].Glued && toks[i].Glued && hyphened[toks[i-2].Text]
}

// level returns the digits of L4 or T2; empty for names such as A1c.
func level(ident string) string {
	if names[ident] {
		return ""
	}
	digits := strings.TrimLeft(ident, "abcdefghijklmnopqrstuvwxyz")
	if len(ident)-len(digits) != 1 || len(digits) > 2 {
		return ""
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return ""
		}
	}
	return digits
}

// requiredWords reads a number in words. The pronoun "one" and the order
// words "first" and "second" are not counted as numbers.
func requiredWords(toks []spoken.Token) (quantity, int) {
	w := toks[0].Text
	if v, ok := frequencies[w]; ok {
		return quantity{w, v}, 1
	}
	if w == "half" && len(toks) > 1 && (toks[1].Text == "-" || toks[1].Text == "of") {
		return quantity{}, 0 // "half-brother", "half of the time"
	}
	if w == "half" {
		return quantity{w, "0.5"}, 1
	}
	if v, ok := spoken.Ordinal(w); ok {
		if v < 3 {
			return quantity{}, 0
		}
		return quantity{w, strconv.FormatInt(v, 10)}, 1
	}
	if !begins(toks) {
		return quantity{}, 0
	}
	run, ends := words(toks)
	v, n := spoken.Cardinal(run)
	if n == 0 {
		return quantity{}, 0
	}
	if n == 1 && w == "one" && !(len(run) > 1 && spoken.IsUnit(run[1])) {
		return quantity{}, 0
	}
	q := quantity{strings.Join(run[:n], " "), strconv.FormatInt(v, 10)}
	if len(run) >= n+3 && run[n] == "and" && run[n+1] == "a" && run[n+2] == "half" {
		n += 3
		q = quantity{strings.Join(run[:n], " "), q.value + ".5"}
	}
	return q, ends[n-1]
}

// begins reports whether a number in words can begin at toks[0]. It is asked
// for every word, so it looks at two words only.
func begins(toks []spoken.Token) bool {
	switch w := toks[0].Text; w {
	case "a", "an":
		return len(toks) > 1 && (toks[1].Text == "hundred" || toks[1].Text == "thousand" || toks[1].Text == "million")
	default:
		return spoken.IsNumberWord(w)
	}
}

// words returns the words that follow one another from toks[0], hyphens
// between them dropped, and for each how many tokens it takes to reach it.
func words(toks []spoken.Token) (ws []string, ends []int) {
	for i := 0; i < len(toks) && len(ws) < 12; i++ {
		switch {
		case toks[i].Kind == spoken.Word:
			ws, ends = append(ws, toks[i].Text), append(ends, i+1)
		case toks[i].Text == "-" && toks[i].Glued && i+1 < len(toks) && toks[i+1].Glued:
		default:
			return ws, ends
		}
	}
	return ws, ends
}
