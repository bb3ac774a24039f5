package hl7v2

import (
	"strings"
	"testing"

	kardianos "github.com/kardianos/hl7"
	"github.com/kardianos/hl7/h251"
	lenaten "github.com/lenaten/hl7"
)

// peerView is what an independent reader must find in our message.
type peerView struct {
	patientID, family, documentNumber, status string
	texts                                     []string
}

func ownView(m MDM) peerView {
	v := peerView{
		patientID: m.Patient.IDs[0].ID, family: m.Patient.Family,
		documentNumber: m.Doc.DocumentNumber.ID, status: m.Doc.CompletionStatus,
	}
	for _, o := range m.Observations {
		v.texts = append(v.texts, o.Value)
	}
	return v
}

func (v peerView) check(t *testing.T, got peerView) {
	t.Helper()
	for _, tc := range []struct{ name, want, got string }{
		{"patient id", v.patientID, got.patientID},
		{"family name", v.family, got.family},
		{"document number", v.documentNumber, got.documentNumber},
		{"completion status", v.status, got.status},
		{"text", strings.Join(v.texts, "\n---\n"), strings.Join(got.texts, "\n---\n")},
	} {
		if tc.want != tc.got {
			t.Errorf("%s: the peer found %q, want %q", tc.name, tc.got, tc.want)
		}
	}
}

// kardianosView reads with the strict typed reader. It drops empty repetitions (blank lines) and knows no \X escapes,
// so texts for it have neither.
func kardianosView(t testing.TB, b []byte) peerView {
	t.Helper()
	decoded, err := kardianos.NewDecoder(h251.Registry, nil).Decode(b)
	if err != nil {
		t.Fatalf("kardianos/hl7: %v", err)
	}
	m, ok := decoded.(h251.MDM_T02)
	if !ok {
		t.Fatalf("kardianos/hl7 found a %T, want MDM_T02", decoded)
	}
	v := peerView{
		patientID: m.PID.PatientIdentifierList[0].IDNumber, family: m.PID.PatientName[0].FamilyName,
		documentNumber: m.TXA.UniqueDocumentNumber.EntityIdentifier, status: m.TXA.DocumentCompletionStatus,
	}
	for _, group := range m.Obxnte {
		var lines []string
		for _, line := range group.OBX.ObservationValue {
			lines = append(lines, line.(string))
		}
		v.texts = append(v.texts, strings.Join(lines, "\n"))
	}
	return v
}

// lenatenView reads with the library first named for this project. It removes no escapes, so texts for it have none.
func lenatenView(t testing.TB, b []byte) peerView {
	t.Helper()
	m := lenaten.NewMessage(b)
	if err := m.Parse(); err != nil {
		t.Fatalf("lenaten/hl7: %v", err)
	}
	find := func(location string) string {
		s, err := m.Find(location)
		if err != nil {
			t.Fatalf("lenaten/hl7: %s: %v", location, err)
		}
		return s
	}
	v := peerView{
		patientID: find("PID.3.0"), family: find("PID.5.0"),
		documentNumber: find("TXA.12.0"), status: find("TXA.17"),
	}
	segments, err := m.AllSegments("OBX")
	if err != nil {
		t.Fatalf("lenaten/hl7: %v", err)
	}
	for _, s := range segments {
		lines, err := s.GetAll(lenaten.NewLocation("OBX.5"))
		if err != nil {
			t.Fatalf("lenaten/hl7: OBX-5: %v", err)
		}
		v.texts = append(v.texts, strings.Join(lines, "\n"))
	}
	return v
}

func TestKardianosFindsWhatWeWrote(t *testing.T) {
	t.Parallel()
	m := sampleMDM() // with names and text beyond ASCII, and every delimiter
	m.Observations[0].Value = "Chest pain since 3 days.\nPain 7/10 | worse at night ^^ ~90 kg, \\o/ & tired 🫀\n  indented"
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	ownView(m).check(t, kardianosView(t, b))
}

// asciiMDM is sampleMDM without what lenaten/hl7 cannot read: it counts runes where it slices bytes, so that every
// field after a non-ASCII character shifts, and it takes the byte after an escape character for escaped, so that a
// sequence at the end of a value swallows the delimiter.
func asciiMDM() MDM {
	m := sampleMDM()
	m.Patient.Family, m.Patient.Given, m.Patient.Middle = "OBrien", "Zoe", "N"
	m.Visit.Attending[0].Family, m.Visit.Attending[0].Given = "Weiss", "Joerg"
	m.Doc.Authenticators[1] = m.Visit.Attending[0]
	m.Doc.Authentications[1].Person = m.Visit.Attending[0]
	m.Observations[0].Value = "Chest pain since 3 days.\nPain 7/10, worse at night.\n\n  Weight 90 kg, tired."
	return m
}

func TestLenatenFindsWhatWeWrote(t *testing.T) {
	t.Parallel()
	m := asciiMDM()
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	ownView(m).check(t, lenatenView(t, b))
	ownView(m).check(t, func() peerView {
		v := kardianosView(t, b)
		v.texts[0] = m.Observations[0].Value // kardianos/hl7 drops the blank line; compared below
		return v
	}())
	if got, want := kardianosView(t, b).texts[0], strings.ReplaceAll(m.Observations[0].Value, "\n\n", "\n"); got != want {
		t.Errorf("kardianos/hl7 text %q, want %q", got, want)
	}
}
