package ingest

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"countersign/review"

	countersignpb "countersign/proto/countersign/v1"
)

var (
	reClientID  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	reLOINC     = regexp.MustCompile(`^[0-9]{1,7}-[0-9]$`)
	reBirthDate = regexp.MustCompile(`^[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?$`)
	rePlace     = regexp.MustCompile(`^[A-Z]{2}(-[A-Z0-9]{1,3})?$`)
)

// openRequest checks a Start against ingest.proto and against what its device
// may do, and translates it. Errors are *refusal. Of a Start that resumes only
// site, device and proof are used.
func openRequest(p *countersignpb.Start, now time.Time, o Options, d Device) (review.OpenRequest, error) {
	r := review.OpenRequest{SiteID: review.SiteID(p.GetSiteId()), DeviceID: p.GetDeviceId(), ClientID: p.GetRecording().GetClientRecordingId()}
	switch {
	case p.GetProtocolVersion() != ProtocolVersion:
		return r, refuse(countersignpb.RefusedReason_REFUSED_REASON_VERSION, "start.protocol_version", "start.protocol_version: this server speaks version 1", "update the device's software")
	case !review.ValidName(r.SiteID):
		return r, refuse(countersignpb.RefusedReason_REFUSED_REASON_UNKNOWN_SITE, "start.site_id", "start.site_id: not a site id", "ask the gateway's operator for the site id")
	case r.DeviceID == "" || len(r.DeviceID) > 64:
		return r, refuse(countersignpb.RefusedReason_REFUSED_REASON_UNKNOWN_DEVICE, "start.device_id", "start.device_id: give 1 to 64 characters", "register this device at the site")
	case !reClientID.MatchString(r.ClientID):
		return r, denied("start.recording.client_recording_id", "give 1 to 64 characters of A-Z, a-z, 0-9, '-', '_' and '.'", "choose an id that says nothing of the patient")
	case !p.GetDeviceClock().IsValid() || p.GetDeviceClock().AsTime().Year() < 2000:
		return r, denied("start.device_clock", "is missing or wrong", "set the device's clock")
	}
	if err := d.mayUse(r.SiteID); err != nil {
		return r, err
	}
	if p.GetResumption() != nil {
		var ok bool
		if r.StreamID, r.ResumeToken, ok = unpack(p.GetResumption().GetResumeToken()); !ok {
			return r, refuse(countersignpb.RefusedReason_REFUSED_REASON_RESUME_TOKEN, "start.resumption.resume_token", "start.resumption.resume_token: not a token of this server", "start a new recording")
		}
		return r, nil
	}
	r, err := newRecording(r, p, now, o)
	if err != nil {
		return r, err
	}
	return r, d.mayRecordFor(r.Practitioner)
}

func newRecording(r review.OpenRequest, p *countersignpb.Start, now time.Time, o Options) (review.OpenRequest, error) {
	rec := p.GetRecording()
	switch {
	case rec.GetRecordingId() != "":
		return r, denied("start.recording.recording_id", "a recording has one stream in this version", "record each device as its own recording")
	case len(rec.GetClientStreamId()) > 32 || rec.GetClientStreamId() != "" && !reClientID.MatchString(rec.GetClientStreamId()):
		return r, denied("start.recording.client_stream_id", "give 1 to 32 characters of A-Z, a-z, 0-9, '-', '_' and '.'", "leave it out for the only microphone")
	case len(rec.GetLabel()) > 64:
		return r, denied("start.recording.label", "longer than 64 bytes", "use a short label")
	case p.GetGroupVisit():
		return r, refuse(countersignpb.RefusedReason_REFUSED_REASON_GROUP_VISIT_NOT_ALLOWED, "start.group_visit", "start.group_visit: this site takes no group visits", "do not record this visit")
	case p.GetNoteType() != "" && !reLOINC.MatchString(p.GetNoteType()):
		return r, denied("start.note_type", "not a LOINC code", "leave it out, or send a code such as 11506-3")
	case !p.GetStartedAt().IsValid() || p.GetStartedAt().AsTime().Year() < 2000:
		return r, denied("start.started_at", "is missing or wrong", "send when the recording began")
	case now.Sub(p.GetStartedAt().AsTime()) > o.MaxDuration+now.Sub(p.GetDeviceClock().AsTime()).Abs():
		return r, denied("start.started_at", "longer ago than the longest recording", "start a new recording")
	case len(p.GetSoftware()) > 64:
		return r, denied("start.software", "longer than 64 bytes", "send name and version only")
	}
	r.NoteType, r.StartedAt, r.StreamLabel = p.GetNoteType(), p.GetStartedAt().AsTime(), rec.GetLabel()
	if r.StreamLabel == "" {
		r.StreamLabel = rec.GetClientStreamId()
	}
	for _, f := range []func(*review.OpenRequest, *countersignpb.Start, time.Time) error{practitioner, patient, encounter, consent, details} {
		if err := f(&r, p, now); err != nil {
			return r, err
		}
	}
	return r, nil
}

func practitioner(r *review.OpenRequest, p *countersignpb.Start, _ time.Time) error {
	who := p.GetPractitioner()
	switch {
	case who.GetNpi() != "" || len(who.GetIdentifiers()) > 0:
		return denied("start.practitioner", "is found by practitioner_id only in this version", "send practitioner_id alone")
	case !review.ValidName(review.PractitionerID(who.GetPractitionerId())):
		return denied("start.practitioner.practitioner_id", "is missing or not an id", "say whose visit this is")
	}
	r.Practitioner = review.PractitionerID(who.GetPractitionerId())
	return nil
}

func patient(r *review.OpenRequest, p *countersignpb.Start, _ time.Time) error {
	ref := p.GetPatient()
	if ref == nil {
		return nil
	}
	ids, err := identifiers("start.patient.identifiers", ref.GetIdentifiers())
	if err != nil {
		return err
	}
	name := ref.GetName()
	if len(name.GetFamily()) > 128 || len(name.GetGiven()) > 8 || slices.ContainsFunc(name.GetGiven(), func(s string) bool { return len(s) > 64 }) {
		return denied("start.patient.name", "longer than the contract allows", "send family name and at most 8 given names")
	}
	if ref.GetBirthDate() != "" && !reBirthDate.MatchString(ref.GetBirthDate()) {
		return denied("start.patient.birth_date", "not YYYY, YYYY-MM or YYYY-MM-DD", "send it as in FHIR, or leave it out")
	}
	sex, ok := sexes()[ref.GetSex()]
	if !ok {
		return denied("start.patient.sex", "not a value of the contract", "leave it out when it is not known")
	}
	r.Patient = &review.Patient{
		Identifiers: ids, Family: review.ClinicalText(name.GetFamily()), Given: review.ClinicalText(strings.Join(name.GetGiven(), " ")),
		BirthDate: review.ClinicalText(ref.GetBirthDate()), Sex: sex,
	}
	return nil
}

func encounter(r *review.OpenRequest, p *countersignpb.Start, _ time.Time) error {
	ref := p.GetEncounter()
	if ref == nil {
		return nil
	}
	if r.Patient == nil {
		return denied("start.encounter", "an encounter without its patient cannot be kept", "send the patient too, or leave both out")
	}
	ids, err := identifiers("start.encounter.identifiers", ref.GetIdentifiers())
	if err != nil {
		return err
	}
	class, ok := classes()[ref.GetClass()]
	if !ok {
		return denied("start.encounter.class", "not a value of the contract", "leave it out when it is not known")
	}
	r.Encounter = &review.Encounter{Identifiers: ids, Class: class}
	if ref.GetPeriodStart().IsValid() && ref.GetPeriodStart() != nil {
		r.Encounter.PeriodStart = ref.GetPeriodStart().AsTime()
	}
	return nil
}

func identifiers(field string, in []*countersignpb.Identifier) ([]review.Identifier, error) {
	if len(in) < 1 || len(in) > 16 {
		return nil, denied(field, "give 1 to 16", "leave the reference out when no identifier is known")
	}
	var out []review.Identifier
	for _, id := range in {
		switch {
		case id.GetValue() == "" || len(id.GetValue()) > 64:
			return nil, denied(field+".value", "give 1 to 64 bytes", "send identifiers as the authority writes them")
		case id.GetSystem() == "" || len(id.GetSystem()) > 256:
			return nil, denied(field+".system", "give 1 to 256 bytes", "name the assigning authority")
		case len(id.GetType()) > 16:
			return nil, denied(field+".type", "longer than 16 bytes", "use a code of HL7 table 0203, or FHIR")
		case id.GetDestinationId() != "" && !review.ValidName(review.DestinationID(id.GetDestinationId())):
			return nil, denied(field+".destination_id", "not a destination id", "leave it out when the identifier is valid everywhere")
		}
		out = append(out, review.Identifier{
			Type: id.GetType(), Authority: id.GetSystem(), Value: review.ClinicalText(id.GetValue()), Destination: review.DestinationID(id.GetDestinationId()),
		})
	}
	return out, nil
}

func details(r *review.OpenRequest, p *countersignpb.Start, _ time.Time) error {
	modality, ok := modalities()[p.GetModality()]
	switch {
	case !ok:
		return denied("start.modality", "is missing", "say in what way clinician and patient meet")
	case len(p.GetParticipants()) > 32:
		return denied("start.participants", "more than 32", "name those who speak")
	case len(p.GetLanguages()) > 8 || slices.ContainsFunc(p.GetLanguages(), func(s string) bool { return s == "" || len(s) > 35 }):
		return denied("start.languages", "give at most 8 BCP 47 tags", "send the main language first")
	}
	r.Details = review.RecordingDetails{
		Modality: modality, Languages: slices.Clone(p.GetLanguages()),
		ClinicianLocation: review.ClinicalText(p.GetConsent().GetClinicianLocation()), PatientLocation: review.ClinicalText(p.GetConsent().GetPatientLocation()),
	}
	if len(r.Details.Languages) == 0 {
		r.Details.Languages = []string{"en-US"}
	}
	for _, x := range p.GetParticipants() {
		role, err := speakerRole(x.GetRole())
		if err != nil {
			return denied("start.participants.role", err.Error(), "say UNKNOWN when it is not known")
		}
		if len(x.GetLabel()) > 32 || len(x.GetName()) > 128 {
			return denied("start.participants", "label longer than 32 bytes or name longer than 128", "shorten it")
		}
		r.Details.Participants = append(r.Details.Participants, review.Participant{Role: role, Label: x.GetLabel(), Name: review.ClinicalText(x.GetName())})
	}
	return nil
}
