package extractive

import "strings"

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
	if hasAny(ws[max(0, t.start-4):t.start], vague) && !has(ws[max(0, t.start-4):t.start], "no") {
		asked = true // "not much pain" is some
		for _, w := range ws[max(0, t.start-8):t.start] {
			if negatives[w] || strings.HasSuffix(w, "n't") {
				return unclear
			}
		}
	}
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
	vague      = wordSet("much many too always constant constantly as")
	turning    = wordSet("some occasional little but just only except apart besides though although however because still yes yeah reports")
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
