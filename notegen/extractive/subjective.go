package extractive

import (
	"slices"
	"strings"

	"countersign/notegen/spoken"
	"countersign/notegen/templates"
	"countersign/review"
)

// chief writes why the patient came: what somebody says they came for, else
// the first complaint the patient names, with its side and place.
func (n *note) chief() {
	d := n.d
	us := d.firstUnits(n.bs, 14)
	for _, b := range us {
		ws := spoken.Digits(b.words)
		for i := range ws {
			_, k := d.chiefCues.at(ws, i)
			if k == 0 {
				continue
			}
			x := complaint(ws[i+k:])
			if len(x) == 0 {
				continue
			}
			if len(d.lex.find(x)) > 0 || hasAny(x, visitWords) {
				x, units := n.corrected(n.v.the(n.v.p.shift(x, b.typ != said)), b.units, us)
				n.add(templates.ChiefComplaint, item{text: sentence(x), units: units})
				return
			}
		}
	}
	for _, b := range us {
		if b.typ == said && b.question {
			continue
		}
		if text := n.complaintOf(b); text != "" {
			n.add(templates.ChiefComplaint, item{text: text, units: b.units})
			return
		}
	}
}

// corrected puts the right side into a complaint where it is put right in
// the first turns: "it's not the right knee, it's the left knee".
func (n *note) corrected(x []string, units []unit, first []*block) ([]string, []unit) {
	for _, b := range first {
		for i, w := range b.words {
			other := map[string]string{"left": "right", "right": "left"}[w]
			if other == "" || !has(x, w) || !has(b.words[max(0, i-2):i], "not") || !has(b.words[i:], other) {
				continue
			}
			x = slices.Clone(x)
			x[slices.Index(x, w)] = other
			return x, append(slices.Clone(units), b.units...)
		}
	}
	return x, units
}

// firstUnits are the blocks of the first n turns.
func (d *Drafter) firstUnits(bs []block, n int) []*block {
	var out []*block
	for i := range bs {
		if bs[i].turn >= n {
			break
		}
		out = append(out, &bs[i])
	}
	return out
}

var (
	visitWords     = wordSet("annual exam physical follow-up checkup check-up check")
	complaintStops = wordSet("that so today what how when because since which tell can you who i after and then but , . ? ; is it what's for could")
	complaintHeads = wordSet("your her his the a an some complaints complaint of about my this that new")
)

// complaint cuts a phrase such as "some right knee pain and you …".
func complaint(ws []string) []string {
	for len(ws) > 0 && complaintHeads[ws[0]] {
		ws = ws[1:]
	}
	for i, w := range ws {
		if complaintStops[w] || w == "your" && i > 0 || i > 0 && (femNames[w] || malNames[w]) || i == 8 {
			ws = ws[:i]
			break
		}
	}
	for len(ws) > 0 && (danglers[ws[len(ws)-1]] || ws[len(ws)-1] == "really") {
		ws = ws[:len(ws)-1]
	}
	return ws
}

// complaintOf names the first symptom of a statement.
func (n *note) complaintOf(b *block) string {
	ws := b.words
	for _, t := range b.terms {
		if t.kind != "sym" && t.kind != "cond" || has(ws[max(0, t.start-3):t.start], "no") || has(ws[max(0, t.start-3):t.start], "any") {
			continue
		}
		near := ws[max(0, t.start-5):min(len(ws), t.end+6)]
		side := ""
		for _, w := range near {
			if w == "left" || w == "right" {
				side = w + " "
				break
			}
		}
		if t.concept == "pain" {
			if site := ofKind(n.d.lex.find(near), "anat"); len(site) > 0 {
				return sentence(strings.Fields(side + site[0].concept + " pain"))
			}
			side = ""
		} else if !has(ws[max(0, t.start-2):t.start], strings.TrimSpace(side)) {
			side = ""
		}
		return sentence(strings.Fields(side + t.concept))
	}
	return ""
}

// story spreads the subjective part over the history sections; what belongs
// to none of them is the history of the present illness.
func (n *note) story(items []item) {
	opening := n.opening(items)
	for i, it := range items {
		b := &n.bs[it.order]
		code := templates.HPI
		if i != opening {
			code = n.topic(b)
		}
		if code == templates.Medications && len(ofKind(n.d.lex.find(strings.Fields(strings.NewReplacer(".", "", ",", "").Replace(strings.ToLower(it.text)))), "drug")) == 0 {
			code = templates.HPI // the question named the drug, the statement does not
		}
		n.add(code, it)
	}
	n.pastHistory(items)
}

// opening finds the sentence that introduces the patient, -1 for none.
func (n *note) opening(items []item) int {
	for i, it := range items[:min(len(items), 6)] {
		if strings.Contains(it.text, "-year-old") {
			return i
		}
	}
	return -1
}

func (n *note) topic(b *block) string {
	if b.typ != said && n.familial(b) {
		return templates.FamilyHistory
	}
	if b.typ == answered && concepts(n.d.lex.find(b.q))["allergy"] && !b.kin {
		return templates.Allergies
	}
	if b.typ == told && (n.d.allergic.in(b.q) || concepts(n.d.lex.find(b.q))["allergy"]) && len(ofKind(b.terms, "drug", "cond")) > 0 {
		return templates.Allergies // "any allergies?" "no." "just penicillin."
	}
	for _, t := range n.d.topics {
		if t.needs != "" && len(ofKind(b.terms, t.needs)) == 0 || !t.words.in(b.words) {
			continue
		}
		if t.code == templates.Medications && (hasAny(b.words, formerly) || b.pol == no) {
			return templates.HPI
		}
		return t.code
	}
	return templates.HPI
}

// familial reports whether the block tells a relative's disease.
func (n *note) familial(b *block) bool {
	for i, w := range b.words {
		if !kin[w] {
			continue
		}
		rest := b.words[i+1:]
		return hasAny(rest[:min(2, len(rest))], hasHad) && len(ofKind(n.d.lex.find(rest), "cond")) > 0 && !has(rest, "i") && !has(rest, "my")
	}
	return false
}

var hasHad = wordSet("has had have having died is was got")

var formerly = wordSet("tried stopped stop quit not don't didn't never if hasn't haven't")

// pastHistory lists the diagnoses of "a history of …" as statements of their
// own, so that they reach the coded section as well as the story.
func (n *note) pastHistory(items []item) {
	seen := map[string]bool{}
	for _, it := range items {
		b := &n.bs[it.order]
		if b.typ != said || hasAny(b.words, kin) {
			continue
		}
		from := -1
		for i := range b.words {
			if matches([]string{"history", "of"}, b.words[i:]) || matches([]string{"significant", "for"}, b.words[i:]) {
				from = i + 2
				break
			}
		}
		if from < 0 || has(b.words[max(0, from-6):from], "no") || has(b.words[max(0, from-6):from], "family") {
			continue
		}
		to := len(b.words)
		for i := from; i < len(b.words); i++ {
			switch b.words[i] {
			case "who", "presents", "presenting", "here", "comes", "coming", "today", "complaining", "with":
				to = i
			}
			if to < len(b.words) {
				break
			}
		}
		for _, t := range ofKind(n.d.lex.find(b.words[from:to]), "cond", "sym") {
			if seen[t.concept] || t.concept == "allergy" {
				continue
			}
			seen[t.concept] = true
			// The patient's own words for it, with "type 2" or "chronic".
			a, z := from+t.start, from+t.end
			for a > from && qualifiers[b.words[a-1]] {
				a--
			}
			if z+1 < to && b.words[z] == "type" && isNumeric(b.words[z+1]) {
				z += 2 // "diabetes mellitus type 2"
			}
			words := spoken.Digits(slices.Clone(b.words[a:z]))
			n.add(templates.MedicalHistory, item{text: sentence(words), units: b.units})
		}
	}
}

var (
	kin        = wordSet("mother father mom dad brother sister grandmother grandfather aunt uncle cousin son daughter wife husband parents family mother's father's mum mum's mom's dad's relatives")
	qualifiers = wordSet("type two one 1 2 chronic acute left right bilateral severe mild recurrent seasonal stage essential upper lower")
)

// symptom is what was said of one symptom.
type symptom struct {
	concept string
	present bool
	label   string // with what limits a denial: "swelling in your legs"
	units   []unit
}

// reviewOfSystems collects symptoms reported and denied. A denial counts only
// as an answer of "no" or the patient's own negation; a relative's symptom
// never counts.
func (n *note) reviewOfSystems() {
	found := map[string]*symptom{}
	var order []string
	put := func(c string, present bool, us []unit, label string) {
		s, ok := found[c]
		if !ok {
			found[c] = &symptom{c, present, label, us}
			order = append(order, c)
		} else if present && !s.present {
			found[c] = &symptom{c, present, label, us}
		}
	}
	for i := range n.bs {
		b := &n.bs[i]
		if b.pos > 0.75 || hasAny(b.words, kin) || b.role == review.RoleStaff {
			continue
		}
		switch b.typ {
		case answered:
			n.rosAnswer(b, put)
		case told:
			if b.question {
				continue
			}
			for _, t := range b.terms {
				if _, ok := n.d.ros[t.concept]; ok && !hypothetical(b.words, t.start) {
					if p := stance(b.words, t); p != unclear {
						put(t.concept, p == yes, b.units, n.limited(b.words, t, p))
					}
				}
			}
		}
	}
	for i, sys := range rosSystems {
		var yes, no []string
		var yesUnits, noUnits []unit
		for _, c := range order {
			s := found[c]
			if n.d.ros[c] != i {
				continue
			}
			name := c
			if x := rosNames[c]; x != "" {
				name = x
			}
			if s.label != "" {
				name = s.label
			}
			if !s.present && n.leave[c] {
				continue // reported somewhere, so not denied
			}
			if s.present {
				yes, yesUnits = append(yes, name), append(yesUnits, s.units...)
			} else {
				no, noUnits = append(no, name), append(noUnits, s.units...)
			}
		}
		if len(yes) > 0 {
			n.add(templates.ROS, item{text: "Reports " + listed(yes, "and") + ".", heading: sys[0], units: yesUnits})
		}
		if len(no) > 0 {
			n.add(templates.ROS, item{text: "Denies " + listed(no, "or") + ".", heading: sys[0], units: noUnits})
		}
	}
}

// limited is how a denial is written where its words deny less than the
// whole: "swelling in her legs". Empty for the plain name.
func (n *note) limited(ws []string, t term, p polarity) string {
	if p != no {
		return ""
	}
	// "weakness or numbness in your legs": the place is of both.
	all := n.d.lex.find(ws)
	for z := t.end; z < len(ws) && (ws[z] == "or" || ws[z] == "and" || ws[z] == "," || insideTerm(all, z)); z++ {
		if k := z + 1; z > t.end && k < len(ws) && prepositions[ws[k]] && !insideTerm(all, k) {
			if m := n.v.placed(ws[k:]); m > 0 {
				place := n.v.p.shift(slices.Clone(ws[k:k+m]), false)
				return t.concept + " " + strings.Join(n.v.p.shift(place, true), " ")
			}
		}
	}
	items := n.v.items(ws, []term{t}, nil)
	if len(items) == 0 || len(strings.Fields(items[0])) <= t.end-t.start || items[0] == nounFor[strings.Join(ws[t.start:t.end], " ")] {
		return ""
	}
	return items[0]
}

// rosAnswer takes over what an answer reports and denies; what it denies is
// read as in [voice.denial].
func (n *note) rosAnswer(b *block, put func(string, bool, []unit, string)) {
	if b.pol == unclear || b.kin || n.d.painWords.in(b.q) && n.d.answerSkips.in(b.q) {
		return
	}
	q := n.v.question(b)
	add := func(ws []string, ts []term, p polarity) {
		for _, t := range ts {
			if _, ok := n.d.ros[t.concept]; ok {
				put(t.concept, p == yes, b.units, n.limited(ws, t, p))
			}
		}
	}
	if b.pol == no {
		r := n.d.replyTo(b, q)
		add(r.words, r.reported, yes)
		add(r.words, r.denied, no)
		if r.plain && len(r.denied) == 0 {
			add(q, n.d.askedFor(q), no)
		}
		return
	}
	for _, t := range n.d.lex.find(b.a) {
		if p := stance(b.a, t); p != unclear {
			add(b.a, []term{t}, p)
		}
	}
	if ts := n.d.askedFor(q); n.negativeQuestion(q) {
		add(q, ts, no)
	} else if len(ts) == 1 && len(ofKind(n.d.lex.find(q), "sym", "cond")) == 1 {
		add(q, ts, yes)
	}
}

var maybe = wordSet("wish hope if worried worry concerned could would might risk prevent avoid read googled heard used think thought")

// hypothetical reports whether what stands at i is wished, feared or past,
// and not said to be so.
func hypothetical(ws []string, i int) bool {
	return hasAny(ws[max(0, i-8):i], maybe)
}
