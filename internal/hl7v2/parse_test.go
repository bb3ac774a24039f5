package hl7v2

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	t.Parallel()
	header := "MSH|^~\\&|APP\r"
	for _, tc := range []struct {
		name   string
		parser Parser
		in     string
		want   string // as Append writes it
		err    error
	}{
		{name: "OK: two segments", in: header + "PID|1||a^b~c\r", want: header + "PID|1||a^b~c\r"},
		{name: "OK: last carriage return missing", in: header + "PID|1", want: header + "PID|1\r"},
		{name: "OK: empty lines skipped", in: header + "\r\rPID|1\r\r", want: header + "PID|1\r"},
		{name: "OK: segment without fields", in: header + "ZZ1\r", want: header + "ZZ1\r"},
		{name: "OK: trailing empty fields kept", in: header + "PID|||\r", want: header + "PID|||\r"},
		{name: "OK: line feeds declared", parser: Parser{LineFeeds: true}, in: "MSH|^~\\&|APP\nPID|1\r\nPV1|1\n", want: header + "PID|1\rPV1|1\r"},
		{name: "OK: other delimiters", in: "MSH*:|!;*APP\rPID*1*a:b\r", want: "MSH*:|!;*APP\rPID*1*a:b\r"},
		{name: "OK: truncation declared", in: "MSH|^~\\&#|APP\r", want: "MSH|^~\\&#|APP\r"},
		{name: "OK: header only", in: "MSH|^~\\&", want: "MSH|^~\\&\r"},
		{name: "ErrNoHeader: empty", err: ErrNoHeader},
		{name: "ErrNoHeader: other segment", in: "PID|1\r", err: ErrNoHeader},
		{name: "ErrDelimiters: too short", in: "MSH|^~\\", err: ErrDelimiters},
		{name: "ErrDelimiters: twice the same", in: "MSH|^^\\&|", err: ErrDelimiters},
		{name: "ErrDelimiters: letters", in: "MSHabcdef", err: ErrDelimiters},
		{name: "ErrDelimiters: six", in: "MSH|^~\\&#!|APP\r", err: ErrDelimiters},
		{name: "ErrLineFeed: not declared", in: header + "PID|1\nPV1|1\r", err: ErrLineFeed},
		{name: "ErrSegment: too short", in: header + "PI\r", err: ErrSegment},
		{name: "ErrSegment: no separator", in: header + "PIDX|1\r", err: ErrSegment},
		{name: "ErrSegment: small letters", in: header + "pid|1\r", err: ErrSegment},
		{name: "ErrSegment: a second header", in: header + header, err: ErrSegment},
		{name: "ErrTooLarge: bytes", parser: Parser{MaxBytes: 10}, in: header, err: ErrTooLarge},
		{name: "ErrTooLarge: segments", parser: Parser{MaxSegments: 2}, in: header + "PID|1\rPV1|1\r", err: ErrTooLarge},
		{name: "ErrTooLarge: fields", parser: Parser{MaxFields: 4}, in: header + "PID||||\r", err: ErrTooLarge},
		{name: "ErrTooLarge: fields by default", in: header + strings.Repeat("|", DefaultMaxFields), err: ErrTooLarge},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			m, err := tc.parser.Parse([]byte(tc.in))
			if !errors.Is(err, tc.err) {
				t.Fatalf("error %v, want %v", err, tc.err)
			}
			if err != nil {
				if m.Segments != nil || m.Delimiters != (Delimiters{}) {
					t.Errorf("message %v beside an error", m)
				}
				return
			}
			if d := cmp.Diff(tc.want, string(m.Append(nil))); d != "" {
				t.Errorf("written again (-want +got):\n%s", d)
			}
		})
	}
}

func TestErrorsCarryNoContent(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"MSH|^~\\&|APP\rJohn Secret\r", "MSH|^~\\&|APP\nSecret", "Secret"} {
		if _, err := Parse([]byte(in)); err == nil || strings.Contains(err.Error(), "Secret") {
			t.Errorf("error %v: want one without content", err)
		}
	}
}

func TestGet(t *testing.T) {
	t.Parallel()
	m, err := Parse([]byte("MSH|^~\\&|APP^1.2.3^ISO|\rPID|1||123^^^HOSP&1.2.3&ISO^MR~77^^^STATE||O\\T\\Neil^Ana||\r"))
	if err != nil {
		t.Fatal(err)
	}
	msh, pid := m.Segment("MSH"), m.Segment("PID")
	for _, tc := range []struct{ name, got, want string }{
		{"MSH-1", msh.Get(1), "|"},
		{"MSH-2", msh.Get(2), `^~\&`},
		{"MSH-3", msh.Get(3), "APP"},
		{"MSH-3.2", msh.Get(3, 1, 2), "1.2.3"},
		{"MSH-4 empty", msh.Get(4), ""},
		{"PID-3", pid.Get(3), "123"},
		{"PID-3.4.2", pid.Get(3, 1, 4, 2), "1.2.3"},
		{"PID-3[2]", pid.Get(3, 2), "77"},
		{"PID-3[2].4", pid.Get(3, 2, 4), "STATE"},
		{"PID-3[3] missing", pid.Get(3, 3), ""},
		{"PID-3[1].9 missing", pid.Get(3, 1, 9), ""},
		{"PID-5.1 unescaped", pid.Get(5), "O&Neil"},
		{"PID-5.2", pid.Get(5, 1, 2), "Ana"},
		{"PID-99 missing", pid.Get(99), ""},
		{"PID-0", pid.Get(0), ""},
		{"PID-3[0]", pid.Get(3, 0), ""},
		{"no such segment", m.Segment("ZZZ").Get(1), ""},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, tc.got, tc.want)
		}
	}
	if n := pid.Repetitions(3); n != 2 {
		t.Errorf("PID-3 repeats %d times, want 2", n)
	}
	if n := msh.Repetitions(2); n != 1 {
		t.Errorf("MSH-2 repeats %d times, want 1", n)
	}
	if m.Has("PV1") || !m.Has("PID") {
		t.Error("Has is wrong")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("MSH|^~\\&|A\rPID|1||x^y&z~w\r"), false)
	f.Add([]byte("MSH*:|!;#*A\nMSA*AA*1\r\n"), true)
	f.Add([]byte("MSH|^~\\&\r\r\rZZ1"), false)
	f.Fuzz(func(t *testing.T, in []byte, lineFeeds bool) {
		p := Parser{LineFeeds: lineFeeds, MaxBytes: 1 << 16, MaxSegments: 100, MaxFields: 1000}
		before := bytes.Clone(in)
		m, err := p.Parse(in)
		if !bytes.Equal(before, in) {
			t.Fatal("input changed")
		}
		if err != nil {
			if m.Segments != nil || m.Delimiters != (Delimiters{}) {
				t.Fatal("result beside an error")
			}
			return
		}
		out := m.Append(nil)
		if want := normalise(in, lineFeeds); !bytes.Equal(out, want) {
			t.Fatalf("written %q, want %q", out, want)
		}
		again, err := Parse(out)
		if err != nil || again.Delimiters != m.Delimiters || len(again.Segments) != len(m.Segments) {
			t.Fatalf("parsed again: %v, %d segments, want %d", err, len(again.Segments), len(m.Segments))
		}
		for i, s := range m.Segments {
			if d := cmp.Diff(s.Fields, again.Segments[i].Fields); d != "" || s.Name != again.Segments[i].Name {
				t.Fatalf("segment %d:\n%s", i, d)
			}
			for n := range len(s.Fields) + 2 {
				s.Get(n, 1, 2, 2)
				s.DecodeText(n)
				s.Repetitions(n)
			}
		}
		if a, err := ReadACK(m); err != nil && (a.Code != "" || a.ControlID != "" || a.Errors != nil) {
			t.Fatal("ack beside an error")
		}
		MDMText(m)
	})
}

// normalise does what the parser may do to line ends.
func normalise(in []byte, lineFeeds bool) []byte {
	if lineFeeds {
		in = bytes.ReplaceAll(in, []byte{'\n'}, []byte{'\r'})
	}
	var out []byte
	for _, line := range bytes.Split(in, []byte{'\r'}) {
		if len(line) > 0 {
			out = append(append(out, line...), '\r')
		}
	}
	return out
}
