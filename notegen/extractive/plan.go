package extractive

import (
	"regexp"
	"slices"
	"strings"

	"countersign/notegen/templates"
)

// heading is a problem that begins at item at.
type heading struct {
	at   int
	text string
}

// assessment writes assessment and plan by problem, follow-up as
// instructions, and the agreement line where the patient gave one.
func (n *note) assessment(items []item) {
	if len(items) == 0 {
		return
	}
	var rest []item
	for _, it := range items {
		if n.instruction(it) {
			n.add(templates.Instructions, it)
			continue
		}
		rest = append(rest, it)
	}
	heads := n.problems(rest)
	for i, h := range heads {
		end := len(rest)
		if i+1 < len(heads) {
			end = heads[i+1].at
		}
		part := slices.Clone(rest[h.at:end])
		slices.SortStableFunc(part, func(a, b item) int { return n.group(a.text) - n.group(b.text) })
		for _, it := range part {
			it.heading = h.text
			n.add(templates.AssessmentAndPlan, it)
		}
	}
	n.agreement(items)
}

var reInstruction = regexp.MustCompile(`(?i)\b(follow[- ]?up (?:with|in|on|after|visit|appointment)|see (?:her|him|the patient) (?:back|again|in)|come back|return (?:to|in|for|if)|(?:call|contact|message) (?:me|us|the office|our office|my office)|go to the (?:er|emergency)|emergency (?:room|department))\b`)

func (n *note) instruction(it item) bool {
	return reInstruction.MatchString(it.text) && len(ofKind(n.bs[it.order].terms, "drug")) == 0
}

var (
	reWill  = regexp.MustCompile(`(?i)\b(will|should|continue|recommend\w*|order\w*|refer\w*|prescri\w*|start|increase|need\w*|can)\b`)
	reRefer = regexp.MustCompile(`(?i)\b(refer\w*|consult\w*|specialist|cardiolog\w*|orthoped\w*|dermatolog\w*|gastroenterolog\w*|endocrin\w*|neurolog\w*|pulmonolog\w*|psychiatr\w*|urolog\w*|nephrolog\w*|surgeon)\b`)
	reTest  = regexp.MustCompile(`(?i)\b(order|repeat|recheck|check|obtain|mri|x-ray|ct|ultrasound|labs?|blood ?work|echocardiogram|ekg|a1c|panel|test|biopsy|colonoscopy|mammogram|study|scan|urinalysis|culture)\b`)
	reTreat = regexp.MustCompile(`(?i)\b(prescri\w*|start|continue|increase|decrease|mg|medications?|refill|daily|tablet|inhaler|injection|cream|antibiotics?|steroids?|surgery|brace|splint|boot|cast|sling|crutches|therapy|dose|switch|stop|discontinue|take|ibuprofen|tylenol)\b`)
)

// group orders a problem's statements: reasoning, tests, treatment,
// referrals, advice.
func (n *note) group(s string) int {
	switch {
	case !reWill.MatchString(s):
		return 0
	case reRefer.MatchString(s):
		return 3
	case reTest.MatchString(s) && !strings.Contains(s, " mg"):
		return 1
	case reTreat.MatchString(s):
		return 2
	}
	return 4
}

// problems finds where the clinician turns to a problem: "for your first
// problem of …", "in terms of your blood pressure". Without any, the chief
// complaint's condition heads the whole plan.
func (n *note) problems(items []item) []heading {
	if len(items) == 0 {
		return nil
	}
	var out []heading
	used := map[string]bool{}
	for i, it := range items {
		b := &n.bs[it.order]
		text := n.problem(b.words)
		if text == "" && it.order > 0 && n.bs[it.order-1].turn == b.turn {
			text = n.problem(n.bs[it.order-1].words)
		}
		if text == "pain" {
			text = n.chiefPain()
		}
		if text == "" || used[text] || covered(used, text) {
			continue
		}
		used[text] = true
		out = append(out, heading{i, capital(text)})
	}
	switch {
	case len(out) == 0:
		out = []heading{{0, n.mainProblem(items)}}
	case out[0].at > 0:
		out[0].at = 0
	}
	return out
}

// chiefPain names the pain the patient came with; empty where it was none:
// "pain" alone heads nothing.
func (n *note) chiefPain() string {
	if cc := n.items[templates.ChiefComplaint]; len(cc) > 0 && strings.HasSuffix(cc[0].text, " pain.") {
		return strings.ToLower(strings.TrimSuffix(cc[0].text, "."))
	}
	return ""
}

func covered(used map[string]bool, s string) bool {
	for u := range used {
		if strings.Contains(u, s) || strings.Contains(s, u) {
			return true
		}
	}
	return false
}

var problemStops = wordSet("i we it so that again is are let's i'm we're i'd i'll we'll you're")

// problem reads the condition after a cue, with what qualifies it.
func (n *note) problem(ws []string) string {
	for i := range ws {
		_, k := n.d.problemCues.at(ws, i)
		if k == 0 {
			continue
		}
		end := min(len(ws), i+k+11)
		for j := i + k; j < end; j++ {
			if problemStops[ws[j]] && j > i+k {
				end = j
			}
		}
		x := ws[i+k : end]
		named := has(x, "problem") || has(x, "issue")
		if !named && len(x) > 0 && x[0] != "your" && x[0] != "her" && x[0] != "his" && x[0] != "the" && ws[i] == "for" {
			continue
		}
		terms := n.d.lex.find(x)
		fs := ofKind(terms, "cond", "sym")
		if len(fs) == 0 {
			for _, t := range terms {
				if t.kind == "anat" && (named || i < 3) {
					if p := n.painAt(t.concept); p != "" {
						return p
					}
				}
			}
			continue
		}
		a := fs[0].start
		for a > 0 && (qualifiers[x[a-1]] || anatAt(terms, a-1)) {
			a--
		}
		if a < fs[0].start {
			return line(x[a:fs[0].end])
		}
		return fs[0].concept
	}
	return ""
}

func anatAt(ts []term, i int) bool {
	for _, t := range ts {
		if t.kind == "anat" && t.start <= i && i < t.end {
			return true
		}
	}
	return false
}

// painAt names a pain of which the patient told in the first half.
func (n *note) painAt(site string) string {
	for i := range n.bs {
		b := &n.bs[i]
		if b.pos > 0.5 {
			break
		}
		if !n.d.painWords.in(b.words) {
			continue
		}
		for _, t := range b.terms {
			if t.kind == "anat" && t.concept == site {
				side := ""
				for _, w := range b.words[max(0, t.start-3):t.start] {
					if w == "left" || w == "right" || w == "lower" {
						side = w + " "
					}
				}
				return side + site + " pain"
			}
		}
	}
	return ""
}

// mainProblem heads a plan in which no problem was named.
func (n *note) mainProblem(items []item) string {
	cc := n.items[templates.ChiefComplaint]
	if len(cc) > 0 {
		text := strings.TrimPrefix(strings.TrimSuffix(cc[0].text, "."), "Evaluation of ")
		if fs := n.d.lex.find(strings.Fields(strings.ToLower(text))); len(ofKind(fs, "sym", "cond")) > 0 {
			return n.headingOf(text)
		}
	}
	for _, it := range items {
		for _, t := range ofKind(n.bs[it.order].terms, "cond") {
			if stance(n.bs[it.order].words, t) == yes {
				return capital(t.concept)
			}
		}
	}
	return "" // no problem was named: no heading is better than a wrong one
}

// headingOf keeps of a complaint what can head a plan: no name, and nothing
// after it.
func (n *note) headingOf(text string) string {
	ws := strings.Fields(lowerFirst(text))
	for i, w := range ws {
		if w = strings.ToLower(strings.Trim(w, ",.")); i > 0 && (femNames[w] || malNames[w]) {
			ws = ws[:i]
			break
		}
	}
	return capital(strings.Join(ws, " "))
}

var assent = newPhrases("okay|ok|sounds good|that sounds good|that sounds great|sounds great|sure|all right|yes|yeah|great|perfect|thank you|that works|i can do that|that's fine|absolutely")

// agreement is written only where the patient assented after the plan began.
func (n *note) agreement(items []item) {
	first := n.bs[items[0].order].turn
	last := n.bs[items[len(items)-1].order].turn
	var us []unit
	for i := len(n.turns) - 1; i > first; i-- {
		t := n.turns[i]
		if !speaksForPatient(t.role) || len(t.words) == 0 || i < (first+last)/2 {
			continue
		}
		if _, k := assent.at(t.words, 0); k > 0 && t.words[len(t.words)-1] != "?" && !has(t.words, "but") && !has(t.words, "not") {
			us = append(us, unit{turn: i, start: t.toks[0].start, end: t.toks[len(t.toks)-1].end})
			if len(us) == 2 {
				break
			}
		}
	}
	if len(us) == 0 {
		return
	}
	slices.Reverse(us)
	n.add(templates.AssessmentAndPlan, item{heading: agreementHeading, units: us,
		text: "The patient understands and agrees with the recommended plan."})
}
