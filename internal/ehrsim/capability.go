package ehrsim

import "net/http"

// capability answers GET metadata with what the door really does (R4 CapabilityStatement).
func (d *door) capability() reply {
	conditional := d.endpoint == FHIR
	document := map[string]any{
		"type":              "DocumentReference",
		"interaction":       interactions("create", "read", "vread", "search-type"),
		"versioning":        "versioned",
		"conditionalCreate": conditional,
		"conditionalUpdate": false,
		"conditionalDelete": "not-supported",
		"searchParam":       params("_id", "token", "_lastUpdated", "date", "category", "token", "date", "date", "encounter", "reference", "patient", "reference", "status", "token", "subject", "reference", "type", "token"),
	}
	if conditional {
		document["referencePolicy"] = []string{"literal", "local", "enforced"}
		document["searchParam"] = append(document["searchParam"].([]any), params("identifier", "token")...)
	}
	software := "Countersign simulator EHR"
	if d.endpoint == Epic {
		software += ", Epic rules"
	}
	return resourceReply(http.StatusOK, map[string]any{
		"resourceType": "CapabilityStatement", "status": "active", "kind": "instance", "date": "2026-05-01", "fhirVersion": "4.0.1",
		"software":       map[string]any{"name": software},
		"implementation": map[string]any{"description": "Simulator for tests and demonstrations; holds no real patients", "url": d.base},
		"format":         []string{"application/fhir+json"},
		"rest": []any{map[string]any{"mode": "server", "resource": []any{
			document,
			map[string]any{"type": "Patient", "interaction": interactions("read", "search-type"), "conditionalCreate": false,
				"searchParam": params("_id", "token", "birthdate", "date", "family", "string", "given", "string", "identifier", "token")},
			map[string]any{"type": "Encounter", "interaction": interactions("read", "search-type"), "conditionalCreate": false,
				"searchParam": params("_id", "token", "identifier", "token", "patient", "reference", "status", "token", "subject", "reference")},
			map[string]any{"type": "Binary", "interaction": interactions("read"), "conditionalCreate": false},
		}}},
	})
}

func interactions(codes ...string) []any {
	out := make([]any, len(codes))
	for i, c := range codes {
		out[i] = map[string]any{"code": c}
	}
	return out
}

// params takes names and types in turn.
func params(pairs ...string) []any {
	var out []any
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, map[string]any{"name": pairs[i], "type": pairs[i+1]})
	}
	return out
}
