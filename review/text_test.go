package review

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestClinicalTextNeverPrints(t *testing.T) {
	t.Parallel()
	const secret = "Zebediah Quartz"
	u := Utterance{Seq: 1, Text: secret}
	p := &Patient{Family: secret}
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&b, verb, ClinicalText(secret))
		fmt.Fprintf(&b, verb, u)
		fmt.Fprintf(&b, verb, p)
		fmt.Fprintf(&b, verb, []ClinicalText{secret})
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
		slog.New(h).Info("x", "text", ClinicalText(secret))
	}
	fmt.Fprint(&b, Errorf(KindInvalid, "bad: %v", ClinicalText(secret)))
	for _, form := range []string{secret, "Quartz", fmt.Sprintf("%x", secret)} {
		if strings.Contains(b.String(), form) {
			t.Errorf("output holds %q", form)
		}
	}
	j, err := json.Marshal(u)
	if err != nil || !strings.Contains(string(j), secret) {
		t.Errorf("JSON of an utterance must hold its text, to be sealed: %v", err)
	}
}
