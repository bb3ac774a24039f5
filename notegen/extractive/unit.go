package extractive

import (
	"strings"

	"countersign/review"
)

// spokenTurn is one utterance, cleaned, with the part its speaker plays.
type spokenTurn struct {
	stream review.StreamID
	utt    review.Utterance
	toks   []token
	words  []string
	role   review.Role
}

// unit is a sentence-like piece of a turn.
type unit struct {
	turn       int
	words      []string
	start, end int     // bytes in the utterance
	pos        float64 // 0 to 1 through the visit
}

// turns cleans the utterances. Words of another patient, and languages the
// rules do not read, are left out here and can reach nothing.
func (d *Drafter) turns(t review.Transcript) []spokenTurn {
	var out []spokenTurn
	for _, u := range t.Ordered() {
		if u.Speaker.Role == review.RoleOtherPatient || foreign(u.Language) {
			continue
		}
		toks := d.clean(string(u.Text))
		out = append(out, spokenTurn{u.StreamID, u.Utterance, toks, texts(toks), u.Speaker.Role})
	}
	return out
}

func foreign(lang string) bool {
	return lang != "" && !strings.EqualFold(lang, "en") && !strings.HasPrefix(strings.ToLower(lang), "en-")
}

// units cuts every turn into sentences; where a recogniser set no
// punctuation, at the words with which sentences begin.
func (d *Drafter) units(turns []spokenTurn) []unit {
	marks, words := 0, 0
	for _, t := range turns {
		for _, w := range t.words {
			if isPunct(w) {
				marks++
			} else {
				words++
			}
		}
	}
	punctuated := marks*50 > words
	var out []unit
	last := max(len(turns)-1, 1)
	for i, t := range turns {
		for _, p := range d.split(t.toks, punctuated) {
			if len(p) == 0 {
				continue
			}
			out = append(out, unit{turn: i, words: texts(p), start: p[0].start, end: p[len(p)-1].end, pos: float64(i) / float64(last)})
		}
	}
	return out
}

func (d *Drafter) split(ts []token, punctuated bool) [][]token {
	var parts [][]token
	begin := 0
	for i, t := range ts {
		switch t.text {
		case ".", "?", "!", ";":
			parts = append(parts, ts[begin:i+1])
			begin = i + 1
		}
	}
	parts = append(parts, ts[begin:])
	var out [][]token
	for _, p := range parts {
		if !punctuated {
			out = append(out, d.splitAtStarters(p)...)
			continue
		}
		out = append(out, cut(p)...)
	}
	return out
}

// splitAtStarters cuts where a new sentence begins without punctuation.
func (d *Drafter) splitAtStarters(ts []token) [][]token {
	ws := texts(ts)
	var out [][]token
	begin := 0
	for i := 5; i+3 <= len(ws); i++ {
		if i-begin < 5 {
			continue
		}
		if _, n := d.starters.at(ws, i); n == 0 {
			continue
		}
		if p := ws[i-1]; d.noBreakAfter[p] {
			continue
		}
		// "and so", "okay now": begin at the first of them.
		out = append(out, cut(ts[begin:i])...)
		begin = i
	}
	return append(out, cut(ts[begin:])...)
}

var conjunctions = wordSet("so and but okay now then because well also")

// cut splits what is still longer than 45 words at a conjunction.
func cut(ts []token) [][]token {
	var out [][]token
	for len(ts) > 45 {
		at := 30
		for i := 18; i < min(44, len(ts)-5); i++ {
			if conjunctions[ts[i].text] {
				at = i
				break
			}
		}
		out = append(out, ts[:at])
		ts = ts[at:]
	}
	if len(ts) > 0 {
		out = append(out, ts)
	}
	return out
}
