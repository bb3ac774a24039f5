package spoken

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDigits(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"blood pressure was one twenty over eighty": "blood pressure was 120/80",
		"one forty two over ninety":                 "142/90",
		"a hundred and two":                         "102",
		"two hundred and fifty milligrams":          "250 mg",
		"twenty milligrams a day":                   "20 mg a day",
		"two and a half weeks":                      "2.5 weeks",
		"in nineteen ninety five":                   "in 1995",
		"since twenty twenty one":                   "since 2021",
		"two thousand and four":                     "2004",
		"nine one one":                              "911",
		"one oh five":                               "105",
		"ninety eight point six":                    "98.6",
		"a point five centimeter stone":             "a 0.5 centimeter stone",
		"at this point five":                        "at this point 5",
		"three out of six":                          "3/6",
		"seven out of a ten":                        "7/10",
		"one plus pitting edema":                    "1+ pitting edema",
		"forty five %":                              "45%",
		"fifty year old":                            "50-year-old",
		"50 - year - old":                           "50-year-old",
		"this one is fine":                          "this one is fine",
		"one tablet":                                "1 tablet",
		"one or two":                                "one or 2",
		"three thousand five hundred":               "3500",
		"and so on":                                 "and so on",
		"thirty or forty":                           "30 or 40",
		"five hundred":                              "500",
		"":                                          "",
	} {
		if got := strings.Join(Digits(strings.Fields(in)), " "); got != want {
			t.Errorf("Digits(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestScan(t *testing.T) {
	t.Parallel()
	var got []string
	for _, k := range Scan("It’s 1,200.50mg, A1c .5 forty-five 120/80.") {
		got = append(got, k.Text)
	}
	want := strings.Fields("it's 1200.5 mg , a1c 0.5 forty - five 120 / 80 .")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tokens (-want +got):\n%s", diff)
	}
}

// FuzzScan: tokens are in order, in range, and never empty; reading their
// numbers never panics.
func FuzzScan(f *testing.F) {
	f.Add("one twenty over eighty, 2.5 mg")
	f.Add("a hundred and two thousand million")
	f.Fuzz(func(t *testing.T, s string) {
		end := 0
		var ws []string
		for _, k := range Scan(s) {
			if k.Start < end || k.End <= k.Start || k.End > len(s) || k.Text == "" {
				t.Fatalf("token [%d,%d) after %d in %d bytes", k.Start, k.End, end, len(s))
			}
			end = k.End
			ws = append(ws, k.Text)
		}
		Digits(ws)
	})
}
