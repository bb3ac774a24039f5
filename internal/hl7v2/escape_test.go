package hl7v2

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestAppendEscaped(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ in, want string }{
		"plain":            {"Müller-Lüdenscheidt", "Müller-Lüdenscheidt"},
		"every delimiter":  {`|^~\&`, `\F\\S\\R\\E\\T\`},
		"escape sequence":  {`\F\`, `\E\F\E\`},
		"line ends":        {"a\rb\nc", `a\X0D\b\X0A\c`},
		"frame bytes":      {"\x0b\x1c", `\X0B\\X1C\`},
		"tab and delete":   {"\t\x7f", `\X09\\X7F\`},
		"delete marker":    {`""`, `\X2222\`},
		"quoted word":      {`"x"`, `"x"`},
		"empty":            {"", ""},
		"number sign":      {"bed #4", "bed #4"},
		"beyond the plane": {"🫀", "🫀"},
		"three quotes":     {`"""`, `"""`},
		"leading blanks":   {"  x ", "  x "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := DefaultDelimiters()
			got := AppendEscaped(nil, tc.in, d)
			if string(got) != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if back := Unescape(got, d); back != tc.in {
				t.Errorf("read back %q, want %q", back, tc.in)
			}
		})
	}
}

func TestUnescape(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ in, want string }{
		"highlighting dropped":        {`a \H\b\N\ c`, "a b c"},
		"break":                       {`a\.br\b`, "a\nb"},
		"hexadecimal":                 {`\X0D0A\`, "\r\n"},
		"lower-case hexadecimal":      {`\Xe2\`, "\xe2"},
		"truncation":                  {`\P\`, "#"},
		"local sequence kept":         {`\Z12\`, `\Z12\`},
		"odd hexadecimal kept":        {`\X0\`, `\X0\`},
		"bad hexadecimal kept":        {`\XGG\`, `\XGG\`},
		"stray escape kept":           {`C:\x`, `C:\x`},
		"stray, then a real sequence": {`C:\dir\F\x`, `C:\dir|x`},
		"last byte":                   {`a\`, `a\`},
		"empty sequence kept":         {`\\`, `\\`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Unescape([]byte(tc.in), DefaultDelimiters()); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestAppendTX(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ in, want, back string }{
		"lines":           {"a\nb\r\nc\rd", "a~b~c~d", "a\nb\nc\nd"},
		"blank lines":     {"\na\n\nb\n", "~a~~b~", "\na\n\nb\n"},
		"delete marker":   {"a\n\"\"\nb", `a~\X2222\~b`, "a\n\"\"\nb"},
		"only line ends":  {"\r\n\n", "~~", "\n\n"},
		"tilde in text":   {"~90 kg", `\R\90 kg`, "~90 kg"},
		"tab":             {"a\tb", `a\X09\b`, "a\tb"},
		"blanks are kept": {"  a  \n b ", "  a  ~ b ", "  a  \n b "},
		"break in words":  {`say \.br\`, `say \E\.br\E\`, `say \.br\`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := DefaultDelimiters()
			got := AppendTX(nil, tc.in, d)
			if string(got) != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if back := DecodeText(got, d); back != tc.back {
				t.Errorf("read back %q, want %q", back, tc.back)
			}
		})
	}
}

// otherDelimiters are unusual but legal.
func otherDelimiters() Delimiters {
	return Delimiters{Field: '*', Component: ':', Repetition: '|', Escape: '!', Subcomponent: ';', Truncation: '#'}
}

// checkTX is the property of the codec: any text comes back, and nothing that ends a segment or a frame, separates
// fields or asks for deletion is written.
func checkTX(t interface{ Fatalf(string, ...any) }, text string, d Delimiters) {
	field := AppendTX(nil, text, d)
	want := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	if got := DecodeText(field, d); got != want {
		t.Fatalf("read back %q from %q, want %q", got, field, want)
	}
	for _, c := range field {
		if c < ' ' || c == 0x7f || c == d.Field || c == d.Component || c == d.Subcomponent {
			t.Fatalf("byte %#x written raw in %q", c, field)
		}
	}
	for _, line := range bytes.Split(field, []byte{d.Repetition}) {
		if string(line) == nullValue {
			t.Fatalf("delete marker in %q", field)
		}
	}
}

func TestTextComesBackExactly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
			"|", "^", "~", `\`, "&", `""`, "\n", "\r", "\r\n", `\F\`, `\X0D\`, `\.br\`, "🫀", "é", " ", "#", "!", ";", "*", ":",
		}))
		text := strings.Join(rapid.SliceOf(piece).Draw(t, "pieces"), "")
		checkTX(t, text, DefaultDelimiters())
		checkTX(t, text, otherDelimiters())
	})
}

func FuzzText(f *testing.F) {
	f.Add("CC: \"\"\n\nBP 120/80 | HR ~72 & \\steady\\ 🫀")
	f.Add("\x0b\x1c\r\n\xff")
	f.Fuzz(func(t *testing.T, text string) {
		checkTX(t, text, DefaultDelimiters())
		checkTX(t, text, otherDelimiters())
		if got := Unescape(AppendEscaped(nil, text, DefaultDelimiters()), DefaultDelimiters()); got != text {
			t.Fatalf("value read back as %q, want %q", got, text)
		}
	})
}
