package ehrsim

import (
	"crypto/rand"
	"encoding/base64"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// createFHIR serves POST DocumentReference: validation, references, conditional create, filing (R4 http.html, create).
func (d *door) createFHIR(r *http.Request, body []byte) reply {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || (media != "application/fhir+json" && media != "application/json") {
		return outcome(http.StatusUnsupportedMediaType, issue{code: "not-supported", diagnostics: "content type must be application/fhir+json"})
	}
	ref, asMap, bad := d.sim.parse(body, "DocumentReference")
	if bad != nil {
		return *bad
	}
	doc, bad := d.sim.documentOf(ref)
	if bad != nil {
		return *bad
	}
	j := d.sim.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	if bad := d.resolve(ref, doc); bad != nil {
		return *bad
	}
	if condition := r.Header.Get("If-None-Exist"); condition != "" {
		if found, bad := d.existing(condition); bad != nil {
			return *bad
		} else if found != nil {
			j.counters[FHIR].Replayed++
			found.doc.Replays++
			j.touch()
			return d.created(r, http.StatusOK, found)
		}
	}
	return d.created(r, http.StatusCreated, d.file(ref, asMap, doc, body))
}

// documentOf decodes the attachments and applies the limits that need no look at other records.
func (s *Simulator) documentOf(ref documentReference) (*ReceivedDocument, *reply) {
	refuse := func(status int, i issue) (*ReceivedDocument, *reply) {
		rep := outcome(status, i)
		return nil, &rep
	}
	doc := &ReceivedDocument{Status: ref.Status, DocStatus: ref.DocStatus, TypeCode: ref.typeCode(), DocumentNumber: ref.number()}
	if len(ref.Author) > 0 {
		doc.AuthorRef = ref.Author[0].Reference
	}
	for n, c := range ref.Content {
		if c.Attachment.Data == nil {
			if c.Attachment.URL == "" {
				return refuse(http.StatusUnprocessableEntity, issue{code: "required", diagnostics: "attachment needs data or url",
					expression: "DocumentReference.content.attachment"})
			}
			continue
		}
		data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(*c.Attachment.Data), ""))
		switch {
		case err != nil:
			return refuse(http.StatusBadRequest, issue{code: "value", diagnostics: "attachment data is not base64", expression: "DocumentReference.content.attachment.data"})
		case len(data) > s.opt.MaxAttachment:
			return refuse(http.StatusRequestEntityTooLarge, issue{code: "too-long", diagnostics: "attachment is larger than this server accepts",
				expression: "DocumentReference.content.attachment.data"})
		case len(data) == 0:
			return refuse(http.StatusUnprocessableEntity, issue{code: "value", diagnostics: "attachment is empty", expression: "DocumentReference.content.attachment.data"})
		}
		media, _, err := mime.ParseMediaType(c.Attachment.ContentType)
		if err != nil {
			return refuse(http.StatusUnprocessableEntity, issue{code: "value", diagnostics: "content type is not a media type", expression: "DocumentReference.content.attachment.contentType"})
		}
		isText := strings.HasPrefix(media, "text/") || media == "application/xhtml+xml"
		if isText && !utf8.Valid(data) {
			return refuse(http.StatusUnprocessableEntity, issue{code: "value", diagnostics: "text is not UTF-8", expression: "DocumentReference.content.attachment.data"})
		}
		if n == 0 {
			doc.ContentType, doc.SHA256 = c.Attachment.ContentType, digest(data)
			if isText {
				doc.Text = string(data)
			}
		}
	}
	return doc, nil
}

// resolve checks that subject and encounter exist and belong together. The caller holds the journal's lock.
func (d *door) resolve(ref documentReference, doc *ReceivedDocument) *reply {
	refuse := func(text, expression string) *reply {
		rep := outcome(http.StatusUnprocessableEntity, issue{code: "business-rule", diagnostics: text, expression: expression})
		return &rep
	}
	id, ok := d.localID(ref.Subject.Reference, "Patient")
	if !ok {
		return refuse("subject must be a reference to a Patient of this server", "DocumentReference.subject")
	}
	patient, ok := d.patient(id)
	if !ok {
		return refuse("subject does not exist on this server", "DocumentReference.subject")
	}
	doc.PatientID, doc.PatientName = id, patient.name()
	for _, e := range ref.Context.Encounter {
		if ref.contains(e.Reference, "Encounter") {
			continue // US Core, Writing Clinical Notes: a contained encounter is accepted
		}
		id, ok := d.localID(e.Reference, "Encounter")
		if !ok {
			return refuse("encounter must be a reference to an Encounter of this server", "DocumentReference.context.encounter")
		}
		encounter, ok := d.encounter(id, patient)
		if !ok {
			return refuse("encounter does not exist on this server", "DocumentReference.context.encounter")
		}
		if encounter.PatientID != patient.ID {
			return refuse("encounter belongs to another patient", "DocumentReference.context.encounter")
		}
		if doc.EncounterID == "" {
			doc.EncounterID = id
		}
	}
	return nil
}

func (d documentReference) contains(ref, resourceType string) bool {
	for _, c := range d.Contained {
		if c.ResourceType == resourceType && ref == "#"+c.ID {
			return true
		}
	}
	return false
}

// localID takes the id out of a relative reference or an absolute one to this server.
func (d *door) localID(ref, resourceType string) (string, bool) {
	ref = strings.TrimPrefix(ref, d.base+"/")
	id, ok := strings.CutPrefix(ref, resourceType+"/")
	return id, ok && idForm.MatchString(id)
}

// patient looks an id up, and creates the patient if the simulator registers by itself. The caller holds the journal's lock.
func (d *door) patient(id string) (Patient, bool) {
	reg := &d.sim.journal.registry
	p, ok := reg.patient(d.endpoint, id)
	if !ok && d.sim.opt.AutoRegister {
		p = Patient{ID: id}
		reg.add([]Patient{p}, nil)
		ok = true
	}
	return p, ok
}

func (d *door) encounter(id string, of Patient) (Encounter, bool) {
	reg := &d.sim.journal.registry
	e, ok := reg.encounter(d.endpoint, id)
	if !ok && d.sim.opt.AutoRegister {
		e = Encounter{ID: id, PatientID: of.ID}
		reg.add(nil, []Encounter{e})
		ok = true
	}
	return e, ok
}

// existing runs the search of If-None-Exist. Several matches are a failed precondition. The caller holds the journal's lock.
func (d *door) existing(condition string) (*storedResource, *reply) {
	q, err := url.ParseQuery(strings.TrimPrefix(condition, "?"))
	if err != nil || len(q) == 0 {
		rep := outcome(http.StatusBadRequest, issue{code: "invalid", diagnostics: "If-None-Exist is not a search query"})
		return nil, &rep
	}
	found, bad := d.matching(q)
	if bad != nil {
		return nil, bad
	}
	switch len(found) {
	case 0:
		return nil, nil
	case 1:
		return found[0], nil
	}
	rep := outcome(http.StatusPreconditionFailed, issue{code: "multiple-matches", diagnostics: "If-None-Exist matches several documents"})
	return nil, &rep
}

// file stores the document and the resource. The caller holds the journal's lock.
func (d *door) file(ref documentReference, asMap map[string]any, doc *ReceivedDocument, body []byte) *storedResource {
	j := d.sim.journal
	now := d.sim.opt.NowFunc().UTC().Truncate(time.Millisecond)
	doc.Endpoint, doc.ID, doc.Raw, doc.ReceivedAt = d.endpoint, newID(), body, now
	asMap["id"] = doc.ID
	meta, _ := asMap["meta"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
	}
	meta["versionId"], meta["lastUpdated"] = "1", now.Format("2006-01-02T15:04:05.000Z07:00")
	asMap["meta"] = meta
	res := &storedResource{ref: ref, json: asMap, doc: doc}
	j.docs = append(j.docs, doc)
	j.resources[d.endpoint] = append(j.resources[d.endpoint], res)
	j.counters[d.endpoint].Filed++
	j.touch()
	return res
}

// newID is a server-assigned id: 130 random bits.
func newID() string { return strings.ToLower(rand.Text()) }

func (d *door) created(r *http.Request, status int, res *storedResource) reply {
	rep := reply{status: status}
	switch prefer := preferReturn(r); prefer {
	case "minimal":
	case "OperationOutcome":
		rep = outcome(status, issue{severity: "information", code: "informational", diagnostics: "filed"})
	default:
		rep = resourceReply(status, res.json)
	}
	return rep.with("Location", d.base+"/DocumentReference/"+res.doc.ID+"/_history/1").
		with("ETag", `W/"1"`).
		with("Last-Modified", res.doc.ReceivedAt.Format(http.TimeFormat))
}

// preferReturn is the value of the return preference (RFC 7240), empty if there is none.
func preferReturn(r *http.Request) string {
	for _, line := range r.Header.Values("Prefer") {
		for part := range strings.FieldsFuncSeq(line, func(c rune) bool { return c == ',' || c == ';' }) {
			if v, ok := strings.CutPrefix(strings.TrimSpace(part), "return="); ok {
				return v
			}
		}
	}
	return ""
}
