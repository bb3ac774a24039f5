package spoken

import (
	"strconv"
)

// units after which "one" is a count and not a pronoun.
var units = set("milligram milligrams mg microgram micrograms mcg gram grams unit units cc ccs ml milliliter milliliters millimeter millimeters " +
	"centimeter centimeters inch inches foot feet pound pounds lbs ounce ounces percent degree degrees day days week weeks month months year years " +
	"hour hours minute minutes second seconds time times night nights tablet tablets pill pills puff puffs dose doses drink drinks glass glasses " +
	"pack packs beer beers mile miles cup cups point points")

func set(s string) map[string]bool {
	m := map[string]bool{}
	start := 0
	for i := 0; i <= len(s); i++ {
		if i == len(s) || s[i] == ' ' {
			if i > start {
				m[s[start:i]] = true
			}
			start = i + 1
		}
	}
	return m
}

// IsUnit reports whether w is a unit, a span of time or a form of dose.
func IsUnit(w string) bool { return units[w] }

// Digits rewrites the spoken numbers of one sentence: "one twenty over
// eighty" to 120/80, "twenty milligrams" to 20 mg, "two and a half" to 2.5,
// "fifty year old" to 50-year-old, "three out of six" to 3/6. Words are lower
// case; punctuation is words of its own. The pronoun "one" stays. A word that
// is not part of a number is returned as it came.
func Digits(ws []string) []string {
	out := make([]string, 0, len(ws))
	for i := 0; i < len(ws); {
		v, n := join(ws[i:])
		if n == 0 || n == 1 && ws[i] == "one" && !(i+1 < len(ws) && (units[ws[i+1]] || ws[i+1] == "out" || ws[i+1] == "plus" || ws[i+1] == "over" || ws[i+1] == "point")) {
			out = append(out, ws[i])
			i++
			continue
		}
		out = append(out, v)
		i += n
	}
	return compound(out)
}

// join reads a number whose parts are said one after another: "one twenty"
// 120, "one oh five" 105, "nineteen ninety five" 1995, "nine one one" 911.
func join(ws []string) (string, int) {
	if len(ws) > 0 && (ws[0] == "and" || ws[0] == "oh") {
		return "", 0
	}
	a, n := Cardinal(ws)
	if n == 0 {
		return "", 0
	}
	text := strconv.FormatInt(a, 10)
	rest := ws[n:]
	if len(rest) > 1 && (rest[0] == "oh" || rest[0] == "zero") && a < 100 && a > 0 {
		if b, ok := ones[rest[1]]; ok && 0 < b && b < 10 {
			return text + "0" + strconv.FormatInt(b, 10), n + 2
		}
	}
	b, m := belowHundred(rest)
	switch {
	case m == 0 || b < 10 && a >= 10:
	case 0 < a && a < 10 && n == 1 && b >= 10, 18 <= a && a <= 20 && b >= 10 && n == 1 && !followed(rest[m:]):
		return text + strconv.FormatInt(b, 10), n + m
	case 0 < a && a < 10 && b < 10:
		// Three or more single digits in a row are one number; two are not:
		// "one two" may be "one or two".
		digits := text
		k := n
		for k < len(ws) {
			d, ok := ones[ws[k]]
			if !ok || d > 9 {
				break
			}
			digits += strconv.FormatInt(d, 10)
			k++
		}
		if len(digits) >= 3 {
			return digits, k
		}
	}
	return text, n
}

// followed reports whether a unit comes next: "twenty ten minutes" is no year.
func followed(ws []string) bool { return len(ws) > 0 && units[ws[0]] }

// compound joins numbers with the words between them.
func compound(ws []string) []string {
	out := ws[:0:len(ws)]
	at := func(i int) string {
		if i >= 0 && i < len(ws) {
			return ws[i]
		}
		return ""
	}
	last := func() string {
		if len(out) == 0 {
			return ""
		}
		return out[len(out)-1]
	}
	for i := 0; i < len(ws); i++ {
		w := ws[i]
		prev := last()
		switch {
		case (w == "point" || w == ".") && plain(prev) && plain(at(i+1)) && len(at(i+1)) <= 2:
			out[len(out)-1] = prev + "." + at(i+1)
			i++
		case w == "point" && plain(at(i+1)) && !beforePoint[prev]:
			out = append(out, "0."+at(i+1))
			i++
		case w == "over" && plain(prev) && plain(at(i+1)):
			out[len(out)-1] = prev + "/" + at(i+1)
			i++
		case w == "out" && at(i+1) == "of" && plain(prev) && plain(at(i+2)):
			out[len(out)-1] = prev + "/" + at(i+2)
			i += 2
		case w == "out" && at(i+1) == "of" && at(i+2) == "a" && plain(prev) && plain(at(i+3)):
			out[len(out)-1] = prev + "/" + at(i+3)
			i += 3
		case w == "plus" && plain(prev) && len(prev) == 1:
			out[len(out)-1] = prev + "+"
		case w == "and" && at(i+1) == "a" && at(i+2) == "half" && plain(prev):
			out[len(out)-1] = prev + ".5"
			i += 2
		case (w == "milligram" || w == "milligrams") && isNumber(prev):
			out = append(out, "mg")
		case (w == "microgram" || w == "micrograms") && isNumber(prev):
			out = append(out, "mcg")
		case (w == "percent" || w == "%") && isNumber(prev):
			out[len(out)-1] = prev + "%"
		case w == "-" && plain(prev) && (at(i+1) == "year" || at(i+1) == "years"):
			// The hyphens of "50-year-old" are put in below.
		case (w == "year" || w == "years") && plain(prev) && (at(i+1) == "old" || at(i+1) == "-" && at(i+2) == "old"):
			out[len(out)-1] = prev + "-year-old"
			if i++; at(i) == "-" {
				i++
			}
		default:
			out = append(out, w)
		}
	}
	return out
}

// beforePoint are words after which "point" is no decimal point.
var beforePoint = set("this that some the at which what any every pressure focal tender trigger")

// plain reports whether s is digits only.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func isNumber(s string) bool { return s != "" && '0' <= s[0] && s[0] <= '9' }
