package extractive

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"

	"countersign/notegen/templates"
	"countersign/review"
)

// note is one draft in the making.
type note struct {
	d     *Drafter
	conv  review.Conversation
	turns []spokenTurn
	bs    []block
	v     voice

	leave map[string]bool   // concepts that are denied nowhere
	seen  []map[string]bool // content words of sentences already written
	items map[string][]item // by section code
}

// item is a statement before it has an id.
type item struct {
	text    string
	heading string
	units   []unit
	order   int
	weight  float64
}

func newNote(d *Drafter, c review.Conversation, turns []spokenTurn, bs []block) *note {
	return &note{d: d, conv: c, turns: turns, bs: bs, items: map[string][]item{}, v: voice{d, pronounsFor(sexOf(c.Context, turns))}}
}

// Most words of a part of the note; what does not fit is listed as omitted.
var wordLimits = map[label]int{subjective: 320, exam: 160, result: 120, plan: 360}

// compose decides section by section. A block becomes one statement at most.
func (n *note) compose() {
	cand := map[label][]item{}
	told := 0
	n.chief()
	n.leave = n.positives()
	for i := range n.bs {
		b := &n.bs[i]
		if b.label == nowhere {
			continue
		}
		text, lab := n.write(b, &told)
		if text == "" || lab == nowhere || n.double(text) {
			continue
		}
		it := item{text: text, units: b.units, order: i, weight: b.keep}
		if lab == result {
			it = n.nameTest(it)
		}
		cand[lab] = append(cand[lab], it)
	}
	for lab, items := range cand {
		cand[lab] = limit(items, wordLimits[lab])
		for _, it := range cand[lab] {
			n.bs[it.order].used = true
		}
	}
	n.story(cand[subjective])
	n.reviewOfSystems()
	n.examination(cand[exam])
	n.items[templates.Results] = cand[result]
	n.assessment(cand[plan])
	n.gate()
}

// write turns a block into a sentence and says where it goes.
func (n *note) write(b *block, told *int) (string, label) {
	v, lab := n.v, b.label
	size := countWords(b.words)
	switch {
	case b.typ == answered:
		return v.answer(b, n.leave), n.asStory(b)
	case b.typ == asked:
		return v.open(b), n.asStory(b)
	case b.typ == 'P':
		if size < 4 && !b.must || lab != subjective && b.pos > 0.6 {
			return "", nowhere
		}
		if len(b.terms) == 0 && b.cues&cueHistory == 0 && !anyNumber(b.words) && b.keep < 0.5 {
			return "", nowhere
		}
		s := v.told(b, *told)
		if s != "" {
			*told++
		}
		return s, subjective
	case b.role == review.RoleStaff && b.cues&(cueVitals|cueResults) == 0:
		return "", nowhere // staff room in and chat; what they measure counts
	case b.question && !n.d.intro.in(b.words), n.d.talk.in(b.words) && size < 14:
		return "", nowhere
	case lab == exam, lab == subjective && b.cues&cueHistory == 0 && n.d.signs.in(b.words):
		return v.findings(b), exam // a sign the clinician found is no history
	case lab == result:
		return v.results(b), result
	case lab == plan:
		return v.planned(b), plan
	case len(b.terms) == 0 && b.cues&cueHistory == 0:
		return "", nowhere
	case b.pos > 0.5 && b.cues&cuePlanOn != 0:
		return v.planned(b), plan
	}
	return v.history(b), subjective
}

// asStory: an answer is part of the story unless it was asked while
// pressing and moving.
func (n *note) asStory(b *block) label {
	for _, t := range n.d.askedFor(b.q) {
		if t.concept != "pain" && t.concept != "tenderness" {
			return subjective // "any chest pain" is asked of the story
		}
	}
	if b.label == exam && n.d.painWords.in(b.q) {
		return exam
	}
	return subjective
}

// double reports whether a sentence says nothing new, and remembers it.
func (n *note) double(s string) bool {
	words := map[string]bool{}
	for w := range strings.FieldsSeq(strings.ToLower(s)) {
		w = stem(strings.Trim(w, ".,:;?"))
		if w != "" && !stopWords[w] {
			words[w] = true
		}
	}
	if len(words) == 0 {
		return true
	}
	for _, old := range n.seen[max(0, len(n.seen)-40):] {
		same := 0
		for w := range words {
			if old[w] {
				same++
			}
		}
		if float64(same) > 0.85*float64(len(words)) && !strings.ContainsAny(s, "0123456789") {
			return true
		}
	}
	n.seen = append(n.seen, words)
	return false
}

var stopWords = wordSet("a an and are as at be but by do did does for from had has have she he her him his i if in into is it its of on or our so than that the their them then there these they thi this to was we were what when where which who will with patient report say deni no not some any also can could would should been being now more very")

// limit keeps the likeliest sentences within a number of words, in order.
func limit(items []item, words int) []item {
	byWeight := slices.Clone(items)
	slices.SortStableFunc(byWeight, func(a, b item) int {
		switch {
		case a.weight > b.weight:
			return -1
		case a.weight < b.weight:
			return 1
		}
		return a.order - b.order
	})
	n := 0
	var keep []item
	for _, it := range byWeight {
		l := len(strings.Fields(it.text))
		if n+l > words && len(keep) > 0 {
			continue
		}
		keep = append(keep, it)
		n += l
	}
	slices.SortStableFunc(keep, func(a, b item) int { return a.order - b.order })
	return keep
}

// add puts an item into a section.
func (n *note) add(code string, it item) { n.items[code] = append(n.items[code], it) }

// sections writes out everything in the order of a note.
func (n *note) sections() []review.Section {
	var out []review.Section
	ids := map[string]int{}
	for _, s := range templates.Sections() {
		items := n.items[s.Code]
		if len(items) == 0 {
			continue
		}
		sec := review.Section{Code: s.Code, Title: s.Title}
		for _, it := range items {
			st := review.Statement{Text: review.ClinicalText(it.text), Origin: review.OriginAI, Heading: review.ClinicalText(it.heading), Evidence: n.evidence(it.units)}
			if len(st.Evidence) == 0 {
				continue // cannot happen: every item has units
			}
			st.ID = statementID(ids, s.Code, st.Evidence[0])
			sec.Statements = append(sec.Statements, st)
		}
		if len(sec.Statements) > 0 {
			out = append(out, sec)
		}
	}
	return out
}

// evidence points at the sentences the units were cut from, each once.
func (n *note) evidence(us []unit) []review.Evidence {
	var out []review.Evidence
	for _, u := range us {
		t := n.turns[u.turn]
		e := review.Evidence{StreamID: t.stream, Seq: t.utt.Seq, Revision: t.utt.Revision, SpanStart: u.start, SpanEnd: u.end}
		if !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return out
}

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// statementID has the form of a random id and is a function of where the
// statement's first words were said, so that a draft made again of the same
// conversation has the same ids. seen counts statements of one place.
func statementID(seen map[string]int, code string, e review.Evidence) review.StatementID {
	place := fmt.Sprintf("%s\n%s\n%d\n%d", code, e.StreamID, e.Seq, e.SpanStart)
	k := seen[place]
	seen[place]++
	sum := sha256.Sum256(fmt.Appendf(nil, "countersign extractive statement 1\n%s\n%d", place, k))
	return review.StatementID(idEncoding.EncodeToString(sum[:16]))
}

// maxOmissions keeps the list readable; it is in the order of the talk.
const maxOmissions = 40

// omissions lists what was said, looks as if it mattered, and is not used.
func (n *note) omissions() []review.Omission {
	used := map[unitKey]bool{}
	for _, items := range n.items {
		for _, it := range items {
			for _, u := range it.units {
				used[unitKey{u.turn, u.start}] = true
			}
		}
	}
	var out []review.Omission
	for i := range n.bs {
		b := &n.bs[i]
		reason := n.omitted(b)
		if reason == "" || used[unitKey{b.units[len(b.units)-1].turn, b.units[len(b.units)-1].start}] || len(out) == maxOmissions {
			continue
		}
		u := b.units[0]
		text := n.turns[u.turn].utt.Text[u.start:u.end]
		out = append(out, review.Omission{Evidence: n.evidence(b.units[:1])[0], Reason: reason, Text: text})
	}
	return out
}

type unitKey struct{ turn, start int }

// omitted is the reason why a person might miss the block; empty for none.
func (n *note) omitted(b *block) string {
	if countWords(b.words) < 4 || b.typ == said && b.question {
		return ""
	}
	switch {
	case b.typ == said && n.d.orders.in(b.words) && len(ofKind(b.terms, "drug", "test")) > 0:
		return "order"
	case len(ofKind(b.terms, "drug")) > 0:
		return "medication"
	case len(ofKind(b.terms, "sym", "cond")) > 0:
		return "finding"
	case anyNumber(b.words) && len(b.terms) > 0:
		return "number"
	}
	return ""
}
