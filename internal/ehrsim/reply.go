package ehrsim

import (
	"encoding/json"
	"net/http"
)

// reply is an HTTP answer that is complete before the first byte is sent, so that a fault can still swallow it.
type reply struct {
	status      int
	contentType string
	header      map[string]string
	body        []byte
}

const fhirJSON = "application/fhir+json; charset=utf-8"

func (r reply) with(name, value string) reply {
	h := map[string]string{name: value}
	for k, v := range r.header {
		h[k] = v
	}
	r.header = h
	return r
}

func (r reply) send(w http.ResponseWriter) {
	for k, v := range r.header {
		w.Header().Set(k, v)
	}
	if r.contentType != "" {
		w.Header().Set("Content-Type", r.contentType)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body) // the client is gone: nothing to do about it
}

func resourceReply(status int, resource any) reply {
	body, err := json.Marshal(resource)
	if err != nil { // only maps, slices and strings come here
		return reply{status: http.StatusInternalServerError}
	}
	return reply{status: status, contentType: fhirJSON, body: body}
}

// issue is one OperationOutcome.issue (R4). Diagnostics never quote the request.
type issue struct {
	severity    string // fatal, error, warning, information; empty means error
	code        string // value set issue-type
	diagnostics string
	expression  string
	detailCode  string // Epic's 59xxx codes
}

// epicCodeSystem is the coding system of the detail codes in Epic's OperationOutcomes.
const epicCodeSystem = "urn:oid:1.2.840.114350.1.13.0.1.7.2.657369"

func (i issue) resource() map[string]any {
	out := map[string]any{"severity": i.severity, "code": i.code, "diagnostics": i.diagnostics}
	if i.severity == "" {
		out["severity"] = "error"
	}
	if i.expression != "" {
		out["expression"] = []string{i.expression}
	}
	if i.detailCode != "" {
		out["details"] = map[string]any{
			"coding": []any{map[string]any{"system": epicCodeSystem, "code": i.detailCode, "display": i.diagnostics}},
			"text":   i.diagnostics,
		}
	}
	return out
}

func operationOutcome(issues ...issue) map[string]any {
	list := make([]any, len(issues))
	for n, i := range issues {
		list[n] = i.resource()
	}
	return map[string]any{"resourceType": "OperationOutcome", "issue": list}
}

func outcome(status int, issues ...issue) reply {
	return resourceReply(status, operationOutcome(issues...))
}
