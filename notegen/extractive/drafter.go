package extractive

import (
	"context"
	"fmt"

	"countersign/notegen"
	"countersign/review"
)

// Version is part of every draft's Generator. It changes when the same
// conversation would give another draft.
const Version = "2"

// maxWords bounds the work for one conversation: about 24 hours of talk.
const maxWords = 400_000

// Drafter drafts without a model. It is made by [New], never changes
// afterwards, and may be used concurrently.
type Drafter struct {
	lex     *lexicon
	weights *weights // nil: rules only
	cues    [cueCount]*phrases

	padding, starters, doctorCues, patientCues, openers, questionStarts, announces    *phrases
	answerPadding, yesWords, shortYes, noWords, yesAfterNo, contradicts               *phrases
	leads, tails, hedges, wordings, intro, orders, painWords, testNames, findingWords *phrases
	followUp, talk, assistant, examHeads, examWordings, examSkips, resultHeads        *phrases
	resultSkips, planHeads, planWordings, problemCues, negQuestions, anyQuestions     *phrases
	anyWords, questionHeads, answerSkips, whenQuestions, howLongQuestions             *phrases
	scaleQuestions, whereQuestions, howOftenQuestions, timeWords, chiefCues           *phrases
	admits, exceptHeads, filler, normal, takes, signs                                 *phrases
	okayTails, allergic, examRepairs, inversions, whatQuestions, worry                *phrases

	beforeKnow, noBreakAfter, patientStarts, clauseStarts map[string]bool
	systems                                               []system
	ros                                                   map[string]int
	topics                                                []topic
}

var _ notegen.Drafter = (*Drafter)(nil)

// New reads the embedded lexicon and weights. It takes some milliseconds.
func New() (*Drafter, error) {
	w, err := readWeights(weightsFile)
	if err != nil {
		return nil, fmt.Errorf("extractive drafter: embedded weights: %v", err)
	}
	d := newRules()
	d.weights = w
	return d, nil
}

// newRules is a drafter without weights.
func newRules() *Drafter {
	d := &Drafter{lex: newLexicon(),
		padding: newPhrases(paddingList), starters: newPhrases(starterList), doctorCues: newPhrases(doctorCueList), patientCues: newPhrases(patientCueList),
		openers: newPhrases(openerList), questionStarts: newPhrases(questionList), announces: newPhrases(announceList),
		answerPadding: newPhrases(answerPaddingList), yesWords: newPhrases(yesList), shortYes: newPhrases(shortYesList), noWords: newPhrases(noList),
		yesAfterNo: newPhrases(yesAfterNoList), contradicts: newPhrases(contradictList),
		leads: newPhrases(leadList), tails: newPhrases(tailList), hedges: newPhrases(hedgeList), wordings: newPhrases(wordingList),
		intro: newPhrases(introList), orders: newPhrases(orderList), painWords: newPhrases(painList), testNames: newPhrases(testList), findingWords: newPhrases(findingList),
		followUp: newPhrases(followUpList), talk: newPhrases(talkList), assistant: newPhrases(assistantList),
		examHeads: newPhrases(examHeadList), examWordings: newPhrases(examWordingList), examSkips: newPhrases(examSkipList),
		resultHeads: newPhrases(resultHeadList), resultSkips: newPhrases(resultSkipList),
		planHeads: newPhrases(planHeadList), planWordings: newPhrases(planWordingList), problemCues: newPhrases(problemCueList),
		negQuestions: newPhrases(negQuestionList), anyQuestions: newPhrases(anyQuestionList), anyWords: newPhrases(anyWordList),
		questionHeads: newPhrases(questionHeadList), answerSkips: newPhrases(answerSkipList),
		whenQuestions: newPhrases(whenList), howLongQuestions: newPhrases(howLongList), scaleQuestions: newPhrases(scaleList),
		whereQuestions: newPhrases(whereList), howOftenQuestions: newPhrases(howOftenList), timeWords: newPhrases(timeList), chiefCues: newPhrases(chiefList),
		admits: newPhrases(admitList), exceptHeads: newPhrases(exceptHeadList), filler: newPhrases(fillerList), normal: newPhrases(normalList), takes: newPhrases(takesList), signs: newPhrases(signList),
		okayTails: newPhrases("okay|ok|all right|alright"), allergic: newPhrases("allergic to|allergy to|allergies to"), examRepairs: newPhrases(examRepairList), inversions: newPhrases(inversionList), whatQuestions: newPhrases("what|which|any|how about|what about"), worry: newPhrases("worried|worry|worries|concern*|afraid|family"),
		beforeKnow: wordSet("do did let as if that how what don't didn't i're"), noBreakAfter: wordSet(noBreakList),
		patientStarts: wordSet(patientStartList), clauseStarts: wordSet(clauseStartList),
	}
	for i, l := range cueLists {
		d.cues[i] = newPhrases(l)
	}
	d.systems, d.ros, d.topics = newSystems(), newROS(), newTopics()
	return d
}

// Draft implements [notegen.Drafter]. It is deterministic: the same
// conversation gives the same bytes, statement ids included.
func (d *Drafter) Draft(ctx context.Context, c review.Conversation) (review.Draft, error) {
	if err := ctx.Err(); err != nil {
		return review.Draft{}, err
	}
	turns := d.turns(c.Transcript)
	words := 0
	for _, t := range turns {
		words += len(t.words)
	}
	if words > maxWords {
		return review.Draft{}, &notegen.PermanentError{Code: notegen.CodeTooLong}
	}
	d.repair(turns)
	bs := d.blocks(turns, d.units(turns))
	if err := ctx.Err(); err != nil {
		return review.Draft{}, err
	}
	d.assign(bs)
	if err := ctx.Err(); err != nil {
		return review.Draft{}, err
	}
	n := newNote(d, c, turns, bs)
	n.compose()
	draft := review.Draft{
		Sections:  n.sections(),
		Omissions: n.omissions(),
		Generator: review.Generator{Drafter: "extractive", Version: Version},
	}
	if len(draft.Sections) == 0 {
		return review.Draft{}, &notegen.PermanentError{Code: notegen.CodeEmpty}
	}
	return draft, ctx.Err()
}
