package fhirr4

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	codes "github.com/google/fhir/go/proto/google/fhir/proto/r4/core/codes_go_proto"
	"github.com/google/go-cmp/cmp"
)

func newCodec(t *testing.T) *Codec {
	t.Helper()
	c, err := NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func envelope() Envelope {
	at := time.Date(2026, 11, 23, 15, 12, 45, 310000000, time.UTC)
	return Envelope{
		Identifier: Identifier{"urn:oid:2.25.1", "ABC"}, Master: Identifier{"urn:oid:2.25.1", "ABC.2"}, Final: true,
		Type: Coding{SystemLOINC, "11506-3", "Progress note"}, PatientID: "p1", EncounterID: "e1",
		Authors:       []Person{{ID: "a1", Display: "Amara Okafor, MD"}},
		Authenticator: &Person{Identifier: Identifier{SystemNPI, "1245319599"}, Display: "Jonas Lindqvist, MD"},
		CustodianID:   "o1", RelatesTo: []Relation{{codes.DocumentRelationshipTypeCode_APPENDS, "d0"}},
		Description: "Progress note", Confidentiality: "N", AIAssisted: true, Date: at,
		Start: at.Add(-time.Hour), End: at.Add(-30 * time.Minute),
		ContentType: "text/plain;charset=utf-8", Title: "Progress note", Creation: at, Data: []byte("Note – 37 °C\n"), Hash: true,
	}
}

func TestEncode(t *testing.T) {
	t.Parallel()
	b, err := newCodec(t).Encode(Build(envelope()))
	if err != nil {
		t.Fatal(err)
	}
	var got, want map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	const wantJSON = `{
		"resourceType":"DocumentReference",
		"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"AIAST","display":"Artificial Intelligence asserted"}]},
		"masterIdentifier":{"system":"urn:oid:2.25.1","value":"ABC.2"},
		"identifier":[{"system":"urn:oid:2.25.1","value":"ABC"}],
		"status":"current","docStatus":"final",
		"type":{"coding":[{"system":"http://loinc.org","code":"11506-3","display":"Progress note"}]},
		"category":[{"coding":[{"system":"http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category","code":"clinical-note","display":"Clinical Note"}]}],
		"subject":{"reference":"Patient/p1"},
		"date":"2026-11-23T15:12:45.310000Z",
		"author":[{"reference":"Practitioner/a1","display":"Amara Okafor, MD"}],
		"authenticator":{"type":"Practitioner","identifier":{"system":"http://hl7.org/fhir/sid/us-npi","value":"1245319599"},"display":"Jonas Lindqvist, MD"},
		"custodian":{"reference":"Organization/o1"},
		"relatesTo":[{"code":"appends","target":{"reference":"DocumentReference/d0"}}],
		"description":"Progress note",
		"securityLabel":[
			{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"N"}]},
			{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"AIAST","display":"Artificial Intelligence asserted"}]}],
		"content":[{"attachment":{"contentType":"text/plain;charset=utf-8","data":"Tm90ZSDigJMgMzcgwrBDCg==","size":16,
			"hash":"TtK19o+/hX1cS8GVph+oPVotwZw=","title":"Progress note","creation":"2026-11-23T15:12:45Z"}}],
		"context":{"encounter":[{"reference":"Encounter/e1"}],"period":{"start":"2026-11-23T14:12:45Z","end":"2026-11-23T14:42:45Z"}}}`
	if err := json.Unmarshal([]byte(wantJSON), &want); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("resource (-want +got):\n%s", d)
	}
	data, err := Attachment(b)
	if err != nil || string(data) != "Note – 37 °C\n" {
		t.Errorf("attachment: got %q, %v", data, err)
	}
}

func TestEncodeFewFields(t *testing.T) {
	t.Parallel()
	e := Envelope{Type: Coding{SystemLOINC, "11506-3", ""}, PatientID: "p1", ContentType: "text/plain", Data: []byte("x")}
	b, err := newCodec(t).Encode(Build(e))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"identifier", "masterIdentifier", "date", "context", "securityLabel", "meta", "relatesTo", "author"} {
		if _, there := got[name]; there {
			t.Errorf("%s is there, want it left out", name)
		}
	}
	if got["docStatus"] != "preliminary" {
		t.Errorf("docStatus: got %v, want preliminary", got["docStatus"])
	}
}

func TestValidateErrInvalid(t *testing.T) {
	t.Parallel()
	c := newCodec(t)
	for name, in := range map[string]string{
		"no status":     `{"resourceType":"DocumentReference","content":[{"attachment":{"contentType":"text/plain"}}]}`,
		"unknown field": `{"resourceType":"DocumentReference","status":"current","note":"Quillfeather","content":[{"attachment":{"contentType":"text/plain"}}]}`,
		"not JSON":      `{`,
	} {
		if err := c.Validate([]byte(in)); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", name, err)
		}
	}
}

func TestAttachmentErrAttachment(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"two":       `{"resourceType":"DocumentReference","content":[{"attachment":{"data":"eA=="}},{"attachment":{"data":"eA=="}}]}`,
		"none":      `{"resourceType":"DocumentReference"}`,
		"no base64": `{"resourceType":"DocumentReference","content":[{"attachment":{"data":"%"}}]}`,
		"url only":  `{"resourceType":"DocumentReference","content":[{"attachment":{"url":"Binary/1"}}]}`,
		"other":     `{"resourceType":"Binary"}`,
	} {
		if _, err := Attachment([]byte(in)); !errors.Is(err, ErrAttachment) {
			t.Errorf("%s: got %v, want ErrAttachment", name, err)
		}
	}
}
