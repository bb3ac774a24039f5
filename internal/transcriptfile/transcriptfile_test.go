package transcriptfile

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"countersign/review"

	"github.com/google/go-cmp/cmp"
)

func utterance(seq int64, role review.Role, start, end time.Duration, text string) review.Utterance {
	return review.Utterance{Seq: seq, Speaker: review.Speaker{Role: role}, Start: start, End: end, Text: review.ClinicalText(text)}
}

func TestParse(t *testing.T) {
	t.Parallel()
	const s, ms = time.Second, time.Millisecond
	tests := []struct {
		name, in string
		format   Format
		want     []review.Utterance
	}{
		{"Turns", "\ufeff[doctor] hi , martha .\n[patient] i'm\ndoing okay\n\n[patient_guest] she is [not] okay\n", FormatTurns, []review.Utterance{
			utterance(1, review.RoleClinician, 0, 1600*ms, "hi , martha ."),
			utterance(2, review.RolePatient, 1600*ms, 2800*ms, "i'm doing okay"),
			utterance(3, review.RoleCaregiver, 2800*ms, 4400*ms, "she is [not] okay"),
		}},
		{"JSONLinesOfACorpus", `{"seq": 1, "speaker": "patient", "start_ms": 2899, "end_ms": 3752, "text": "Hello."}` + "\n\n" +
			`{"seq": 2, "speaker": "doctor", "start_ms": 3389, "end_ms": 6325, "text": "Hi."}`, FormatJSONLines, []review.Utterance{
			utterance(1, review.RolePatient, 2899*ms, 3752*ms, "Hello."),
			utterance(2, review.RoleClinician, 3389*ms, 6325*ms, "Hi."),
		}},
		{"JSONLinesOfOurs", `{"speaker": {"role": "staff"}, "start": "1.5s", "end": 2000000000, "text": "Sit."}` + "\n" +
			`{"speaker": "doctor", "text": "half", "final": false}`, FormatJSONLines, []review.Utterance{
			utterance(1, review.RoleStaff, 1500*ms, 2*s, "Sit."),
		}},
		{"WebVTT", "WEBVTT - visit\r\n\r\nNOTE 1 --> 2 is no cue\r\n\r\n1\r\n00:01.000 --> 00:02.500 align:start\r\n<v.loud Dr. Smith>Any <i>pain</i>?</v>\r\n\r\n" +
			"01:00:03.000 --> 01:00:04.000\r\n<v Patient>A &lt; B\r\n&amp; C</v><v Ann>Hm</v>\r\n\r\n01:00:05.000 --> 01:00:06.000\r\nNurse: Come in\r\n", FormatWebVTT, []review.Utterance{
			utterance(1, review.RoleClinician, s, 2500*ms, "Any pain?"),
			utterance(2, review.RolePatient, time.Hour+3*s, time.Hour+4*s, "A < B & C"),
			{Seq: 3, Speaker: review.Speaker{Role: review.RoleUnknown, Label: "Ann"}, Start: time.Hour + 3*s, End: time.Hour + 4*s, Text: "Hm"},
			utterance(4, review.RoleStaff, time.Hour+5*s, time.Hour+6*s, "Come in"),
		}},
		{"HealthScribe", `{"Conversation": {"LanguageCode": "en-US", "TranscriptSegments": [
			{"SegmentId": "a", "BeginAudioTime": 0.5, "EndAudioTime": 1.25, "Content": "Hello.", "ParticipantDetails": {"ParticipantRole": "CLINICIAN_0"}},
			{"SegmentId": "b", "BeginAudioTime": 2, "EndAudioTime": 3, "Content": "Hi.", "ParticipantDetails": {"ParticipantRole": "PATIENT_0"}}]}}`, FormatHealthScribe, []review.Utterance{
			{Seq: 1, Speaker: review.Speaker{Role: review.RoleClinician}, Start: 500 * ms, End: 1250 * ms, Text: "Hello.", Language: "en-US"},
			{Seq: 2, Speaker: review.Speaker{Role: review.RolePatient}, Start: 2 * s, End: 3 * s, Text: "Hi.", Language: "en-US"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, format, err := Parse([]byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if format != tt.format {
				t.Errorf("format %q, want %q", format, tt.format)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("utterances (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in string
		want     Error // Text: a part of it
	}{
		{"Empty", " \n\t ", Error{FormatUnknown, 0, "the file is empty"}},
		{"NoWords", "[doctor]\n[patient]  \n", Error{FormatTurns, 0, "no utterance"}},
		{"OnlyHeader", "WEBVTT\n", Error{FormatWebVTT, 0, "no utterance"}},
		{"NoSegments", `{"Conversation": {}}`, Error{FormatHealthScribe, 0, "no utterance"}},
		{"Binary", "\x00\xff\xfe", Error{FormatUnknown, 0, "UTF-8"}},
		{"Prose", "He said secret things.", Error{FormatUnknown, 1, "format not recognised"}},
		{"JSONArray", `[{"text": "secret"}]`, Error{FormatUnknown, 1, "format not recognised"}},
		{"UnknownSpeakerTag", "[narrator] secret", Error{FormatUnknown, 1, "format not recognised"}},
		{"JSONBroken", `{"speaker": "doctor", "text": "a"}` + "\n" + `{"speaker": "doctor", "text": secret}`, Error{FormatJSONLines, 2, "one utterance per line"}},
		{"JSONNoText", `{"speaker": "doctor", "words": "secret"}`, Error{FormatJSONLines, 1, `"text" is missing`}},
		{"JSONHole", `{"seq": 1, "text": "a"}` + "\n" + `{"seq": 3, "text": "secret"}`, Error{FormatJSONLines, 2, `"seq" is 3, want 2`}},
		{"JSONBackwards", `{"text": "secret", "start_ms": 5, "end_ms": 4}`, Error{FormatJSONLines, 1, "run backwards"}},
		{"JSONTooLong", `{"text": "` + strings.Repeat("secret", 4000) + `"}`, Error{FormatJSONLines, 0, "split it"}},
		{"VTTTimes", "WEBVTT\n\n1 --> 2\nsecret\n", Error{FormatWebVTT, 3, "cue times"}},
		{"HealthScribeBroken", `{"Conversation": [{"Content": "secret"}]}`, Error{FormatHealthScribe, 0, "transcript.json"}},
		{"HealthScribeBackwards", `{"Conversation": {"TranscriptSegments": [{"BeginAudioTime": 2, "EndAudioTime": 1, "Content": "secret"}]}}`, Error{FormatHealthScribe, 0, "TranscriptSegments[0]"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			us, _, err := Parse([]byte(tt.in))
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("error %v, want *Error", err)
			}
			if us != nil {
				t.Error("utterances beside an error")
			}
			if e.Format != tt.want.Format || e.Line != tt.want.Line || !strings.Contains(e.Text, tt.want.Text) {
				t.Errorf("error %q at line %d, want %q at line %d", e, e.Line, tt.want.Text, tt.want.Line)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("error holds content: %v", err)
			}
		})
	}
}

func TestReadFixtures(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"aci_d2n001.txt": 56, "primock57_day1_consultation03.jsonl": 60} {
		f, err := os.Open("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		us, _, err := Read(f)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(us) != want {
			t.Errorf("%s: %d utterances, want %d", name, len(us), want)
		}
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

func TestReadHasALimit(t *testing.T) {
	t.Parallel()
	var e *Error
	if _, _, err := Read(endless{}); !errors.As(err, &e) {
		t.Errorf("error %v, want *Error", err)
	}
}

// FuzzParse: whatever the bytes, either an error and nothing, or utterances
// that the domain accepts, numbered from 1.
func FuzzParse(f *testing.F) {
	f.Add([]byte("[doctor] hi\n[patient] well"))
	f.Add([]byte(`{"seq": 1, "speaker": "patient", "start_ms": 2, "end_ms": 3, "text": "Hello."}`))
	f.Add([]byte("WEBVTT\n\n00:01.000 --> 00:02.500\n<v Doctor>Any pain?</v>\n"))
	f.Add([]byte(`{"Conversation": {"TranscriptSegments": [{"EndAudioTime": 1, "Content": "a"}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		us, _, err := Parse(b)
		if err != nil {
			var e *Error
			if us != nil || !errors.As(err, &e) {
				t.Fatalf("%d utterances beside error %T", len(us), err)
			}
			return
		}
		if len(us) == 0 {
			t.Fatal("no error and no utterances")
		}
		for i, u := range us {
			if u.Seq != int64(i+1) {
				t.Fatalf("utterance %d has sequence %d", i+1, u.Seq)
			}
			if err := u.Validate(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
