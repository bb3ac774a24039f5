package extractive

import (
	"slices"
	"strings"

	"countersign/notegen/spoken"
	"countersign/review"
)

// voice writes the words of one visit as a clinician would.
type voice struct {
	d *Drafter
	p pronouns
}

// plainWords prepares words: digits, no padding at either end, no hedges
// that say nothing, contractions written out, third person.
func (v voice) plainWords(ws []string, patient bool) []string {
	d := v.d
	ws = spoken.Digits(ws)
	ws = d.lead(ws)
	ws = v.dropNames(v.dropGreeting(ws), patient)
	ws = d.hedges.replace(ws)
	ws = d.tail(ws)
	ws = expand(trim(ws))
	ws = v.p.shift(ws, patient)
	return punctuate(once(d.wordings.replace(ws)))
}

// lead strips openings that carry no meaning. "no" goes only where a clause
// follows that repeats the denial: "no, it doesn't hurt".
func (d *Drafter) lead(ws []string) []string {
	for {
		n := len(ws)
		ws = d.leads.stripHead(ws)
		if len(ws) > 1 && ws[0] == "no" && (ws[1] == "," || d.clauseStarts[ws[1]]) {
			ws = trim(ws[1:])
		}
		if len(ws) > 1 && ws[0] == "right" && (ws[1] == "," || ws[1] == "so" || ws[1] == "and" || ws[1] == "i") {
			ws = trim(ws[1:])
		}
		if len(ws) == n {
			return ws
		}
	}
}

// tail strips endings that carry no meaning. The side in "crackles on the
// right" is none of them.
func (d *Drafter) tail(ws []string) []string {
	x := trim(ws)
	if n := len(x); n > 1 && x[n-1] == "right" && (sided[x[n-2]] || len(ofKind(d.lex.find(x[n-2:n-1]), "anat")) > 0) {
		return x
	}
	return d.tails.stripTail(ws)
}

var sided = wordSet("the on my your her his their left upper lower or and than to")

// dropGreeting drops a first name at the beginning: "martha, how …".
func (v voice) dropGreeting(ws []string) []string {
	if len(ws) > 2 && (femNames[ws[0]] || malNames[ws[0]]) && !has([]string{"is", "has", "was", "presents", "comes"}, ws[1]) {
		return v.d.lead(trim(ws[1:]))
	}
	return ws
}

// dropNames drops a first name by which the clinician addresses the patient
// in the middle of a sentence.
func (v voice) dropNames(ws []string, patient bool) []string {
	if patient {
		return ws
	}
	out := ws[:0:0]
	for i, w := range ws {
		if (femNames[w] || malNames[w]) && i > 0 && (ws[i-1] == "," || i+1 == len(ws) || ws[i+1] == ",") && !titles[ws[i-1]] {
			continue
		}
		out = append(out, w)
	}
	return out
}

var titles = wordSet("dr. doctor mr. mrs. ms. miss nurse named by with and")

func trim(ws []string) []string {
	for len(ws) > 0 && isPunct(ws[0]) {
		ws = ws[1:]
	}
	for len(ws) > 0 && isPunct(ws[len(ws)-1]) {
		ws = ws[:len(ws)-1]
	}
	return ws
}

// told writes what the patient, or somebody for the patient, stated.
// n counts such statements, to vary how they begin.
func (v voice) told(b *block, n int) string {
	if hasAny(b.words, secondPerson) || b.question {
		return ""
	}
	if b.role == review.RoleCaregiver {
		return v.caregiver(b)
	}
	ws := v.complete(v.plainWords(b.words, true))
	if len(ws) < 3 {
		return v.fragment(b)
	}
	// Words of the patient addressed to nobody: "she guesses", "she knows".
	if ws[0] == v.p.subj && n%3 == 0 && reportable[ws[1]] {
		ws = append([]string{"the patient", "reports", "that"}, ws...)
		if v.p.subj == "the patient" {
			ws = append([]string{"the patient", "reports", "that", "they"}, plural(ws[4:])...)
		}
	}
	s := sentence(ws)
	if b.role == review.RoleInterpreter && s != "" {
		s = "Through the interpreter: " + s
	}
	return s
}

// fragment quotes a finding that goes on from an answer and is no sentence:
// "a little short of breath on stairs".
func (v voice) fragment(b *block) string {
	ws := trim(b.words)
	found := slices.ContainsFunc(ofKind(b.terms, "sym", "cond", "drug"), func(t term) bool { return stance(b.words, t) == yes })
	if !b.must || len(ws) < 2 || len(ws) > 14 || !found || !fitEnd(ws) {
		return ""
	}
	return strings.TrimSuffix(sentence([]string{v.subject(b), "reports"}), ".") + ": \"" + line(tidyWords(ws)) + ".\""
}

// plural puts the verb after "they" back: "they have".
func plural(ws []string) []string {
	if len(ws) == 0 {
		return ws
	}
	m := map[string]string{"has": "have", "is": "are", "was": "were", "does": "do", "feels": "feel", "takes": "take"}
	if x, ok := m[ws[0]]; ok {
		ws[0] = x
	}
	return ws
}

var (
	secondPerson = wordSet("you your yours you're you've you'll yourself")
	reportable   = wordSet("has is was had feels takes took noticed did does went started tried got")
	pastVerbs    = wordSet("went got had took tried started noticed felt was did came saw used fell woke stopped drank ate slept hurt twisted slipped tripped")
	ingVerbs     = wordSet("having taking going feeling doing using trying getting eating drinking working")
	subordinate  = wordSet("when if because since while until unless although whether which that who how what where why")
	danglers     = wordSet("the a an of to for with your her his my is and or this if some any in on at was are their that but so because like as about from by it's i've no am i we him be being been going taking having called get")
	subjects     = wordSet("she he it there that this they the her his their the patient pain some my everything nothing all both one these those another no a an")
	finite       = wordSet("is was are were has have had does did do will would can could feels felt takes took hurts started came went got gets goes comes seems says said tried noticed happened works worked helps helped denies reports")
)

// complete drops or completes fragments; nil when nothing can stand alone.
func (v voice) complete(ws []string) []string {
	ws = trim(ws)
	if len(ws) == 0 {
		return nil
	}
	if subordinate[ws[0]] && !has(ws, ",") && len(ws) < 14 && ws[0] != "that" {
		return nil
	}
	if pastVerbs[ws[0]] {
		ws = append([]string{v.p.subj}, ws...)
	} else if ingVerbs[ws[0]] {
		ws = append([]string{v.p.subj, "is"}, ws...)
	}
	for len(ws) > 0 && dangles(ws) {
		if ws = trim(ws[:len(ws)-1]); len(ws) < 4 {
			return nil
		}
	}
	if !hasAny(ws, finite) && !v.subjectVerb(ws) {
		return nil
	}
	return ws
}

// dangles reports whether the last word begins something that was cut off:
// "… and it", "… the".
func dangles(ws []string) bool {
	last, prev := ws[len(ws)-1], ""
	if len(ws) > 1 {
		prev = ws[len(ws)-2]
	}
	return danglers[last] || subjects[last] && (prev == "and" || prev == "but" || prev == "so" || prev == "," || prev == "because") && last != "all" && last != "nothing"
}

// subjectVerb reports whether the patient does something in ws.
func (v voice) subjectVerb(ws []string) bool {
	for i, w := range ws {
		if i+1 < len(ws) && (w == v.p.subj || w == "it" || w == "they" || w == "that") {
			return true
		}
	}
	return false
}

// caregiver attributes what somebody with the patient said. Their "I" is
// not the patient; "he" and "she" may be.
func (v voice) caregiver(b *block) string {
	d := v.d
	ws := d.tail(d.lead(spoken.Digits(b.words)))
	ws = expand(trim(d.hedges.replace(ws)))
	p := pronouns{"the caregiver", "the caregiver", "the caregiver's", "the caregiver's", "themselves"}
	ws = v.complete(p.shift(ws, true))
	if len(ws) < 3 {
		return ""
	}
	return sentence(append([]string{"the", "patient's", "caregiver", "reports", "that"}, ws...))
}

// subject names who answered.
func (v voice) subject(b *block) string {
	switch b.role {
	case review.RoleCaregiver:
		return "the patient's caregiver"
	case review.RoleInterpreter:
		return "through the interpreter, the patient"
	}
	return "the patient"
}

// findings writes what an examination found.
func (v voice) findings(b *block) string {
	words := v.d.beforeQuestion(b.words)
	if len(words) == 0 || v.d.examSkips.in(words) {
		return ""
	}
	ws := v.plainWords(words, false)
	ws = v.d.examHeads.stripHead(ws)
	ws = v.d.examRepairs.replace(v.d.examWordings.replace(ws))
	ws = v.the(ws)
	return v.clinicianSentence(ws)
}

// beforeQuestion cuts a sentence where it turns into a question; nothing is
// left of one that begins as a question.
func (d *Drafter) beforeQuestion(ws []string) []string {
	i, n := d.inversions.find(ws)
	switch {
	case n == 0:
		return ws
	case i < 4:
		return nil
	}
	return ws[:i]
}

// results writes what a test showed.
func (v voice) results(b *block) string {
	if v.d.resultSkips.in(b.words) && !v.d.findingWords.in(b.words) {
		return ""
	}
	ws := v.plainWords(b.words, false)
	ws = v.d.resultHeads.stripHead(ws)
	for i := 0; i+1 < len(ws); i++ {
		if ws[i] == v.p.subj && ws[i+1] == "has" && (i == 0 || ws[i-1] == "that" || ws[i-1] == "," || ws[i-1] == "and") {
			ws = append(append(append([]string{}, ws[:i]...), "there", "is"), ws[i+2:]...)
		}
	}
	return v.clinicianSentence(v.the(v.d.lead(ws)))
}

// the writes "the lungs" for "your lungs".
func (v voice) the(ws []string) []string {
	for i, w := range ws {
		if w == v.p.pos && (w != "her" || i+1 < len(ws) && !isPunct(ws[i+1])) {
			ws[i] = "the"
		}
	}
	return ws
}

// planned writes what the clinician decided or advised.
func (v voice) planned(b *block) string {
	ws := v.d.dictation(b.words)
	if ws = v.d.beforeQuestion(ws); len(ws) == 0 {
		return ""
	}
	ws = v.plainWords(ws, false)
	if len(ws) > 2 && ws[0] == "going" && ws[1] == "to" {
		ws = append([]string{"we", "will"}, ws[2:]...)
	}
	ws = v.d.planHeads.stripHead(ws)
	ws = v.d.lead(ws)
	ws = v.problemHead(ws)
	ws = v.d.planWordings.replace(ws)
	ws = v.patientWill(ws)
	if !hasAny(ws, finite) && !hasAny(ws, decided) && !v.subjectVerb(ws) {
		return "" // "For the second problem, hypertension."
	}
	return v.clinicianSentence(ws)
}

// problemHead drops "for your first problem of hypertension," where the
// heading says it.
func (v voice) problemHead(ws []string) []string {
	if _, n := v.d.problemCues.at2(ws); n > 0 {
		for i := n; i < min(len(ws), n+10); i++ {
			if ws[i] == "," || clauseSubject[ws[i]] || ws[i] == v.p.subj {
				if len(v.d.lex.find(ws[:i])) > 0 || has(ws[:i], "problem") || has(ws[:i], "issue") {
					if rest := v.d.lead(trim(ws[i:])); len(rest) >= 3 {
						return rest
					}
				}
				return ws
			}
		}
	}
	return ws
}

var clauseSubject = wordSet("i we it let so this again you they everything")

// decided are verbs of a plan that needs no subject.
var decided = wordSet("should might may continue order start stop avoid increase decrease recommend repeat take use monitor follow refer prescribe check keep limit apply rest ice elevate wear schedule need needs obtain get watch drink")

// at2 is at for the first word of ws, which may be empty.
func (p *phrases) at2(ws []string) (string, int) {
	if len(ws) == 0 {
		return "", 0
	}
	return p.at(ws, 0)
}

// patientWill turns "i want her to" into "she will".
func (v voice) patientWill(ws []string) []string {
	for i := 0; i+3 < len(ws); i++ {
		if ws[i] != "i" {
			continue
		}
		j := i + 1
		for j < len(ws) && (ws[j] == "also" || ws[j] == "do" || ws[j] == "would") {
			j++
		}
		if j+2 < len(ws) && (ws[j] == "want" || ws[j] == "like" || ws[j] == "need") && (ws[j+1] == v.p.obj || ws[j+1] == v.p.subj) && ws[j+2] == "to" {
			return append(append(append([]string{}, ws[:i]...), v.p.subj, "will"), ws[j+3:]...)
		}
	}
	return ws
}

// clinicianSentence refuses what is talk to the patient and no statement.
func (v voice) clinicianSentence(ws []string) string {
	ws = trim(ws)
	for len(ws) > 0 && dangles(ws) {
		ws = trim(ws[:len(ws)-1])
	}
	if len(ws) < 2 || headless[ws[0]] || ws[0] == "show" && len(ws) > 1 && ws[1] == "me" || subordinate[ws[0]] && !has(ws, ",") && len(ws) < 14 || v.d.talk.in(ws) {
		return ""
	}
	return sentence(ws)
}

// headless words begin a fragment that lost its beginning.
var headless = wordSet("to than or versus into that's which's up any bit")

// dictation reads an order spoken to a recorder: "hey dragon, order an MRI"
// is an order, "hey dragon, show me the X-ray" is nothing.
func (d *Drafter) dictation(ws []string) []string {
	i, n := d.assistant.find(ws)
	if i < 0 {
		return ws
	}
	rest := trim(ws[i+n:])
	if len(rest) == 0 || has([]string{"show", "pull", "finalize", "let", "bring", "close"}, rest[0]) {
		return nil
	}
	return append([]string{"we", "will"}, rest...)
}

// history writes what the clinician said of the patient's story.
func (v voice) history(b *block) string {
	ws := v.plainWords(b.words, false)
	if v.d.inversions.in(b.words) {
		return ""
	}
	if len(ws) > 1 && ws[0] == "i" && has([]string{"am", "love", "like", "just", "think", "hope", "want", "know", "see", "will"}, ws[1]) {
		return ""
	}
	return v.clinicianSentence(v.complete(ws))
}

// lower keeps "I" and names, for a sentence that becomes part of another.
func lowerFirst(s string) string {
	if s == "" || strings.HasPrefix(s, "I ") || len(s) > 1 && s[1] >= 'A' && s[1] <= 'Z' {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
