package hl7mdm

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"countersign/adapters"
	"countersign/adapters/adaptertest"
	"countersign/internal/ehrsim"
	"countersign/internal/hl7v2"
	"countersign/review"

	"github.com/google/go-cmp/cmp"
	"github.com/kardianos/hl7"
	"github.com/kardianos/hl7/h251"
	lenaten "github.com/lenaten/hl7"
)

// lines shows a message with one segment per line and long text cut.
func lines(msg []byte) []string {
	var out []string
	for s := range strings.SplitSeq(strings.TrimSuffix(string(msg), "\r"), "\r") {
		if f := strings.Split(s, "|"); f[0] == "OBX" {
			f[5] = "…"
			s = strings.Join(f, "|")
		}
		out = append(out, s)
	}
	return out
}

func document(t *testing.T) review.Document {
	t.Helper()
	d := adaptertest.Document(t, destination())
	d.ControlID = "AAAABBBBCCCCDDDDEEEE"
	return d
}

func TestMessage(t *testing.T) {
	t.Parallel()
	a := newAdapter(t, "127.0.0.1:9", Options{
		SendingFacility: hl7v2.HD{Namespace: "CLINIC"}, ReceivingApp: hl7v2.HD{Namespace: "EHR"}, ReceivingFacility: hl7v2.HD{Namespace: "HOSP"},
		Location: time.FixedZone("", -5*3600), Authorities: map[string]string{adaptertest.VisitAuthority: "HOSP"},
	})
	d := document(t)
	msg, written, err := a.encode(d)
	if err != nil {
		t.Fatal(err)
	}
	if written != d.Rendering.SHA256 {
		t.Errorf("written %s, want the rendering's %s", written, d.Rendering.SHA256)
	}
	res, att := "1234567893^Okafor^Amara^^^^MD^^NPI^^^^NPI", "1245319599^Lindqvist^Jonas^^^^MD, PhD^^NPI^^^^NPI"
	want := []string{
		`MSH|^~\&|COUNTERSIGN|CLINIC|EHR|HOSP|20261123101245-0500||MDM^T02^MDM_T02|AAAABBBBCCCCDDDDEEEE|P|2.5.1||||||UNICODE UTF-8`,
		`EVN|T02|20261123101245-0500`,
		`PID|1||MRN7734019^^^HOSPMRN^MR||Quillfeather^Rosamund||19610417|F`,
		`PV1|1|O|||||||||||||||||VN5520187^^^HOSP^VN`,
		`TXA|1|PR|TX|20261123090500-0500|` + res + `|20261123090500-0500|20261123093120-0500||` + res + `|` + res + `~` + att + `||` + d.DocumentNumber +
			`|||||LA|U|AV|||` + res + `^^20261123094002-0500~` + att + `^^20261123101245-0500`,
		`OBX|1|TX|HEAD^Head^L||…||||||F`,
		`OBX|2|TX|10154-3^Chief complaint^LN||…||||||F`,
		`OBX|3|TX|10164-2^History of present illness^LN||…||||||F`,
		`OBX|4|TX|29545-1^Physical examination^LN||…||||||F`,
		`OBX|5|TX|51847-2^Assessment and plan^LN||…||||||F`,
		`OBX|6|TX|SIGNATURES^Signatures^L||…||||||F`,
		`OBX|7|TX|AI-ASSISTANCE^AI assistance^L||…||||||F`,
	}
	if diff := cmp.Diff(want, lines(msg)); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	again, _, err := a.encode(d)
	if err != nil || !bytes.Equal(msg, again) {
		t.Errorf("a second attempt has other bytes (%v)", err)
	}
}

func TestMessageNotCompleted(t *testing.T) {
	t.Parallel()
	a := newAdapter(t, "127.0.0.1:9", Options{Transcriptionist: hl7v2.XCN{ID: "CS", Family: "Countersign"}})
	d := document(t)
	d.Completed, d.Confidential = false, review.ConfidentialityRestricted
	d.Signatures, d.Signers = d.Signatures[:1], d.Signers[:1]
	msg, _, err := a.encode(d)
	if err != nil {
		t.Fatal(err)
	}
	m, err := hl7v2.Parse(msg)
	if err != nil {
		t.Fatal(err)
	}
	txa := m.Segment("TXA")
	got := []string{txa.Get(17), txa.Get(18), txa.Get(11, 1, 2)}
	if diff := cmp.Diff([]string{"AU", "R", "Countersign"}, got); diff != "" || txa.Repetitions(22) != 1 {
		t.Errorf("TXA-17, 18, 11.2 (-want +got):\n%s; %d authentications, want 1", diff, txa.Repetitions(22))
	}
}

// Only identifiers of the configured authorities leave.
func TestMessageAuthorities(t *testing.T) {
	t.Parallel()
	o := Options{RecordAuthority: "ENTERPRISE", VisitAuthority: "ADT", PractitionerAuthority: "STAFF", Authorities: map[string]string{"ENTERPRISE": "EMPI"}}
	full := func() review.Document {
		d := document(t)
		d.Patient.Identifiers = append(d.Patient.Identifiers, review.Identifier{Type: "MR", Authority: "ENTERPRISE", Value: "E1"})
		d.Encounter.Identifiers = append(d.Encounter.Identifiers, review.Identifier{Type: "VN", Authority: "ADT", Value: "A1"})
		d.Signers[0].Identifiers = append(d.Signers[0].Identifiers,
			review.Identifier{Type: "EI", Authority: "PAYROLL", Value: "P1"}, review.Identifier{Type: "EI", Authority: "STAFF", Value: "S1"})
		d.Author = d.Signers[0]
		d.Signers[1].Identifiers = append(d.Signers[1].Identifiers, review.Identifier{Type: "EI", Destination: d.Destination.ID, Value: "S2"})
		return d
	}
	for name, c := range map[string]struct {
		change func(*review.Document, *Options)
		want   []string // PID-3, PV1-19, TXA-9, TXA-10 second; or the code of the refusal
	}{
		"OK": {func(*review.Document, *Options) {}, []string{
			"E1^^^EMPI^MR", "A1^^^ADT^VN", "S1^Okafor^Amara^^^^MD^^STAFF^^^^EI", "S2^Lindqvist^Jonas^^^^MD, PhD^^STAFF^^^^EI"}},
		"AnyWithoutConfiguration": {func(_ *review.Document, o *Options) { *o = Options{} }, []string{
			"MRN7734019^^^HOSPMRN^MR~E1^^^ENTERPRISE^MR", "VN5520187^^^HOSPVN^VN", "P1^Okafor^Amara^^^^MD^^PAYROLL^^^^EI", "S2^Lindqvist^Jonas^^^^MD, PhD^^^^^^EI"}},
		"NPIWithoutOneOfTheAuthority": {func(_ *review.Document, o *Options) { o.PractitionerAuthority = "NOBODY'S" }, []string{
			"E1^^^EMPI^MR", "A1^^^ADT^VN", "1234567893^Okafor^Amara^^^^MD^^NPI^^^^NPI", "S2^Lindqvist^Jonas^^^^MD, PhD^^NOBODY'S^^^^EI"}},
		"NoVisitNumberOfTheAuthority": {func(_ *review.Document, o *Options) { o.VisitAuthority = "OTHER" }, []string{
			"E1^^^EMPI^MR", "", "S1^Okafor^Amara^^^^MD^^STAFF^^^^EI", "S2^Lindqvist^Jonas^^^^MD, PhD^^STAFF^^^^EI"}},
		"ErrNoRecordOfTheAuthority":      {func(_ *review.Document, o *Options) { o.RecordAuthority = "OTHER" }, []string{"patient_identifier"}},
		"ErrVisitNumberNeeded":           {func(_ *review.Document, o *Options) { o.VisitAuthority, o.EncounterRequired = "OTHER", true }, []string{"encounter_identifier"}},
		"ErrNeitherOfTheAuthorityNorNPI": {func(d *review.Document, o *Options) { o.PractitionerAuthority, d.Author.NPI = "OTHER", "" }, []string{"author_unmapped"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, o := full(), o
			c.change(&d, &o)
			msg, _, err := newAdapter(t, "127.0.0.1:9", o).encode(d)
			if err != nil {
				if diff := cmp.Diff(c.want, []string{adapters.CodeOf(err)}); diff != "" || !isPermanent(err) {
					t.Errorf("%v (-want +got):\n%s", err, diff)
				}
				return
			}
			field := func(segment string, n int) string {
				for s := range strings.SplitSeq(string(msg), "\r") {
					if f := strings.Split(s, "|"); f[0] == segment && len(f) > n {
						return f[n]
					}
				}
				return ""
			}
			_, second, _ := strings.Cut(field("TXA", 10), "~")
			if diff := cmp.Diff(c.want, []string{field("PID", 3), field("PV1", 19), field("TXA", 9), second}); diff != "" {
				t.Errorf("PID-3, PV1-19, TXA-9, TXA-10 (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMessageErrPermanent(t *testing.T) {
	t.Parallel()
	a := newAdapter(t, "127.0.0.1:9", Options{})
	for name, c := range map[string]struct {
		change func(*review.Document)
		code   string
	}{
		"author without identifier": {func(d *review.Document) { d.Author.NPI, d.Author.Identifiers = "", nil }, "author_unmapped"},
		"signer without identifier": {func(d *review.Document) { d.Signers[1].NPI, d.Signers[1].Identifiers = "", nil }, "signer_unmapped"},
		"signature without signer":  {func(d *review.Document) { d.Signers = d.Signers[:1] }, "signer_missing"},
		"part outside the body":     {func(d *review.Document) { d.Rendering.Parts[0].End = 1 << 20 }, "rendering_blocks"},
		"part left out":             {func(d *review.Document) { d.Rendering.Parts = d.Rendering.Parts[1:] }, "rendering_altered"},
		"long control id":           {func(d *review.Document) { d.ControlID += "X" }, "mdm_invalid"},
	} {
		d := document(t)
		c.change(&d)
		if _, _, err := a.encode(d); adapters.CodeOf(err) != c.code || !isPermanent(err) {
			t.Errorf("%s: got %v, want %s", name, err, c.code)
		}
	}
}

// TestForeignReaders: two libraries that share no code with ours find the
// same patient, document number and text in what the receiver got (issue 2).
func TestForeignReaders(t *testing.T) {
	t.Parallel()
	sim := startSim(t, ehrsim.Options{})
	a := newAdapter(t, sim.MLLPAddr(), Options{})
	full := document(t)
	// lenaten/hl7 counts runes where it slices bytes: it is given ASCII.
	r := adaptertest.Request(destination())
	for i := range r.Revision.Content.Sections {
		for j := range r.Revision.Content.Sections[i].Statements {
			st := &r.Revision.Content.Sections[i].Statements[j]
			st.Text = review.ClinicalText(strings.NewReplacer("–", "-", "“", `"`, "”", `"`, "°", " degrees").Replace(string(st.Text)))
		}
	}
	plain := adaptertest.DocumentOf(r, destination())
	for _, d := range []review.Document{full, plain} {
		if _, err := a.WriteBack(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	got := sim.Documents()
	if len(got) != 2 {
		t.Fatalf("the receiver has %d documents, want 2", len(got))
	}
	want := func(d review.Document) reading {
		return reading{adaptertest.MRN, adaptertest.PatientFamily, d.DocumentNumber, string(d.Rendering.Body)}
	}
	if diff := cmp.Diff(want(full), readStrict(t, got[0].Raw)); diff != "" {
		t.Errorf("kardianos/hl7 (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want(plain), readStrict(t, got[1].Raw)); diff != "" {
		t.Errorf("kardianos/hl7, ASCII (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want(plain), readLenient(t, got[1].Raw)); diff != "" {
		t.Errorf("lenaten/hl7, ASCII (-want +got):\n%s", diff)
	}
}

type reading struct{ MRN, Family, Number, Text string }

func readStrict(t *testing.T, msg []byte) reading {
	t.Helper()
	v, err := hl7.NewDecoder(h251.Registry, nil).Decode(msg)
	if err != nil {
		t.Fatalf("kardianos/hl7: %v", err)
	}
	m, ok := v.(h251.MDM_T02)
	if !ok {
		t.Fatalf("kardianos/hl7: got %T, want MDM_T02", v)
	}
	r := reading{MRN: m.PID.PatientIdentifierList[0].IDNumber, Family: m.PID.PatientName[0].FamilyName, Number: m.TXA.UniqueDocumentNumber.EntityIdentifier}
	var blocks []string
	for _, o := range m.Obxnte {
		var lines []string
		for _, x := range o.OBX.ObservationValue {
			line, ok := x.(string)
			if !ok {
				t.Fatalf("kardianos/hl7: OBX-5 is %T, want text", x)
			}
			lines = append(lines, line)
		}
		blocks = append(blocks, strings.Join(lines, "\n"))
	}
	r.Text = strings.Join(blocks, "\n\n")
	return r
}

func readLenient(t *testing.T, msg []byte) reading {
	t.Helper()
	// The library reads past the end of a buffer without room.
	m := lenaten.NewMessage(append(make([]byte, 0, len(msg)+2), msg...))
	if err := m.Parse(); err != nil {
		t.Fatalf("lenaten/hl7: %v", err)
	}
	find := func(place string) string { // components count from 0 there
		v, err := m.Find(place)
		if err != nil {
			t.Fatalf("lenaten/hl7: %s: %v", place, err)
		}
		return v
	}
	r := reading{MRN: find("PID.3.0"), Family: find("PID.5.0"), Number: find("TXA.12.0")}
	segments, err := m.AllSegments("OBX")
	if err != nil {
		t.Fatalf("lenaten/hl7: %v", err)
	}
	unescape := strings.NewReplacer(`\F\`, "|", `\S\`, "^", `\T\`, "&", `\R\`, "~", `\E\`, `\`) // it has no escapes of its own
	var blocks []string
	for _, s := range segments {
		fields, err := s.AllFields(5)
		if err != nil {
			t.Fatalf("lenaten/hl7: OBX-5: %v", err)
		}
		var lines []string
		for _, f := range fields {
			lines = append(lines, unescape.Replace(string(f.Value)))
		}
		blocks = append(blocks, strings.Join(lines, "\n"))
	}
	r.Text = strings.Join(blocks, "\n\n")
	return r
}

func isPermanent(err error) bool {
	_, ok := err.(*adapters.PermanentError)
	return ok
}
