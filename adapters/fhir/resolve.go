package fhir

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"

	"countersign/adapters"
	"countersign/internal/fhirr4"
	"countersign/review"
)

// refs are the server's own ids of what a document belongs to.
type refs struct{ patient, encounter string }

// resolve finds patient and encounter and checks that they belong together.
func (a *Adapter) resolve(ctx context.Context, d review.Document) (refs, error) {
	dest := d.Destination.ID
	var r refs
	patient, _, err := a.lookUp(ctx, "Patient", d.Patient.Identifiers, dest)
	switch {
	case err != nil:
		return refs{}, err
	case patient == "":
		return refs{}, adapters.Permanent("patient_unmapped", "none of the patient's identifiers is of a system this server knows: add its FHIR id or map the assigning authority")
	}
	r.patient = patient
	encounter, resource, err := a.lookUp(ctx, "Encounter", d.Encounter.Identifiers, dest)
	switch {
	case err != nil:
		return refs{}, err
	case encounter == "" && a.opts.EncounterRequired:
		return refs{}, adapters.Permanent("encounter_unmapped", "none of the encounter's identifiers is of a system this server knows")
	case encounter == "":
		return r, nil
	}
	r.encounter = encounter
	if resource == nil {
		resp, err := a.client.Read(ctx, "Encounter", encounter)
		if err != nil {
			return refs{}, a.before(err)
		}
		if resp.Status == 404 || resp.Status == 410 {
			return refs{}, adapters.Permanent("encounter_not_found", "the encounter is not on this server")
		}
		if !resp.OK() || !resp.Complete {
			return refs{}, a.before(&fhirr4.StatusError{Status: resp.Status, RetryAfter: resp.Header.Get("Retry-After")})
		}
		resource = resp.Body
	}
	return r, a.checkEncounter(resource, r)
}

func (a *Adapter) checkEncounter(resource []byte, r refs) error {
	e, ok := fhirr4.ReadEncounter(resource)
	switch {
	case !ok || e.ID != r.encounter:
		return adapters.NotArrived("fhir_encounter_unreadable")
	case e.Status == "entered-in-error":
		return adapters.Permanent("encounter_entered_in_error", "the encounter was withdrawn in the EHR: bind the visit to the right one")
	case !fhirr4.SameReference(e.Subject.Reference, a.client.Base(), "Patient", r.patient):
		return adapters.Permanent("encounter_other_patient", "the encounter belongs to another patient: bind the visit anew, nothing was sent")
	}
	return nil
}

// lookUp returns the server's id for the first identifier that it can be
// asked for, and the resource if it was searched. The id is empty when there
// is no such identifier.
func (a *Adapter) lookUp(ctx context.Context, resourceType string, ids []review.Identifier, dest review.DestinationID) (string, json.RawMessage, error) {
	if own, ok := adapters.IdentifierFor(ids, dest, review.IdentifierFHIR); ok {
		if !fhirr4.ValidID(string(own.Value)) {
			return "", nil, adapters.Permanent("fhir_id_malformed", "the "+resourceType+" id of this destination has not the form of a FHIR id")
		}
		return string(own.Value), nil, nil
	}
	for _, id := range review.For(ids, dest) {
		system := a.system(id.Authority)
		if id.Type == review.IdentifierFHIR || id.Value == "" || system == "" {
			continue
		}
		return a.search(ctx, resourceType, system, string(id.Value))
	}
	return "", nil, nil
}

// search wants exactly one match: a second one means that nobody knows whose
// chart it would be.
func (a *Adapter) search(ctx context.Context, resourceType, system, value string) (string, json.RawMessage, error) {
	name := strings.ToLower(resourceType)
	found, err := a.client.Search(ctx, resourceType, url.Values{"identifier": {token(system, value)}})
	if errors.Is(err, fhirr4.ErrTooMany) {
		return "", nil, adapters.Permanent(name+"_ambiguous", "several records match the identifier")
	}
	if err != nil {
		return "", nil, a.before(err)
	}
	if len(found) == 0 {
		return "", nil, adapters.Permanent(name+"_not_found", "no record on this server has the identifier")
	}
	if len(found) > 1 {
		return "", nil, adapters.Permanent(name+"_ambiguous", "several records match the identifier")
	}
	var r struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(found[0], &r) != nil || !fhirr4.ValidID(r.ID) {
		return "", nil, adapters.NotArrived("fhir_" + name + "_unreadable")
	}
	return r.ID, found[0], nil
}

func (a *Adapter) system(authority string) string {
	if s := a.opts.Systems[authority]; s != "" {
		return s
	}
	if strings.Contains(authority, ":") {
		return authority
	}
	return ""
}

// token writes a token search value; the separators of FHIR R4 search are
// escaped by a backslash.
func token(system, value string) string {
	esc := strings.NewReplacer(`\`, `\\`, `,`, `\,`, `|`, `\|`, `$`, `\$`)
	return esc.Replace(system) + "|" + esc.Replace(value)
}
