package web

import (
	"math"
	"regexp"
	"strconv"
	"testing"
)

// TestContrast checks the pairs of colours that the style sheet puts on each
// other: 4.5 to 1 for text (WCAG 2.2, 1.4.3), 3 to 1 for the edges of controls
// and for marks (1.4.11).
func TestContrast(t *testing.T) {
	t.Parallel()
	css, err := files.ReadFile("static/style.css")
	if err != nil {
		t.Fatal(err)
	}
	colours := map[string]string{"white": "#ffffff", "visit": "#45525d"}
	for _, m := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6})`).FindAllStringSubmatch(string(css), -1) {
		colours[m[1]] = m[2]
	}
	for _, p := range []struct {
		on, under string
		least     float64
	}{
		{"ink", "paper", 4.5}, {"ink", "ground", 4.5}, {"ink", "chosen", 4.5}, {"ink", "mark", 4.5}, {"ink", "warn-ground", 4.5}, {"ink", "banner", 4.5},
		{"muted", "paper", 4.5}, {"muted", "ground", 4.5}, {"muted", "chosen", 4.5}, {"muted", "warn-ground", 4.5}, {"visit", "banner", 4.5},
		{"brand", "paper", 4.5}, {"brand", "ground", 4.5}, {"brand", "chosen", 4.5}, {"brand", "warn-ground", 4.5}, {"white", "brand", 4.5},
		{"warn", "warn-ground", 4.5}, {"bad", "paper", 4.5}, {"ok", "paper", 4.5}, {"ok", "ok-ground", 4.5}, {"patient", "paper", 4.5}, {"patient", "chosen", 4.5},
		{"edge", "paper", 3}, {"chosen-edge", "paper", 3}, {"warn", "paper", 3}, {"chosen-edge", "ground", 3}, {"chosen-edge", "banner", 3}, {"chosen-edge", "warn-ground", 3},
	} {
		on, under := colours[p.on], colours[p.under]
		if on == "" || under == "" {
			t.Errorf("%s on %s: not in the style sheet", p.on, p.under)
			continue
		}
		if got := contrast(t, on, under); got < p.least {
			t.Errorf("%s on %s: %.2f to 1, want %.1f", p.on, p.under, got, p.least)
		}
	}
	if !regexp.MustCompile(regexp.QuoteMeta(colours["visit"])).Match(css) {
		t.Error("the colour of the banner's second line is another one")
	}
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	la, lb := luminance(t, a), luminance(t, b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	v, err := strconv.ParseUint(hex[1:], 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	channel := func(shift uint) float64 {
		c := float64(v>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(16) + 0.7152*channel(8) + 0.0722*channel(0)
}
