package templates

import (
	"regexp"
	"strings"
	"testing"
)

func TestSections(t *testing.T) {
	t.Parallel()
	loinc := regexp.MustCompile(`^\d{4,5}-\d$`)
	seen := map[string]bool{}
	for i, s := range Sections() {
		if !loinc.MatchString(s.Code) || !checkDigit(s.Code) {
			t.Errorf("%s: %q is no LOINC code", s.Title, s.Code)
		}
		if seen[s.Code] || s.Title == "" || s.About == "" {
			t.Errorf("section %d is doubled or has no title", i)
		}
		seen[s.Code] = true
		if Position(s.Code) != i || Title(s.Code) != s.Title || !Known(s.Code) {
			t.Errorf("look-up of %s is wrong", s.Code)
		}
	}
	if Known("10167-5") {
		t.Error("10167-5 is in no current value set")
	}
	for _, s := range Drafted(ProgressNote) {
		if s.Code == Assessment || s.Code == Plan {
			t.Error("assessment or plan beside the combined section")
		}
	}
}

// checkDigit is LOINC's mod 10 check (LOINC Users' Guide, Appendix C).
func checkDigit(code string) bool {
	body, check, _ := strings.Cut(code, "-")
	var odd, even string
	for i := range body {
		c := string(body[len(body)-1-i])
		if i%2 == 0 {
			odd = c + odd
		} else {
			even += c
		}
	}
	// Digits in odd places, from the right, are read as one number and
	// doubled; the even ones go before the result.
	n := 0
	for _, c := range odd {
		n = n*10 + int(c-'0')
	}
	n *= 2
	sum := 0
	for ; n > 0; n /= 10 {
		sum += n % 10
	}
	for _, c := range even {
		sum += int(c - '0')
	}
	return (10-sum%10)%10 == int(check[0]-'0')
}
