package extractive

import (
	"slices"
	"strings"
)

// reply is what an answer that begins with no says.
type reply struct {
	words             []string // the answer, with what followed it in the turn
	denied, reported  []term   // named in words
	plain             bool     // nothing but no: what was asked for is denied
	alone             bool     // plain but for what follows in the turn
	afterNo           []string // words of the answer after the no
	reportsAfterwards bool     // a finding that was asked for comes later in the turn
}

// replyTo reads the answer of b against its question q. An answer that goes
// on with a finding, an exception or a repair is not plain.
func (d *Drafter) replyTo(b *block, q []string) reply {
	r := reply{words: b.whole, plain: true}
	if len(r.words) == 0 {
		r.words = b.a
	}
	for _, t := range d.lex.find(r.words) {
		if t.kind == "anat" || t.kind == "test" {
			continue
		}
		switch stance(r.words, t) {
		case no:
			r.denied = append(r.denied, t)
		case yes:
			r.reported, r.plain = append(r.reported, t), false
		}
	}
	head := d.answerPadding.stripHead(r.words)
	if _, n := d.yesWords.at2(head); n > 0 && len(head) > n {
		head = trim(head[n:]) // "yeah, no"
	}
	if _, n := d.noWords.at2(head); n > 0 {
		r.afterNo = trim(head[n:])
	}
	if hasAny(r.afterNo, qualifying) || d.admits.in(r.afterNo) {
		r.plain = false
	}
	r.alone = r.plain
	follow := d.answerPadding.stripHead(b.follow)
	if len(follow) > 0 && exceptions[follow[0]] || d.exceptHeads.in(follow[:min(3, len(follow))]) {
		r.plain = false
	}
	asked := concepts(d.lex.find(q))
	for _, t := range d.lex.find(b.follow) {
		if (asked[t.concept] || asked["allergy"] && t.kind == "drug") && stance(b.follow, t) == yes {
			r.plain, r.reportsAfterwards = false, true
		}
	}
	return r
}

var (
	qualifying = wordSet("much many too some just only but except apart besides though although however sometimes occasionally maybe perhaps mild mildly slight slightly little bit once used until unless anymore since sorry wait yes yeah still usually mostly apparently")
	exceptions = wordSet("just only but except apart besides though although however sometimes occasionally maybe wait sorry yes yeah")
)

const (
	// takesList names what the patient takes; with a drug it is never left out.
	takesList = "i take|i'm taking|i am taking|i've been taking|i'm on|i am on|i use|i'm using"

	// admitList are words of an answer that take back its "no".
	admitList      = "it did|i do|i did|it does|it has|i get|i had|i've had|i've got|i have some|i have a|i used to|other than|apart from|aside from|a few|not like|not unless|not until|not since"
	exceptHeadList = "other than|apart from|aside from|a little|a bit|i do|i did|i have|i've had|i get|it did|well i"
)

// denial writes an answer of no. It denies what the answer itself names, or
// where it is a plain no what was asked for; leave holds concepts that the
// patient reports elsewhere, which are denied nowhere. Anything less clear is
// quoted.
func (v voice) denial(b *block, q []string, leave map[string]bool) string {
	d := v.d
	who := v.subject(b)
	r := d.replyTo(b, q)
	if s := v.ownWords(b, r); s != "" {
		return s
	}
	named := ofKind(r.denied, "sym", "cond", "drug")
	if len(named) > 0 && (r.plain || len(ofKind(named, "sym", "cond")) == len(named)) {
		items := v.items(r.words, named, leave)
		if len(items) == 0 {
			return "" // reported elsewhere
		}
		s := who + " denies " + listed(items, "or")
		if len(r.reported) > 0 && !r.reportsAfterwards {
			rest := v.remainder(r)
			if rest == "" {
				return v.quote(b, q, r)
			}
			s += ", " + rest
		}
		return sentence(strings.Fields(strings.ReplaceAll(s, ",", " ,")))
	}
	if !r.plain {
		return v.quote(b, q, r)
	}
	if asked := d.askedFor(q); len(asked) > 0 && (asked[0].start == 0 || !secondPerson[q[asked[0].start-1]]) {
		items := v.items(q, asked, leave)
		if len(items) == 0 {
			return ""
		}
		return sentence(strings.Fields(strings.ReplaceAll(who+" denies "+listed(items, "or"), ",", " ,")))
	}
	for _, t := range ofKind(d.lex.find(q), "sym", "cond", "drug") {
		if leave[t.concept] {
			return ""
		}
	}
	return v.auxiliary(b, q, true)
}

// ownWords is the answer's own clause where it has one: "no, i don't drink
// alcohol" says more than the question.
func (v voice) ownWords(b *block, r reply) string {
	ws := r.afterNo
	if len(ws) < 3 || len(ws) > 14 || !newSubject[ws[0]] || len(v.d.lex.find(ws)) == 0 || !r.plain || b.role != "patient" {
		return ""
	}
	if !strings.HasSuffix(ws[1], "n't") && ws[1] != "never" {
		return ""
	}
	ws = v.complete(v.plainWords(ws, true))
	if len(ws) < 3 || !fitEnd(ws) {
		return ""
	}
	return sentence(ws)
}

// remainder is what an answer reports after what it denies: "but she does get
// night sweats".
func (v voice) remainder(r reply) string {
	from := r.denied[len(r.denied)-1].end
	if r.reported[0].start < from {
		return ""
	}
	ws := trim(r.words[from:])
	for len(ws) > 0 && (turning[ws[0]] || ws[0] == "and" || isPunct(ws[0])) {
		ws = ws[1:]
	}
	plain := v.plainWords(slices.Clone(ws), true)
	for len(plain) > 0 && dangles(plain) {
		plain = trim(plain[:len(plain)-1])
	}
	switch {
	case len(plain) == 0 || len(plain) > 20 || !fitEnd(plain):
		return ""
	case plain[0] == v.p.subj || plain[0] == "it" || plain[0] == "there":
		return "but " + strings.Join(plain, " ")
	case hasAny(plain, finite) || subordinate[plain[0]]:
		return ""
	}
	return "but reports " + strings.Join(plain, " ")
}

// items are the words of the terms in ws with the side and place beside them,
// each concept once.
func (v voice) items(ws []string, ts []term, leave map[string]bool) []string {
	all := v.d.lex.find(ws)
	seen := map[string]bool{}
	var out []string
	for _, t := range ts {
		if seen[t.concept] || leave[t.concept] {
			continue
		}
		seen[t.concept] = true
		a, z := t.start, t.end
		noun := nounFor[strings.Join(ws[a:z], " ")]
		for a > 0 && t.start-a < 3 && noun == "" && !beforeItem[ws[a-1]] && !turning[ws[a-1]] && !negatives[ws[a-1]] && !isPunct(ws[a-1]) && !anotherTerm(all, t, a-1) {
			a-- // what limits it is denied with it: "severe headache", "GI cancer"
		}
		if z < len(ws) && bound[ws[z]] {
			continue // "pain here", "pain when you walk": not pain at large
		}
		z += v.placed(ws[z:])
		if t.concept == "pain" && a == t.start && z == t.end {
			continue // which pain, is not said
		}
		words := v.p.shift(slices.Clone(ws[a:z]), false)
		if noun != "" {
			words = append([]string{noun}, words[t.end-t.start:]...)
			if a > 0 && anatAt(all, a-1) {
				words = append(words, "of", "the", ws[a-1]) // "joints swollen"
			}
		}
		out = append(out, strings.Join(v.d.wordings.replace(v.p.shift(words, true)), " "))
	}
	return out
}

// placed counts the words after a thing that say where or to what: "in your
// legs", "over your eyes", "to any medications". Without them the denial would
// be wider than the question.
func (v voice) placed(ws []string) int {
	if len(ws) < 2 || !prepositions[ws[0]] || pointing[ws[1]] {
		return 0
	}
	n := 1
	for n < min(len(ws), 6) && !isPunct(ws[n]) && ws[n] != "or" && ws[n] != "and" && !bound[ws[n]] && !auxiliaries[ws[n]] && !turning[ws[n]] && !newSubject[ws[n]] {
		n++
	}
	for n > 0 && (danglers[ws[n-1]] || tailWords[ws[n-1]]) {
		n--
	}
	return n
}

var (
	bound        = wordSet("here there when while if during before after because where")
	prepositions = wordSet("in on over around behind under with of to from")
	pointing     = wordSet("this that it you them these those general no")
	tailWords    = wordSet("life right all recently lately today now like that this")
)

// beforeItem are words before a thing that is asked for or denied and no part
// of its name.
var beforeItem = wordSet("no any or and nor not of for in on with to the a an your my this that have had has having get getting got notice noticed noticing experience experienced experiencing feel feeling felt been you you've you're i i've i'm like such as symptoms suffer from really ever been is are was were do does did don't haven't didn't never without denies some all at so yes yeah kind sort be also even as recent recently take taken taking use used ? . ,")

func anotherTerm(all []term, t term, j int) bool {
	for _, o := range all {
		if o != t && o.kind != "anat" && o.start <= j && j < o.end {
			return true
		}
	}
	return false
}

// nounFor are the things for the words people ask with.
var nounFor = map[string]string{"short of breath": "shortness of breath", "painful": "pain", "smoke": "smoking", "smoker": "smoking", "smokes": "smoking", "drink": "alcohol", "drinking": "alcohol", "nauseous": "nausea", "nauseated": "nausea", "dizzy": "dizziness",
	"lightheaded": "lightheadedness", "tired": "fatigue", "swollen": "swelling", "tender": "tenderness", "sore": "soreness", "itchy": "itching", "numb": "numbness", "weak": "weakness", "depressed": "depression", "anxious": "anxiety", "allergic": "allergies", "constipated": "constipation", "stressed": "stress", "confused": "confusion", "wheezy": "wheezing"}

// quote reports an answer in its own words where it is no plain yes or no.
// Without a clinical word in it there is nothing to report.
func (v voice) quote(b *block, q []string, r reply) string {
	d := v.d
	words := trim(r.words)
	if len(words) == 0 || len(words) > 30 || countWords(words) < 3 || r.alone || !fitEnd(words) || words[len(words)-1] == "got" || len(d.lex.find(words)) == 0 && !b.must || words[len(words)-1] == "?" {
		return ""
	}
	var about []string
	for _, t := range ofKind(d.lex.find(q), "sym", "cond", "drug", "other", "test") {
		name := strings.Join(q[t.start:t.end], " ")
		if noun := nounFor[name]; noun != "" {
			name = noun
		}
		if !slices.Contains(about, name) {
			about = append(about, name)
		}
	}
	subject := "about " + listed(about, "and")
	if len(about) == 0 {
		if len(q) > 14 || len(q) < 3 || len(ofKind(r.reported, "sym", "cond", "drug")) == 0 {
			return ""
		}
		subject = "\"" + line(tidyWords(q)) + "?\""
	}
	head := sentence([]string{"asked", subject, ",", v.subject(b), "answered"})
	return strings.TrimSuffix(head, ".") + ": \"" + line(tidyWords(words)) + ".\""
}

// positives are the concepts that somebody reports for the patient, or that
// the clinician names as the patient's problem. No denial of them is written.
func (n *note) positives() map[string]bool {
	m := map[string]bool{}
	put := func(ws []string, ts []term) {
		for _, t := range ts {
			if t.kind == "anat" || t.kind == "test" || hypothetical(ws, t.start) || stance(ws, t) != yes {
				continue
			}
			m[t.concept] = true
		}
	}
	for i := range n.bs {
		b := &n.bs[i]
		if b.kin {
			continue
		}
		switch b.typ {
		case told:
			if !b.question && !hasAny(b.words, kin) {
				put(b.words, b.terms)
				if len(ofKind(b.terms, "drug")) > 0 && n.d.allergic.in(b.words) {
					m["allergy"] = m["allergy"] || stance(b.words, b.terms[0]) == yes
				}
			}
		case asked:
			put(b.a, n.d.lex.find(b.a))
		case answered:
			n.positiveAnswer(b, m)
		case said:
			if p := n.problem(b.words); p != "" && b.label == plan {
				ws := strings.Fields(strings.ToLower(p))
				put(ws, n.d.lex.find(ws))
			}
			if !b.question && b.label == subjective && b.cues&cueHistory != 0 {
				put(b.words, ofKind(b.terms, "cond"))
			}
		}
	}
	for _, it := range n.items[chiefCode] {
		ws := strings.Fields(strings.ToLower(strings.TrimSuffix(it.text, ".")))
		put(ws, n.d.lex.find(ws))
	}
	for c := range m {
		if w := implied[c]; w != "" {
			m[w] = true
		} else if strings.HasSuffix(c, " pain") && c != "chest pain" && c != "abdominal pain" {
			m["joint pain"] = true
		}
	}
	return m
}

// implied: who reports the first does not deny the second.
var implied = map[string]string{"migraine": "headache", "leg swelling": "swelling", "edema": "swelling", "seasonal allergies": "allergy", "anaphylaxis": "allergy", "vertigo": "dizziness", "exertional dyspnea": "shortness of breath"}

func (n *note) positiveAnswer(b *block, m map[string]bool) {
	q := n.v.question(b)
	if b.pol == no {
		r := n.d.replyTo(b, q)
		for _, t := range r.reported {
			m[t.concept] = true
			if t.kind == "drug" && (n.d.allergic.in(q) || len(ofKind(n.d.lex.find(q), "cond")) > 0 && concepts(n.d.lex.find(q))["allergy"]) {
				m["allergy"] = true
			}
		}
		return
	}
	for _, t := range n.d.lex.find(b.a) {
		if t.kind != "anat" && t.kind != "test" && stance(b.a, t) == yes {
			m[t.concept] = true
		}
	}
	if ts := n.d.askedFor(q); b.pol == yes && len(ts) == 1 && !n.negativeQuestion(q) {
		m[ts[0].concept] = true
	}
}

func (n *note) negativeQuestion(q []string) bool {
	i, k := n.d.negQuestions.find(q)
	return k > 0 && i <= 4
}
