package spoken

var ones = map[string]int64{
	"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
	"eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
}

var tens = map[string]int64{
	"twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}

var ordinals = map[string]int64{
	"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10,
	"eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16, "seventeenth": 17,
	"eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30,
}

// Ordinal reads "third" as 3.
func Ordinal(w string) (int64, bool) {
	v, ok := ordinals[w]
	return v, ok
}

// IsNumberWord reports whether w can begin a number: "two", "forty",
// "hundred".
func IsNumberWord(w string) bool {
	_, a := ones[w]
	_, b := tens[w]
	return a || b || w == "hundred" || w == "thousand" || w == "million"
}

// Cardinal reads the longest single number that ws begins with: "forty
// five", "a hundred and two", "three thousand". n is how many words it took,
// 0 when ws does not begin with a number. "one twenty" is two numbers here:
// joining them is for the caller.
func Cardinal(ws []string) (v int64, n int) {
	v, n = belowHundred(ws)
	switch {
	case n > 0:
	case len(ws) > 1 && (ws[0] == "a" || ws[0] == "an") && scale(ws[1]) > 0:
		v, n = 1, 1
	case len(ws) > 0 && scale(ws[0]) > 0:
		v = 1
	default:
		return 0, 0
	}
	var total int64
	for n < len(ws) {
		s := scale(ws[n])
		if s == 0 || v == 0 || v >= s {
			break
		}
		v *= s
		n++
		if s > 100 {
			total, v = total+v, 0
		}
		rest := ws[n:]
		skip := 0
		if len(rest) > 1 && rest[0] == "and" {
			skip = 1
		}
		add, m := belowHundred(rest[skip:])
		if m == 0 {
			break
		}
		// "five hundred" then "three thousand" are two numbers.
		if m+skip < len(rest) && scale(rest[m+skip]) > 0 && s <= scale(rest[m+skip]) {
			break
		}
		v += add
		n += skip + m
	}
	return total + v, n
}

func scale(w string) int64 {
	switch w {
	case "hundred":
		return 100
	case "thousand":
		return 1000
	case "million":
		return 1_000_000
	}
	return 0
}

func belowHundred(ws []string) (v int64, n int) {
	if len(ws) == 0 {
		return 0, 0
	}
	if v, ok := ones[ws[0]]; ok {
		return v, 1
	}
	v, ok := tens[ws[0]]
	if !ok {
		return 0, 0
	}
	if len(ws) > 1 {
		if o, ok := ones[ws[1]]; ok && 0 < o && o < 10 {
			return v + o, 2
		}
	}
	return v, 1
}
