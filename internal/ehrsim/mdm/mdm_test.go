package mdm_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	khl7 "github.com/kardianos/hl7"
	"github.com/kardianos/hl7/h251"

	"countersign/internal/ehrsim/mdm"
)

func sample(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name+".hl7"))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// edit replaces text of the good sample and fails the test if nothing was replaced.
func edit(t *testing.T, old, new string) []byte {
	t.Helper()
	raw := sample(t, "ok")
	out := bytes.Replace(raw, []byte(old), []byte(new), 1)
	if bytes.Equal(raw, out) {
		t.Fatalf("edit: %q is not in ok.hl7", old)
	}
	return out
}

func TestReadStrictFindsTheFields(t *testing.T) {
	t.Parallel()
	m, p := mdm.ReadStrict(sample(t, "ok"), mdm.Rules{})
	if p != nil {
		t.Fatal(p)
	}
	got := []string{m.PatientIDs[0].Value, m.PatientIDs[0].Authority, m.FamilyName, m.GivenName, m.BirthDate, m.Visit.Value, m.Visit.Authority,
		m.DocumentType, m.Document.Value, m.Document.Authority, m.Completion, m.Availability, m.Header.ControlID, m.Sections[0].Code}
	want := []string{"MRN12345", "HOSP", "DOE", "JANE", "19800214", "V0001", "HOSP",
		"PN", "DOC-0001", "AMBIENT", "LA", "AV", "MSG00001", "11506-3"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff("Subjective: 3 days of cough.\n\nPlan: rest & fluids \\ follow up in 2 weeks.", m.Text()); diff != "" {
		t.Error(diff)
	}
}

func TestReadStrictRefusesDamagedSamples(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]mdm.Problem{
		"bad-obx2":        {Ack: "AE", Code: 103, Segment: "OBX", Pos: 1, Field: 2},
		"bad-table":       {Ack: "AE", Code: 103, Segment: "TXA", Pos: 1, Field: 17},
		"bad-ts":          {Ack: "AE", Code: 102, Segment: "EVN", Pos: 1, Field: 2},
		"bad-version":     {Ack: "AR", Code: 203, Segment: "MSH", Pos: 1, Field: 12},
		"badcharset":      {Ack: "AE", Code: 103, Segment: "MSH", Pos: 1, Field: 18},
		"extra-seg":       {Ack: "AE", Code: 100, Segment: "AL1", Pos: 1},
		"long-docid":      {Ack: "AE", Code: 104, Segment: "TXA", Pos: 1, Field: 12},
		"no-obx":          {Ack: "AE", Code: 100, Segment: "OBX", Pos: 1},
		"no-obx11":        {Ack: "AE", Code: 101, Segment: "OBX", Pos: 1, Field: 11},
		"no-txa":          {Ack: "AE", Code: 100, Segment: "OBX", Pos: 1},
		"no-txa2":         {Ack: "AE", Code: 101, Segment: "TXA", Pos: 1, Field: 2},
		"txa2-components": {Ack: "AE", Code: 102, Segment: "TXA", Pos: 1, Field: 2},
		"wrong-order":     {Ack: "AE", Code: 100, Segment: "TXA", Pos: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, p := mdm.ReadStrict(sample(t, name), mdm.Rules{})
			if p == nil || m != nil {
				t.Fatalf("accepted: %+v", m)
			}
			got := *p
			got.Text = ""
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadStrictRefusesEdits(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		old, new string
		want     mdm.Problem
	}{
		"another message type":         {"MDM^T02^MDM_T02", "ORU^R01^ORU_R01", mdm.Problem{Ack: "AR", Code: 200, Segment: "MSH", Pos: 1, Field: 9}},
		"event without meaning":        {"MDM^T02^MDM_T02", "MDM^T12^MDM_T02", mdm.Problem{Ack: "AR", Code: 201, Segment: "MSH", Pos: 1, Field: 9}},
		"structure of another event":   {"MDM^T02^MDM_T02", "MDM^T02^MDM_T01", mdm.Problem{Ack: "AR", Code: 200, Segment: "MSH", Pos: 1, Field: 9}},
		"processing id unknown":        {"|P|2.5.1", "|X|2.5.1", mdm.Problem{Ack: "AR", Code: 202, Segment: "MSH", Pos: 1, Field: 11}},
		"control id missing":           {"|MSG00001|", "||", mdm.Problem{Ack: "AR", Code: 101, Segment: "MSH", Pos: 1, Field: 10}},
		"control id too long":          {"|MSG00001|", "|MSG00001MSG00001MSG00|", mdm.Problem{Ack: "AR", Code: 104, Segment: "MSH", Pos: 1, Field: 10}},
		"event differs":                {"EVN|T02", "EVN|T04", mdm.Problem{Ack: "AE", Code: 103, Segment: "EVN", Pos: 1, Field: 1}},
		"iso time that looks harmless": {"EVN|T02|20260501103000-0500", "EVN|T02|2026-05-01 10:30:00", mdm.Problem{Ack: "AE", Code: 102, Segment: "EVN", Pos: 1, Field: 2}},
		"no patient identifier":        {"MRN12345^^^HOSP^MR", "", mdm.Problem{Ack: "AE", Code: 101, Segment: "PID", Pos: 1, Field: 3}},
		"delete instruction in PID-3":  {"MRN12345^^^HOSP^MR", `""`, mdm.Problem{Ack: "AE", Code: 101, Segment: "PID", Pos: 1, Field: 3}},
		"no document number":           {"DOC-0001^AMBIENT", "^AMBIENT", mdm.Problem{Ack: "AE", Code: 101, Segment: "TXA", Pos: 1, Field: 12}},
		"availability unknown":         {"|LA||AV", "|LA||YES", mdm.Problem{Ack: "AE", Code: 103, Segment: "TXA", Pos: 1, Field: 19}},
		"signer without time":          {"|LA||AV", "|LA||AV|||123^SMITH", mdm.Problem{Ack: "AE", Code: 101, Segment: "TXA", Pos: 1, Field: 22}},
		"content presentation missing": {"TXA|1|PN|TX|", "TXA|1|PN||", mdm.Problem{Ack: "AE", Code: 101, Segment: "TXA", Pos: 1, Field: 3}},
		"caret not escaped in text":    {"3 days", "3^days", mdm.Problem{Ack: "AE", Code: 102, Segment: "OBX", Pos: 1, Field: 5}},
		"line feed in text":            {"3 days", "3\ndays", mdm.Problem{Ack: "AE", Code: 102}},
		"carriage return in text":      {"3 days", "3\rdays", mdm.Problem{Ack: "AE", Code: 100}},
		"invalid utf-8":                {"3 days", "3 d\xe9ys", mdm.Problem{Ack: "AE", Code: 102, Segment: "MSH", Pos: 1, Field: 18}},
		"z segment":                    {"OBX|1", "ZZZ|1\rOBX|1", mdm.Problem{Ack: "AE", Code: 100, Segment: "ZZZ", Pos: 1}},
		"not hl7":                      {"MSH", "XXX", mdm.Problem{Ack: "AR", Code: 100, Segment: "MSH", Pos: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, p := mdm.ReadStrict(edit(t, tc.old, tc.new), mdm.Rules{})
			if p == nil {
				t.Fatal("accepted")
			}
			got := *p
			got.Text = ""
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestProblemsDoNotQuoteThePatient(t *testing.T) {
	t.Parallel()
	for _, edited := range [][]byte{edit(t, "3 days", "3\rdays with Jane"), edit(t, "3 days", "3^days with Jane"), edit(t, "MRN12345", "MRN&Jane&Jane&Jane&Jane")} {
		_, p := mdm.ReadStrict(edited, mdm.Rules{})
		if p == nil {
			t.Fatal("accepted")
		}
		h, _ := mdm.ReadHeader(edited)
		if ack := string(h.Answer(p.Ack, p, "A1", time.Now())); strings.Contains(ack, "Jane") || strings.Contains(ack, "days") {
			t.Errorf("acknowledgment quotes the message: %q", ack)
		}
	}
}

func TestLineFeedsForCarriageReturnsAreNotMirrored(t *testing.T) {
	t.Parallel()
	raw := bytes.ReplaceAll(sample(t, "ok"), []byte("\r"), []byte("\n"))
	h, p := mdm.ReadHeader(raw)
	if p == nil || p.Ack != mdm.ApplicationReject {
		t.Fatalf("got %v", p)
	}
	if ack := string(h.Answer(p.Ack, p, "A1", time.Now())); strings.Contains(ack, "JANE") {
		t.Errorf("acknowledgment carries the message: %q", ack)
	}
}

func TestReadStrictText(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ value, want string }{
		"repetitions are lines":          {"one~two", "one\ntwo"},
		"empty repetitions are kept":     {"one~~two~", "one\n\ntwo\n"},
		"leading blanks are kept":        {"  one~    two", "  one\n    two"},
		"all five delimiters":            {`\F\\S\\T\\R\\E\`, `|^&~\`},
		"escaped escape before a letter": {`C:\E\T\E\x`, `C:\T\x`},
		"hexadecimal":                    {`a\X0A0A\b`, "a\n\nb"},
		"unknown escape is kept":         {`\H\bold\N\`, `\H\bold\N\`},
		"a lone escape is kept":          {`50\50`, `50\50`},
		"accents":                        {"naïve — 38 °C", "naïve — 38 °C"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, p := mdm.ReadStrict(edit(t, "Subjective: 3 days of cough.", tc.value), mdm.Rules{})
			if p != nil {
				t.Fatal(p)
			}
			if diff := cmp.Diff(tc.want, m.Sections[0].Text); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadStrictCharacterSets(t *testing.T) {
	t.Parallel()
	m, p := mdm.ReadStrict(sample(t, "utf8"), mdm.Rules{})
	if p != nil || !strings.HasPrefix(m.Sections[0].Text, "Subjectivé —") {
		t.Errorf("declared UTF-8: %v %+v", p, m)
	}
	m, p = mdm.ReadStrict(sample(t, "utf8-nomsh18"), mdm.Rules{})
	if p != nil {
		t.Fatalf("undeclared UTF-8 must be garbled, not refused: %v", p)
	}
	if !strings.HasPrefix(m.Sections[0].Text, "Subjectiv\uFFFD\uFFFD \uFFFD\uFFFD\uFFFD") {
		t.Errorf("undeclared UTF-8 was read as %q", m.Sections[0].Text)
	}
	latin := bytes.Replace(edit(t, "UNICODE UTF-8", "8859/1"), []byte("3 days"), []byte("3 d\xe9ys"), 1)
	m, p = mdm.ReadStrict(latin, mdm.Rules{})
	if p != nil || !strings.Contains(m.Sections[0].Text, "3 déys") {
		t.Errorf("declared Latin-1: %v %+v", p, m)
	}
}

func TestReadStrictEncapsulatedData(t *testing.T) {
	t.Parallel()
	m, p := mdm.ReadStrict(sample(t, "ed-obx"), mdm.Rules{})
	if p != nil {
		t.Fatal(p)
	}
	if s := m.Sections[0]; s.MediaType != "text/plain" || !strings.HasPrefix(s.Text, "ABCABC") {
		t.Errorf("got %q %.20q", s.MediaType, s.Text)
	}
}

func TestReadStrictOtherEventsAndVersions(t *testing.T) {
	t.Parallel()
	for _, event := range []string{"T04", "T06", "T08", "T10"} {
		raw := edit(t, "MDM^T02^MDM_T02", "MDM^"+event)
		raw = bytes.Replace(raw, []byte("EVN|T02"), []byte("EVN|"+event), 1)
		raw = bytes.Replace(raw, []byte("DOC-0001^AMBIENT||"), []byte("DOC-0002^AMBIENT|DOC-0001^AMBIENT|"), 1)
		m, p := mdm.ReadStrict(raw, mdm.Rules{})
		if p != nil {
			t.Fatalf("%s: %v", event, p)
		}
		if m.Parent.Value != "DOC-0001" || len(m.Sections) != 2 {
			t.Errorf("%s: parent %q, %d sections", event, m.Parent.Value, len(m.Sections))
		}
	}
	raw := bytes.Replace(sample(t, "no-obx"), []byte("MDM^T02^MDM_T02"), []byte("MDM^T03^MDM_T01"), 1)
	raw = bytes.Replace(raw, []byte("EVN|T02"), []byte("EVN|T03"), 1)
	if _, p := mdm.ReadStrict(raw, mdm.Rules{}); p != nil {
		t.Errorf("T03: %v", p)
	}
	if _, p := mdm.ReadStrict(edit(t, "|P|2.5.1", "|P|2.4"), mdm.Rules{Versions: []string{"2.4"}}); p != nil {
		t.Errorf("2.4: %v", p)
	}
}

func TestReadLegacyAgreesOnPlainMessages(t *testing.T) {
	t.Parallel()
	strict, p := mdm.ReadStrict(sample(t, "ok"), mdm.Rules{})
	if p != nil {
		t.Fatal(p)
	}
	legacy, p := mdm.ReadLegacy(sample(t, "ok"))
	if p != nil {
		t.Fatal(p)
	}
	if strict.Document != legacy.Document || strict.PatientIDs[0] != legacy.PatientIDs[0] || strict.Text() != legacy.Text() {
		t.Errorf("readers differ:\n%+v\n%+v", strict, legacy)
	}
}

func TestReadersSurviveAnything(t *testing.T) {
	t.Parallel()
	raw := sample(t, "utf8")
	for i := range raw {
		for _, b := range []byte{'\r', '|', '~', '\\', '^', 0, 0xff} {
			edited := bytes.Clone(raw)
			edited[i] = b
			h, _ := mdm.ReadHeader(edited)
			_, p := mdm.ReadStrict(edited, mdm.Rules{})
			_ = h.Answer(mdm.ApplicationError, p, "A1", time.Unix(0, 0))
			mdm.ReadLegacy(edited)
		}
		mdm.ReadStrict(raw[:i], mdm.Rules{})
		mdm.ReadLegacy(raw[:i])
	}
}

func FuzzRead(f *testing.F) {
	names, _ := filepath.Glob("testdata/*.hl7")
	for _, n := range names {
		raw, _ := os.ReadFile(n)
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		h, _ := mdm.ReadHeader(raw)
		m, p := mdm.ReadStrict(raw, mdm.Rules{})
		if (m == nil) == (p == nil) {
			t.Fatal("exactly one of message and problem must be set")
		}
		_ = h.Answer(mdm.ApplicationError, p, "A1", time.Unix(0, 0))
		mdm.ReadLegacy(raw)
	})
}

func TestAnswerIsARealACK(t *testing.T) {
	t.Parallel()
	h, p := mdm.ReadHeader(sample(t, "ok"))
	if p != nil {
		t.Fatal(p)
	}
	now := time.Date(2026, 5, 1, 10, 30, 5, 0, time.UTC)
	ack := decodeACK(t, h.Answer(mdm.ApplicationAccept, nil, "ACK0001", now))
	got := []string{ack.MSH.SendingApplication.NamespaceID, ack.MSH.SendingFacility.NamespaceID, ack.MSH.ReceivingApplication.NamespaceID,
		ack.MSH.ReceivingFacility.NamespaceID, ack.MSH.MessageType.MessageCode, ack.MSH.MessageType.TriggerEvent,
		ack.MSH.MessageType.MessageStructure, ack.MSH.MessageControlID, ack.MSH.VersionID.VersionID, ack.MSH.CharacterSet[0],
		ack.MSA.AcknowledgmentCode, ack.MSA.MessageControlID}
	want := []string{"EHR", "HOSP", "AMBIENT", "CLINIC", "ACK", "T02", "ACK", "ACK0001", "2.5.1", "UNICODE UTF-8", "AA", "MSG00001"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(ack.ERR) != 0 {
		t.Error("an accept must not carry ERR")
	}

	problem := &mdm.Problem{Ack: mdm.ApplicationError, Code: mdm.CodeTooLong, Segment: "TXA", Pos: 1, Field: 12, Text: "a|b~c"}
	ack = decodeACK(t, h.Answer(problem.Ack, problem, "ACK0002", now))
	e := ack.ERR[0]
	if e.ErrorLocation[0].SegmentID != "TXA" || e.HL7ErrorCode.Identifier != "104" || e.Severity != "E" || e.DiagnosticInformation != "a|b~c" {
		t.Errorf("ERR %+v", e)
	}
}

func TestAnswerInOldForm(t *testing.T) {
	t.Parallel()
	h, _ := mdm.ReadHeader(edit(t, "|P|2.5.1", "|P|2.3"))
	p := &mdm.Problem{Ack: mdm.ApplicationError, Code: 101, Segment: "TXA", Pos: 1, Field: 2, Text: "x"}
	if ack := string(h.Answer(p.Ack, p, "A", time.Unix(0, 0).UTC())); !strings.Contains(ack, "\rERR|TXA^1^2^101\r") {
		t.Errorf("got %q", ack)
	}
}

func TestEnhancedCodes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		ask  string
		code mdm.AckCode
		want mdm.AckCode
		send bool
	}{
		{"AL", "AA", "CA", true}, {"AL", "AE", "CE", true}, {"AL", "AR", "CR", true},
		{"NE", "AA", "CA", false}, {"ER", "AA", "CA", false}, {"ER", "AE", "CE", true}, {"SU", "AE", "CE", false}, {"SU", "AA", "CA", true},
	} {
		got, send := (mdm.Header{AcceptAck: tc.ask}).Enhanced(tc.code)
		if got != tc.want || send != tc.send {
			t.Errorf("MSH-15 %s, %s: got %s %v", tc.ask, tc.code, got, send)
		}
	}
}

func decodeACK(t *testing.T, raw []byte) h251.ACK {
	t.Helper()
	// The registry has no trigger ACK^T02^ACK of its own; MSH-9.3 names the structure.
	v, err := khl7.NewDecoder(h251.Registry, nil).Decode(raw)
	if err != nil {
		t.Fatalf("decode %q: %v", raw, err)
	}
	return v.(h251.ACK)
}
