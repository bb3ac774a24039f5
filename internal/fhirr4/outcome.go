package fhirr4

import (
	"encoding/json"
	"regexp"
)

// Issue is one issue of an OperationOutcome, reduced to what cannot hold
// content: diagnostics and texts are dropped.
type Issue struct {
	Severity string
	Code     string // issue-type, such as "required" or "business-rule"
	// Detail is the first code of details.coding, such as "59108".
	Detail string
	// Expression is the first expression or location that is a plain path.
	Expression string
}

var (
	reCode = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)
	rePath = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./\[\]]{0,79}$`)
)

// Issues reads an OperationOutcome; none when the body is something else.
func Issues(body []byte) []Issue {
	var o struct {
		ResourceType string `json:"resourceType"`
		Issue        []struct {
			Severity string `json:"severity"`
			Code     string `json:"code"`
			Details  struct {
				Coding []struct {
					Code string `json:"code"`
				} `json:"coding"`
			} `json:"details"`
			Expression []string `json:"expression"`
			Location   []string `json:"location"`
		} `json:"issue"`
	}
	if json.Unmarshal(body, &o) != nil || o.ResourceType != "OperationOutcome" {
		return nil
	}
	var out []Issue
	for _, i := range o.Issue {
		is := Issue{Severity: only(reCode, i.Severity), Code: only(reCode, i.Code)}
		for _, c := range i.Details.Coding {
			if is.Detail == "" {
				is.Detail = only(reCode, c.Code)
			}
		}
		for _, x := range append(i.Expression, i.Location...) {
			if is.Expression == "" {
				is.Expression = only(rePath, x)
			}
		}
		out = append(out, is)
	}
	return out
}

// FirstError is the first issue of severity fatal or error, else the first.
func FirstError(issues []Issue) (Issue, bool) {
	for _, i := range issues {
		if i.Severity == "fatal" || i.Severity == "error" {
			return i, true
		}
	}
	if len(issues) == 0 {
		return Issue{}, false
	}
	return issues[0], true
}

func only(re *regexp.Regexp, s string) string {
	if re.MatchString(s) {
		return s
	}
	return ""
}
