package ingest

import (
	"slices"
	"strings"
	"time"

	"countersign/review"

	countersignpb "countersign/proto/countersign/v1"
)

// consent checks and translates the consent of a new recording. Every note is
// drafted by a program, so a consent that leaves that out does not cover what
// is asked.
func consent(r *review.OpenRequest, p *countersignpb.Start, now time.Time) error {
	c := p.GetConsent()
	if c == nil {
		return noConsent("start.consent", "is missing: nothing is taken before consent")
	}
	scope, err := consentScope(c.GetScope())
	if err != nil {
		return err
	}
	giver, method := givers()[c.GetGivenBy()], methods()[c.GetMethod()]
	clocks := now.Sub(p.GetDeviceClock().AsTime()).Abs()
	switch {
	case giver == "":
		return noConsent("start.consent.given_by", "is missing")
	case method == "":
		return noConsent("start.consent.method", "is missing")
	case !c.GetEveryonePresentAgreed():
		return noConsent("start.consent.everyone_present_agreed", "everyone present must agree before recording")
	case !c.GetAt().IsValid() || c.GetAt().AsTime().Year() < 1900:
		return noConsent("start.consent.at", "is missing: when consent was given")
	case c.GetAt().AsTime().After(p.GetStartedAt().AsTime().Add(clocks)):
		return noConsent("start.consent.at", "after the recording began")
	case len(c.GetScriptVersion()) > 64 || len(c.GetAskedBy()) > 64 || len(c.GetLanguage()) > 35:
		return denied("start.consent", "script_version or asked_by longer than 64 bytes, or language not a BCP 47 tag", "shorten it")
	}
	for field, place := range map[string]string{"start.consent.clinician_location": c.GetClinicianLocation(), "start.consent.patient_location": c.GetPatientLocation()} {
		if place != "" && !rePlace.MatchString(place) {
			return denied(field, "not ISO 3166-2", "send a code such as US-CA")
		}
	}
	r.Consent = &review.Consent{
		Scope: scope, GivenBy: giver, EveryoneAgree: true, Method: method, ScriptVersion: c.GetScriptVersion(), Language: c.GetLanguage(),
		AskedBy: c.GetAskedBy(), At: c.GetAt().AsTime().Truncate(time.Microsecond),
	}
	return nil
}

// consentScope joins the scopes with commas, in the order of the contract.
func consentScope(in []countersignpb.ConsentScope) (string, error) {
	var out []string
	for _, s := range in {
		if _, ok := scopes()[s]; !ok {
			return "", noConsent("start.consent.scope", "has a value that is not of the contract")
		}
	}
	sorted := slices.Clone(in)
	slices.Sort(sorted)
	for _, s := range slices.Compact(sorted) {
		out = append(out, scopes()[s])
	}
	for _, need := range []countersignpb.ConsentScope{countersignpb.ConsentScope_CONSENT_SCOPE_RECORDING, countersignpb.ConsentScope_CONSENT_SCOPE_AI_DRAFT} {
		if !slices.Contains(in, need) {
			return "", noConsent("start.consent.scope", "does not cover "+scopes()[need])
		}
	}
	return strings.Join(out, ","), nil
}

func scopes() map[countersignpb.ConsentScope]string {
	return map[countersignpb.ConsentScope]string{
		countersignpb.ConsentScope_CONSENT_SCOPE_RECORDING: "recording",
		countersignpb.ConsentScope_CONSENT_SCOPE_AI_DRAFT:  "ai_draft",
		countersignpb.ConsentScope_CONSENT_SCOPE_QUALITY:   "quality",
	}
}

func givers() map[countersignpb.ConsentGiver]string {
	return map[countersignpb.ConsentGiver]string{
		countersignpb.ConsentGiver_CONSENT_GIVER_PATIENT:         "patient",
		countersignpb.ConsentGiver_CONSENT_GIVER_PARENT:          "parent",
		countersignpb.ConsentGiver_CONSENT_GIVER_GUARDIAN:        "guardian",
		countersignpb.ConsentGiver_CONSENT_GIVER_PROXY:           "proxy",
		countersignpb.ConsentGiver_CONSENT_GIVER_CLINICIAN_ALONE: "clinician_alone",
	}
}

func methods() map[countersignpb.ConsentMethod]string {
	return map[countersignpb.ConsentMethod]string{
		countersignpb.ConsentMethod_CONSENT_METHOD_VERBAL:     "verbal",
		countersignpb.ConsentMethod_CONSENT_METHOD_WRITTEN:    "written",
		countersignpb.ConsentMethod_CONSENT_METHOD_STANDING:   "standing",
		countersignpb.ConsentMethod_CONSENT_METHOD_ELECTRONIC: "electronic",
	}
}

func modalities() map[countersignpb.Modality]string {
	return map[countersignpb.Modality]string{
		countersignpb.Modality_MODALITY_IN_PERSON: "in_person",
		countersignpb.Modality_MODALITY_VIDEO:     "video",
		countersignpb.Modality_MODALITY_PHONE:     "phone",
		countersignpb.Modality_MODALITY_DICTATION: "dictation",
	}
}

func sexes() map[countersignpb.AdministrativeSex]review.Sex {
	return map[countersignpb.AdministrativeSex]review.Sex{
		countersignpb.AdministrativeSex_ADMINISTRATIVE_SEX_UNSPECIFIED: "",
		countersignpb.AdministrativeSex_ADMINISTRATIVE_SEX_FEMALE:      review.SexFemale,
		countersignpb.AdministrativeSex_ADMINISTRATIVE_SEX_MALE:        review.SexMale,
		countersignpb.AdministrativeSex_ADMINISTRATIVE_SEX_OTHER:       review.SexOther,
		countersignpb.AdministrativeSex_ADMINISTRATIVE_SEX_UNKNOWN:     review.SexUnknown,
	}
}

func classes() map[countersignpb.EncounterClass]review.EncounterClass {
	return map[countersignpb.EncounterClass]review.EncounterClass{
		countersignpb.EncounterClass_ENCOUNTER_CLASS_UNSPECIFIED: "",
		countersignpb.EncounterClass_ENCOUNTER_CLASS_AMBULATORY:  review.ClassAmbulatory,
		countersignpb.EncounterClass_ENCOUNTER_CLASS_EMERGENCY:   review.ClassEmergency,
		countersignpb.EncounterClass_ENCOUNTER_CLASS_INPATIENT:   review.ClassInpatient,
		countersignpb.EncounterClass_ENCOUNTER_CLASS_HOME:        review.ClassHome,
		countersignpb.EncounterClass_ENCOUNTER_CLASS_VIRTUAL:     review.ClassVirtual,
	}
}
