package extractive

import (
	"strings"

	"countersign/review"
)

// pronouns of the patient. Where the sex is not known the note says "the
// patient", never a guess at "he or she".
type pronouns struct{ subj, obj, pos, poss, refl string }

func pronounsFor(sex review.Sex) pronouns {
	switch sex {
	case review.SexFemale:
		return pronouns{"she", "her", "her", "hers", "herself"}
	case review.SexMale:
		return pronouns{"he", "him", "his", "his", "himself"}
	}
	return pronouns{neutral, neutral, "their", "theirs", "themselves"}
}

const neutral = "the patient"

// neutralFor is the word for "he" and "she" of a clinician where the patient's
// sex is not known, so that a note does not change between them.
func neutralFor(w, prev, next string) string {
	switch w {
	case "she", "he", "him":
		return neutral
	case "his":
		return "their"
	case "her":
		if next == "" || isPunct(next) || next == "to" || next == "on" || next == "for" || next == "and" || next == "in" || next == "back" || objectAlways[prev] || prev == "meet" || prev == "see" {
			return neutral
		}
		return "their"
	}
	return ""
}

var baseVerbs = wordSet(`have do go take feel think know want need get make use see work try start stop eat drink smoke walk run sleep live help keep like love hope notice remember hurt ache itch cough wheeze
check watch monitor wear play exercise lift stand sit bend wake come give look move put find say tell call become experience report deny forget struggle drive ride read spend stay
bring believe guess plan seem lose gain vomit throw suffer enjoy hear hold leave let pass pay prefer pull push reach recall relax rest return rub sound speak suppose swim switch talk travel treat understand visit wonder worry
avoid babysit bike breathe care carry catch change choose clean climb cook describe develop end expect fall fill finish follow garden grow happen hate increase jog jump kneel knit learn lie listen manage mean meet mind miss mow
own pick practice quit recover relieve require respond sneeze snore stretch sweat swell swallow tend tolerate turn twist type urinate wash apply attend drop add swear owe vape commute wish lean bend lift pee push press shower shave park cross answer ask agree appear bleed blow breathe burn bike build choke clear close crave cry deal depend disagree dislike doubt drool faint fast flare fly freak freeze gag guess handle join joke kick laugh miss nap nod order pack pick pop pray prop rate react refuse relate roll rush scratch scream shake share shop sip skip smell smile snack snap sneak spit squat squeeze stumble sweep taste teach tell tire touch trip trust twist use vary wait weigh wipe yell zone`)

var irregular = map[string]string{"have": "has", "do": "does", "go": "goes", "am": "is", "are": "is", "were": "was"}

var adverbs = wordSet("just really also usually always still never sometimes actually probably only definitely certainly typically normally currently often even generally occasionally mostly basically mainly sort kind of rarely essentially simply recently now then already")

// modals keep the plain form of a verb that follows them.
var modals = wordSet("to can could will would should may might must did do does not cannot let make help")

func thirdPerson(v string) string {
	if s, ok := irregular[v]; ok {
		return s
	}
	switch {
	case strings.HasSuffix(v, "y") && len(v) > 1 && !strings.ContainsRune("aeiou", rune(v[len(v)-2])):
		return v[:len(v)-1] + "ies"
	case strings.HasSuffix(v, "s"), strings.HasSuffix(v, "x"), strings.HasSuffix(v, "z"), strings.HasSuffix(v, "ch"), strings.HasSuffix(v, "sh"), strings.HasSuffix(v, "o"):
		return v + "es"
	}
	return v + "s"
}

var isNouns = wordSet("pressure sugar pain level weight heart knee back shoulder everything number rate cholesterol husband wife mom dad doctor mother father son daughter breathing appetite sleep stomach arm leg neck skin throat that it there he she what this who here where how something one")

var isFollow = wordSet("a an been still not very so too pretty really doing high low good bad well normal fine under out on at in just the kind about like no more less better worse getting going always what where when been okay mostly usually only also")

// expand writes contractions out.
func expand(ws []string) []string {
	out := make([]string, 0, len(ws)+4)
	for i, w := range ws {
		next := ""
		if i+1 < len(ws) {
			next = ws[i+1]
		}
		stem, end, ok := strings.Cut(w, "'")
		if !ok {
			out = append(out, w)
			continue
		}
		switch {
		case w == "it's" && next == "own":
			out = append(out, "its")
		case w == "can't":
			out = append(out, "cannot")
		case w == "won't":
			out = append(out, "will", "not")
		case w == "let's":
			out = append(out, "we", "will")
		case w == "ain't":
			out = append(out, "is", "not")
		case w == "y'all":
			out = append(out, "you")
		case strings.HasSuffix(w, "n't"):
			out = append(out, strings.TrimSuffix(w, "n't"), "not")
		case end == "m":
			out = append(out, stem, "am")
		case end == "re":
			out = append(out, stem, "are")
		case end == "ve":
			out = append(out, stem, "have")
		case end == "ll":
			out = append(out, stem, "will")
		case end == "d" && (next == "been" || next == "had" || next == "gone" || next == "taken"):
			out = append(out, stem, "had")
		case end == "d":
			out = append(out, stem, "would")
		case end == "s" && (next == "been" || next == "got" || next == "had" || next == "gone" || next == "gotten"):
			out = append(out, stem, "has")
		case end == "s" && isNouns[stem] && (stem == "it" || stem == "that" || stem == "there" || stem == "he" || stem == "she" || stem == "what" || isFollow[next] || strings.HasSuffix(next, "ing")):
			out = append(out, stem, "is")
		default:
			out = append(out, w)
		}
	}
	return out
}

var (
	subjectBefore = wordSet("that if when so and but because think as what since where while then said mentioned hope know , . before after until unless though although")
	objectBefore  = wordSet("for to with of on give put send start have see refer keep get tell continue want like help let make ask about at from bring call let's recommend advise")
	objectAlways  = wordSet("for to with of give put send refer start let make from at help at tell ask")
	verbAfterYou  = wordSet("are were have do did had will would can could should might may must need want cannot get go know notice feel take")
)

// shift rewrites into the third person: with patient true "I" is the
// patient, else "you" is.
func (p pronouns) shift(ws []string, patient bool) []string {
	out := make([]string, len(ws))
	for i, w := range ws {
		out[i] = w
		prev, next := "", ""
		if i > 0 {
			prev = ws[i-1]
		}
		if i+1 < len(ws) {
			next = ws[i+1]
		}
		if patient {
			switch w {
			case "i":
				out[i] = p.subj
			case "me":
				out[i] = p.obj
			case "my":
				out[i] = p.pos
			case "mine":
				out[i] = p.poss
			case "myself":
				out[i] = p.refl
			case "we":
				out[i] = "they"
			case "our":
				out[i] = "their"
			case "us":
				out[i] = "them"
			}
			continue
		}
		if p.subj == neutral && !hasAny(ws, kin) {
			if x := neutralFor(w, prev, next); x != "" {
				out[i] = x
				continue
			}
		}
		switch w {
		case "your":
			out[i] = p.pos
		case "yours":
			out[i] = p.poss
		case "yourself":
			out[i] = p.refl
		case "you":
			subj := verbAfterYou[next] || baseVerbs[next] || strings.HasSuffix(next, "ed") && !objectBefore[prev] || adverbs[next] && !objectBefore[prev] || i == 0 || subjectBefore[prev]
			if subj && !objectAlways[prev] {
				out[i] = p.subj
			} else {
				out[i] = p.obj
			}
		}
	}
	return p.agree(out, ws)
}

// agree makes verbs agree with the subject that was put in. before has the
// words as they were, because "her" may be subject of nothing.
func (p pronouns) agree(ws, before []string) []string {
	clause := false // a present-tense verb of the patient governs what follows
	for i := 0; i < len(ws); i++ {
		w := ws[i]
		if isPunct(w) && w != "," || w == "because" || w == "when" || w == "if" || w == "that" || w == "which" {
			clause = false
		}
		if w == p.subj && before[i] != w {
			clause = false
			j := i + 1
			for j < len(ws) && (adverbs[ws[j]] || ws[j] == ",") {
				j++
			}
			if j < len(ws) && !(i > 0 && modals[ws[i-1]] && ws[i-1] != "not") {
				clause = p.conjugate(ws, j)
			}
			continue
		}
		if w == p.subj && i > 0 && (before[i-1] == "am" || before[i-1] == "are" || before[i-1] == "have" || before[i-1] == "do") {
			ws[i-1] = irregular[before[i-1]]
		}
		if clause && (w == "and" || w == "or" || w == "then") && i+1 < len(ws) && baseVerbs[ws[i+1]] && ws[i+1] != "work" && ws[i+1] != "exercise" && ws[i+1] != "help" {
			ws[i+1] = thirdPerson(ws[i+1])
		}
		if modals[w] || baseVerbs[w] && i > 0 && modals[ws[i-1]] {
			clause = false
		}
	}
	return ws
}

func (p pronouns) conjugate(ws []string, j int) bool {
	v := ws[j]
	switch {
	case v == "am" || v == "are" || v == "were" || v == "do":
		ws[j] = irregular[v]
		return false
	case v == "have":
		ws[j] = "has"
		return false
	case baseVerbs[v]:
		ws[j] = thirdPerson(v)
		return true
	}
	return false
}

var (
	femWords = wordSet("female woman ms. miss mrs. ma'am lady pregnant pregnancy girl")
	malWords = wordSet("male man mr. mister sir gentleman boy prostate")
	femNames = wordSet("martha anna maria mary patricia linda barbara elizabeth jennifer susan margaret dorothy lisa nancy karen betty helen sandra donna carol ruth sharon michelle laura sarah kimberly deborah jessica shirley cynthia angela melissa brenda amy rebecca virginia kathleen pamela debra amanda stephanie carolyn christine marie janet catherine frances ann joyce diane alice julie heather teresa doris gloria evelyn jean cheryl mildred katherine joan ashley judith rose janice kelly nicole judy christina kathy theresa beverly denise tammy irene jane lori rachel marilyn andrea kathryn louise sara anne jacqueline wanda bonnie julia ruby lois tina phyllis norma paula diana annie lillian emily robin sophia emma olivia isabella mia abigail madison elena rosemary danielle brittany natalie victoria sofia grace samantha edith vera kayla hannah alexis")
	malNames = wordSet("james john robert michael william david richard charles joseph thomas christopher daniel paul mark donald george kenneth steven edward brian ronald anthony kevin jason matthew gary timothy jose larry jeffrey frank scott eric stephen andrew raymond gregory joshua jerry dennis walter patrick peter harold douglas henry carl arthur ryan roger joe juan jack albert jonathan justin terry gerald keith samuel willie ralph lawrence nicholas roy benjamin bruce brandon adam harry fred wayne billy steve louis jeremy aaron randy howard eugene carlos russell bobby victor martin ernest phillip todd jesse craig alan shawn clarence sean philip chris johnny earl jimmy antonio danny bryan tony luis mike stanley leonard nathan dale manuel rodney curtis norman allen marvin vincent glenn jeffery travis jeff chad jacob logan alexander noah ethan mason liam jim bill tom bob dave dan matt greg nick sam ben zachary vernon edgar wilbur dylan tyler kyle")
)

// sexOf takes the chart's word; without one it looks at how the clinician
// addresses and describes the patient. Doubt is unknown.
//
// "61-year-old male" decides, unless the chart says otherwise: then the note
// takes neither side.
func sexOf(c review.ChartContext, turns []spokenTurn) review.Sex {
	named := describedSex(turns)
	if c.Sex == review.SexFemale || c.Sex == review.SexMale {
		if named != review.SexUnknown && named != c.Sex {
			return review.SexUnknown
		}
		return c.Sex
	}
	if c.Sex == review.SexOther {
		return review.SexUnknown
	}
	if named != review.SexUnknown {
		return named
	}
	return addressedSex(turns)
}

// describedSex reads "a 61-year-old male" from the clinician's or staff's
// words. Two sexes described are none.
func describedSex(turns []spokenTurn) review.Sex {
	sex := review.SexUnknown
	for _, t := range turns {
		for i := 0; i+2 < len(t.words); i++ {
			if w := t.words[i]; (w != "year" && w != "years") || t.words[i+1] != "old" || speaksForPatient(t.role) {
				continue
			}
			for _, w := range t.words[i+2 : min(len(t.words), i+6)] {
				var s review.Sex
				switch {
				case w == "female" || w == "woman" || w == "lady" || w == "girl":
					s = review.SexFemale
				case w == "male" || w == "man" || w == "gentleman" || w == "boy":
					s = review.SexMale
				default:
					continue
				}
				if sex != review.SexUnknown && sex != s {
					return review.SexUnknown
				}
				sex = s
				break
			}
		}
	}
	return sex
}

// addressedSex counts how the clinician addresses and speaks of the patient.
// A narrow majority decides nothing.
func addressedSex(turns []spokenTurn) review.Sex {
	f, m, n := 0, 0, 0
	named, prev := false, ""
	for _, t := range turns {
		for _, w := range t.words {
			if speaksForPatient(t.role) && (w == "pregnant" || w == "menstrual" || w == "menopause") {
				f += 3
			}
			if n++; n > 600 {
				break
			}
			if t.role != review.RoleClinician && t.role != review.RoleStaff {
				continue
			}
			switch {
			case femWords[w]:
				f += 3
			case malWords[w]:
				m += 3
			case w == "she" || w == "her":
				f++
			case w == "he" || w == "his":
				m++
			}
			before := prev
			prev = w
			if !named && n < 120 && before != "i'm" && before != "is" && before != "dr." && before != "doctor" {
				switch {
				case femNames[w]:
					f, named = f+2, true
				case malNames[w]:
					m, named = m+2, true
				}
			}
		}
	}
	switch {
	case f > m+m/2:
		return review.SexFemale
	case m > f+f/2:
		return review.SexMale
	}
	return review.SexUnknown
}
