package extractive

// cue is a set of things a block's words hint at.
type cue uint16

const (
	cueExam cue = 1 << iota
	cueVitals
	cueResults
	cuePlan
	cueAssess
	cueHistory
	cueChat
	cueExamOn
	cuePlanOn
)

const cueCount = 9

func (d *Drafter) cuesOf(ws []string) cue {
	var c cue
	for i, set := range d.cues {
		if set.in(ws) {
			c |= 1 << i
		}
	}
	return c
}

// cueLists are in the order of the constants.
var cueLists = [cueCount]string{
	"exam|examination|listen to|take a look|auscultation|palpat*|press|does it hurt|does that hurt|does this hurt|deep breath|murmur|tender|tenderness|range of motion|i hear|i do hear|i appreciate|i do appreciate|i feel|i see|i do see|i notice|lungs are|heart is|sound|sounds|clear|capillary|pulse|pulses|swelling|edema|inspection|flexion|extension|strength|sensation|reflex*",
	"vital|vitals|vital signs|blood pressure|heart rate|temperature|oxygen|sat|sats|respiratory rate|bmi|pulse ox",
	"x-ray*|x ray|mri|ct|scan|ekg|echo*|lab|labs|blood work|bloodwork|hemoglobin|a1c|panel|result|results|ultrasound|came back|showed|shows|show me|stress test|biopsy|reviewed|elevated|creatinine|pulmonary function",
	"i'm going to|i am going to|we're going to|we are going to|i'll|i will|we'll|we will|i want to|i want you to|i'd like|i would like|let's|prescri*|refer*|order*|follow up|follow-up|continue|increase|decrease|start|refill|schedule|recommend*|come back|see you back in|see you in|if it|if you|if that|if this|if things|should|physical therapy|milligrams|mg|a day|twice|daily",
	"assessment|first problem|second problem|third problem|next problem|last problem|for your|in terms of your|from a|diagnos*|i think|i believe|consistent with|sounds like you|you have|likely|most likely|concern*|my impression",
	"history of|past medical|present|presents|presenting|year old|year-old|here for|complaint|diagnosed|since|ago|started|last week|last month|last year|last time|last visit|taking|denies|surgery|family|smoke|allerg*|work as",
	"weather|vacation|kid|kids|weekend|game|season|movie|football|nice to see|nice to meet|good to see|good to meet|how are you|thank you|thanks|welcome|bye|take care|have a good|have a great|question|questions|sounds good|dax|dragon|nurse|computer",
	"physical exam|quick exam|examine you|take a look|take a quick look|take a listen|take a quick listen|listen to your|check your heart|check out your heart|check your lungs|do a physical|do a quick exam|do an exam|do my exam|do your exam|my exam|your exam",
	"assessment and plan|assessment and the plan|assessment and my plan|my assessment|my plan|my impression|first problem|next problem|last problem|second problem|third problem|talk about my|talk a little bit about|about the plan|about your plan|here's my plan|here's the plan|what i'd like to do|what i would like to do|so what i'm going to do|so what i am going to do",
}

// The lists below are read by New into phrase sets.
const (
	paddingList = "you know what|you know|i mean|let me see|let's see|let us see|basically|actually|obviously|honestly|like i said|as i said|to be honest|if you will"

	// Words that no new sentence follows: "all of your lungs", "to see".
	noBreakList = "to of at the a an in on with for my your and or but so if that when because than as is are was any no like"

	starterList = "okay|all right|so|now|and then|and so|but|let's|i'm going to|i am going to|i want|i'd like|do you|are you|have you|did you|does it|is it|any other|any fever|any pain|any nausea|any chest|any numb*|how are|how is|how about|how long|how often|how many|how much|how did|how do|how does|how has|how have|what are|what is|what about|what did|what do|what does|what brings|when did|when was|your lungs|your heart|your blood pressure|your x-ray|your vitals|otherwise|in terms of|as far as|and i|and it|and she|and he|and they|and we|and you|and that's|and there's|then i|then we|for your first|for your next|for your second|for your last|for your third"

	doctorCueList = "how are you|what brings you|tell me|any other|do you have any|have you had|have you been|have you tried|have you noticed|have you ever|are you taking|are you having|are you still|did you have|did you get|did you try|did you notice|did you take|on a scale|how long|when did|physical exam|take a look|take a quick look|let's go ahead|let's do|let's talk|let's take|i'm going to|i'm just going to|i am going to|i want you to|i'd like to|i'd like you to|i would like|prescribe|prescription|order|refer you|follow up|assessment|your heart|your lungs|your blood pressure|your abdomen|your x-ray|your labs|your results|your mri|your exam|your vitals|does that sound|any questions|milligrams|hey dragon|hey , dragon|range of motion|tender|we'll|we can|recommend|so you're|i reviewed|i see that|i see here|looks like"

	patientCueList = "my pain|my knee|my back|my shoulder|my stomach|my head|my wife|my husband|my mom|my dad|my daughter|my son|my leg|my foot|my doctor|my primary|my blood|my chest|my arm|my hand|my neck|my hip|my ankle|my diet|my weight|my sugar|my sugars|my medication|my kid|my kids|my family|my job|my work|my throat|my nose|i've been|i have been|i was|i had|i feel|i felt|i just|i don't|i do not|i didn't|i haven't|it hurts|thank you doctor|thanks doctor|i take|i took|i tried|i can't|i got|yes i|no i|yeah i|i'm still|i'm having|i'm doing|i'm feeling|i'm not|i'm pretty|i'm a|i'm worried|i'm okay"

	patientStartList = "yes no yeah nope okay sure thank thanks"

	openerList = "and|so|okay|all right|but|now|well|then|also|right|great|good|yeah|sure|perfect|yes|no worries"

	questionList = "do|does|did|are|is|was|were|have you|have they|have we|has|had you|can you|could you|any|anything|how|what|what's|when did|when was|when you|where|which|who|why|would you|will you|no|on a scale|you're not|you haven't|you don't|you have|you're|you|so you"

	announceList = "i'm going to|i am going to|we'll|let's|looks like|i want|i'd like|we're going to|i think|you need|you should|you can|so you have|showed|shows|which is|i would|your blood|years old|year old"

	answerPaddingList = "well|so|okay|oh|i guess|i mean|actually|um|uh|you know"

	yesList = "yeah|yes|correct|absolutely|definitely|exactly|of course|sure|i do|i have|i am|i did|it does|it is|it did|they are|they do|she does|he does|she has|he has|that's right|that's correct|right|i sure do|a little bit|a little|some|sometimes|a bit"

	shortYesList = "i do|i have|i am|i did|it does|it is|it did|they are|they do|right|sure|a little bit|a little|some|sometimes|a bit|she has|he has"

	noList = "no|none|never|nothing|negative|neither|not really|not at all|not that i|not so far|not yet|not any|not lately|not recently|not since|not right now|not to my|i not|i never|i have not|i have never|i do not|i did not|i am not|it is not|it has not|i don't|i haven't|i didn't|i wasn't|i can't|i couldn't|it doesn't|it isn't|it hasn't|it didn't|they don't|they haven't|he doesn't|he hasn't|he didn't|she doesn't|she hasn't|she didn't|we haven't|we don't|i'm not|i've never|i've not|i've had none"

	yesAfterNoList = "i do|i have|i've had|it does|yeah|yes|i am|but i do|but i have|i did|it is|it has"

	contradictList = "but not|but no|not really|no i|don't|haven't|didn't|never|but now|but it|used to|not anymore"
)
