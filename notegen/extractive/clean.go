package extractive

import (
	"strings"

	"countersign/notegen/spoken"
)

// token is a word or punctuation mark with its place in the utterance.
type token struct {
	text       string
	start, end int
}

func texts(ts []token) []string {
	ws := make([]string, len(ts))
	for i, t := range ts {
		ws[i] = t.text
	}
	return ws
}

var fillers = wordSet("um umm uh uhh uhm hmm hmmm mm mmm mhm er erm ah ahh oh gosh wow haha ha mm-hmm uh-huh mm-mm huh")

// spokenForms are words that recognisers and corpora cut in two.
var spokenForms = map[string][2]string{
	"gon": {"na", "going to"}, "wan": {"na", "want to"}, "got": {"ta", "have to"}, "ca": {"n't", "can't"}, "wo": {"n't", "won't"}, "lem": {"me", "let me"}, "gim": {"me", "give me"},
}

var oneWord = map[string]string{"gonna": "going to", "wanna": "want to", "gotta": "have to", "kinda": "kind of", "sorta": "sort of", "'cause": "because", "cuz": "because", "dunno": "do not know", "yep": "yes", "yup": "yes", "nope": "no", "nah": "no", "alright": "all right", "mr": "mr.", "ms": "ms.", "mrs": "mrs.", "dr": "dr.", "ok": "okay", "mommy": "mom"}

// clean turns the tokens of an utterance into words that can be written
// down: cut words are joined, fillers, stutters and broken-off words go.
// Words that carry polarity, side or certainty are never dropped.
func (d *Drafter) clean(text string) []token {
	ts := join(dropMarkup(spoken.Scan(text)))
	ts = intervals(ts)
	decimals(ts)
	ts = dropFillers(ts)
	ts = d.dropPhrases(ts)
	for n := 1; n <= 3; n++ {
		ts = dropStutter(ts, n)
	}
	return tidyPunct(ts)
}

// dropMarkup drops what a recogniser puts into angle brackets.
func dropMarkup(in []spoken.Token) []spoken.Token {
	out := in[:0]
	for i := 0; i < len(in); i++ {
		if in[i].Text == "<" {
			for j := i + 1; j < len(in) && j < i+8; j++ {
				if in[j].Text == ">" {
					i = j
					break
				}
			}
			if in[i].Text == ">" {
				continue
			}
		}
		out = append(out, in[i])
	}
	return out
}

// intervals joins "q . six h", which is every six hours and no end of a
// sentence.
func intervals(ts []token) []token {
	out := ts[:0]
	for i, t := range ts {
		if t.text == "." && i > 0 && ts[i-1].text == "q" && i+1 < len(ts) && isNumeric(ts[i+1].text) {
			continue
		}
		out = append(out, t)
	}
	return out
}

// decimals reads a lone full stop before a number as a decimal point where
// the recogniser sets no other punctuation: "98 . two", "a . five centimeter
// stone".
func decimals(ts []token) {
	marks := 0
	for _, t := range ts {
		if isPunct(t.text) {
			marks++
		}
	}
	if marks*25 > len(ts) && marks > 1 || len(ts) < 6 {
		return
	}
	for i := 0; i+1 < len(ts); i++ {
		if ts[i].text == "." && isNumeric(ts[i+1].text) && i > 0 && (isNumeric(ts[i-1].text) || beforeDecimal[ts[i-1].text]) {
			ts[i].text = "point"
		}
	}
}

// beforeDecimal are words after which a decimal can begin; "q . six h" is no
// 0.6.
var beforeDecimal = wordSet("a an the of at is was about by to around approximately measuring")

// join puts cut words together and splits words that are two.
func join(in []spoken.Token) []token {
	out := make([]token, 0, len(in))
	put := func(text string, start, end int) {
		for w := range strings.FieldsSeq(text) {
			out = append(out, token{w, start, end})
		}
	}
	for i := 0; i < len(in); i++ {
		t := in[i]
		next := func(k int) spoken.Token {
			if i+k < len(in) {
				return in[i+k]
			}
			return spoken.Token{}
		}
		if f, ok := spokenForms[t.Text]; ok && next(1).Text == f[0] {
			put(f[1], t.Start, next(1).End)
			i++
			continue
		}
		switch {
		case next(1).Text == "n't" && t.Kind == spoken.Word:
			put(t.Text+"n't", t.Start, next(1).End)
			i++
		case t.Text == "'" && t.Glued && next(1).Glued && next(1).Kind == spoken.Word && len(out) > 0 && len(next(1).Text) <= 2:
			out[len(out)-1].text += "'" + next(1).Text
			out[len(out)-1].end = next(1).End
			i++
		case t.Text == "'":
			if next(1).Text == "cause" && next(1).Glued {
				put("because", t.Start, next(1).End)
				i++
			}
		case t.Text == "-":
			i += hyphen(&out, in, i)
		case t.Kind == spoken.Word && oneWord[t.Text] != "":
			end := t.End
			if strings.HasSuffix(oneWord[t.Text], ".") && next(1).Text == "." && next(1).Glued {
				end = next(1).End
				i++
			}
			put(oneWord[t.Text], t.Start, end)
		case t.Text == "&":
			put("and", t.Start, t.End)
		default:
			out = append(out, token{t.Text, t.Start, t.End})
		}
	}
	return out
}

// hyphen decides what the hyphen in[i] is and returns how many tokens after
// it were taken: a join ("x-ray"), a stutter ("i-i"), a broken-off word
// ("sh- shows"), a minus or range (kept), or a dash.
func hyphen(out *[]token, in []spoken.Token, i int) int {
	o := *out
	if len(o) == 0 || i+1 >= len(in) {
		return 0
	}
	prev, next := &o[len(o)-1], in[i+1]
	glued := in[i].Glued
	switch {
	case glued && next.Glued && isNumeric(prev.text) && next.Kind == spoken.Number:
		o = append(o, token{"-", in[i].Start, in[i].End}) // 2-3
	case next.Text == "year" && isNumeric(prev.text), glued && next.Glued && (isNumeric(prev.text) || prev.text == "year" || prev.text == "years"):
		// "50-year-old", "twenty-five": separate words
	case glued && next.Glued && (next.Text == prev.text || strings.HasPrefix(next.Text, prev.text) && len(prev.text) <= 3 && prev.text != "x" && prev.text != "re"):
		o = o[:len(o)-1] // i-i
	case glued && next.Glued && next.Kind == spoken.Word:
		prev.text += "-" + next.Text
		prev.end = next.End
		*out = o
		return 1
	case glued && next.Glued && next.Kind == spoken.Number: // covid-19
		prev.text += "-" + next.Text
		prev.end = next.End
		*out = o
		return 1
	case glued && next.Kind == spoken.Word && next.Text != "up" && next.Text != "and" && next.Text != "or" && next.Text != "to" && prevIsWord(prev.text):
		o = o[:len(o)-1] // sh- shows
	default:
		o = append(o, token{",", in[i].Start, in[i].End})
	}
	*out = o
	return 0
}

func prevIsWord(w string) bool { return len(w) > 0 && 'a' <= w[0] && w[0] <= 'z' }

func isNumeric(w string) bool {
	return w != "" && '0' <= w[0] && w[0] <= '9' || spoken.IsNumberWord(w)
}

func dropFillers(ts []token) []token {
	if len(ts) <= 2 && len(ts) > 0 {
		switch ts[0].text {
		case "mm-hmm", "uh-huh", "mhm":
			ts[0].text = "yes"
			return ts
		case "mm-mm":
			ts[0].text = "no"
			return ts
		}
	}
	out := ts[:0]
	for i := 0; i < len(ts); i++ {
		w := ts[i].text
		prev := ""
		if len(out) > 0 {
			prev = out[len(out)-1].text
		}
		keep := !fillers[w] || w == "oh" && isNumeric(prev) || w == "er" && prev == "the"
		if keep {
			out = append(out, ts[i])
			continue
		}
		if i+1 < len(ts) && ts[i+1].text == "," && (prev == "" || isPunct(prev)) {
			i++
			if prev == "," {
				out = out[:len(out)-1] // "in, um, a" is "in a"
			}
		}
	}
	return out
}

// dropPhrases drops spoken padding that cannot change the meaning.
func (d *Drafter) dropPhrases(ts []token) []token {
	ws := texts(ts)
	out := ts[:0]
	for i := 0; i < len(ts); {
		_, n := d.padding.at(ws, i)
		if n > 0 && i > 0 && d.beforeKnow[ws[i-1]] && ws[i] == "you" {
			n = 0 // "do you know"
		}
		if n == 0 {
			out = append(out, ts[i])
			i++
			continue
		}
		i += n
	}
	return out
}

// dropStutter drops the first of two equal runs of n words, with or without
// a comma between them. Numbers are never stutter: "twenty twenty" is a year.
func dropStutter(ts []token, n int) []token {
	out := ts[:0]
	for i := 0; i < len(ts); i++ {
		skip := 0
		for gap := 0; gap <= 1; gap++ {
			j := i + n + gap
			if j+n > len(ts) || gap == 1 && ts[i+n].text != "," {
				continue
			}
			same := true
			for k := range n {
				w := ts[i+k].text
				if w != ts[j+k].text || isNumeric(w) || isPunct(w) {
					same = false
					break
				}
			}
			if same {
				skip = n + gap
				break
			}
		}
		if skip > 0 {
			i += skip - 1
			continue
		}
		out = append(out, ts[i])
	}
	return out
}

// tidyPunct drops doubled and leading punctuation.
func tidyPunct(ts []token) []token {
	out := ts[:0]
	for _, t := range ts {
		if isPunct(t.text) {
			if len(out) == 0 {
				continue
			}
			last := &out[len(out)-1]
			if isPunct(last.text) {
				if last.text == "," || t.text == "?" {
					last.text = t.text
				}
				continue
			}
		}
		out = append(out, t)
	}
	return out
}
