package adapters_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"countersign/adapters"
	"countersign/adapters/adaptertest"
	"countersign/review"
)

// epicLike is a profile with every rule in force.
func epicLike() adapters.Profile {
	return adapters.Profile{
		Formats: []string{"application/pdf", review.FormatText}, Actions: []review.WriteAction{review.WriteCreate},
		EncounterRequired: true, PatientIdentifier: review.IdentifierFHIR, EncounterIdentifier: review.IdentifierFHIR,
		AuthorIdentifier: review.IdentifierFHIR, Types: []string{"11506-3", "11488-4"}, MaxBytes: 100_000,
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		profile func(*adapters.Profile)
		request func(*review.PlanRequest)
		want    string // part of the only refusal; empty for none
	}{
		"takes a note with everything": {},
		"patient not identified":       {request: func(r *review.PlanRequest) { r.Patient.BirthDate = "" }, want: "bind the visit to a patient"},
		"patient not known there": {request: func(r *review.PlanRequest) {
			r.Patient.Identifiers = []review.Identifier{{Type: "MR", Value: adaptertest.MRN}, {Type: "FHIR", Value: "x", Destination: "elsewhere"}}
		}, want: "the patient has no identifier of type FHIR there"},
		"FHIR id of nowhere in particular": {request: func(r *review.PlanRequest) {
			r.Patient.Identifiers = []review.Identifier{{Type: "FHIR", Value: "x"}}
		}, want: "the patient has no identifier of type FHIR there"},
		"encounter not bound":       {request: func(r *review.PlanRequest) { r.Encounter.Bound = false }, want: "bind the visit to its encounter"},
		"encounter not known there": {request: func(r *review.PlanRequest) { r.Encounter.Identifiers = nil }, want: "the encounter has no identifier of type FHIR there"},
		"encounter not needed": {
			profile: func(p *adapters.Profile) { p.EncounterRequired = false },
			request: func(r *review.PlanRequest) { r.Encounter = review.Encounter{} },
		},
		"author not known there": {request: func(r *review.PlanRequest) { r.Author.Identifiers = nil }, want: "the author has no identifier of type FHIR there"},
		"author by NPI": {
			profile: func(p *adapters.Profile) { p.AuthorIdentifier = "NPI" },
			request: func(r *review.PlanRequest) { r.Author.Identifiers = nil },
		},
		"action it cannot do":      {request: func(r *review.PlanRequest) { r.Action = review.WriteRetract }, want: "cannot retract a note by itself"},
		"type it does not take":    {request: func(r *review.PlanRequest) { r.Note.Type = "18842-5" }, want: "notes of type 18842-5 (Discharge summary)"},
		"mark it cannot keep":      {request: func(r *review.PlanRequest) { r.Note.Confidential = review.ConfidentialityVeryRestricted }, want: "cannot keep the confidentiality mark V"},
		"note without a mark":      {request: func(r *review.PlanRequest) { r.Note.Confidential = "" }},
		"mark it keeps":            {profile: func(p *adapters.Profile) { p.Marks = []review.Confidentiality{"R"} }, request: func(r *review.PlanRequest) { r.Note.Confidential = "R" }},
		"too large":                {profile: func(p *adapters.Profile) { p.MaxBytes = 10 }, want: "it takes 10: shorten the note"},
		"format nobody can render": {profile: func(p *adapters.Profile) { p.Formats = []string{"application/pdf"} }, want: "none of the formats"},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, r := epicLike(), adaptertest.Request(epic)
			if c.profile != nil {
				c.profile(&p)
			}
			if c.request != nil {
				c.request(&r)
			}
			plan := planOf(t, r, &scripted{profile: p})
			if len(plan.Routes) != 1 || plan.Routes[0].DestinationID != epic.ID || plan.Routes[0].Action != r.Action {
				t.Fatalf("routes = %+v, want one to epic", plan.Routes)
			}
			got := plan.Routes[0].Refusals
			switch {
			case c.want == "" && len(got) > 0:
				t.Errorf("refusals = %q, want none", got)
			case c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want) || !strings.HasPrefix(got[0], epic.Name+": ")):
				t.Errorf("refusals = %q, want one with %q that names the destination", got, c.want)
			}
			if c.want == "" && plan.Routes[0].Format != review.FormatText {
				t.Errorf("format = %q, want the text", plan.Routes[0].Format)
			}
			noPHI(t, got)
		})
	}
}

func TestPlanAsksBeforeASignatureWhatCheckAsksBeforeASend(t *testing.T) {
	t.Parallel()
	for _, action := range []review.WriteAction{review.WriteCreate, review.WriteUpdate} {
		for _, strip := range []func(*review.PlanRequest){
			func(*review.PlanRequest) {},
			func(r *review.PlanRequest) { r.Patient.Identifiers = nil },
			func(r *review.PlanRequest) { r.Encounter.Identifiers = nil },
			func(r *review.PlanRequest) { r.Author.Identifiers = nil },
			func(r *review.PlanRequest) { r.Note.Type = "1" },
		} {
			r := adaptertest.Request(epic)
			r.Action = action
			strip(&r)
			a := &scripted{profile: epicLike()}
			refused := len(planOf(t, r, a).Routes[0].Refusals) > 0
			if err := adapters.Check(a.Profile(), adaptertest.DocumentOf(r, epic)); (err != nil) != refused {
				t.Errorf("Plan refuses: %v, Check: %v", refused, err)
			}
		}
	}
}

func TestPlanDestinationsAndRenderings(t *testing.T) {
	t.Parallel()
	r := adaptertest.Request(epic)
	r.Site.Destinations = []review.Destination{{ID: "files", Adapter: "filedir"}, epic}
	plan := planOf(t, r, &scripted{profile: epicLike()})
	if len(plan.Routes) != 2 || plan.Routes[0].DestinationID != "files" || plan.Routes[1].DestinationID != epic.ID {
		t.Fatalf("routes = %+v, want files, then epic", plan.Routes)
	}
	if got := plan.Routes[0].Refusals; len(got) != 1 || !strings.Contains(got[0], "no adapter is configured") {
		t.Errorf("refusals of a destination without an adapter = %q", got)
	}
	body, ok := plan.Rendering(review.FormatText)
	if !ok || len(plan.Renderings) != 1 || adapters.CheckRendering(body) != nil {
		t.Errorf("renderings = %d, want the text alone, with its hash", len(plan.Renderings))
	}

	r.Site.Destinations = nil
	if plan := planOf(t, r, nil); len(plan.Routes) != 0 || len(plan.Renderings) != 1 {
		t.Errorf("plan without destinations = %d routes, %d renderings, want 0 and the text", len(plan.Routes), len(plan.Renderings))
	}
}

func TestPlanErrors(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (adapters.Planner{}).Plan(ctx, adaptertest.Request(epic)); !errors.Is(err, context.Canceled) {
		t.Errorf("Plan with a dead context: %v", err)
	}
	if _, err := (adapters.Planner{}).Plan(t.Context(), review.PlanRequest{}); !errors.Is(err, review.ErrInvalid) {
		t.Errorf("Plan of nothing: %v, want KindInvalid", err)
	}
}

func TestIdentifierFor(t *testing.T) {
	t.Parallel()
	ids := []review.Identifier{
		{Type: "MR", Value: "general"}, {Type: "FHIR", Value: "theirs", Destination: "other"}, {Type: "FHIR", Value: ""}, {Type: "FHIR", Value: "ours", Destination: "epic"},
	}
	for idType, want := range map[string]review.ClinicalText{"FHIR": "ours", "MR": "general", "": "ours"} {
		if got, ok := adapters.IdentifierFor(ids, "epic", idType); !ok || got.Value != want {
			t.Errorf("IdentifierFor %q = %q, want %q", idType, string(got.Value), string(want))
		}
	}
	if _, ok := adapters.IdentifierFor(ids, "epic", "VN"); ok {
		t.Error("IdentifierFor found a type that is not there")
	}
}

func planOf(t *testing.T, r review.PlanRequest, a adapters.Adapter) review.Plan {
	t.Helper()
	m := map[review.DestinationID]adapters.Adapter{}
	if a != nil {
		m[epic.ID] = a
	}
	plan, err := adapters.Planner{Adapters: m}.Plan(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func noPHI(t *testing.T, texts []string) {
	t.Helper()
	all := strings.Join(texts, "\n")
	for _, s := range []string{adaptertest.PatientFamily, adaptertest.PatientGiven, adaptertest.PatientBirthDate, adaptertest.MRN, adaptertest.VisitNumber, adaptertest.PatientFHIR} {
		if strings.Contains(all, s) {
			t.Errorf("a refusal holds %q", s)
		}
	}
	if slices.Contains(texts, "") {
		t.Error("a refusal is empty")
	}
}
