package ingest

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"countersign/review"

	countersignpb "countersign/proto/countersign/v1"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func allKinds() []review.Kind {
	return []review.Kind{
		review.KindInternal, review.KindInvalid, review.KindNotFound, review.KindConflict, review.KindIllegal, review.KindForbidden,
		review.KindUnauthenticated, review.KindFlagged, review.KindRefused, review.KindUnavailable, review.KindClosed, review.KindSequenceGap,
		review.KindContentConflict, review.KindConsent, review.KindUnknownSite,
	}
}

// Every kind of the domain has a reason at both moments, with a status of its
// own and something to do.
func TestEveryKind(t *testing.T) {
	t.Parallel()
	if len(kinds()) != len(allKinds()) {
		t.Errorf("%d kinds in the table, %d in the domain", len(kinds()), len(allKinds()))
	}
	for _, k := range allKinds() {
		for name, what := range map[string]string{"Open": "open", "Append": "append", "End": "end"} {
			t.Run(string(k)+name, func(t *testing.T) {
				t.Parallel()
				m := newMemory()
				cc, _ := setup(t, m, Options{})
				m.fail = func(w string) error {
					if w != what {
						return nil
					}
					return review.Errorf(k, "the text")
				}
				want := kinds()[k].stream
				d := call(t, t.Context(), cc)
				d.start(startOf(visit("v")))
				if what == "open" {
					want = kinds()[k].open
				} else {
					d.say(said(1)...)
					d.end(1)
					d.recv()
				}
				r := d.refused(want)
				if r.GetRetryable() != (r.GetRetryAfter() != nil) {
					t.Error("retryable and retry_after do not agree")
				}
				if hidden := want == countersignpb.RefusedReason_REFUSED_REASON_INTERNAL; hidden == strings.Contains(r.GetMessage(), "the text") {
					t.Errorf("message %q", r.GetMessage())
				}
			})
		}
	}
}

func TestUnknownKindIsInternal(t *testing.T) {
	t.Parallel()
	for _, err := range []error{errors.New("plain"), review.Errorf("new_kind", "text")} {
		if r := fromDomain(err, inStream, false, 0); r.Reason != countersignpb.RefusedReason_REFUSED_REASON_INTERNAL || strings.Contains(r.Message, "text") {
			t.Errorf("%v", r)
		}
	}
}

func TestEveryReasonHasAStatus(t *testing.T) {
	t.Parallel()
	for n, name := range countersignpb.RefusedReason_name {
		if _, ok := statuses()[countersignpb.RefusedReason(n)]; ok == (n == 0) {
			t.Errorf("%s: has a status: %v", name, ok)
		}
	}
}

func TestStartRefused(t *testing.T) {
	t.Parallel()
	cc, _ := setup(t, newMemory(), Options{})
	const (
		denied  = countersignpb.RefusedReason_REFUSED_REASON_CONFIGURATION_DENIED
		consent = countersignpb.RefusedReason_REFUSED_REASON_CONSENT_MISSING
	)
	for name, c := range map[string]struct {
		change func(*countersignpb.Start)
		want   countersignpb.RefusedReason
		field  string
	}{
		"Version":          {func(s *countersignpb.Start) { s.ProtocolVersion = 2 }, countersignpb.RefusedReason_REFUSED_REASON_VERSION, "start.protocol_version"},
		"NoSite":           {func(s *countersignpb.Start) { s.SiteId = "" }, countersignpb.RefusedReason_REFUSED_REASON_UNKNOWN_SITE, "start.site_id"},
		"UnknownSite":      {func(s *countersignpb.Start) { s.SiteId = "elsewhere" }, countersignpb.RefusedReason_REFUSED_REASON_UNKNOWN_SITE, "start.site_id"},
		"NoDevice":         {func(s *countersignpb.Start) { s.DeviceId = "" }, countersignpb.RefusedReason_REFUSED_REASON_UNKNOWN_DEVICE, "start.device_id"},
		"NoRecording":      {func(s *countersignpb.Start) { s.Recording = nil }, denied, "start.recording.client_recording_id"},
		"BadRecording":     {func(s *countersignpb.Start) { s.Recording.ClientRecordingId = "a b" }, denied, "start.recording.client_recording_id"},
		"Joins":            {func(s *countersignpb.Start) { s.Recording.RecordingId = "r" }, denied, "start.recording.recording_id"},
		"NoClock":          {func(s *countersignpb.Start) { s.DeviceClock = nil }, denied, "start.device_clock"},
		"NoStartedAt":      {func(s *countersignpb.Start) { s.StartedAt = nil }, denied, "start.started_at"},
		"LongAgo":          {func(s *countersignpb.Start) { s.StartedAt = timestamppb.New(at("2026-01-01T00:00:00Z")) }, denied, "start.started_at"},
		"GroupVisit":       {func(s *countersignpb.Start) { s.GroupVisit = true }, countersignpb.RefusedReason_REFUSED_REASON_GROUP_VISIT_NOT_ALLOWED, "start.group_visit"},
		"NoPractitioner":   {func(s *countersignpb.Start) { s.Practitioner = nil }, denied, "start.practitioner.practitioner_id"},
		"ByNPI":            {func(s *countersignpb.Start) { s.Practitioner.Npi = "1234567893" }, denied, "start.practitioner"},
		"UnknownPerson":    {func(s *countersignpb.Start) { s.Practitioner.PractitionerId = "nobody" }, countersignpb.RefusedReason_REFUSED_REASON_UNKNOWN_PRACTITIONER, "start.practitioner"},
		"NoteType":         {func(s *countersignpb.Start) { s.NoteType = "progress" }, denied, "start.note_type"},
		"NoModality":       {func(s *countersignpb.Start) { s.Modality = 0 }, denied, "start.modality"},
		"PatientWithoutID": {func(s *countersignpb.Start) { s.Patient.Identifiers = nil }, denied, "start.patient.identifiers"},
		"NoAuthority":      {func(s *countersignpb.Start) { s.Patient.Identifiers[0].System = "" }, denied, "start.patient.identifiers.system"},
		"BirthDate":        {func(s *countersignpb.Start) { s.Patient.BirthDate = "3 Feb" }, denied, "start.patient.birth_date"},
		"EncounterAlone":   {func(s *countersignpb.Start) { s.Patient = nil }, denied, "start.encounter"},
		"NoConsent":        {func(s *countersignpb.Start) { s.Consent = nil }, consent, "start.consent"},
		"NoScope":          {func(s *countersignpb.Start) { s.Consent.Scope = nil }, consent, "start.consent.scope"},
		"NoDraftScope":     {func(s *countersignpb.Start) { s.Consent.Scope = s.Consent.Scope[1:] }, consent, "start.consent.scope"},
		"UnspecifiedScope": {func(s *countersignpb.Start) { s.Consent.Scope = append(s.Consent.Scope, 0) }, consent, "start.consent.scope"},
		"NoGiver":          {func(s *countersignpb.Start) { s.Consent.GivenBy = 0 }, consent, "start.consent.given_by"},
		"NoMethod":         {func(s *countersignpb.Start) { s.Consent.Method = 0 }, consent, "start.consent.method"},
		"NotAllAgreed":     {func(s *countersignpb.Start) { s.Consent.EveryonePresentAgreed = false }, consent, "start.consent.everyone_present_agreed"},
		"NoTime":           {func(s *countersignpb.Start) { s.Consent.At = nil }, consent, "start.consent.at"},
		"ConsentLate": {func(s *countersignpb.Start) {
			s.Consent.At = timestamppb.New(s.StartedAt.AsTime().Add(time.Hour))
		}, consent, "start.consent.at"},
		"Place":           {func(s *countersignpb.Start) { s.Consent.PatientLocation = "California" }, denied, "start.consent.patient_location"},
		"ParticipantRole": {func(s *countersignpb.Start) { s.Participants[0].Role = 0 }, denied, "start.participants.role"},
		"TokenOfAnother":  {func(s *countersignpb.Start) { s.Resumption = &countersignpb.Resumption{ResumeToken: []byte("x")} }, countersignpb.RefusedReason_REFUSED_REASON_RESUME_TOKEN, "start.resumption.resume_token"},
		"TokenUnknown": {func(s *countersignpb.Start) {
			s.Resumption = &countersignpb.Resumption{ResumeToken: []byte(string(review.NewID[review.StreamID]()) + ".secret")}
		}, countersignpb.RefusedReason_REFUSED_REASON_RESUME_TOKEN, "start.resumption.resume_token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startOf(visit(name))
			c.change(s)
			d := call(t, t.Context(), cc)
			d.start(s)
			if r := d.refused(c.want); r.GetField() != c.field {
				t.Errorf("field %q, want %q", r.GetField(), c.field)
			}
		})
	}
	t.Run("StartTwiceWithoutToken", func(t *testing.T) {
		t.Parallel()
		started(t, cc, "twice")
		d := call(t, t.Context(), cc)
		d.start(startOf(visit("twice")))
		d.refused(countersignpb.RefusedReason_REFUSED_REASON_CONFLICTING_CONTENT)
	})
	t.Run("AckedMoreThanStored", func(t *testing.T) {
		t.Parallel()
		d, s := started(t, cc, "lost")
		d.say(said(1)...)
		d.acked(1)
		back := call(t, t.Context(), cc)
		back.start(resumeOf(visit("lost"), s, 2))
		back.refused(countersignpb.RefusedReason_REFUSED_REASON_CONFLICTING_CONTENT)
	})
	t.Run("WrongSecret", func(t *testing.T) {
		t.Parallel()
		_, s := started(t, cc, "secret")
		s.ResumeToken = append(s.ResumeToken[:len(s.ResumeToken)-1:len(s.ResumeToken)-1], '0')
		back := call(t, t.Context(), cc)
		back.start(resumeOf(visit("secret"), s, 0))
		back.refused(countersignpb.RefusedReason_REFUSED_REASON_RESUME_TOKEN)
	})
	t.Run("FirstIsNotStart", func(t *testing.T) {
		t.Parallel()
		d := call(t, t.Context(), cc)
		d.say(said(1)...)
		d.refused(countersignpb.RefusedReason_REFUSED_REASON_INVALID_UTTERANCE)
	})
}

func TestMessageRefused(t *testing.T) {
	t.Parallel()
	cc, _ := setup(t, newMemory(), Options{})
	changed := func(f func(*countersignpb.Utterance)) *countersignpb.StreamUtterancesRequest {
		u := wireUtterance(said(2)[1])
		f(u)
		return message(u)
	}
	for name, c := range map[string]struct {
		send  *countersignpb.StreamUtterancesRequest
		want  countersignpb.RefusedReason
		field string
	}{
		"NoRole":        {changed(func(u *countersignpb.Utterance) { u.Speaker.Role = 0 }), 0, "utterance.speaker.role"},
		"NoSpeaker":     {changed(func(u *countersignpb.Utterance) { u.Speaker = nil }), 0, "utterance.speaker.role"},
		"NewRole":       {changed(func(u *countersignpb.Utterance) { u.Speaker.Role = 99 }), 0, "utterance.speaker.role"},
		"NoSequence":    {changed(func(u *countersignpb.Utterance) { u.Sequence = 0 }), 0, "utterance"},
		"Empty":         {changed(func(u *countersignpb.Utterance) { u.Text = "" }), 0, "utterance"},
		"Oversize":      {changed(func(u *countersignpb.Utterance) { u.Text = strings.Repeat("x", review.MaxUtteranceBytes+1) }), 0, "utterance"},
		"TimesBackward": {changed(func(u *countersignpb.Utterance) { u.EndMs = 0 }), 0, "utterance"},
		"TooLate":       {changed(func(u *countersignpb.Utterance) { u.EndMs = math.MaxUint32 }), 0, "utterance.end_ms"},
		"Confidence":    {changed(func(u *countersignpb.Utterance) { u.Speaker.Confidence = proto.Float32(float32(math.NaN())) }), 0, "utterance.speaker.confidence"},
		"Word":          {changed(func(u *countersignpb.Utterance) { u.Words[0].Text = "" }), 0, "utterance.words[0].text"},
		"Alternatives": {changed(func(u *countersignpb.Utterance) {
			u.Words[0].Alternatives = make([]*countersignpb.Alternative, 9)
			for i := range u.Words[0].Alternatives {
				u.Words[0].Alternatives[i] = &countersignpb.Alternative{Text: "x"}
			}
		}), 0, "utterance.words[0].alternatives"},
		"Correction":  {changed(func(u *countersignpb.Utterance) { u.CorrectsSequence = 1 }), 0, "utterance.corrects_sequence"},
		"OtherText":   {changed(func(u *countersignpb.Utterance) { u.Sequence, u.Text = 1, "Other." }), countersignpb.RefusedReason_REFUSED_REASON_CONFLICTING_CONTENT, "utterance.sequence"},
		"Nothing":     {&countersignpb.StreamUtterancesRequest{}, 0, "event"},
		"SecondStart": {&countersignpb.StreamUtterancesRequest{Event: &countersignpb.StreamUtterancesRequest_Start{Start: startOf(visit("x"))}}, 0, "start"},
		"HandOver":    {&countersignpb.StreamUtterancesRequest{Event: &countersignpb.StreamUtterancesRequest_HandOver{HandOver: &countersignpb.HandOver{}}}, 0, "hand_over"},
		"NoReason":    {&countersignpb.StreamUtterancesRequest{Event: &countersignpb.StreamUtterancesRequest_Cancel{Cancel: &countersignpb.Cancel{}}}, 0, "cancel.reason"},
		"EndBefore":   {&countersignpb.StreamUtterancesRequest{Event: &countersignpb.StreamUtterancesRequest_End{End: &countersignpb.End{}}}, 0, "end.last_sequence"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, _ := started(t, cc, name)
			d.say(said(1)...) // what came before is stored and acknowledged
			d.send(c.send)
			want := c.want
			if want == 0 {
				want = countersignpb.RefusedReason_REFUSED_REASON_INVALID_UTTERANCE
			}
			r := d.refused(want)
			if r.GetField() != c.field || r.GetThroughSequence() != 1 {
				t.Errorf("field %q through %d, want %q through 1", r.GetField(), r.GetThroughSequence(), c.field)
			}
		})
	}
}
