package extractive

import "math"

// label is the part of the note a block belongs to.
type label byte

const (
	nowhere    label = 'N'
	subjective label = 'S'
	exam       label = 'E'
	result     label = 'R'
	plan       label = 'P'
)

// rules labels the blocks without weights: the visit goes from story to
// examination to plan, and cue words tell where it is.
func (d *Drafter) rules(bs []block) {
	at := subjective
	for i := range bs {
		b := &bs[i]
		b.label = nowhere
		n := countWords(b.words)
		clinical := len(b.terms) > 0
		switch b.typ {
		case said:
			if b.cues&cueExamOn != 0 && b.pos > 0.2 && at == subjective {
				at = exam
			}
			if b.cues&cuePlanOn != 0 && b.pos > 0.35 {
				at = plan
			} else if at == exam && b.pos > 0.5 && b.cues&cuePlan != 0 && b.cues&cueExam == 0 && d.orders.in(b.words) {
				at = plan
			}
			b.label = d.ruleSaid(b, at, n)
		case told:
			if at == subjective && n > 5 && clinical {
				b.label = subjective
			}
		default:
			switch {
			case !clinical:
			case at == subjective:
				b.label = subjective
			case at == exam && d.painWords.in(b.words):
				b.label = exam
			}
		}
		b.keep = 0.5
		if b.label != nowhere {
			b.keep = 1
		}
	}
}

func (d *Drafter) ruleSaid(b *block, at label, n int) label {
	clinical := len(b.terms) > 0
	switch {
	case b.question && !d.intro.in(b.words):
		return nowhere
	case b.cues&cueHistory != 0 && at == subjective && clinical && n > 7:
		return subjective
	case d.testNames.in(b.words) && d.findingWords.in(b.words):
		return result
	case at == exam && b.cues&(cueExam|cueVitals) != 0 && clinical && n > 3:
		return exam
	case at == plan && b.cues&(cuePlan|cueAssess) != 0 && n > 5 && (clinical || d.followUp.in(b.words)):
		return plan
	case at != plan && b.pos > 0.55 && n > 5 && d.orders.in(b.words):
		return plan
	}
	return nowhere
}

// thresholds of the probability that a block belongs into the note.
var thresholds = map[label]float64{subjective: 0.15, exam: 0.10, result: 0.10, plan: 0.12}

// ruleShare is how much of the final probability the rules have beside the
// weights.
const ruleShare = 0.2

// assign labels every block: rules, and weights where there are any.
func (d *Drafter) assign(bs []block) {
	d.rules(bs)
	if d.weights == nil || len(bs) == 0 {
		return
	}
	probs := d.weights.probabilities(bs)
	path := d.weights.path(probs)
	for i := range bs {
		b, p := &bs[i], probs[i]
		lab := path[i]
		if b.label != nowhere {
			for j := range p {
				p[j] *= 1 - ruleShare
			}
			p[index(b.label)] += ruleShare
			if lab == nowhere || b.label == exam || b.label == result {
				lab = best(p)
			}
		}
		if lab == nowhere {
			lab = best(p)
		}
		b.keep = 1 - p[0]
		b.label = nowhere
		if b.keep >= thresholds[lab] {
			b.label = lab
		}
		if b.typ == told && (d.allergic.in(b.words) || d.takes.in(b.words) && len(ofKind(b.terms, "drug")) > 0) || b.must && (b.typ == answered || len(ofKind(b.terms, "sym", "cond", "drug")) > 0) {
			b.label, b.keep = subjective, 1 // never left out by weights
		}
	}
}

var labels = [...]label{nowhere, subjective, exam, result, plan}

func index(l label) int {
	for i, x := range labels {
		if x == l {
			return i
		}
	}
	return 0
}

// best is the most probable part of the note, leaving out nowhere.
func best(p [5]float64) label {
	j := 1
	for i := 2; i < len(p); i++ {
		if p[i] > p[j] {
			j = i
		}
	}
	return labels[j]
}

func softmax(s [5]float64) [5]float64 {
	m := s[0]
	for _, v := range s[1:] {
		m = math.Max(m, v)
	}
	var sum float64
	for i, v := range s {
		s[i] = math.Exp(v - m)
		sum += s[i]
	}
	for i := range s {
		s[i] /= sum
	}
	return s
}
