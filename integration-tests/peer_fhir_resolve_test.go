//go:build integration

package integrationtests

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"testing"

	"countersign/adapters/adaptertest"
	"countersign/adapters/fhir"
	"countersign/review"
)

func TestPeerFHIRResolve(t *testing.T) {
	t.Parallel()
	systems := fhir.Options{Systems: map[string]string{adaptertest.MRNAuthority: peerMRNSystem, adaptertest.VisitAuthority: peerVisitSystem}}
	// byNumber takes the FHIR ids away, so that they have to be searched.
	byNumber := func(d review.Document) review.Document {
		d.Patient.Identifiers = d.Patient.Identifiers[:1]
		d.Encounter.Identifiers = d.Encounter.Identifiers[:1]
		return d
	}
	for name, server := range fhirPeers() {
		t.Run(name+" by record number", func(t *testing.T) {
			t.Parallel()
			ctx := peerContext(t)
			p := startFHIR(t, server.script, server.path, people(t))
			a := p.adapter(t, systems)
			d := byNumber(adaptertest.Document(t, p.destination))
			rec, err := a.WriteBack(ctx, d)
			if err != nil {
				t.Fatal(err)
			}
			p.wantOne(t, d)
			if v, err := a.Verify(ctx, d, rec); err != nil || v != review.VerificationVerified {
				t.Errorf("verify: %q, %v; want verified", v, err)
			}
		})
		t.Run(name+" encounter of another patient", func(t *testing.T) {
			t.Parallel()
			p := startFHIR(t, server.script, server.path, people(t))
			d := adaptertest.Document(t, p.destination)
			d.Encounter.Identifiers[1].Value = otherEncounter
			_, err := p.adapter(t, fhir.Options{}).WriteBack(peerContext(t), d)
			wantPermanent(t, err, "encounter_other_patient")
			p.wantNone(t)
		})
	}
	refusals := map[string]struct {
		change func(*review.Document)
		more   []map[string]any
	}{
		"encounter_not_found": {change: func(d *review.Document) { d.Encounter.Identifiers[1].Value = "enc-nowhere" }},
		"patient_not_found": {change: func(d *review.Document) {
			*d = byNumber(*d)
			d.Patient.Identifiers[0].Value = "MRN9999999"
		}},
		"patient_ambiguous": {
			change: func(d *review.Document) { *d = byNumber(*d) },
			more:   []map[string]any{patientResource("pat-twin", adaptertest.MRN)},
		},
	}
	for code, c := range refusals {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			p := startFHIR(t, "medplum-fhir.cjs", "/fhir/R4", people(t, c.more...))
			d := adaptertest.Document(t, p.destination)
			c.change(&d)
			_, err := p.adapter(t, systems).WriteBack(peerContext(t), d)
			wantPermanent(t, err, code)
			p.wantNone(t)
		})
	}
}

func TestPeerFHIREdited(t *testing.T) {
	t.Parallel()
	ctx := peerContext(t)
	p := startMedplum(t)
	a := p.adapter(t, fhir.Options{})
	d := adaptertest.Document(t, p.destination)
	rec, err := a.WriteBack(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	path := "/DocumentReference/" + rec.ResourceID
	var resource map[string]any
	p.exchange(t, http.MethodGet, path, nil, &resource)
	attachment := resource["content"].([]any)[0].(map[string]any)["attachment"].(map[string]any)
	attachment["data"] = base64.StdEncoding.EncodeToString(bytes.ReplaceAll(d.Rendering.Body, []byte("Right knee"), []byte("Left knee")))
	p.exchange(t, http.MethodPut, path, mustJSON(t, resource), &resource)
	if v, err := a.Verify(ctx, d, rec); err != nil || v != review.VerificationEdited {
		t.Errorf("verify: %q, %v; want edited", v, err)
	}
	rec.ResourceID = fmt.Sprintf("%s-%d", rec.ResourceID[:8], 1)
	if v, err := a.Verify(ctx, d, rec); err != nil || v != review.VerificationMismatch {
		t.Errorf("verify of a document that is not there: %q, %v; want mismatch", v, err)
	}
}
