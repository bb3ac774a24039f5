package ehrsim

import (
	"encoding/base64"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

func (d *door) notFound() reply {
	return outcome(http.StatusNotFound, issue{code: "not-found", diagnostics: "no such resource"})
}

// stored finds a document of this door. The caller holds the journal's lock.
func (d *door) stored(id string) (*storedResource, bool) {
	all := d.sim.journal.resources[d.endpoint]
	i := slices.IndexFunc(all, func(r *storedResource) bool { return r.doc.ID == id })
	if i < 0 {
		return nil, false
	}
	return all[i], true
}

func (d *door) readDocument(r *http.Request) reply {
	d.sim.journal.mu.Lock()
	defer d.sim.journal.mu.Unlock()
	res, ok := d.stored(r.PathValue("id"))
	if !ok {
		return d.notFound()
	}
	rep := resourceReply(http.StatusOK, res.json)
	if d.endpoint == Epic {
		return rep // Epic sends no ETag
	}
	return rep.with("ETag", `W/"1"`).with("Last-Modified", res.doc.ReceivedAt.Format(http.TimeFormat))
}

// vreadDocument serves the only version there is.
func (d *door) vreadDocument(r *http.Request) reply {
	if r.PathValue("vid") != "1" {
		return d.notFound()
	}
	return d.readDocument(r)
}

func (d *door) searchDocuments(q url.Values) reply {
	d.sim.journal.mu.Lock()
	defer d.sim.journal.mu.Unlock()
	if d.endpoint == Epic {
		if bad := epicSearchRule(q); bad != nil {
			return *bad
		}
	}
	found, bad := d.matching(q)
	if bad != nil {
		return *bad
	}
	resources := make([]map[string]any, len(found))
	for i, res := range found {
		resources[i] = res.json
	}
	return d.bundle("DocumentReference", q, resources, d.emptyNote(len(found))...)
}

// emptyNote is Epic's warning on a search without results.
func (d *door) emptyNote(found int) []issue {
	if d.endpoint != Epic || found > 0 {
		return nil
	}
	return []issue{{severity: "warning", code: "not-found", diagnostics: "Resource request returns no results.", detailCode: "4101"}}
}

func (d *door) readPatient(r *http.Request) reply {
	d.sim.journal.mu.Lock()
	defer d.sim.journal.mu.Unlock()
	p, ok := d.sim.journal.registry.patient(d.endpoint, r.PathValue("id"))
	if !ok {
		return d.notFound()
	}
	return resourceReply(http.StatusOK, d.patientResource(p))
}

func (d *door) readEncounter(r *http.Request) reply {
	d.sim.journal.mu.Lock()
	defer d.sim.journal.mu.Unlock()
	e, ok := d.sim.journal.registry.encounter(d.endpoint, r.PathValue("id"))
	if !ok {
		return d.notFound()
	}
	return resourceReply(http.StatusOK, d.encounterResource(e))
}

func (d *door) patientResource(p Patient) map[string]any {
	out := map[string]any{"resourceType": "Patient", "id": p.idAt(d.endpoint)}
	if ids := identifierResources(p.Identifiers); len(ids) > 0 {
		out["identifier"] = ids
	}
	name := map[string]any{}
	if p.Family != "" {
		name["family"] = p.Family
	}
	if p.Given != "" {
		name["given"] = []string{p.Given}
	}
	if len(name) > 0 {
		out["name"] = []any{name}
	}
	if p.BirthDate != "" {
		out["birthDate"] = p.BirthDate
	}
	if p.Gender != "" {
		out["gender"] = p.Gender
	}
	return out
}

// encounterResource is called with the journal's lock held.
func (d *door) encounterResource(e Encounter) map[string]any {
	status, class := e.Status, e.Class
	if status == "" {
		status = "in-progress"
	}
	if class == "" {
		class = "AMB"
	}
	subject := e.PatientID
	if p, ok := d.sim.journal.registry.patient(FHIR, e.PatientID); ok {
		subject = p.idAt(d.endpoint)
	}
	out := map[string]any{"resourceType": "Encounter", "id": e.idAt(d.endpoint), "status": status,
		"class":   map[string]any{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": class},
		"subject": map[string]any{"reference": "Patient/" + subject}}
	if ids := identifierResources(e.Identifiers); len(ids) > 0 {
		out["identifier"] = ids
	}
	period := map[string]any{}
	if !e.Start.IsZero() {
		period["start"] = e.Start.UTC().Format(time.RFC3339)
	}
	if !e.End.IsZero() {
		period["end"] = e.End.UTC().Format(time.RFC3339)
	}
	if len(period) > 0 {
		out["period"] = period
	}
	return out
}

func identifierResources(list []Identifier) []any {
	var out []any
	for _, i := range list {
		if i.System == "" {
			continue // known to HL7 v2 only
		}
		id := map[string]any{"system": i.System, "value": i.Value}
		if i.Type != "" {
			id["type"] = map[string]any{"coding": []any{map[string]any{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": i.Type}}}
		}
		out = append(out, id)
	}
	return out
}

// searchPatients takes identifier, _id, family, given and birthdate. At least one is required.
func (d *door) searchPatients(q url.Values) reply {
	d.sim.journal.mu.Lock()
	defer d.sim.journal.mu.Unlock()
	var out []map[string]any
	for _, p := range d.sim.journal.registry.patients {
		matches, asked := true, false
		for name, values := range q {
			for _, v := range values {
				ok, known := true, true
				switch name {
				case "identifier":
					ok = anyToken(strings.Split(v, ","), tokensOf(p.Identifiers))
				case "_id":
					ok = slices.Contains(strings.Split(v, ","), p.idAt(d.endpoint))
				case "family":
					ok = hasFoldPrefix(p.Family, v)
				case "given":
					ok = hasFoldPrefix(p.Given, v)
				case "birthdate":
					ok = p.BirthDate == v
				case "_count", "_offset", "_format", "_pretty":
					known = false
				default:
					return badParameter(name, "search parameter is not supported")
				}
				matches, asked = matches && ok, asked || known
			}
		}
		if !asked {
			return badParameter("Patient", "search needs identifier, _id, family, given or birthdate")
		}
		if matches {
			out = append(out, d.patientResource(p))
		}
	}
	return d.bundle("Patient", q, out, d.emptyNote(len(out))...)
}

// searchEncounters takes patient, subject, identifier, _id and status.
func (d *door) searchEncounters(q url.Values) reply {
	d.sim.journal.mu.Lock()
	defer d.sim.journal.mu.Unlock()
	var out []map[string]any
	for _, e := range d.sim.journal.registry.encounters {
		resource, matches := d.encounterResource(e), true
		for name, values := range q {
			for _, v := range values {
				ok := true
				switch name {
				case "patient", "subject":
					id, isRef := d.localID(v, "Patient")
					if !isRef {
						id = v
					}
					ok = resource["subject"].(map[string]any)["reference"] == "Patient/"+id
				case "identifier":
					ok = anyToken(strings.Split(v, ","), tokensOf(e.Identifiers))
				case "_id":
					ok = slices.Contains(strings.Split(v, ","), e.idAt(d.endpoint))
				case "status":
					ok = slices.Contains(strings.Split(v, ","), resource["status"].(string))
				case "_count", "_offset", "_format", "_pretty":
				default:
					return badParameter(name, "search parameter is not supported")
				}
				matches = matches && ok
			}
		}
		if matches {
			out = append(out, resource)
		}
	}
	return d.bundle("Encounter", q, out, d.emptyNote(len(out))...)
}

func tokensOf(list []Identifier) []fhirIdentifier {
	out := make([]fhirIdentifier, len(list))
	for i, id := range list {
		out[i] = fhirIdentifier{System: id.System, Value: id.Value}
	}
	return out
}

func hasFoldPrefix(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// readBinary serves the content of a document: as it is, or as a Binary resource where the client asks for FHIR (R4 binary.html).
func (d *door) readBinary(r *http.Request) reply {
	d.sim.journal.mu.Lock()
	defer d.sim.journal.mu.Unlock()
	contentType, data, ok := d.binary(r.PathValue("id"))
	if !ok {
		return d.notFound()
	}
	if wantsFHIR(r.Header.Get("Accept")) {
		return resourceReply(http.StatusOK, map[string]any{"resourceType": "Binary", "id": r.PathValue("id"), "contentType": contentType,
			"data": base64.StdEncoding.EncodeToString(data)})
	}
	return reply{status: http.StatusOK, contentType: contentType, body: data}.with("X-Content-Type-Options", "nosniff").
		with("Content-Security-Policy", "sandbox")
}

func wantsFHIR(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		media, _, err := mime.ParseMediaType(part)
		if err == nil && (media == "application/fhir+json" || media == "application/json") {
			return true
		}
	}
	return false
}

// binary finds content by Binary id: the document's id on the plain door, with a suffix for the format on the Epic door.
func (d *door) binary(id string) (contentType string, data []byte, ok bool) {
	if d.endpoint == Epic {
		return d.epicBinary(id)
	}
	res, ok := d.stored(id)
	if !ok || len(res.ref.Content) == 0 || res.ref.Content[0].Attachment.Data == nil {
		return "", nil, false
	}
	data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(*res.ref.Content[0].Attachment.Data), ""))
	return res.doc.ContentType, data, err == nil
}
