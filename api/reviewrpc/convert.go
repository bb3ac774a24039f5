package reviewrpc

import (
	"slices"
	"strings"
	"time"

	"countersign/review"

	countersignpb "countersign/proto/countersign/v1"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func protoName(s string) protoreflect.Name { return protoreflect.Name(s) }

// stamp leaves a zero time out.
func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// hash is empty for a digest that is not set.
func hash(d review.Digest) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

// enum finds the value of the enum whose name is prefix + word in capitals;
// 0 when there is none, which the contract calls UNSPECIFIED.
func enum[E ~int32](values map[string]int32, prefix, word string) E {
	return E(values[prefix+strings.ToUpper(word)])
}

// word is the way back: the name of the value in small letters; empty for 0
// and for a value that the contract does not have.
func word(names map[int32]string, prefix string, value int32) string {
	if value == 0 {
		return ""
	}
	return strings.ToLower(strings.TrimPrefix(names[value], prefix))
}

func noteState(s review.State) countersignpb.NoteState {
	return enum[countersignpb.NoteState](countersignpb.NoteState_value, "NOTE_STATE_", string(s))
}

func writebackState(s review.WriteBackState) countersignpb.WritebackState {
	return enum[countersignpb.WritebackState](countersignpb.WritebackState_value, "WRITEBACK_STATE_", string(s))
}

func writebackAction(a review.WriteAction) countersignpb.WritebackAction {
	return enum[countersignpb.WritebackAction](countersignpb.WritebackAction_value, "WRITEBACK_ACTION_", string(a))
}

func meaning(m review.Meaning) countersignpb.SignatureMeaning {
	return enum[countersignpb.SignatureMeaning](countersignpb.SignatureMeaning_value, "SIGNATURE_MEANING_", string(m))
}

func role(r review.PractitionerRole) countersignpb.PractitionerRole {
	if r == review.RoleAPP {
		return countersignpb.PractitionerRole_PRACTITIONER_ROLE_ADVANCED_PRACTICE
	}
	return enum[countersignpb.PractitionerRole](countersignpb.PractitionerRole_value, "PRACTITIONER_ROLE_", string(r))
}

func note(n review.Note, due review.DueSignature) *countersignpb.Note {
	out := &countersignpb.Note{
		NoteId: string(n.ID), SiteId: string(n.SiteID), EncounterId: string(n.EncounterID), FamilyId: string(n.Family), ParentId: string(n.ParentID),
		Kind: enum[countersignpb.NoteKind](countersignpb.NoteKind_value, "NOTE_KIND_", string(n.Kind)), NoteType: n.Type, State: noteState(n.State),
		AuthorId: string(n.Author), Revision: uint32(n.Revision), OpenFlags: uint32(n.OpenFlags), DocumentNumber: n.DocumentNumber(),
		Confidentiality: string(n.Confidential), CreatedAt: stamp(n.CreatedAt), StateAt: stamp(n.StateAt), ErrorCode: n.ErrorCode, PolicyVersion: uint32(n.PolicyVersion),
	}
	for _, r := range n.Recordings {
		out.RecordingIds = append(out.RecordingIds, string(r))
	}
	if due.Meaning == review.MeaningCoSignature {
		out.CoSignerId = string(due.Practitioner)
	}
	return out
}

// viewed is a note with patient and encounter.
func viewed(v review.NoteView) *countersignpb.Note {
	due, _ := review.NextDue(v.Due)
	out := note(v.Note, due)
	if v.Note.PatientID != "" {
		out.Patient = patient(v.Patient)
	}
	if len(v.Encounter.Identifiers) > 0 {
		out.Encounter = &countersignpb.EncounterReference{Identifiers: identifiers(v.Encounter.Identifiers), Class: class(v.Encounter.Class), PeriodStart: stamp(v.Encounter.PeriodStart)}
	}
	return out
}

func class(c review.EncounterClass) countersignpb.EncounterClass {
	switch c {
	case review.ClassAmbulatory:
		return countersignpb.EncounterClass_ENCOUNTER_CLASS_AMBULATORY
	case review.ClassEmergency:
		return countersignpb.EncounterClass_ENCOUNTER_CLASS_EMERGENCY
	case review.ClassInpatient:
		return countersignpb.EncounterClass_ENCOUNTER_CLASS_INPATIENT
	case review.ClassHome:
		return countersignpb.EncounterClass_ENCOUNTER_CLASS_HOME
	case review.ClassVirtual:
		return countersignpb.EncounterClass_ENCOUNTER_CLASS_VIRTUAL
	}
	return countersignpb.EncounterClass_ENCOUNTER_CLASS_UNSPECIFIED
}

func name(family, given string) *countersignpb.PersonName {
	return &countersignpb.PersonName{Family: family, Given: strings.Fields(given)}
}

func patient(p review.Patient) *countersignpb.PatientReference {
	return &countersignpb.PatientReference{
		Identifiers: identifiers(p.Identifiers), Name: name(string(p.Family), string(p.Given)), BirthDate: string(p.BirthDate),
		Sex: enum[countersignpb.AdministrativeSex](countersignpb.AdministrativeSex_value, "ADMINISTRATIVE_SEX_", string(p.Sex)),
	}
}

func identifiers(in []review.Identifier) (out []*countersignpb.Identifier) {
	for _, id := range in {
		out = append(out, &countersignpb.Identifier{Type: id.Type, System: id.Authority, Value: string(id.Value), DestinationId: string(id.Destination)})
	}
	return out
}

// revision is nil for a note that has none.
func revision(r review.Revision) *countersignpb.Revision {
	if r.Number == 0 {
		return nil
	}
	out := &countersignpb.Revision{
		Number: uint32(r.Number), ContentSha256: hash(r.ContentSHA256), IsSigned: r.Signed, CreatedBy: string(r.CreatedBy), CreatedAt: stamp(r.CreatedAt),
	}
	if g := r.Generator; g.Drafter != "" {
		out.Generator = &countersignpb.Generator{Drafter: g.Drafter, Version: g.Version, Model: g.Model, Deployment: g.Deployment, PromptId: g.PromptID, DraftMs: g.DraftMillis}
	}
	for _, s := range r.Content.Sections {
		section := &countersignpb.Section{Code: s.Code, Title: s.Title}
		for _, st := range s.Statements {
			section.Statements = append(section.Statements, statement(st))
		}
		out.Sections = append(out.Sections, section)
	}
	for _, o := range r.Content.Omissions {
		out.Omissions = append(out.Omissions, &countersignpb.Omission{Evidence: evidence(o.Evidence), Reason: o.Reason, Text: string(o.Text)})
	}
	return out
}

func statement(st review.Statement) *countersignpb.Statement {
	out := &countersignpb.Statement{
		StatementId: string(st.ID), Text: string(st.Text), Heading: string(st.Heading),
		Origin: enum[countersignpb.StatementOrigin](countersignpb.StatementOrigin_value, "STATEMENT_ORIGIN_", string(st.Origin)),
	}
	for _, e := range st.Evidence {
		out.Evidence = append(out.Evidence, evidence(e))
	}
	for _, f := range st.Flags {
		resolution := countersignpb.FlagResolution_FLAG_RESOLUTION_OPEN
		if f.Resolution != review.ResolutionOpen {
			resolution = enum[countersignpb.FlagResolution](countersignpb.FlagResolution_value, "FLAG_RESOLUTION_", string(f.Resolution))
		}
		out.Flags = append(out.Flags, &countersignpb.Flag{
			Kind: string(f.Kind), Severity: enum[countersignpb.FlagSeverity](countersignpb.FlagSeverity_value, "FLAG_SEVERITY_", string(f.Severity)),
			Detail: string(f.Detail), Resolution: resolution, Reason: string(f.Reason), ResolvedBy: string(f.ResolvedBy), ResolvedAt: stamp(f.ResolvedAt),
		})
	}
	return out
}

func evidence(e review.Evidence) *countersignpb.Evidence {
	return &countersignpb.Evidence{StreamId: string(e.StreamID), Sequence: uint32(e.Seq), Revision: uint32(e.Revision), SpanStart: uint32(e.SpanStart), SpanEnd: uint32(e.SpanEnd)}
}

func utterance(u review.Utterance) *countersignpb.Utterance {
	out := &countersignpb.Utterance{
		Sequence: uint32(u.Seq), StartMs: uint32(u.Start.Milliseconds()), EndMs: uint32(u.End.Milliseconds()), Text: string(u.Text), Language: u.Language,
		IsFinal: true, Revision: uint32(u.Revision),
		Speaker: &countersignpb.Speaker{
			Role:           enum[countersignpb.SpeakerRole](countersignpb.SpeakerRole_value, "SPEAKER_ROLE_", string(u.Speaker.Role)),
			PractitionerId: string(u.Speaker.PractitionerID), Label: u.Speaker.Label, Confidence: known(u.Speaker.Confidence),
		},
	}
	for _, w := range u.Words {
		x := &countersignpb.Word{Text: string(w.Text), StartMs: uint32(w.Start.Milliseconds()), EndMs: uint32(w.End.Milliseconds()), Confidence: known(w.Confidence)}
		for _, a := range w.Alternates {
			x.Alternatives = append(x.Alternatives, &countersignpb.Alternative{Text: string(a.Text), Confidence: known(a.Confidence)})
		}
		out.Words = append(out.Words, x)
	}
	return out
}

// known leaves out a confidence that was not given.
func known(c float32) *float32 {
	if c == 0 {
		return nil
	}
	return &c
}

func signature(s review.Signature) *countersignpb.Signature {
	return &countersignpb.Signature{
		PractitionerId: string(s.Practitioner), Signer: s.Name, Role: string(s.Role), Credential: s.Credential, Meaning: meaning(s.Meaning), Attestation: s.Attestation,
		Revision: uint32(s.Revision), ContentSha256: hash(s.ContentSHA256), RenderingSha256: hash(s.RenderingSHA256), SignedAt: stamp(s.SignedAt),
		AuthMethod: s.AuthMethod, Jws: s.JWS, Position: uint32(s.Position),
	}
}

func dueSignatures(in []review.DueSignature) (out []*countersignpb.DueSignature) {
	for _, d := range in {
		out = append(out, &countersignpb.DueSignature{Position: uint32(d.Position), Meaning: meaning(d.Meaning), PractitionerId: string(d.Practitioner), SignedRevision: uint32(d.SignedRevision)})
	}
	return out
}

func writeback(w review.WriteBack) *countersignpb.Writeback {
	out := &countersignpb.Writeback{
		WritebackId: string(w.ID), NoteId: string(w.NoteID), Revision: uint32(w.Revision), FamilyId: string(w.Family), SiteId: string(w.SiteID),
		DestinationId: string(w.DestinationID), Adapter: w.Adapter, Action: writebackAction(w.Action), State: writebackState(w.State),
		Verification: enum[countersignpb.WritebackVerification](countersignpb.WritebackVerification_value, "WRITEBACK_VERIFICATION_", string(w.Verification)),
		DependsOn:    string(w.DependsOn), RenderingSha256: hash(w.RenderingID), MediaType: w.Format, ControlId: w.ControlID, AttemptCount: uint32(w.Attempts),
		CreatedAt: stamp(w.CreatedAt), StateAt: stamp(w.StateAt), ErrorCode: w.ErrorCode,
	}
	if w.State == review.WriteBackPending || w.State == review.WriteBackUnknown || w.State == review.WriteBackCommitted {
		out.NextAttemptAt = stamp(w.NextAttemptAt)
	}
	if r := w.Receipt; r != (review.Receipt{}) {
		out.Receipt = &countersignpb.Receipt{
			ResourceId: r.ResourceID, VersionId: r.Version, ControlId: r.ControlID, AckCode: r.AckCode, HttpStatus: uint32(r.Status), ReceivedAt: stamp(r.At),
			WrittenSha256: hash(r.WrittenSHA256),
		}
	}
	return out
}

func writebacks(in []review.WriteBack) (out []*countersignpb.Writeback) {
	for _, w := range in {
		out = append(out, writeback(w))
	}
	return out
}

// states turns a filter around; UNSPECIFIED means any state.
func states[S ~string, E ~int32](in []E, names map[int32]string, prefix string, all []S) ([]S, error) {
	var out []S
	for _, e := range in {
		if e == 0 {
			return nil, nil
		}
		s := S(word(names, prefix, int32(e)))
		if !slices.Contains(all, s) {
			return nil, review.Errorf(review.KindInvalid, "states: a value that is not of the contract")
		}
		out = append(out, s)
	}
	return out, nil
}

// sameSite refuses another site than the caller's like one that is not there.
func sameSite(a review.Actor, asked string) error {
	if asked != "" && asked != string(a.SiteID) {
		return review.Errorf(review.KindNotFound, "site_id: no such site, or not yours")
	}
	return nil
}
