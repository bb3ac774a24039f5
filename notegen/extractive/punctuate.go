package extractive

// once drops a word that contractions, once written out, show to be said
// twice: "it it's" is "it it is".
func once(ws []string) []string {
	out := ws[:0:0]
	for i, w := range ws {
		next := i + 1
		if next+1 < len(ws) && ws[next] == "," {
			next++
		}
		if next < len(ws) && ws[next] == w && !isNumeric(w) && !isPunct(w) && w != "had" && w != "that" {
			continue
		}
		if w == "," && len(out) > 0 && i+1 < len(ws) && (noComma[out[len(out)-1]] || out[len(out)-1] == ws[i+1]) {
			continue
		}
		out = append(out, w)
	}
	return out
}

// noComma are words after which a pause is no comma.
var noComma = wordSet("a an the in of to is was are were with for about on my her his their that at as has have had and or not been very so some no")

// commaBefore are openings of a clause in a list of findings.
var commaBefore = newPhrases("there is|there are|the pulse|her pulse|his pulse|their pulse|pulse is|the respirations|respirations are|blood pressure is|the blood pressure is|the heart rate|heart rate is|oxygen is|the oxygen|the temperature|which|we will|he will|she will|but|no evidence|no effusion|no pain|no edema|no murmur|no swelling|no tenderness|no wheezes|he has|she has|the lungs|the heart|the abdomen")

// punctuate puts commas between the clauses of a long sentence in which a
// recogniser set no punctuation.
func punctuate(ws []string) []string {
	for _, w := range ws {
		if isPunct(w) && w != "-" {
			return ws
		}
	}
	if len(ws) < 12 {
		return ws
	}
	out := make([]string, 0, len(ws)+4)
	for i, w := range ws {
		if _, n := commaBefore.at(ws, i); n > 0 && i > 3 && !noCommaBefore[ws[i-1]] {
			out = append(out, ",")
		}
		out = append(out, w)
	}
	return out
}

var noCommaBefore = wordSet("and that if because when so but or since as think while until unless though then with of to on in for the a is was are not check see says said know believe means mean where what after before also her his their show shows showed revealed reveals has have")
