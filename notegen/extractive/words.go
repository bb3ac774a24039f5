package extractive

// Patterns of [phrases]; "=>" gives the wording that replaces one.
const (
	// leadList is dropped at the beginning. Nothing that carries polarity,
	// side or certainty is in it.
	leadList = "no but|no , but|understood|yeah|yes|yep|yup|okay|ok|all right|well|so|and|but|then|now|also|sure|great|good|perfect|oh|like|just|correct|absolutely|exactly|definitely|fine|thanks|thank you|sorry|i guess|it is like|because|sounds good|excellent|wonderful|nice|awesome|that is great|that's great|that is good|that's good|let me tell you|hey|hi|hello|of course|gotcha|got it|i see|i understand|too|though|anyway|alright|as well|again|very good|very well|lovely|brilliant|cool|wow|that's right|that's fine|fair enough|mm|i was like|the thing is|it's just that|it's just"

	tailList = "okay|all right|alright|you know|so|and|but|though|or|or anything like that|anything like that|and stuff|and things like that|stuff like that|or something|or something like that|or anything|does that sound good|sound good|sounds good|does that sound okay|is that okay|is that all right|does that make sense|then|because|too|as|to|of|the|a|at all|if that's okay|if that is okay|for me|for you|right|yeah|please|and all that|and so|and then|obviously|i guess|i think so|which is|that is|that|see|alrighty"

	hedgeList = "kind of|sort of|basically|just|really|actually|pretty much|definitely|certainly|go ahead and|of course|as well|, okay|right now|at this time|at this point|you see|i would say|i guess|i feel like|all right|, like ,=>,|yeah|kinda|literally|a little bit of=>a little|anyway"

	clauseStartList = "i it we they he she it's i'm i've i'd he's she's they're we're that's that there's there just not no"

	// wordingList makes wording fit for a note without changing what is said.
	wordingList = "has got=>has|have got=>have|is going to=>will|are going to=>will|x ray=>x-ray|x rays=>x-rays|belly button=>belly button|belly pain=>abdominal pain|tummy pain=>abdominal pain|belly=>abdomen|tummy=>abdomen|throwing up=>vomiting|threw up=>vomited|twice a day=>twice daily|once a day=>once daily|two times a day=>twice daily|2 times a day=>twice daily|three times a day=>three times daily|3 times a day=>3 times daily|every day=>daily|each day=>daily|mg a day=>mg daily|mg per day=>mg daily|mg once a day=>mg daily|mcg a day=>mcg daily|pcp=>PCP|peeing=>urinating|poop=>stool|pooping=>bowel movements|high blood pressure=>hypertension|mom=>mother|dad=>father|there is been=>there has been|it is been=>it has been|it is only been=>it has only been|it is just been=>it has just been|that is been=>that has been"

	introList = "year old|year-old|history of|presents|presenting|past medical|here for evaluation|_-year-old"

	orderList = "prescri*|order*|refer*|i want you|continue|milligram*|mg|follow up|follow-up|increase|decrease|start you on|recommend*|schedule|physical therapy|refill|i'd like you to|i would like you to|i'm going to give|i'm going to send|i'm going to put you|we'll get|we'll check"

	painList = "hurt*|pain|painful|feel|push|press|tender*|sore"

	testList = "x-ray*|x ray|x rays|mri|ct|ekg|ecg|echo*|lab|labs|blood work|bloodwork|hemoglobin|a1c|panel|result|results|ultrasound|test|tests|biopsy|creatinine|cholesterol|urinalysis|colonoscopy|mammogram|scan|pulmonary function|white blood cell|hematocrit|platelets|troponin|glucose"

	findingList = "show|shows|showed|showing|normal|came back|elevated|reviewed|looks|looked|evidence|positive|negative|results of|is at _|was at _|is _ point|fracture|mild|moderate|severe|unremarkable|stable|consistent with|low|high|improved|decreased|increased|abnormal|within normal"

	followUpList = "follow up|follow-up|follow up with|see you back|see you in|see her back|see him back|see you again|come back|return|recheck|in _ weeks|in _ months|in _ days|in a week|in a month|call me|call the office|call us|give us a call|give me a call|go to the emergency|emergency room|emergency department|next visit|next appointment|touch base|message me|let me know if|if it gets worse|if symptoms"

	talkList = "thank you|thanks|you're welcome|how are you|nice to see|nice to meet|good to see|good to meet|tell dax|dax|dragon|any questions|do you have any questions|take care|have a good|have a great|have a nice|bye|goodbye|see you then|finalize|sounds good|does that sound|is that okay|glad to hear|happy to hear|sorry to hear|no problem|i'll be right|just relax|hop up|follow my finger|deep breath|let me know if you have|let me know what|how does that|make sense|go over|let me|my name is|can you|could you|would you|tell me|do me a favor|i love|good luck|be right back|look at that|let's see|let us see|congratulations|what i want to do|i know that|i know you|i know the|i know she|i know he|confirm|next question|talk about|what that means|please summarize|take a look|take a listen|for joining|nurse said|that's awesome|i have some questions|ask you|i am hoping|i hear you|give me a second|i'm glad|i am glad|glad that"

	assistantList = "hey dragon|hey , dragon|hey dragon ,|hey , dragon ,|dragon ,|okay dragon"

	examHeadList = "on exam|on examination|on your exam|on her exam|on his exam|on their exam|on physical exam|on your physical exam|on her physical exam|on his physical exam|on my exam|on my examination|on the physical exam|for your exam|for her exam|exam|so on exam|physical exam|with my exam|on your physical examination|for my exam|looking at|on her _ exam|on his _ exam|on their _ exam|on your _ exam|for her _ exam|for his _ exam|listening to|i am listening to"

	examWordingList = "i do appreciate=>there is|i appreciate=>there is|i do hear=>there is|i hear=>there is|i can hear=>there is|i do see=>there is|i see=>there is|i can see=>there is|i also see=>there is|i do notice=>there is|i notice=>there is|i do feel=>there is|i feel=>there is|i can feel=>there is|i do not hear=>there is no|i do not see=>there is no|i do not appreciate=>there is no|i do not feel=>there is no|i am not hearing=>there is no|i do not notice=>there is no|i am hearing=>there is|i am seeing=>there is|i am feeling=>there is|looks like=>|it looks like=>|it sounds like=>|it seems like=>|she has=>there is|he has=>there is|the patient has=>there is|she does have=>there is|he does have=>there is|the patient does have=>there is|there is that=>"

	examRepairList = "no any=>no|there is these=>there are these|there is some of=>there are some of|there is there is=>there is"

	examSkipList = "i'm going to|i am going to|let me|let's|let us|can you|could you|does that hurt|does it hurt|does this hurt|how about|tell me|any pain when|any pain here|i want to|i'm just going to|i'll|i will|go ahead and|okay if|want to take|i'd like|would you|take a deep|we'll|if i|and when i|hop up|lie down|sit up|relax|do me"

	resultHeadList = "i reviewed|i looked at|i did review|i have reviewed|i have|looking at|i also reviewed|we reviewed|we looked at|here is the|here's the|here is|here's|here ,|this is the result of|this is the results of|these are the results of|here are the results of|the results of|so this is|let us look at|i took a look at|i was looking at"

	resultSkipList = "look at|look over|show me|pull up|go over|let me|we'll|we will|i'm going to|let's|going to order|i want|i'd like|order|schedule|we need"

	planHeadList = "what i would like to do is|what i'd like to do is|what i want to do is|what i am going to do is|what i'm going to do is|what we are going to do is|what we're going to do is|what we will do is|we will do is|what i would recommend is|what i will do is|what we can do is|the first thing is|first of all|first|in the meantime|at this time|otherwise|the plan is"

	planWordingList = "i am going to=>we will|i am also going to=>we will also|i am just going to=>we will|we are going to=>we will|we are also going to=>we will also|i want to=>we will|i also want to=>we will also|i do want to=>we will|i would like to=>we will|i would also like to=>we will also|i would recommend=>I recommend|i need to=>we will|i will=>we will|i will also=>we will also|we want to=>we will|we need to=>we will|we would like to=>we will|we will see about=>we will|see about=>|, again ,=>,|again=>|would want to=>will|do not feel the need to=>will not|do not think we need to=>will not|do need to=>need to|i think we should=>we should"

	problemCueList = "for|in terms of|as far as|regarding|with regard to|with regards to|about|from a|from an|from the|from her|from his|from their|when it comes to"

	negQuestionList = "no|you do not have|you have not had|you have not noticed|you have not been having|you are not having|you have not|not having any|not having|she has not had|he has not had"

	anyQuestionList = "any|any other|any symptoms like|any symptoms such as|any other symptoms like|any issues with|any problems with|any history of|have you had any|have you had|have you noticed any|have you noticed|have you been having|have you been having any|have you experienced|have you experienced any|have you felt|are you having any|are you having|are you experiencing|are you experiencing any|do you have any|do you have|do you get|do you get any|do you feel|do you notice|do you notice any|do you experience|did you have|did you have any|did you notice|did you feel|did you get|does she have|does he have|does she have any|does he have any|is she having|is he having|has she had|has he had|has she had any|has he had any|suffer from|suffering from"

	anyWordList = "or anything like that=>|anything like that=>|anything else=>|any of that=>|any of those=>|any of those symptoms=>|at all=>|today=>|recently=>|lately=>|or any=>or|and any=>or|symptoms like=>|symptoms such as=>|things like=>|other symptoms=>symptoms|with you=>|with that=>|for you=>|ever=>|like=>|, or ,=>, or"

	questionHeadList = "any|and|or|how about|what about|no|other|so|then|okay|still|also|now|what of|you"

	answerSkipList = "questions|okay with|sound|sounds|make sense|see you|call me|remember me|does that hurt|does this hurt|does it hurt|hurt when i|when i push|when i press|pain when|hurt here|right here|feel this|feel that|is that all right|sign|consent|date of birth|your name|confirm|can i|could i|may i|would you like|want me to|can you|would you mind|okay if|do you think|you think|what about here|how about here|happy with|anything else you|ready"

	whenList      = "when did|when was|when were|when's|how long ago|when it started|since when"
	howLongList   = "how long|how many days|how many weeks|how many months"
	scaleList     = "scale|rate|1 to 10|one to ten|0 to 10|zero to ten|how bad|how severe|out of ten|out of 10"
	whereList     = "where|which|what part|whereabouts"
	howOftenList  = "how often|how many|how much|how frequently"
	inversionList = "have you|did you|do you|are you|were you|is it doing|how is|how are|how's|can you|could you|would you|what do|what did|what have|tell me|is there any|have we|is it|does it|does that|has it|are there any|is that"

	timeList = "day|days|week|weeks|month|months|year|years|yesterday|today|ago|morning|night|hour|hours|minute|minutes|daily|time|times|since|last|always|monday|tuesday|wednesday|thursday|friday|saturday|sunday|january|february|april|june|july|august|september|october|november|december|weekend"

	chiefList = "complaining of|complaint of|complain of|complains of|presents with|presents for|presents because of|presents here with|presents here for|presents here today with|presents here today for|presents to the clinic with|presents today for|presents today with|presenting with|presenting for|presents to the office with|presents to the office for|here for|here today for|here because of|here with|here today with|here to see me for|here to discuss|came in for|came in with|come in for|come in with|coming in for|coming in with|come in today for|came in today for|coming in today for|coming in today with|in for|in today for|evaluation of|follow-up of|follow-up on|follow-up for|follow up of|follow up on|follow up for|having some|having a lot of|you're having|come in with some|here for a|here for an|here for your|presents for her|presents for his|referred for|chief complaint of|chief complaint is"
)
