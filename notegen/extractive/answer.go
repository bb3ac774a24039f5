package extractive

import (
	"slices"
	"strings"

	"countersign/notegen/spoken"
)

var auxiliaries = wordSet("do does did are is was were have has had can could will would")

// question returns the words of the last question: several short ones ("any
// fever? chills?") as one list.
func (v voice) question(b *block) []string {
	var parts [][]string
	var cur []string
	for _, w := range b.q {
		if w == "?" || w == "." {
			if len(trim(cur)) > 0 {
				parts = append(parts, trim(cur))
			}
			cur = nil
			continue
		}
		cur = append(cur, w)
	}
	if len(trim(cur)) > 0 {
		parts = append(parts, trim(cur))
	}
	if len(parts) == 0 {
		return nil
	}
	last := parts[max(0, len(parts)-3):]
	var q []string
	for i, p := range last {
		if len(p) > 6 {
			q = nil
		} else if i > 0 && q != nil {
			q = append(q, ",")
		}
		q = append(q, p...)
	}
	d := v.d
	q = d.tail(d.lead(q))
	return expand(spoken.Digits(trim(q)))
}

// answer writes a question and its yes or no as a statement: "The patient
// denies chest pain."
//
// leave holds concepts that are denied nowhere, because they are reported.
func (v voice) answer(b *block, leave map[string]bool) string {
	d := v.d
	q := v.question(b)
	if len(q) == 0 || d.answerSkips.in(q) {
		return ""
	}
	if b.kin && (len(ofKind(d.lex.find(q), "sym", "cond")) > 0 || !hasAny(q, secondPerson)) {
		return v.ofFamily(b, q)
	}
	if q = simpleClause(q); len(q) == 0 {
		return ""
	}
	neg := b.pol == no
	if neg {
		return v.denial(b, q, leave)
	}
	// "so no chest pain?" "correct"
	if i, n := d.negQuestions.find(q); n > 0 && i <= 3 {
		neg = true
		q = append([]string{"any"}, q[i+n:]...)
		for _, t := range ofKind(d.lex.find(q), "sym", "cond") {
			if leave[t.concept] || !asksFor(q, d.lex.find(q), t) {
				return ""
			}
		}
	}
	who := v.subject(b)
	fs := ofKind(d.lex.find(q), "sym", "cond")
	if !neg && len(fs) > 1 {
		// "fever or chills?" "yes": which one is not known.
		named := map[string]bool{}
		for _, t := range d.lex.find(b.a) {
			if stance(b.a, t) == yes {
				named[t.concept] = true
			}
		}
		var items []string
		for _, f := range fs {
			if named[f.concept] && !slices.Contains(items, f.concept) {
				items = append(items, f.concept)
			}
		}
		if len(items) == 0 {
			return ""
		}
		return sentence(append([]string{who, "reports"}, strings.Fields(listed(items, "and"))...))
	}
	if len(d.askedFor(q)) == 0 {
		// "have you taken any medications": what she did, not what she has.
		if s := v.auxiliary(b, q, neg); s != "" {
			return s
		}
	}
	if i, n := d.anyQuestions.find(q); n > 0 && i+n < len(q) && len(d.lex.find(q[i+n:])) > 0 {
		return v.reports(who, neg, q[i+n:])
	}
	if s := v.auxiliary(b, q, neg); s != "" {
		return s
	}
	if len(fs) > 0 && len(q) <= 12 {
		x := d.questionHeads.stripHead(q)
		if !hasAny(x, auxiliaries) && !hasAny(x, secondPerson) {
			return v.reports(who, neg, x)
		}
	}
	return ""
}

// simpleClause returns the one clause of a question that yes or no answers;
// nil where there is none. "was it throbbing or was it more of a sharp pain"
// has two; "have you, are you working" is the second, begun twice.
func simpleClause(q []string) []string {
	last, clauses := 0, 0
	for i := 0; i+1 < len(q); i++ {
		if !auxiliaries[q[i]] || !subjectWords[q[i+1]] || i > 0 && subjectWords[q[i-1]] {
			continue
		}
		clauses++
		if clauses > 1 && (i-last > 3 || hasAny(q[last:i], wordSetOr)) {
			return nil
		}
		last = i
	}
	if clauses > 1 {
		return q[last:]
	}
	return q
}

var wordSetOr = wordSet("or and")

var familyAsks = wordSet("any of have had has with from suffer suffers diagnosed")

// ofFamily writes what was answered about the family as a whole. What was
// asked about one relative is left to the answer's own words.
func (v voice) ofFamily(b *block, q []string) string {
	// What stands before "any" or "history of" was mentioned, not asked for.
	from := slices.IndexFunc(q, func(w string) bool { return familyAsks[w] })
	ts := slices.DeleteFunc(ofKind(v.d.lex.find(q), "sym", "cond"), func(t term) bool { return t.start < from })
	if from < 0 || len(ts) == 0 || !has(q, "family") || hasAny(b.a, secondPerson) {
		return ""
	}
	words := v.items(q, ts, nil)
	switch {
	case b.pol == no && v.d.replyTo(b, q).plain:
		return sentence(strings.Fields(strings.ReplaceAll(v.subject(b)+" reports no family history of "+listed(words, "or"), ",", " ,")))
	case b.pol == yes && len(words) == 1:
		return sentence(strings.Fields(v.subject(b) + " reports a family history of " + words[0]))
	}
	return ""
}

// reports writes "The patient denies any fever or chills."
func (v voice) reports(who string, neg bool, x []string) string {
	x = v.nouns(v.d.anyWords.replace(x))
	x = v.p.shift(trim(v.d.hedges.replace(x)), false)
	x = trim(v.d.tail(x))
	for len(x) > 0 && dangles(x) {
		x = trim(x[:len(x)-1])
	}
	if len(x) == 0 || len(x) > 22 || x[0] == "to" || len(ofKind(v.d.lex.find(x), "sym", "cond", "drug", "test", "other")) == 0 {
		return ""
	}
	if !neg && hasAny(x, unnamed) {
		return "" // "is there anything …" "yeah": what, is not said
	}
	if !neg && has(x, "or") {
		// Two words for one thing, else the answer would have named which.
		items := v.items(x, ofKind(v.d.lex.find(x), "sym", "cond"), nil)
		if len(items) == 0 {
			return ""
		}
		x = strings.Fields(items[0])
	}
	if !neg {
		x = drop(x, "any")
	}
	if neg {
		for i, w := range x {
			if w == "and" {
				x[i] = "or"
			}
		}
		return sentence(append([]string{who, "denies"}, x...))
	}
	return sentence(append([]string{who, "reports"}, x...))
}

// nouns keeps of a list what is named, and drops the talk around it: "type
// of injury to that knee did you fall" is "type of injury to that knee".
func (v voice) nouns(x []string) []string {
	var out []string
	for len(x) > 0 {
		n := 0
		for n < len(x) && x[n] != "," {
			n++
		}
		part := x[:n]
		x = x[min(n+1, len(x)):]
		for i, w := range part {
			if clauseWords[w] {
				part = part[:i]
				break
			}
		}
		part = trim(v.d.tail(part))
		if len(part) == 0 || len(v.d.lex.find(part)) == 0 {
			continue
		}
		if len(out) > 0 {
			out = append(out, ",")
		}
		out = append(out, part...)
	}
	return out
}

// clauseWords begin a clause after the things asked for.
var clauseWords = wordSet("i you she he they we it did do does is are was were have has been can could would will if which that's who how what when where your said because so")

// auxiliary turns "do you take your medications" with yes or no into "She
// takes her medications" or "She does not take …".
func (v voice) auxiliary(b *block, q []string, neg bool) string {
	at := -1
	for i := 0; i+2 < len(q); i++ {
		if auxiliaries[q[i]] && (q[i+1] == "you" || q[i+1] == "it" || q[i+1] == "that" || q[i+1] == "this" || q[i+1] == "they" || q[i+1] == "there" || q[i+1] == "he" || q[i+1] == "she" || q[i+1] == "your" || q[i+1] == "the") {
			at = i
			break
		}
	}
	if at < 0 {
		return ""
	}
	if at > 0 && whWords[q[at-1]] {
		return "" // "how are you doing": yes is no answer
	}
	aux, rest := q[at], q[at+1:]
	n := 1
	if rest[0] == "your" || rest[0] == "the" {
		n = min(2, len(rest)-1)
	}
	subj, x := rest[:n], rest[n:]
	if len(x) == 0 || len(x) > 18 || hasAny(x, auxStops) || (n == 2 && aux != "is" && aux != "are" && aux != "does" && aux != "has" && aux != "was" && aux != "did") {
		return ""
	}
	x = v.d.hedges.replace(v.d.tail(x))
	if neg {
		x = drop(x, "ever")
	} else {
		x = drop(drop(drop(x, "ever"), "any"), "at all")
	}
	if len(x) == 0 {
		return ""
	}
	s := strings.Join(v.p.shift(subj, false), " ")
	if subj[0] == "you" {
		s = v.p.subj
		if b.role != "" && v.subject(b) != "the patient" {
			s = v.p.subj
		}
		aux = map[string]string{"do": "does", "are": "is", "were": "was", "have": "has"}[aux]
		if aux == "" {
			aux = q[at]
		}
	}
	x = v.p.shift(x, false)
	words := []string{s}
	switch {
	case neg:
		words = append(words, aux, "not")
	case aux == "does" || aux == "do":
		if baseVerbs[x[0]] && aux == "does" {
			x[0] = thirdPerson(x[0])
		}
	default:
		words = append(words, aux)
	}
	words = append(words, x...)
	if v.subject(b) != "the patient" {
		words = append([]string{v.subject(b), "reports", "that"}, words...)
	}
	if !neg && (hasAny(x, unnamed) || has(x, "or")) || hasAny(subj, unnamed) {
		return "" // which of two, is not said
	}
	if !fitEnd(words) {
		return ""
	}
	if len(x) < 2 && len(v.d.lex.find(x)) == 0 || dangles(words) {
		return "" // "She is sure."
	}
	return sentence(words)
}

var whWords = wordSet("how what where when which who why much many long often")

var unnamed = wordSet("anything anyone anybody something someone anywhere")

var auxStops = wordSet("questions know okay remember nurse think mind hear see me understand mean")

func drop(ws []string, phrase string) []string {
	p := strings.Fields(phrase)
	out := ws[:0:0]
	for i := 0; i < len(ws); {
		if matches(p, ws[i:]) {
			i += len(p)
			continue
		}
		out = append(out, ws[i])
		i++
	}
	return out
}

// open writes the short answer to an open question.
func (v voice) open(b *block) string {
	d := v.d
	if hasAny(b.a, secondPerson) {
		return ""
	}
	a := v.plainWords(b.a, true)
	a = trim(a)
	if len(a) == 0 || subordinate[a[0]] {
		return ""
	}
	who := v.subject(b)
	q := b.q
	if (a[0] == v.p.subj || a[0] == "it" || a[0] == "there" || a[0] == "they") && len(a) > 2 {
		return sentence(v.attributed(b, a))
	}
	fs := d.lex.find(b.a)
	switch {
	case d.whenQuestions.in(q) && (d.timeWords.in(a) || anyNumber(a)):
		return sentence(append([]string{"onset", ":"}, a...))
	case d.howLongQuestions.in(q) && (d.timeWords.in(a) || anyNumber(a)):
		if a[0] == "for" {
			a = a[1:]
		}
		return sentence(append([]string{"duration", ":"}, a...))
	case d.scaleQuestions.in(q) && anyNumber(a):
		for _, w := range a {
			if w[0] >= '0' && w[0] <= '9' {
				w, _, _ = strings.Cut(w, "/")
				if has(q, "ten") || has(q, "10") || has(b.a, "ten") || has(b.a, "10") {
					w += "/10"
				}
				return sentence([]string{who, "rates", "the", "severity", "as", w})
			}
		}
	case d.whereQuestions.in(q) && len(ofKind(fs, "anat")) > 0:
		return sentence(append([]string{"location", ":"}, a...))
	case d.howOftenQuestions.in(q) && (anyNumber(a) || d.timeWords.in(a)):
		return sentence(append([]string{"frequency", "or", "amount", ":"}, a...))
	}
	if len(ofKind(fs, "sym", "drug")) > 0 && !hasAny(a, finite) && v.d.whatQuestions.in(q) && !v.d.worry.in(q) {
		return sentence(append([]string{who, "reports"}, a...))
	}
	return ""
}

func (v voice) attributed(b *block, ws []string) []string {
	if who := v.subject(b); who != "the patient" {
		return append([]string{who, "reports", "that"}, ws...)
	}
	return ws
}
