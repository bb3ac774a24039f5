package ehrsim

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	epicPrefix    = "/epic/api/FHIR/R4"
	epicTokenPath = "/epic/oauth2/token"

	loinc = "http://loinc.org"
	// epicSharedNoteTypes is the note-type system that all Epic organisations have in common; each also has one of its own.
	epicSharedNoteTypes = "urn:oid:1.2.840.114350.1.72.727879.69848980"
	// epicBackgroundUser is the author of a note that names none: the user mapped to the client id.
	epicBackgroundUser = "Practitioner/eBackgroundUser"
)

// epicOwnNoteTypes is the form of an organisation's own note-type system.
var epicOwnNoteTypes = regexp.MustCompile(`^urn:oid:1\.2\.840\.114350\.1\.13\.\d+\.\d+\.7\.4\.737880\.5010$`)

// DefaultEpicNoteTypes are the codes the Epic door takes unless told otherwise: the LOINC note types that are not filed through other Epic
// workflows (discharge summaries and patient instructions are), and Epic's shared codes 1 (progress note) and 4 (H&P). The key "own" stands
// for any organisation's own system.
func DefaultEpicNoteTypes() map[string][]string {
	return map[string][]string{
		loinc:               {"11506-3", "11488-4", "34117-2", "28570-0", "11504-8", "34111-5", "34746-8", "57133-1", "34109-9", "34131-3"},
		epicSharedNoteTypes: {"1", "4"},
		"own":               {"1", "4"},
	}
}

// routeEpic opens the door with Epic's documented rules for clinical notes (API 1046 to 1048).
func (s *Simulator) routeEpic(mux *http.ServeMux) {
	d := &door{sim: s, endpoint: Epic, base: s.EpicBase()}
	mux.HandleFunc("GET "+epicPrefix+"/metadata", func(w http.ResponseWriter, r *http.Request) { d.send(w, r, d.capability()) })
	mux.HandleFunc("GET "+epicPrefix+"/.well-known/smart-configuration", s.epicDiscovery)
	mux.HandleFunc("POST "+epicTokenPath, s.epicToken)
	mux.HandleFunc("POST "+epicPrefix+"/DocumentReference", d.guard(d.write(d.createEpic)))
	d.routeReads(mux, epicPrefix)
	mux.HandleFunc(epicPrefix+"/", d.guard(func(w http.ResponseWriter, r *http.Request) {
		// An API that is not registered for the app is answered with an empty 403; PATCH and DELETE do not exist at all.
		if r.Method == http.MethodPatch || r.Method == http.MethodDelete {
			d.send(w, r, reply{status: http.StatusMethodNotAllowed})
			return
		}
		d.send(w, r, reply{status: http.StatusForbidden})
	}))
}

// createEpic serves DocumentReference.Create (Clinical Notes). Every accepted call makes a new note: Epic does not recognise a replay, and
// If-None-Exist is ignored.
func (d *door) createEpic(r *http.Request, body []byte) reply {
	ref, _, bad := d.sim.parse(body, "DocumentReference")
	if bad != nil {
		return *bad
	}
	if bad := d.sim.epicContentRules(ref); bad != nil {
		return *bad
	}
	ref.Content = ref.Content[:1] // "Epic only saves the first attachment"
	ref.MasterIdentifier, ref.Identifier = nil, nil
	doc, bad := d.sim.documentOf(ref)
	if bad != nil {
		return *bad
	}
	j := d.sim.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	if bad := d.epicReferences(ref, doc); bad != nil {
		return *bad
	}
	if doc.AuthorRef == "" {
		doc.AuthorRef = epicBackgroundUser
		ref.Author = []reference{{Reference: epicBackgroundUser, Display: "User Interconnect"}}
	}
	ref.Date = d.sim.opt.NowFunc().UTC().Format(time.RFC3339)
	res := d.file(ref, map[string]any{}, doc, body)
	res.json = d.epicResource(ref, doc)
	rep := reply{status: http.StatusCreated}
	if preferReturn(r) == "representation" {
		rep = resourceReply(http.StatusCreated, res.json)
	}
	return rep.with("Location", "DocumentReference/"+doc.ID) // relative, and no ETag
}

func epicError(status int, code, text, expression string) *reply {
	issueType := map[string]string{"59108": "required", "59012": "value", "59138": "not-supported", "59102": "structure"}[code]
	rep := outcome(status, issue{severity: "fatal", code: issueType, diagnostics: text, expression: expression, detailCode: code})
	return &rep
}

// epicContentRules checks what can be judged from the resource alone. The codes 59012 and 59108 and their statuses are Epic's as observed;
// where none was observed, 59138 (unsupported value) with 422 is used.
func (s *Simulator) epicContentRules(ref documentReference) *reply {
	if len(ref.Content) == 0 {
		return epicError(http.StatusBadRequest, "59108", "Content is required.", "content")
	}
	first := ref.Content[0].Attachment
	switch {
	case ref.Status != "current":
		return epicError(http.StatusUnprocessableEntity, "59012", "Invalid value for a modifier element.", "status")
	case ref.DocStatus != "final" && ref.DocStatus != "preliminary":
		return epicError(http.StatusUnprocessableEntity, "59138", "docStatus must be final or preliminary.", "docStatus")
	case len(ref.Type.Coding) == 0:
		return epicError(http.StatusBadRequest, "59108", "Note type is required.", "type")
	case !slices.ContainsFunc(ref.Type.Coding, s.epicKnowsType):
		return epicError(http.StatusUnprocessableEntity, "59138", "Note type is not mapped.", "type")
	case first.Data == nil:
		return epicError(http.StatusBadRequest, "59108", "Attachment data is required.", "content/attachment/data")
	case first.ContentType != "text/plain":
		return epicError(http.StatusUnprocessableEntity, "59138", "Only text/plain attachments are supported.", "content/attachment/contentType")
	}
	return nil
}

func (s *Simulator) epicKnowsType(c coding) bool {
	system := c.System
	if epicOwnNoteTypes.MatchString(system) {
		system = "own"
	}
	return slices.Contains(s.opt.EpicNoteTypes[system], c.Code)
}

// epicReferences checks subject and encounter. The caller holds the journal's lock.
func (d *door) epicReferences(ref documentReference, doc *ReceivedDocument) *reply {
	id, relative := strings.CutPrefix(ref.Subject.Reference, "Patient/")
	if !relative || !idForm.MatchString(id) {
		return epicError(http.StatusBadRequest, "59102", "Invalid subject received.", "subject")
	}
	patient, ok := d.patient(id)
	if !ok {
		return epicError(http.StatusBadRequest, "59102", "Invalid subject received.", "subject")
	}
	doc.PatientID, doc.PatientName = id, patient.name()
	invalid := epicError(http.StatusBadRequest, "59108", "Valid encounter required", "context/encounter")
	if len(ref.Context.Encounter) == 0 {
		return invalid
	}
	id, ok = d.localID(ref.Context.Encounter[0].Reference, "Encounter")
	if !ok {
		return invalid
	}
	encounter, ok := d.encounter(id, patient)
	if !ok || encounter.PatientID != patient.ID {
		return invalid
	}
	doc.EncounterID = id
	return nil
}

// epicSearchRule: a note search names the patient, the encounter or the note.
func epicSearchRule(q url.Values) *reply {
	if q.Has("patient") || q.Has("subject") || q.Has("encounter") || q.Has("_id") {
		return nil
	}
	return epicError(http.StatusBadRequest, "59108", "A required element is missing.", "patient")
}
