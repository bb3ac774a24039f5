package hl7v2

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write golden files")

// sampleMDM is a co-signed visit note with every kind of value in it.
func sampleMDM() MDM {
	zone := time.FixedZone("CST", -6*3600)
	at := func(hour, minute int) time.Time { return time.Date(2026, 3, 9, hour, minute, 4, 0, zone) }
	npi := HD{Namespace: "NPI", UniversalID: "2.16.840.1.113883.4.6", UniversalIDType: "ISO"}
	author := XCN{ID: "1234567893", Family: "Okafor", Given: "Ngozi", Degree: "MD", Authority: npi, IDType: "NPI"}
	attending := XCN{ID: "1093817465", Family: "Weiß", Given: "Jörg", Authority: npi, IDType: "NPI"}
	return MDM{
		ControlID:    "CS00000000000000001A",
		SendingApp:   HD{Namespace: "COUNTERSIGN"},
		ReceivingApp: HD{Namespace: "EHR", UniversalID: "1.2.3", UniversalIDType: "ISO"},
		ProcessingID: "P",
		Timestamp:    at(12, 3),
		Patient: Patient{
			IDs: []CX{
				{ID: "MRN0042", Authority: HD{Namespace: "HOSP", UniversalID: "1.2.3.4", UniversalIDType: "ISO"}, Type: "MR"},
				{ID: "E-77", Authority: HD{Namespace: "EPI"}, Type: "PI"},
			},
			Family: "O'Brien & Sons|III", Given: "Zoë", Middle: "Ñ", BirthDate: "19800229", Sex: "F",
		},
		Visit: Visit{Class: "O", Attending: []XCN{attending}, Number: CX{ID: "CSN-9", Authority: HD{Namespace: "HOSP"}, Type: "VN"}},
		Doc: Document{
			Type: "PN", Presentation: "TX", ActivityTime: at(11, 30), OriginationTime: at(11, 31), TranscriptionTime: at(11, 58),
			Originators: []XCN{author}, Authenticators: []XCN{author, attending},
			Transcriptionists: []XCN{{ID: "COUNTERSIGN", Family: "AI-assisted"}},
			DocumentNumber:    EI{ID: "CSDOC7", Namespace: "COUNTERSIGN"},
			CompletionStatus:  "LA", Confidentiality: "U", Availability: "AV",
			Authentications: []PPN{{Person: author, At: at(12, 1)}, {Person: attending, At: at(12, 2)}},
		},
		Observations: []Observation{
			{Code: "10164-2", Text: "History of present illness", Status: "F", Time: at(11, 30), Observers: []XCN{author},
				Value: "Chest pain since 3 days.\nPain 7/10 | worse at night ^^ ~90 kg, \\o/ & tired 🫀\n\n\"\"\n  indented"},
			{Code: "18776-5", Text: "Plan of care", Status: "F", Value: "ECG today."},
			{Code: "18776-5", Text: "Plan of care", Status: "F", Value: "Follow up in 2 weeks."},
		},
	}
}

func TestEncodeGolden(t *testing.T) {
	t.Parallel()
	for name, trigger := range map[string]Trigger{"mdm_t02": T02, "mdm_t06": T06, "mdm_t11": T11} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := sampleMDM()
			m.Trigger = trigger
			switch trigger {
			case T06:
				m.Doc.ParentNumber = EI{ID: "CSDOC6", Namespace: "COUNTERSIGN"}
			case T11:
				m.Observations, m.Doc.Presentation = nil, ""
				m.Doc.CompletionStatus, m.Doc.Authentications, m.Doc.Availability = "PA", nil, "CA"
				m.Doc.ChangeReason = "wrong patient"
			}
			b, err := m.Encode()
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", name+".hl7")
			readable := bytes.ReplaceAll(b, []byte{'\r'}, []byte{'\n'})
			if *update {
				if err := os.WriteFile(golden, readable, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), string(readable)); d != "" {
				t.Errorf("message (-want +got):\n%s", d)
			}
		})
	}
}

func TestOwnBytesReadBack(t *testing.T) {
	t.Parallel()
	want := sampleMDM()
	b, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, o := range want.Observations {
		blocks = append(blocks, o.Value)
	}
	if d := cmp.Diff(blocks, MDMText(m)); d != "" {
		t.Errorf("text (-want +got):\n%s", d)
	}
	pid, txa := m.Segment("PID"), m.Segment("TXA")
	for _, tc := range []struct{ field, got, want string }{
		{"MSH-9.3", m.Segment("MSH").Get(9, 1, 3), "MDM_T02"},
		{"MSH-15", m.Segment("MSH").Get(15), ""},
		{"MSH-18", m.Segment("MSH").Get(18), "UNICODE UTF-8"},
		{"EVN-1", m.Segment("EVN").Get(1), "T02"},
		{"PID-3.4.2", pid.Get(3, 1, 4, 2), "1.2.3.4"},
		{"PID-3[2]", pid.Get(3, 2), "E-77"},
		{"PID-5.1", pid.Get(5), want.Patient.Family},
		{"PID-5.2", pid.Get(5, 1, 2), "Zoë"},
		{"PV1-19", m.Segment("PV1").Get(19), "CSN-9"},
		{"TXA-5 from TXA-9", txa.Get(5), "1234567893"},
		{"TXA-12", txa.Get(12), "CSDOC7"},
		{"TXA-17", txa.Get(17), "LA"},
		{"TXA-22[2].2", txa.Get(22, 2, 2), "Weiß"},
		{"TXA-22[2].9.2", txa.Get(22, 2, 9, 2), "2.16.840.1.113883.4.6"},
		{"TXA-22[2].15", txa.Get(22, 2, 15), "20260309120204-0600"},
		{"OBX-4 of the second plan", m.Segments[len(m.Segments)-1].Get(4), "2"},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %q, want %q", tc.field, tc.got, tc.want)
		}
	}
}

func TestAppendKeepsTheCallersBytes(t *testing.T) {
	t.Parallel()
	b, err := sampleMDM().Append([]byte("before"))
	if err != nil || !bytes.HasPrefix(b, []byte("beforeMSH|")) {
		t.Errorf("got %.12q, %v", b, err)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		edit func(*MDM)
		want string // part of the error; "" is valid
	}{
		{"OK: sample", func(*MDM) {}, ""},
		{"OK: site's own document type", func(m *MDM) { m.Doc.Type = "AMB-NOTE-17" }, ""},
		{"OK: line ends and tabs in text", func(m *MDM) { m.Observations[0].Value = "a\tb\r\nc" }, ""},
		{"OK: year of birth only", func(m *MDM) { m.Patient.BirthDate = "1980" }, ""},
		{"OK: dictated, not yet transcribed", func(m *MDM) {
			m.Doc.CompletionStatus, m.Doc.TranscriptionTime, m.Doc.Authentications = "DI", time.Time{}, nil
		}, ""},
		{"ErrStatus", func(m *MDM) { m.Doc.CompletionStatus = "XX" }, `TXA-17 completion status "XX": use one of table 0271 (AU DI DO IN IP LA PA)`},
		{"ErrStatus: blank", func(m *MDM) { m.Doc.CompletionStatus = "" }, `TXA-17 completion status ""`},
		{"ErrAvailability", func(m *MDM) { m.Doc.Availability = "YES" }, `TXA-19 availability status "YES": use one of table 0273`},
		{"ErrConfidentiality", func(m *MDM) { m.Doc.Confidentiality = "N" }, `TXA-18 confidentiality status "N": use one of table 0272`},
		{"ErrPresentation", func(m *MDM) { m.Doc.Presentation = "" }, "TXA-3 content presentation"},
		{"ErrTrigger", func(m *MDM) { m.Trigger = "T01" }, `MSH-9.2 trigger event "T01": use one of table 0003`},
		{"ErrControlID: long", func(m *MDM) { m.ControlID = strings.Repeat("x", 21) }, "MSH-10 control id has 21 characters, the limit is 20"},
		{"ErrControlID: blank", func(m *MDM) { m.ControlID = "" }, "MSH-10 control id is blank"},
		{"ErrProcessing", func(m *MDM) { m.ProcessingID = "X" }, `MSH-11 processing id "X": use one of table 0103`},
		{"ErrVersion", func(m *MDM) { m.VersionID = "2.2" }, `MSH-12 version id "2.2"`},
		{"ErrTimestamp", func(m *MDM) { m.Timestamp = time.Time{} }, "MSH-7 timestamp is missing"},
		{"ErrYear", func(m *MDM) { m.Timestamp = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "MSH-7 timestamp is outside"},
		{"ErrPatient: no id", func(m *MDM) { m.Patient.IDs = nil }, "PID-3 patient identifier list is empty"},
		{"ErrPatient: blank id", func(m *MDM) { m.Patient.IDs[1].ID = " " }, "PID-3 patient identifier 2 is blank"},
		{"ErrPatient: family name", func(m *MDM) { m.Patient.Family = "" }, "PID-5.1 family name is blank"},
		{"ErrPatient: line end in name", func(m *MDM) { m.Patient.Given = "a\rb" }, "PID-5.2 given name holds the control character 0x0D"},
		{"ErrPatient: birth date", func(m *MDM) { m.Patient.BirthDate = "1980-02-29" }, "PID-7 date of birth"},
		{"ErrPatient: no such day", func(m *MDM) { m.Patient.BirthDate = "19810229" }, "PID-7 date of birth"},
		{"ErrPatient: time of birth", func(m *MDM) { m.Patient.BirthDate = "198002291200" }, "PID-7 date of birth"},
		{"ErrPatient: sex", func(m *MDM) { m.Patient.Sex = "female" }, "PID-8 administrative sex: use one of table 0001"},
		{"ErrVisit", func(m *MDM) { m.Visit.Class = "" }, "PV1-2 patient class is blank"},
		{"ErrNumber: long", func(m *MDM) { m.Doc.DocumentNumber.ID = strings.Repeat("9", 30) }, "TXA-12 unique document number has 42 characters"},
		{"ErrNumber: blank", func(m *MDM) { m.Doc.DocumentNumber = EI{} }, "TXA-12 unique document number is blank"},
		{"ErrParent: addendum without", func(m *MDM) { m.Trigger = T06 }, "TXA-13 parent document number is blank"},
		{"ErrParent: replacement without", func(m *MDM) { m.Trigger = T10 }, "TXA-13 parent document number is blank"},
		{"ErrParent: itself", func(m *MDM) { m.Trigger, m.Doc.ParentNumber = T10, m.Doc.DocumentNumber }, "TXA-13 parent document number equals TXA-12"},
		{"ErrTranscription", func(m *MDM) { m.Doc.TranscriptionTime = time.Time{} }, "TXA-7 transcription time"},
		{"ErrProvider", func(m *MDM) { m.Doc.Originators = nil }, "TXA-5 primary activity provider is required with TXA-4"},
		{"ErrReason", func(m *MDM) { m.Doc.ChangeReason = strings.Repeat("x", 31) }, "TXA-21 change reason has 31 characters, the limit is 30"},
		{"ErrAuthentication: none", func(m *MDM) { m.Doc.Authentications = nil }, `TXA-22 authentication person and time: required for TXA-17 completion status "LA"`},
		{"ErrAuthentication: no time", func(m *MDM) { m.Doc.Authentications[1].At = time.Time{} }, "TXA-22 authentication 2 time (component 15"},
		{"ErrAuthentication: no person", func(m *MDM) { m.Doc.Authentications[0].Person = XCN{Given: "x"} }, "TXA-22 authentication 1: a person needs"},
		{"ErrText: none", func(m *MDM) { m.Observations = nil }, "OBX: T02 carries the document's text"},
		{"ErrText: for a cancel", func(m *MDM) { m.Trigger = T11 }, "OBX: T11 carries no text"},
		{"ErrText: blank", func(m *MDM) { m.Observations[1].Value = " \n" }, "OBX 2: OBX-5 value is blank"},
		{"ErrText: control character", func(m *MDM) { m.Observations[0].Value = "a\x1cb" }, "OBX 1: OBX-5 value holds the control character 0x1C"},
		{"ErrText: not UTF-8", func(m *MDM) { m.Observations[0].Value = "a\xff" }, "OBX 1: OBX-5 value is not valid UTF-8"},
		{"ErrText: result status", func(m *MDM) { m.Observations[0].Status = "Z" }, `OBX 1: OBX-11 result status "Z": use one of table 0085`},
		{"ErrText: code", func(m *MDM) { m.Observations[0].Code = "" }, "OBX 1: OBX-3.1 observation code is blank"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			m := sampleMDM()
			tc.edit(&m)
			b, err := m.Encode()
			if tc.want == "" {
				if err != nil || b == nil {
					t.Fatalf("error %v, want none", err)
				}
				return
			}
			var invalid *ValidationError
			if !errors.As(err, &invalid) || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("error %v, want %q", err, tc.want)
			}
			if b != nil {
				t.Error("message beside an error")
			}
			for _, private := range []string{"Brien", "MRN0042", "19800229", "Chest", "Zoë", "CSN-9"} {
				if strings.Contains(err.Error(), private) {
					t.Errorf("%q in error %q", private, err)
				}
			}
		})
	}
}

func TestValidateReportsAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	var invalid *ValidationError
	if err := (MDM{}).Validate(); !errors.As(err, &invalid) || len(invalid.Faults) < 10 {
		t.Errorf("empty message: %v; want every required field named", err)
	}
}

// TestAnyNoteComesBackExactly is promise 3 at the level of bytes: whatever valid text is signed, the outgoing message
// holds exactly that text, and its structure cannot be changed by what the values contain.
func TestAnyNoteComesBackExactly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SampledFrom([]string{
			"pain", "|", "^", "~", `\`, "&", `""`, "#", "é", "🫀", " ", `\F\`, `\.br\`, `\X0D\`, "MSA|AA|1", "OBX|1|TX",
		})
		line := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(words, 1, 6).Draw(t, "w"), "") })
		lines := append(rapid.SliceOfN(line, 0, 5).Draw(t, "lines"), "end")
		text, name := strings.Join(lines, "\n"), line.Draw(t, "name")+"x"

		m := sampleMDM()
		m.Patient.Family = name
		m.Patient.IDs[0].Authority.Namespace = name
		m.Doc.Authentications[0].Person.Family = name
		m.Observations[0].Value = text
		b, err := m.Encode()
		if err != nil {
			t.Fatalf("encode: %v", err)
		}
		parsed, err := Parse(b)
		if err != nil {
			t.Fatalf("parse: %v", err)
		}
		if len(parsed.Segments) != 5+len(m.Observations) {
			t.Fatalf("%d segments", len(parsed.Segments))
		}
		pid, txa := parsed.Segment("PID"), parsed.Segment("TXA")
		got := []string{MDMText(parsed)[0], pid.Get(5), pid.Get(3, 1, 4), txa.Get(22, 1, 2), txa.Get(17)}
		if d := cmp.Diff([]string{text, name, name, name, "LA"}, got); d != "" {
			t.Fatalf("read back (-want +got):\n%s", d)
		}
	})
}
