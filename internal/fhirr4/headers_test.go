package fhirr4

import (
	"testing"
	"time"
)

func TestParseLocation(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][2]string{
		"http://h:1/fhir/r4/DocumentReference/abc-1/_history/7": {"abc-1", "7"},
		"http://h:1/fhir/r4/DocumentReference/abc-1":            {"abc-1", ""},
		"DocumentReference/abc-1":                               {"abc-1", ""},
		"/DocumentReference/abc-1":                              {"abc-1", ""},
		"4_0_0/DocumentReference/abc-1":                         {"abc-1", ""},
		"DocumentReference/abc/_history/1":                      {"abc", "1"},
		"":                                                      {},
		"Patient/abc":                                           {},
		"DocumentReference/":                                    {},
		"DocumentReference/..":                                  {},
		"DocumentReference/a%2fb":                               {},
		"http://h/DocumentReference/x/DocumentReference/y":      {"y", ""},
		"%zz": {},
	} {
		if id, v := ParseLocation(in, "DocumentReference"); id != want[0] || v != want[1] {
			t.Errorf("ParseLocation(%q) = %q, %q, want %q", in, id, v, want)
		}
	}
}

func TestParseETag(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`W/"1"`: "1", `"3"`: "3", "1": "1", "": "", `W/"0b6c0d2e-11e5-4d39-8f0a-aaaaaaaaaaaa"`: "0b6c0d2e-11e5-4d39-8f0a-aaaaaaaaaaaa",
		`W/"a b"`: "", `W/""`: "",
	} {
		if got := ParseETag(in); got != want {
			t.Errorf("ParseETag(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestParseRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Duration{
		"0": 0, "120": 2 * time.Minute, " 5 ": 5 * time.Second,
		"Mon, 23 Nov 2026 12:00:30 GMT": 30 * time.Second,
		"Mon, 23 Nov 2026 11:00:00 GMT": 0,
		"3600":                          time.Hour,
		"3601":                          time.Hour,
		"2147483647":                    time.Hour,
		"Mon, 23 Nov 2026 13:00:01 GMT": time.Hour,
		"Fri, 31 Dec 9999 23:59:59 GMT": time.Hour,
		"":                              -1, "-3": -1, "soon": -1, "1.5": -1, "99999999999999": -1,
	} {
		got, ok := ParseRetryAfter(in, now)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("ParseRetryAfter(%q) = %v, want %v", in, got, want)
		}
	}
}

func TestSameReference(t *testing.T) {
	t.Parallel()
	const base = "http://ehr/fhir/"
	for in, want := range map[string]bool{
		"Patient/a": true, "/Patient/a": true, "http://ehr/fhir/Patient/a": true, "Patient/a/_history/2": true,
		"http://other/fhir/Patient/a": false, "Patient/ab": false, "Patient/": false, "": false, "Group/a": false,
	} {
		if got := SameReference(in, base, "Patient", "a"); got != want {
			t.Errorf("SameReference(%q) = %v, want %v", in, got, want)
		}
	}
	if SameReference("Patient/", base, "Patient", "") {
		t.Error("SameReference with an empty id = true, want false")
	}
}

func TestIssues(t *testing.T) {
	t.Parallel()
	body := `{"resourceType":"OperationOutcome","issue":[
		{"severity":"information","code":"informational"},
		{"severity":"fatal","code":"required","details":{"coding":[{"code":"59108"}],"text":"Rosamund Quillfeather"},"diagnostics":"Valid encounter required","expression":["context/encounter"]},
		{"severity":"error","code":"not a code; Quillfeather","expression":["where(value='MRN7734019')"]}]}`
	issues := Issues([]byte(body))
	first, ok := FirstError(issues)
	if want := (Issue{"fatal", "required", "59108", "context/encounter"}); !ok || first != want {
		t.Errorf("first error: got %+v, want %+v", first, want)
	}
	if want := (Issue{Severity: "error"}); issues[2] != want {
		t.Errorf("issue with content: got %+v, want %+v", issues[2], want)
	}
	if got := Issues([]byte(`{"resourceType":"Patient"}`)); got != nil {
		t.Errorf("not an outcome: got %v", got)
	}
}
