package extractive

import (
	"strings"

	"countersign/notegen/templates"
)

const chiefCode = templates.ChiefComplaint

// gate drops what cannot stand in a note: questions, fragments, sentences cut
// off, and talk that says nothing clinical. What it drops and held a finding
// is listed among the omissions, because its words are then not used.
func (n *note) gate() {
	for code, items := range n.items {
		kept := items[:0:0]
		for _, it := range items {
			if n.fit(code, it) {
				kept = append(kept, it)
			}
		}
		n.items[code] = kept
	}
}

// fit reports whether a statement can stand in the section.
func (n *note) fit(code string, it item) bool {
	if it.heading == agreementHeading {
		return true
	}
	ws := wordsOf(it.text)
	if strings.HasSuffix(it.text, "\"") {
		return true // a quotation ends as it was said
	}
	if len(ws) == 0 || strings.Contains(it.text, "?") {
		return false
	}
	terms := n.d.lex.find(ws)
	if listSections[code] && len(terms) > 0 && fitEnd(ws) {
		return true
	}
	if !fitEnd(ws) || n.d.filler.in(ws) || invertedAlternative(ws) {
		return false
	}
	if auxiliaries[ws[0]] && len(ws) > 1 && (inverted[ws[1]] || ws[1] == n.v.p.subj) {
		return false
	}
	clinical := len(terms) > 0 || code != templates.AssessmentAndPlan && it.weight >= 0.6 || anyNumber(ws) || n.d.findingWords.in(ws) || n.d.testNames.in(ws)
	if code == chiefCode {
		return clinical || hasAny(ws, visitWords) || hasAny(ws, visitKinds)
	}
	if len(ws) < 3 {
		return listSections[code] && clinical
	}
	switch code {
	case templates.SocialHistory, templates.Procedures, templates.FamilyHistory, templates.Allergies, templates.Immunizations:
		clinical = true // its words put it there
	case templates.Exam, templates.Results:
		clinical = clinical || n.d.normal.in(ws)
	case templates.AssessmentAndPlan, templates.Instructions:
		clinical = clinical || n.d.followUp.in(ws) || reInstruction.MatchString(it.text) || n.d.orders.in(ws) || hasAny(ws, decided)
	default:
		clinical = clinical || n.d.timeWords.in(ws)
	}
	return clinical && (hasAny(ws, finite) || hasAny(ws, decided) || hasVerb(ws) || framed(it.text) || len(terms) > 0 && (code == templates.Exam || code == templates.Results))
}

// listSections hold the names of things; no verb is needed.
var listSections = map[string]bool{templates.ChiefComplaint: true, templates.MedicalHistory: true, templates.ROS: true, templates.VitalSigns: true}

var visitKinds = wordSet("visit refill refills results evaluation review")

// wordsOf are the words of a written statement, in lower case.
func wordsOf(s string) []string {
	var out []string
	for f := range strings.FieldsSeq(strings.ToLower(strings.ReplaceAll(s, "\"", " "))) {
		w := strings.TrimRight(f, ".,:;?") // a decimal point stays
		if w != "" {
			out = append(out, w)
		}
		if w != f {
			out = append(out, f[len(w):])
		}
	}
	return trim(out)
}

// fitEnd reports whether the last word can end a sentence.
func fitEnd(ws []string) bool {
	if len(ws) == 0 || dangles(ws) {
		return false
	}
	last := ws[len(ws)-1]
	prev := ""
	if len(ws) > 1 {
		prev = ws[len(ws)-2]
	}
	switch {
	case cutOff[last]:
		return false
	case (last == "she" || last == "he" || last == "they") && prev != "than":
		return false
	case last == "patient" && (prev == "the" && len(ws) > 2 && !objectBefore[ws[len(ws)-3]]):
		return false // "because the patient"
	case (last == "it" || last == "there" || last == "that" || last == "this") && (connecting[prev] || prev == "is"):
		return false
	}
	return true
}

var (
	cutOff     = wordSet("yes yeah okay when if because while although though unless than which who what how where whether i we our its your every very into onto upon between during per via would could should does did cannot such called either both a the an and or but so")
	connecting = wordSet("and but so because when if that while , which since as or although think thinks know knows")
)

// invertedAlternative finds a question in the middle: "or was it more of a
// sharp pain".
func invertedAlternative(ws []string) bool {
	for i := 1; i+1 < len(ws); i++ {
		if auxiliaries[ws[i]] && (ws[i-1] == "or" || ws[i-1] == "," && i+2 < len(ws)) && (subjectWords[ws[i+1]] || ws[i+1] == "him") {
			return true
		}
	}
	return false
}

var subjectWords = wordSet("it he she they you there that this i we")

// framed reports a fixed opening that needs no verb.
func framed(s string) bool {
	for _, f := range [...]string{"Onset: ", "Duration: ", "Location: ", "Frequency or amount: ", "No ", "Asked about ", "Negative ", "Positive ", "Normal "} {
		if strings.HasPrefix(s, f) {
			return true
		}
	}
	return false
}

// hasVerb guesses a finite verb from its form: a pronoun or "the patient"
// and then a word in -s or -ed.
func hasVerb(ws []string) bool {
	for i := 0; i+1 < len(ws); i++ {
		if !clauseSubject[ws[i]] && !subjectWords[ws[i]] && ws[i] != "patient" {
			continue
		}
		for _, w := range ws[i+1 : min(len(ws), i+4)] {
			if len(w) > 3 && (strings.HasSuffix(w, "s") || strings.HasSuffix(w, "ed")) || baseVerbs[w] || pastVerbs[w] || modals[w] && w != "to" || irregularPast[w] {
				return true
			}
		}
	}
	return baseVerbs[ws[0]] // an imperative: "keep the foot up"
}

var irregularPast = wordSet("am be been became began bit broke brought bought caught cut drove found gave hit kept knew lay led left let lost made meant met paid put ran read said sat sent set slid spent stood swelled swam told thought threw wore wrote stung")

const (
	agreementHeading = "Patient agreement"

	fillerList = "my pleasure|for example .|puts the mind|puts their mind|mind at ease|nice to meet|lovely to|have a lovely|bear with me|excuse me|bless you|hear me|can you hear|speak to you soon|sorry about that|let , we will|let we will|take a step back|on the phone|on the screen|on the video|in front of the camera|closer to the camera|bring his device|bring her device|bring their device|they are yes|any or|has anybody|has anyone|is anyone|does anyone|does anybody|end of note"

	// signList are findings that only an examination gives.
	signList = "crackles|rales|rhonchi|wheezes|murmur|pitting|guarding|rebound|tender to palpation|tenderness to palpation|pain to palpation|effusion|ecchymosis|crepitus|jaundice"

	normalList = "normal|soft|clear|intact|full|supple|negative|positive|no _|good|equal|symmetric|bilaterally|nontender|non-tender|stable|well"
)
