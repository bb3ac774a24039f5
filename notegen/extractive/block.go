package extractive

import (
	"strings"
	"time"

	"countersign/review"
)

// blockType is the form of a piece of talk.
type blockType byte

const (
	said     blockType = 'D' // the clinician states or asks without an answer
	told     blockType = 'P' // the patient or somebody for the patient states
	answered blockType = 'Q' // a question with yes or no for an answer
	asked    blockType = 'W' // a question with a short open answer
)

// polarity of an answer.
type polarity byte

const (
	unclear polarity = iota
	yes
	no
)

// block is what the drafter decides about: one statement at most comes of it.
type block struct {
	typ      blockType
	words    []string // everything, for classification
	q, a     []string // the question; also of what goes on from its answer
	pol      polarity
	question bool
	role     review.Role // who told or answered
	turn     int
	pos      float64
	units    []unit // where the words come from
	terms    []term
	cues     cue
	label    label
	keep     float64 // probability that it belongs into the note
	used     bool

	whole  []string // the first sentence of the answer, uncut
	follow []string // what the patient went on to say
	must   bool     // goes on with a finding after a no: never left out by weights
	kin    bool     // asks about a relative or somebody else
}

// blocks pairs questions with their answers.
func (d *Drafter) blocks(turns []spokenTurn, us []unit) []block {
	var groups [][]unit
	for i, u := range us {
		if i == 0 || us[i-1].turn != u.turn {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], u)
	}
	var out []block
	answeredUnit := -1 // turn whose first unit an earlier question took
	for g, group := range groups {
		role := turns[group[0].turn].role
		var next []unit
		if g+1 < len(groups) {
			next = groups[g+1]
		}
		for j, u := range group {
			if j == 0 && answeredUnit == u.turn {
				continue
			}
			b := block{typ: told, words: u.words, role: role, turn: u.turn, pos: u.pos, units: []unit{u}}
			if !speaksForPatient(role) {
				b.typ = said
				b.question = d.isQuestion(u.words)
				if j == len(group)-1 && next != nil && b.question && speaksForPatient(turns[next[0].turn].role) {
					var prev *block
					if j > 0 && len(out) > 0 && out[len(out)-1].typ == said && out[len(out)-1].question && len(out[len(out)-1].words) < 25 {
						prev = &out[len(out)-1]
					}
					if overlaps(turns[u.turn].utt, turns[next[0].turn].utt) {
						prev = nil // "yeah" to the sentence before is no answer
					} else if qa, took, ok := d.pair(u, prev, next, turns[next[0].turn].role); ok {
						qa.follow = d.goesOn(groups[g+1:], turns)
						took = d.qualify(&qa, took, len(next))
						if prev != nil {
							out = out[:len(out)-1]
						}
						if took {
							answeredUnit = next[0].turn
						}
						b = qa
					}
				}
			} else {
				ws := d.openers.stripHead(u.words)
				b.question = u.words[len(u.words)-1] == "?" || len(ws) > 1 && auxiliaries[ws[0]] && inverted[ws[1]]
			}
			b.terms = d.lex.find(b.words)
			b.cues = d.cuesOf(b.words)
			b.kin = d.aboutOthers(&b, out)
			if b.typ == told {
				b.q = continued(out, b.turn)
				b.must = b.q != nil
			}
			out = append(out, b)
		}
	}
	return out
}

// continued returns the question whose answer of no was not plain and from
// which the patient's next words go on; nil for none.
func continued(out []block, turn int) []string {
	i := len(out) - 1
	for i > 0 && out[i].typ == told && out[i].turn == turn {
		i--
	}
	if i > 0 && out[i].typ == said && !out[i].question && countWords(out[i].words) <= 4 {
		i--
	}
	if i < 0 || out[i].typ != answered || !out[i].must {
		return nil
	}
	return out[i].q
}

// goesOn returns what the patient says after the first sentence of an answer:
// the rest of the turn, and the next turn where the clinician only hums in
// between.
func (d *Drafter) goesOn(groups [][]unit, turns []spokenTurn) []string {
	var out []string
	for _, u := range groups[0][1:] {
		out = append(out, u.words...)
	}
	if len(groups) > 2 && len(out) == 0 && len(groups[1]) == 1 && speaksForPatient(turns[groups[2][0].turn].role) {
		if hum := groups[1][0].words; countWords(hum) <= 4 && !d.isQuestion(hum) {
			out = append(out, groups[2][0].words...)
		}
	}
	return out[:min(len(out), 40)]
}

// qualify marks an answer of no that goes on with something else, and says
// whether the answer is used up. Such an answer is written whole, with what
// it denies and what it reports.
func (d *Drafter) qualify(b *block, took bool, sentences int) bool {
	if b.typ != answered || b.pol != no {
		return took
	}
	r := d.replyTo(b, b.q)
	b.must = !r.plain
	if r.plain || countWords(b.whole) > 25 {
		return took
	}
	b.a = b.whole
	b.words = append(append([]string{}, b.q...), b.a...)
	return sentences == 1
}

// aboutOthers reports whether a question is about a relative or somebody
// else: by its words, or because it goes on from such a question ("any
// cancers?") without turning to the patient.
func (d *Drafter) aboutOthers(b *block, before []block) bool {
	if b.typ != answered && b.typ != asked {
		return false
	}
	if hasAny(b.q, kin) || hasAny(b.q, someone) {
		return true
	}
	if b.role == review.RolePatient {
		for i := 0; i+1 < len(b.q); i++ {
			if auxiliaries[b.q[i]] && (b.q[i+1] == "he" || b.q[i+1] == "she") {
				return true
			}
		}
	}
	if hasAny(b.q, secondPerson) || hasAny(b.q, presenceWords) {
		return false
	}
	for i := len(before) - 1; i >= max(0, len(before)-3); i-- {
		if p := before[i]; p.typ == answered || p.typ == asked || p.typ == said && p.question {
			return p.kin || p.typ == said && hasAny(p.words, kin)
		}
	}
	return false
}

var (
	someone       = wordSet("anyone anybody someone somebody")
	presenceWords = wordSet("pain here now today")
)

// inverted subjects after an auxiliary make a question.
var inverted = wordSet("you it the that this they there he she i your my we any")

// overlaps reports whether b was spoken well before a ended.
func overlaps(a, b review.Utterance) bool { return b.Start < a.End-overlap && b.Start > a.Start }

const overlap = 1500 * time.Millisecond

func speaksForPatient(r review.Role) bool {
	return r == review.RolePatient || r == review.RoleCaregiver || r == review.RoleInterpreter
}

// pair joins the question u (with the question before it: "any fever?
// chills?") and the answer that begins the next turn. took reports whether
// the answer says nothing more and is used up.
func (d *Drafter) pair(u unit, prev *block, next []unit, role review.Role) (b block, took, ok bool) {
	q := u.words
	units := []unit{u}
	if prev != nil {
		q = append(append([]string{}, prev.words...), q...)
		units = append(append([]unit{}, prev.units...), u)
	}
	a := next[0].words
	b = block{q: q, whole: a, role: role, turn: u.turn, pos: u.pos, units: append(units, next[0]), question: true}
	n := countWords(a)
	b.pol = d.polarity(a)
	switch {
	case b.pol != unclear && (n <= 9 || len(next) > 1):
		b.typ, b.a = answered, a
		b.words = append(append([]string{}, q...), a...)
		took = !d.tellsMore(q, a) && (n <= 5 || len(next) == 1 && n <= 9 && !hasAny(a, moreWords) && !anyNumber(a))
	case b.pol != unclear:
		b.typ, b.a, b.words = answered, a[:min(3, len(a))], q
	case n <= 10 && len(next) == 1:
		b.typ, b.a, took = asked, a, true
		b.words = append(append([]string{}, q...), a...)
	default:
		return block{}, false, false
	}
	return b, took, true
}

// tellsMore reports whether an answer names something clinical that the
// question does not: "any allergies?" "yes, to clindamycin".
func (d *Drafter) tellsMore(q, a []string) bool {
	named := concepts(d.lex.find(q))
	for _, t := range d.lex.find(a) {
		if !named[t.concept] && t.concept != "allergy" {
			return true
		}
	}
	return false
}

var moreWords = wordSet("because but except")

func countWords(ws []string) int {
	n := 0
	for _, w := range ws {
		if !isPunct(w) {
			n++
		}
	}
	return n
}

func anyNumber(ws []string) bool {
	for _, w := range ws {
		if isNumeric(w) {
			return true
		}
	}
	return false
}

// isQuestion reads the mark or, where a recogniser sets none, the opening.
func (d *Drafter) isQuestion(ws []string) bool {
	if len(ws) == 0 {
		return false
	}
	if ws[len(ws)-1] == "?" {
		body := d.okayTails.stripTail(ws)
		if len(body) == 0 || len(body) >= len(ws)-1 {
			return true
		}
		ws = body // "we'll repeat the echocardiogram, okay?" asks nothing
	}
	rest := d.openers.stripHead(ws)
	if len(rest) == 0 {
		return false
	}
	_, n := d.questionStarts.at(rest, 0)
	return n > 0 && !d.announces.in(ws)
}

// polarity reads an answer: yes, no, or unclear when it hedges or
// contradicts itself.
func (d *Drafter) polarity(a []string) polarity {
	a = d.answerPadding.stripHead(a)
	if len(a) == 0 {
		return unclear
	}
	n := countWords(a)
	if _, m := d.noWords.at(a, 0); m > 0 {
		rest := a[m:]
		for len(rest) > 0 && isPunct(rest[0]) {
			rest = rest[1:]
		}
		if len(rest) > 0 {
			if last := a[m-1]; dontKnow[rest[0]] && (last == "not" || strings.HasSuffix(last, "n't")) {
				return unclear // "i don't know"
			}
			if _, k := d.yesAfterNo.at(rest, 0); k > 0 {
				return unclear
			}
			if a[0] == "no" && rest[0] == "not" && len(rest) > 2 && rest[1] == "until" {
				return unclear
			}
		}
		return no
	}
	if _, m := d.yesWords.at(a, 0); m > 0 {
		rest := a[m:]
		rest = trim(rest)
		if len(rest) > 0 && rest[0] == "no" {
			return no // "yeah, no, no vomiting"
		}
		if len(rest) > 0 && rest[0] == "not" {
			return unclear
		}
		if d.shortYes.in(a[:m]) && n > 3 {
			return unclear
		}
		if n < 15 && d.contradicts.in(a) {
			return unclear
		}
		return yes
	}
	return unclear
}

var dontKnow = wordSet("know remember recall understand care mind")

// sentenceText is the words as one string, for tests and features.
func sentenceText(ws []string) string { return strings.Join(ws, " ") }
