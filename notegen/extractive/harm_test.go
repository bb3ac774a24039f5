package extractive

import (
	"slices"
	"strings"
	"testing"

	"countersign/notegen/drafttest"
	"countersign/notegen/templates"
	"countersign/review"
)

// TestWrongWordsAreNotWritten holds conversations of which an earlier draft
// said something wrong. want and forbid are compared in lower case with the
// whole draft; wantIn names a section the wanted words must stand in.
func TestWrongWordsAreNotWritten(t *testing.T) {
	t.Parallel()
	d, p, g := review.RoleClinician, review.RolePatient, review.RoleCaregiver
	talk := func(lines ...any) []drafttest.Line {
		var out []drafttest.Line
		for i := 0; i < len(lines); i += 2 {
			out = append(out, drafttest.Line{Role: lines[i].(review.Role), Text: lines[i+1].(string)})
		}
		return out
	}
	// Before and behind every case, so that it stands in a visit.
	after := talk(d, "Let me take a look at you.", p, "Okay.", d, "There is mild swelling of the left knee.", p, "Okay.", d, "I want you to rest it and we'll see you back in 4 weeks.", p, "Sounds good.")
	before := talk(d, "What brings you in today?", p, "I've had pain in my left knee for two weeks.")
	for _, tt := range []struct {
		name         string
		talk         []drafttest.Line
		sex          review.Sex
		want, forbid []string
		wantIn       string
	}{
		{"an exception to no is no denial",
			talk(d, "Are you allergic to anything?", p, "No, just penicillin."), "",
			[]string{"penicillin"}, []string{"not allergic", "denies allerg", "denies any allerg", "denies penicillin"}, templates.Allergies},
		{"an exception in the next turn is no denial",
			talk(d, "Do you have any allergies?", p, "No.", d, "Okay.", p, "Just penicillin."), "",
			[]string{"penicillin"}, []string{"not allergic", "denies allerg", "no allerg"}, templates.Allergies},
		{"only what the answer names is denied",
			talk(d, "Any chest pain or shortness of breath?", p, "No chest pain. A little short of breath on stairs."), "",
			[]string{"denies chest pain", "short of breath on stairs"}, []string{"denies chest pain or shortness", "denies shortness", "or shortness of breath"}, ""},
		{"one of two named is one denied",
			talk(d, "Any numbness or tingling?", p, "No numbness."), "",
			[]string{"denies numbness."}, []string{"tingling"}, ""},
		{"no but",
			talk(d, "Have you had any fever, chills or night sweats?", p, "no fever but i do get night sweats"), "",
			[]string{"denies fever", "does get night sweats"}, []string{"chills", "denies night", "or night sweats"}, ""},
		{"no but with nouns",
			talk(d, "Do you have other symptoms such as weight loss, constipation, vomiting?", p, "No vomiting but constipation and weight loss."), "",
			[]string{"denies vomiting", "reports constipation and weight loss"}, []string{"denies constipation", "denies weight", "or weight loss"}, ""},
		{"no to one and some of the other",
			talk(d, "Have you had any fever or chills?", p, "no fever some chills and i'm in so much pain i can't eat"), "",
			[]string{"denies fever", "some chills"}, []string{"denies chills", "or chills"}, ""},
		{"a place that was asked for is not left out",
			talk(d, "Any pain over your eyes?", p, "No.", d, "Any swelling in your legs?", p, "No."), "",
			[]string{"swelling in their legs"}, []string{"denies pain.", "denies swelling."}, ""},
		{"not much is some",
			talk(d, "Any shortness of breath?", p, "I haven't had much shortness of breath lately."), "",
			nil, []string{"denies shortness", "denies much"}, ""},
		{"the name of a thing is whole",
			talk(d, "Any chest pain or shortness of breath?", p, "No."), "",
			[]string{"denies chest pain or shortness of breath", "respiratory: denies shortness of breath.", "cardiovascular: denies chest pain."}, nil, ""},
		{"a place is of everything before it",
			talk(d, "Any weakness or numbness in your legs?", p, "No."), "",
			[]string{"numbness in their legs"}, []string{"denies weakness.", "denies numbness or weakness."}, ""},
		{"no and then a finding",
			talk(d, "Any problems with your bowels, any constipation?", p, "No, I had diarrhea last week."), "",
			[]string{"diarrhea last week"}, []string{"denies constipation or diarrhea", "denies diarrhea"}, ""},
		{"a repair is no denial",
			talk(d, "Do you have any chest pain?", p, "No, well, sometimes when I run."), "",
			nil, []string{"denies chest pain", "denies any chest pain"}, ""},
		{"apart from",
			talk(d, "Do you take any medications?", p, "No, apart from ibuprofen."), "",
			[]string{"ibuprofen"}, []string{"does not take", "denies"}, ""},
		{"an allergy named earlier outlives a later no",
			talk(p, "I'm allergic to penicillin.", d, "Do you have allergies to any kind of cats or dogs?", p, "Not that I know of, I've been around dogs and cats."), "",
			[]string{"allergic to penicillin"}, []string{"denies allerg", "denies any allerg"}, templates.Allergies},
		{"a question of the family is not of the patient",
			talk(d, "Does anyone in your family have any migraines?", p, "No.", d, "Any brain cancer?", p, "No."), "",
			nil, []string{"denies migraine", "denies any migraine", "denies brain", "denies any brain", "denies mentioned"}, ""},
		{"a relative asked for by pronoun",
			talk(d, "Your mother has diabetes, has she had a stroke?", p, "No."), "",
			nil, []string{"denies stroke", "she has not had"}, ""},
		{"a family history answered",
			talk(d, "Do you have any family history of diabetes?", p, "No."), "",
			[]string{"no family history of diabetes"}, []string{"denies diabetes"}, templates.FamilyHistory},
		{"what the clinician treats is not denied",
			talk(d, "Any migraine?", p, "No.", d, "Okay. For your migraine, I want to start you on topiramate 25 milligrams a day.", p, "Okay."), "",
			nil, []string{"denies migraine", "denies any migraine"}, ""},
		{"issues with a disease are not the disease",
			talk(d, "Okay, so no issues with the migraine?", p, "None whatsoever."), "",
			nil, []string{"denies migraine", "denies the migraine"}, ""},
		{"a medicine for a symptom does not ask for the symptom",
			talk(d, "Have you taken anything for the wheeze?", p, "No."), "",
			nil, []string{"denies wheez", "denies the wheez", "denies anything"}, ""},
		{"a finding reported later is not denied before",
			talk(d, "Any headaches?", p, "No.", d, "Anything else?", p, "I've had a bad headache every morning this week."), "",
			[]string{"headache"}, []string{"denies headache", "denies any headache"}, ""},
		{"a question is no fact",
			talk(d, "Was it throbbing, or was it more of a sharp pain?", p, "Yeah."), "",
			nil, []string{"throbbing", "or was it", "sharp"}, ""},
		{"two questions and one no",
			talk(d, "Have you lost some weight or are you at least putting on muscle?", p, "No."), "",
			nil, []string{"or are", "has not lost", "are him"}, ""},
		{"a question begun twice is asked once",
			talk(d, "Have you, are you currently working at the moment?", p, "Yes."), "",
			nil, []string{"has, are", "have, are"}, ""},
		{"yes to two is for the one that is named",
			talk(d, "Any redness or swelling?", p, "Yes, swelling, no redness."), "",
			[]string{"swelling"}, []string{"reports redness", "redness and swelling", "and redness"}, ""},
		{"the side is kept",
			talk(d, "Okay, let me examine you. Your lungs have crackles on the right.", p, "Okay.", d, "Your heart is regular with no murmur."), "",
			[]string{"crackles on the right"}, nil, templates.Exam},
		{"a drug the patient takes",
			talk(d, "Any regular medications?", p, "Um I take the pill, Microgynon."), "",
			[]string{"microgynon"}, nil, templates.Medications},
		{"chart and talk disagree on the sex",
			talk(d, "This is a 61-year-old male with a history of hypertension who presents with knee pain.", p, "My knee hurts when I walk and I have swelling."), review.SexFemale,
			[]string{"the patient"}, []string{" she ", " he ", " her ", "she "}, ""},
		{"the described sex rules where the chart is silent",
			talk(d, "This is a 61-year-old male with a history of hypertension.", p, "I have swelling in my knee.", d, "Did your wife drive? She is kind, tell her I said so. She looks after you, her and the kids.", p, "I take ibuprofen for it."), "",
			nil, []string{"she takes", "she has", "her knee"}, ""},
		{"talk is no finding",
			talk(d, "Okay, let me examine you. Your lungs are clear.", p, "Thank you.", d, "My pleasure. For example. I hope that puts the mind at ease.", p, "They are, yes.", p, "I have some body aches because I think I."), "",
			nil, []string{"pleasure", "for example", "at ease", "they are", "thinks she.", "thinks the patient."}, ""},
		{"a name is no heading",
			talk(d, "Hi, you're here for a right eye twitch, Karen?", p, "Yes.", d, "I'm going to order an MRI of the brain and refer you to neurology.", p, "Okay."), "",
			nil, []string{"karen"}, ""},
		{"a caregiver's no with an exception",
			talk(d, "Has she had any fever or vomiting?", g, "No vomiting, but she had a fever last night."), "",
			[]string{"denies vomiting", "fever last night"}, []string{"denies fever", "or fever"}, ""},
		{"a plain no still denies",
			talk(d, "Any fever or chills?", p, "No, not at all."), "",
			[]string{"denies fever or chills"}, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := conversation(slices.Concat(before, tt.talk, after)...)
			c.Context.Sex = tt.sex
			got := drafted(t, c)
			all := ""
			for _, s := range templates.Sections() {
				all += got[s.Code]
			}
			all = strings.ToLower(all)
			for _, w := range tt.want {
				if !strings.Contains(all, w) {
					t.Errorf("no %q in:\n%s", w, all)
				}
				if tt.wantIn != "" && !strings.Contains(strings.ToLower(got[tt.wantIn]), w) {
					t.Errorf("no %q in %s:\n%s", w, templates.Title(tt.wantIn), got[tt.wantIn])
				}
			}
			for _, f := range tt.forbid {
				if strings.Contains(all, f) {
					t.Errorf("%q in:\n%s", f, all)
				}
			}
		})
	}
}
