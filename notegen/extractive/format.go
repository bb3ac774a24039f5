package extractive

import (
	"strings"
)

// written is how words are spelt in a note where speech has no case.
var written = func() map[string]string {
	m := map[string]string{"i": "I", "i'm": "I'm", "i've": "I've", "i'll": "I'll", "i'd": "I'd", "a1c": "A1c", "hba1c": "HbA1c", "b12": "B12", "covid": "COVID", "covid-19": "COVID-19", "x-ray": "X-ray", "x-rays": "X-rays", "xray": "X-ray", "o2": "O2", "spo2": "SpO2", "st": "ST"}
	for w := range strings.FieldsSeq("mri ct ekg ecg copd gerd ibs uti dvt tia adhd ptsd bph nsaid nsaids cbc bmp psa inr tsh ldl hdl bnp esr crp emg eeg bmi cpap mcl acl afib cva icu gi ent lvh jvd hctz rom dka cmp pcp iv uri gfr alt ast bun hiv std hpv emr ehr") {
		m[w] = strings.ToUpper(w)
	}
	m["afib"], m["er"], m["ef"], m["egd"] = "AFib", "ER", "EF", "EGD"
	for w := range strings.FieldsSeq(`monday tuesday wednesday thursday friday saturday sunday january february april june july august september october november december
tylenol motrin advil aleve mobic celebrex voltaren toradol ultram norco percocet neurontin lyrica flexeril robaxin medrol kenalog norvasc toprol coreg entresto lasix demadex bumex
lipitor crestor zetia coumadin eliquis xarelto lovenox plavix glucophage januvia jardiance farxiga ozempic trulicity victoza lantus humalog novolog levemir synthroid ventolin proair advair symbicort
flovent flonase singulair spiriva pulmicort prilosec protonix nexium pepcid zantac carafate reglan zofran miralax colace bentyl imodium augmentin zithromax keflex cipro levaquin bactrim flagyl macrobid valtrex paxlovid tamiflu
zoloft lexapro prozac celexa paxil effexor cymbalta wellbutrin xanax ativan klonopin valium ambien seroquel abilify lamictal topamax keppra depakote imitrex excedrin fioricet adderall ritalin vyvanse concerta
benadryl zyrtec claritin allegra sudafed mucinex robitussin epipen narcan humira enbrel plaquenil fosamax prolia flomax viagra botox suboxone microgynon implanon nexplanon clenil nurofen piriton gaviscon dioralyte chantix lachman mcmurray tinel phalen spurling doppler dragon christmas thanksgiving american english crohn's parkinson's alzheimer's`) {
		m[w] = strings.ToUpper(w[:1]) + w[1:]
	}
	return m
}()

// sentence writes words as one sentence with a capital and a full stop;
// empty when no word is left.
func sentence(ws []string) string {
	for len(ws) > 0 && isPunct(ws[len(ws)-1]) {
		ws = ws[:len(ws)-1]
	}
	for len(ws) > 0 && isPunct(ws[0]) {
		ws = ws[1:]
	}
	if len(ws) == 0 {
		return ""
	}
	s := line(tidyWords(ws))
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// tidyWords drops punctuation that follows punctuation.
func tidyWords(ws []string) []string {
	out := make([]string, 0, len(ws))
	for _, w := range ws {
		if isPunct(w) && w != "(" && w != "-" && len(out) > 0 && isPunct(out[len(out)-1]) {
			continue
		}
		out = append(out, w)
	}
	return out
}

// line joins words with the usual spacing.
func line(ws []string) string {
	var b strings.Builder
	glue := true
	for i, w := range ws {
		switch {
		case w == "%" || w == "," || w == "." || w == ";" || w == ":" || w == "?" || w == ")" || w == "!":
			glue = true
		case w == "+" && i > 0 && isNumeric(ws[i-1]):
			glue = true
		case (w == "-" || w == "/") && i > 0 && i+1 < len(ws):
			b.WriteString(w)
			glue = true
			continue
		}
		if !glue {
			b.WriteByte(' ')
		}
		glue = w == "("
		if x, ok := written[w]; ok {
			w = x
		} else if stem, ok := strings.CutSuffix(w, "'s"); ok && written[stem] != "" {
			w = written[stem] + "'s"
		}
		b.WriteString(w)
	}
	return b.String()
}

// listed joins items: "a", "a and b", "a, b, and c".
func listed(items []string, conj string) string {
	switch len(items) {
	case 0:
		return ""
	case 1:
		return items[0]
	case 2:
		return items[0] + " " + conj + " " + items[1]
	}
	return strings.Join(items[:len(items)-1], ", ") + ", " + conj + " " + items[len(items)-1]
}

func capital(s string) string {
	if s == "" {
		return s
	}
	if x, ok := written[s]; ok {
		return strings.ToUpper(x[:1]) + x[1:]
	}
	first, rest, _ := strings.Cut(s, " ")
	if x, ok := written[first]; ok {
		return strings.TrimSpace(x + " " + line(strings.Fields(rest)))
	}
	s = line(strings.Fields(s))
	return strings.ToUpper(s[:1]) + s[1:]
}
