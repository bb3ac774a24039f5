package ehrsim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

// documentReference holds the elements of an R4 DocumentReference that the simulator acts on.
type documentReference struct {
	ResourceType     string            `json:"resourceType"`
	Contained        []containedID     `json:"contained"`
	MasterIdentifier *fhirIdentifier   `json:"masterIdentifier"`
	Identifier       []fhirIdentifier  `json:"identifier"`
	Status           string            `json:"status"`
	DocStatus        string            `json:"docStatus"`
	Type             codeableConcept   `json:"type"`
	Category         []codeableConcept `json:"category"`
	Subject          reference         `json:"subject"`
	Date             string            `json:"date"`
	Author           []reference       `json:"author"`
	Content          []struct {
		Attachment attachment `json:"attachment"`
	} `json:"content"`
	Context struct {
		Encounter []reference `json:"encounter"`
	} `json:"context"`
}

type containedID struct {
	ResourceType string `json:"resourceType"`
	ID           string `json:"id"`
}

type fhirIdentifier struct {
	System string `json:"system,omitempty"`
	Value  string `json:"value,omitempty"`
}

type codeableConcept struct {
	Coding []coding `json:"coding,omitempty"`
	Text   string   `json:"text,omitempty"`
}

type coding struct {
	System       string `json:"system,omitempty"`
	Code         string `json:"code,omitempty"`
	Display      string `json:"display,omitempty"`
	UserSelected bool   `json:"userSelected,omitempty"`
}

type reference struct {
	Reference string `json:"reference"`
	Display   string `json:"display,omitempty"`
}

type attachment struct {
	ContentType string  `json:"contentType"`
	Data        *string `json:"data"`
	URL         string  `json:"url"`
}

// identifiers are what the search parameter identifier looks at: masterIdentifier and identifier.
func (d documentReference) identifiers() []fhirIdentifier {
	if d.MasterIdentifier == nil {
		return d.Identifier
	}
	return append([]fhirIdentifier{*d.MasterIdentifier}, d.Identifier...)
}

// number is the document number: masterIdentifier, or else the first identifier.
func (d documentReference) number() string {
	if ids := d.identifiers(); len(ids) > 0 {
		return ids[0].Value
	}
	return ""
}

func (d documentReference) typeCode() string {
	if len(d.Type.Coding) > 0 {
		return d.Type.Coding[0].Code
	}
	return ""
}

// validatorLine is the form of google/fhir's error messages, one per line.
var validatorLine = regexp.MustCompile(`^error at "([^"]*)": (.*)$`)

// parse checks a body with google/fhir and decodes it. The validator's own diagnostics quote values, so only place and kind are passed on.
func (s *Simulator) parse(body []byte, wantType string) (ref documentReference, asMap map[string]any, bad *reply) {
	refuse := func(issues ...issue) *reply {
		r := outcome(http.StatusBadRequest, issues...)
		return &r
	}
	if !json.Valid(body) {
		return ref, nil, refuse(issue{severity: "fatal", code: "structure", diagnostics: "body is not JSON"})
	}
	if err := json.Unmarshal(body, &asMap); err != nil {
		return ref, nil, refuse(issue{severity: "fatal", code: "structure", diagnostics: "body is not a JSON object"})
	}
	if asMap["resourceType"] != wantType {
		return ref, nil, refuse(issue{code: "invalid", diagnostics: "resource is not a " + wantType, expression: "resourceType"})
	}
	if place := emptyAt(asMap, wantType); place != "" {
		return ref, nil, refuse(issue{code: "structure", diagnostics: "strings, lists and objects must not be empty", expression: place})
	}
	if _, err := s.checker.Unmarshal(body); err != nil {
		return ref, nil, refuse(validatorIssues(err)...)
	}
	if err := json.Unmarshal(body, &ref); err != nil {
		return ref, nil, refuse(issue{code: "structure", diagnostics: "resource has an element of the wrong JSON type"})
	}
	return ref, asMap, nil
}

// emptyAt returns the place of an empty string, list or object, which FHIR JSON does not allow (R4 json.html) and google/fhir lets pass.
func emptyAt(v any, place string) string {
	switch t := v.(type) {
	case string:
		if t == "" {
			return place
		}
	case []any:
		if len(t) == 0 {
			return place
		}
		for i, e := range t {
			if p := emptyAt(e, fmt.Sprintf("%s[%d]", place, i)); p != "" {
				return p
			}
		}
	case map[string]any:
		if len(t) == 0 {
			return place
		}
		for k, e := range t {
			if p := emptyAt(e, place+"."+k); p != "" {
				return p
			}
		}
	}
	return ""
}

func validatorIssues(err error) []issue {
	var out []issue
	for line := range strings.SplitSeq(err.Error(), "\n") {
		i := issue{code: "structure", diagnostics: "resource does not conform to FHIR R4"}
		if m := validatorLine.FindStringSubmatch(line); m != nil {
			i.expression, i.diagnostics = m[1], m[2]
		}
		out = append(out, i)
	}
	return out
}
