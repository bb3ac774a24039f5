package extractive

import "countersign/notegen/templates"

// system is a body system under which findings are grouped.
type system struct {
	name  string
	words *phrases
}

// newSystems: the last takes what names no system.
func newSystems() []system {
	return []system{
		{"Constitutional", newPhrases("distress|well developed|general appearance|well-appearing|in general")},
		{"Neck", newPhrases("neck is supple|your neck|the neck|thyroid*|lymph|lymph nodes|carotid*|bruit|bruits|jvd|jugular|lymphadenopathy|adenopathy")},
		{"HEENT", newPhrases("ear|ears|eye|eyes|pupil*|throat|tonsil*|nose|sinus*|mouth|oral|pharyn*|conjunctiv*|scalp|tympanic|turbinates|nares")},
		{"Respiratory", newPhrases("lung|lungs|breath|wheez*|rhonchi|rales|crackle*|respirat*")},
		{"Cardiovascular", newPhrases("heart|murmur*|gallop*|rhythm|edema|cardi*|pitting|pulse|pulses")},
		{"Gastrointestinal", newPhrases("abdom*|belly|bowel|liver|spleen|guarding|rebound|hernia|stomach")},
		{"Genitourinary", newPhrases("cva|flank|prostate|pelvic|cervix|uter*")},
		{"Skin", newPhrases("skin|rash|lesion*|erythema|redness|bruis*|ecchymos*|wound|incision|mole|laceration")},
		{"Neurological", newPhrases("neuro*|reflex*|sensation|cranial|gait|cerebell*|tremor*|romberg|alert|speech|coordination|nystagmus|hallpike")},
		{"Psychiatric", newPhrases("mood|affect|psych*")},
		{"Musculoskeletal", nil},
	}
}

// systemOf is the system named first in ws.
func (d *Drafter) systemOf(ws []string) int {
	best, at := len(d.systems)-1, len(ws)
	for i, s := range d.systems {
		if s.words == nil {
			continue
		}
		if j, n := s.words.find(ws); n > 0 && j < at {
			best, at = i, j
		}
	}
	return best
}

// rosSystems of the review of systems with their symptoms.
var rosSystems = [...][2]string{
	{"Constitutional", "fever|chills|night sweats|sweating|fatigue|weakness|malaise|weight loss|weight gain|loss of appetite|insomnia"},
	{"Ears, nose, mouth and throat", "sore throat|runny nose|rhinorrhea|sneezing|hoarseness|nasal congestion|congestion|tinnitus|ringing|hearing loss|dysphagia"},
	{"Eyes", "blurry vision|vision changes|double vision"},
	{"Cardiovascular", "chest pain|chest tightness|palpitations|leg swelling|syncope"},
	{"Respiratory", "cough|shortness of breath|wheezing|sputum|phlegm"},
	{"Gastrointestinal", "nausea|vomiting|diarrhea|constipation|bloating|heartburn|gerd|abdominal pain|bloody stool|blood in stool|melena|cramping"},
	{"Genitourinary", "dysuria|burning|urinary frequency|urgency|hematuria|incontinence|discharge"},
	{"Musculoskeletal", "joint pain|back pain|knee pain|neck pain|shoulder pain|wrist pain|hip pain|ankle pain|foot pain|elbow pain|muscle aches|stiffness|swelling"},
	{"Skin", "rash|itching|hives|bruising|redness|lump"},
	{"Neurological", "headache|migraine|dizziness|lightheadedness|numbness|tingling|tremor|seizure|confusion|memory loss|vertigo"},
	{"Psychiatric", "depression|anxiety|stress|suicidal ideation|homicidal ideation"},
}

func newROS() map[string]int {
	m := map[string]int{}
	for i, s := range rosSystems {
		for _, ps := range newPhrases(s[1]).exact {
			for _, p := range ps {
				m[sentenceText(p.words)] = i
			}
		}
	}
	return m
}

// rosNames are lay words for concepts that read oddly.
var rosNames = map[string]string{"gerd": "acid reflux"}

// topic is a section of the history that its words tell.
type topic struct {
	code  string
	words *phrases
	// needs is a kind of term that must be there, empty for none.
	needs string
}

// newTopics: the first that matches wins.
func newTopics() []topic {
	return []topic{
		{templates.Allergies, newPhrases("allergic to|allergies to|drug allergies|any allergies|no allergies|known allergies|medication allergies|no known drug|allergy to|are you allergic|allergies to medication*"), ""},
		{templates.FamilyHistory, newPhrases("family history|runs in the family|run in the family|my mother had|my father had|my mom had|my dad had|my mother has|my father has|my dad has|my mom has|my brother had|my sister had|my brother has|my sister has|my grandmother|my grandfather|my father's had|my mother's had|in the family|anybody in your family|anyone in your family|any family"), ""},
		{templates.Immunizations, newPhrases("vaccine|vaccines|vaccinated|vaccination*|flu shot|immunized|immunization*|booster|tetanus shot|pneumonia shot"), ""},
		{templates.Procedures, newPhrases("had surgery|surgeries|previous surgery|past surgical|surgical history|surgery on|appendectomy|cholecystectomy|hysterectomy|tonsillectomy|knee replacement|hip replacement|had a stent|bypass surgery|gallbladder removed|appendix removed|tonsils removed|lumpectomy|mastectomy|had my gallbladder|had my appendix|any surgeries|gastric bypass|had a colonoscopy|open heart|c-section|transplant surgery"), ""},
		{templates.SocialHistory, newPhrases("smoke|smoker|smoking|smoked|tobacco|cigarette*|vape|vaping|alcohol|drink at all|drinks a week|drinks a day|drinks per|glass of wine|glasses of wine|beers|recreational drugs|marijuana|illicit|work as|works as|working as|retired|for a living|occupation|married|lives with|live with|lives alone|live alone|divorced|widowed"), ""},
		{templates.Medications, newPhrases("taking|take|takes|took|been on|on my|i'm on|using|use|prescribed|currently on|medications|mg|milligrams|inhaler"), "drug"},
	}
}
