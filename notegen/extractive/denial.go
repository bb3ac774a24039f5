package extractive

import (
	"slices"
	"strings"
)

// stance is what words say of a term in them: that it is there, that it is
// not, or, after "any" without a negation, neither.
//
// A "no" reaches the things listed after it and no further than a verb: in
// "no, i had diarrhea" the diarrhea is there. "not" reaches a few words, and
// not past "but", "just" or a new subject.
func stance(ws []string, t term) polarity {
	if after := ws[t.end:]; len(after) > 0 {
		if after[0] == "," {
			after = after[1:]
		}
		if len(after) > 0 && (after[0] == "no" || after[0] == "none") && (len(after) == 1 || isPunct(after[1])) {
			return no // "chest pain, no."
		}
	}
	asked, clause := false, false
	for j := t.start - 1; j >= 0; j-- {
		w := ws[j]
		switch {
		case w == "denies" || w == "denied":
			return no // heads a list of any length
		case turning[w] || w == "." || w == ";" || w == "?":
			return asAsked(asked)
		case w == "other" && j > 0 && (ws[j-1] == "no" || ws[j-1] == "any"):
			return unclear // "no other pain" leaves the pain
		case w == "no":
			if !clause {
				return no
			}
			return asAsked(asked)
		case t.start-j <= 7 && (negatives[w] || strings.HasSuffix(w, "n't")):
			return no
		case w == "any":
			asked = true
		case newSubject[w]:
			if j == 0 || !opinion[ws[j-1]] {
				return asAsked(asked)
			}
			clause = true
		case verbal[w]:
			clause = true
		}
	}
	return asAsked(asked)
}

func asAsked(any bool) polarity {
	if any {
		return unclear
	}
	return yes
}

var (
	turning    = wordSet("but just only except apart besides though although however because still yes yeah reports")
	negatives  = wordSet("not without never neither nor cannot none nothing")
	newSubject = wordSet("i i've i'm i'd it it's he she they we there there's he's she's they're")
	opinion    = wordSet("think believe feel say know remember recall sure notice noticed that if thought aware")
	verbal     = wordSet("had have has was were is are am been did do does get got gets felt feel feels feeling took take takes having went started came noticed")
)

// askedFor returns the symptoms and conditions whose presence a question asks
// for. What only stands in the question is left out: "have you taken anything
// for the wheeze" does not ask whether there is a wheeze, "any other pain"
// and "any problems with your migraine" do not ask for pain or migraine.
func (d *Drafter) askedFor(q []string) []term {
	all := d.lex.find(q)
	var out []term
	for _, t := range ofKind(all, "sym", "cond") {
		if asksFor(q, all, t) {
			out = append(out, t)
		}
	}
	return out
}

func asksFor(q []string, all []term, t term) bool {
	first := true
	for j := t.start - 1; j >= 0; j-- {
		w := q[j]
		switch {
		case first && definite[w] || w == "other" || w == "more" || w == "else":
			return false
		case introducers[w]:
			return !(w == "of" && j > 0 && q[j-1] != "history") && !hasAny(q[max(0, j-6):j], conditional)
		case w == "?" || w == ".":
			return true
		case w == "," || w == "or" || w == "and":
		case insideTerm(all, j) || adjectives[w] || qualifiers[w] || placing[w] && !first:
		default:
			return false
		}
		first = first && (adjectives[w] || qualifiers[w] || anatAt(all, j))
	}
	return true
}

func insideTerm(all []term, j int) bool {
	for _, t := range all {
		if t.start <= j && j < t.end {
			return true
		}
	}
	return false
}

var (
	definite    = wordSet("the your my this that these those his her their its with for from about after before during of to")
	introducers = wordSet("any no have had having get getting got noticed notice noticing experienced experience experiencing feel feeling felt been you you've you're like suffer of symptoms")
	conditional = wordSet("when if while before after because for take taken taking")
	adjectives  = wordSet("recent severe significant new unusual actual bad really sort kind at all ever recently also a an some unintentional associated real further bit of particular")
	placing     = wordSet("in on around at your the to both")
)

// reply is what an answer that begins with no says.
type reply struct {
	words             []string // the answer, with what followed it in the turn
	denied, reported  []term   // named in words
	plain             bool     // nothing but no: what was asked for is denied
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
	qualifying = wordSet("just only but except apart besides though although however sometimes occasionally maybe perhaps mild mildly slight slightly little bit once used until unless anymore since sorry wait yes yeah still usually mostly apparently")
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
			return v.quote(b, q, r)
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
	if len(ws) < 4 || len(ws) > 14 || !newSubject[ws[0]] || len(v.d.lex.find(ws)) == 0 || !r.plain || b.role != "patient" {
		return ""
	}
	if !strings.HasSuffix(ws[1], "n't") && ws[1] != "never" {
		return ""
	}
	ws = v.complete(v.plainWords(ws, true))
	if len(ws) < 4 || !fitEnd(ws) {
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
		for a > 0 && (qualifiers[ws[a-1]] || ws[a-1] == "unintentional" || ws[a-1] == "severe" || anatAt(all, a-1)) {
			a--
		}
		for k := z; k < min(len(ws), z+4); k++ {
			if anatAt(all, k) && (ws[z] == "in" || ws[z] == "of" || ws[z] == "on" || ws[z] == "around") {
				z = k + 1
				break
			}
			if !placing[ws[k]] && !qualifiers[ws[k]] && ws[k] != "of" && ws[k] != "around" {
				break
			}
		}
		words := v.p.shift(slices.Clone(ws[a:z]), false)
		out = append(out, strings.Join(v.d.wordings.replace(v.p.shift(words, true)), " "))
	}
	return out
}

// quote reports an answer in its own words where it is no plain yes or no.
// Without a clinical word in it there is nothing to report.
func (v voice) quote(b *block, q []string, r reply) string {
	d := v.d
	words := trim(r.words)
	if len(words) == 0 || len(words) > 40 || len(words) < 2 || len(d.lex.find(words)) == 0 && !b.must || words[len(words)-1] == "?" {
		return ""
	}
	var about []string
	for _, t := range ofKind(d.lex.find(q), "sym", "cond", "drug", "other", "test") {
		name := strings.Join(q[t.start:t.end], " ")
		if t.concept == "allergy" {
			name = "allergies"
		}
		if !slices.Contains(about, name) {
			about = append(about, name)
		}
	}
	subject := "about " + listed(about, "and")
	if len(about) == 0 {
		if len(q) > 14 || len(q) < 3 {
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
