package fhirr4

import "testing"

func TestPlainText(t *testing.T) {
	t.Parallel()
	const want = "Plan Acetaminophen 650 mg & ice – “rest”, pain < 3 37 °C Document number: ABC"
	for name, c := range map[string]Content{
		"plain": {"text/plain", []byte("Plan\r\n\r\n  Acetaminophen 650 mg & ice – “rest”,\u00a0pain < 3\n37 °C \nDocument number: ABC\n")},
		"html": {"text/html", []byte(`<!DOCTYPE html><HTML><head><title>Note</title><style>p{}</style></HEAD><body><!-- <p>not this</p> -->
			<h2>Plan</h2><p>Acetamin<b>ophen</b> 650&nbsp;mg &amp; ice &#8211; &ldquo;rest&rdquo;, pain < 3<br/>37 &deg;C</p><div>Document number:<span> ABC</span></div><script>x()</script></body>`)},
		"rtf": {"text/rtf", []byte("{\\rtf1\\ansi\\ansicpg1252\\deff0{\\fonttbl{\\f0 Arial;}}{\\*\\generator Epic;}{\\info{\\author Nobody}}\\pard\\b Plan\\b0\\par\r\n" +
			`Acetaminophen 650\~mg & ice \u8211? \ldblquote rest\'94, pain < 3\line 37 \'b0C\par{\uc0 Document number:\tab ABC\par}}`)},
	} {
		if got, ok := PlainText(c); !ok || got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if _, ok := PlainText(Content{Type: "application/pdf"}); ok {
		t.Error("pdf: got ok, want not")
	}
}

func TestRTFSurrogates(t *testing.T) {
	t.Parallel()
	if got, want := rtfText(`{\rtf1 a\u-10179?\u-8704?b}`), "a😀b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzPlainText(f *testing.F) {
	f.Add("<p>a<b>c", `{\rtf1\'`)
	f.Add("<", `\u`)
	f.Add("<!--", `}}}{\*`)
	f.Fuzz(func(t *testing.T, h, r string) {
		for _, c := range []Content{{"text/html", []byte(h)}, {"text/rtf", []byte(r)}} {
			text, _ := PlainText(c)
			if Words(text) != text {
				t.Errorf("%s: %q is not reduced to words", c.Type, text)
			}
		}
	})
}
