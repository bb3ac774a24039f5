package hl7v2

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const ackHeader = "MSH|^~\\&|EHR|HOSP|CS|CLINIC|20260309070504||ACK^T02^ACK|R-1|P|2.5.1\r"

func TestParseACK(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, in string
		want     ACK
		err      error
	}{
		{
			name: "OK: accepted", in: ackHeader + "MSA|AA|C-1\r",
			want: ACK{Code: AA, ControlID: "C-1", MessageID: "R-1", Version: "2.5.1"},
		},
		{
			name: "OK: line feeds", in: strings.ReplaceAll(ackHeader+"MSA|AA|C-1\r", "\r", "\r\n"),
			want: ACK{Code: AA, ControlID: "C-1", MessageID: "R-1", Version: "2.5.1"},
		},
		{
			name: "OK: ERR of v2.5",
			in:   ackHeader + "MSA|AE|C-1|see ERR\rERR||PID^1^3|204^Unknown key identifier^HL70357|E|||no \\T\\ such patient\r",
			want: ACK{
				Code: AE, ControlID: "C-1", Text: "see ERR", MessageID: "R-1", Version: "2.5.1",
				Errors: []AckError{{Code: "204", Severity: "E", Segment: "PID", Field: "3", Text: "no & such patient"}},
			},
		},
		{
			name: "OK: ERR of v2.3", in: ackHeader + "MSA|AR|C-1\rERR|TXA^1^17^103&Table value not found&HL70357\r",
			want: ACK{
				Code: AR, ControlID: "C-1", MessageID: "R-1", Version: "2.5.1",
				Errors: []AckError{{Code: "103", Segment: "TXA", Field: "17"}},
			},
		},
		{
			name: "OK: condition in MSA-6", in: ackHeader + "MSA|AE|C-1||||207\r",
			want: ACK{Code: AE, ControlID: "C-1", MessageID: "R-1", Version: "2.5.1", Errors: []AckError{{Code: "207"}}},
		},
		{name: "ErrNotACK: no MSA", in: ackHeader, err: ErrNotACK},
		{name: "ErrNotACK: no MSA-1", in: ackHeader + "MSA||C-1\r", err: ErrNotACK},
		{name: "ErrNotACK: no MSA-2", in: ackHeader + "MSA|AA\r", err: ErrNotACK},
		{name: "ErrNotACK: two answers", in: ackHeader + "MSA|AA|C-1\rMSA|AE|C-1\r", err: ErrNotACK},
		{name: "ErrNoHeader: garbage", in: "OK", err: ErrNoHeader},
		{name: "ErrNoHeader: half a message", in: "MSA|AA|C-1\r", err: ErrNoHeader},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseACK([]byte(tc.in))
			if !errors.Is(err, tc.err) {
				t.Fatalf("error %v, want %v", err, tc.err)
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("ack (-want +got):\n%s", d)
			}
		})
	}
}

func TestDisposition(t *testing.T) {
	t.Parallel()
	errs := func(codes ...string) (list []AckError) {
		for _, c := range codes {
			list = append(list, AckError{Code: c, Severity: "E"})
		}
		return list
	}
	for _, tc := range []struct {
		ack  ACK
		want Disposition
	}{
		{ACK{Code: AA}, Accepted},
		{ACK{Code: CA}, Accepted},
		{ACK{Code: AA, Errors: []AckError{{Code: "207", Severity: "W"}}}, Accepted},
		{ACK{Code: AE}, Permanent},
		{ACK{Code: AE, Errors: errs("101")}, Permanent},
		{ACK{Code: AE, Errors: errs("207")}, Transient},
		{ACK{Code: AE, Errors: errs("206")}, Transient},
		{ACK{Code: AE, Errors: errs("207", "203")}, Permanent},
		{ACK{Code: AE, Errors: []AckError{{Code: "207", Severity: "W"}}}, Permanent},
		{ACK{Code: CE}, Transient},
		{ACK{Code: CE, Errors: errs("200")}, Permanent},
		{ACK{Code: AR}, Transient},
		{ACK{Code: AR, Errors: errs("103")}, Permanent},
		{ACK{Code: AR, Errors: errs("207")}, Transient},
		{ACK{Code: AR, Errors: errs("202")}, Permanent},
		{ACK{Code: CR}, Permanent},
		{ACK{Code: CR, Errors: errs("206")}, Transient},
		{ACK{Code: "OK"}, Unrecognised},
		{ACK{Code: "aa"}, Unrecognised},
		{ACK{}, Unrecognised},
	} {
		if got := tc.ack.Disposition(); got != tc.want {
			t.Errorf("%s with %v: %v, want %v", tc.ack.Code, tc.ack.Errors, got, tc.want)
		}
	}
	for _, code := range []string{"200", "201", "202", "203"} {
		for _, c := range []AckCode{AE, AR, CE, CR} {
			if got := (ACK{Code: c, Errors: errs(code)}).Disposition(); got != Permanent {
				t.Errorf("%s with %s: %v, want permanent", c, code, got)
			}
		}
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	a := ACK{Code: AA, ControlID: "C-1"}
	if !a.Answers("C-1") || a.Answers("C-2") || (ACK{}).Answers("") {
		t.Error("Answers must hold for the same control id only, and never for a blank one")
	}
}

func TestTextIsNeverPrinted(t *testing.T) {
	t.Parallel()
	a, err := ParseACK([]byte(ackHeader + "MSA|AE|C-1|Secret\rERR||PID|204|E||||Secret\r"))
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "ack", a, "text", a.Text)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "ack", a, "text", a.Text)
	encoded, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	printed := fmt.Sprintf("%v %+v %#v %s %q %x", a, a, a, a.Text, a.Text, a.Text) + log.String() + string(encoded)
	if strings.Contains(printed, "Secret") || strings.Contains(printed, "536563") {
		t.Errorf("text of the receiver printed: %s", printed)
	}
	if a.Text.Reveal() != "Secret" || a.Errors[0].Text.Reveal() != "Secret" {
		t.Error("Reveal must give the text")
	}
}

func FuzzParseACK(f *testing.F) {
	f.Add([]byte(ackHeader + "MSA|AA|C-1\r"))
	f.Add([]byte(ackHeader + "MSA|AE|C-1\rERR||PID^1^3|204|E\r"))
	f.Add([]byte("MSH|^~\\&|\x00\nMSA|AA|"))
	f.Fuzz(func(t *testing.T, in []byte) {
		a, err := ParseACK(in)
		if err != nil {
			if !cmp.Equal(a, ACK{}) {
				t.Fatal("ack beside an error")
			}
			return
		}
		if a.Code == "" || a.ControlID == "" || !a.Answers(a.ControlID) {
			t.Fatalf("ack without code or control id: %v", a.Code)
		}
		if a.Disposition() == Accepted && a.Code != AA && a.Code != CA {
			t.Fatalf("code %q accepted", a.Code)
		}
	})
}
