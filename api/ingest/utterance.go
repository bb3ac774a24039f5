package ingest

import (
	"errors"
	"fmt"
	"hash/maphash"
	"time"
	"unicode/utf8"

	"countersign/review"

	countersignpb "countersign/proto/countersign/v1"

	"google.golang.org/protobuf/proto"
)

// classify turns a message into an item. The zero item is one that leaves
// nothing to do: an interim utterance, which only Live sees.
func (se *session) classify(m *countersignpb.StreamUtterancesRequest) item {
	switch e := m.GetEvent().(type) {
	case *countersignpb.StreamUtterancesRequest_Utterance:
		u, err := utterance(e.Utterance, se.server.options.MaxDuration)
		if err != nil {
			return item{fault: err}
		}
		if !e.Utterance.GetIsFinal() {
			se.server.options.Live(se.open, u)
			return item{}
		}
		return item{utterance: &u, size: proto.Size(m)}
	case *countersignpb.StreamUtterancesRequest_Start:
		return item{fault: badMessage("start", "only the first message of a call may be Start", "open a new call")}
	case *countersignpb.StreamUtterancesRequest_HandOver:
		return item{fault: badMessage("hand_over", "a recording has one author in this version", "end this recording and start a new one under the other practitioner")}
	case nil:
		return item{fault: badMessage("event", "the message is empty or of a kind this server does not know", "update the device's software")}
	}
	return item{control: m, size: proto.Size(m)}
}

// utterance checks and translates; errors are *refusal and hold no content.
func utterance(p *countersignpb.Utterance, longest time.Duration) (review.Utterance, error) {
	if p.GetCorrectsSequence() != 0 || p.GetRevision() != 0 {
		return review.Utterance{}, badMessage("utterance.corrects_sequence", "corrections are not kept in this version",
			"send final utterances only; the clinician corrects the note in review")
	}
	role, err := speakerRole(p.GetSpeaker().GetRole())
	if err != nil {
		return review.Utterance{}, badMessage("utterance.speaker.role", err.Error(), "say UNKNOWN when the recogniser cannot tell")
	}
	if len(p.GetSpeaker().GetLabel()) > 32 {
		return review.Utterance{}, badMessage("utterance.speaker.label", "longer than 32 characters", "use a short label")
	}
	if !confident(p.GetSpeaker().Confidence) {
		return review.Utterance{}, badMessage("utterance.speaker.confidence", "not between 0 and 1", "leave it out when it is not known")
	}
	u := review.Utterance{
		Seq: int64(p.GetSequence()), Start: ms(p.GetStartMs()), End: ms(p.GetEndMs()), Text: review.ClinicalText(p.GetText()), Language: p.GetLanguage(),
		Speaker: review.Speaker{
			Role: role, PractitionerID: review.PractitionerID(p.GetSpeaker().GetPractitionerId()), Label: p.GetSpeaker().GetLabel(),
			Confidence: p.GetSpeaker().GetConfidence(),
		},
	}
	if err := u.Validate(); err != nil {
		return u, fromDomain(err, inStream, false, 0)
	}
	if u.End > longest {
		return u, badMessage("utterance.end_ms", "beyond the longest recording", "end this recording and start a new one")
	}
	u.Words, err = words(p.GetWords())
	return u, err
}

func words(in []*countersignpb.Word) ([]review.Word, error) {
	if len(in) > review.MaxUtteranceWords {
		return nil, badMessage("utterance.words", "more than 4,096 words", "split the utterance")
	}
	var out []review.Word
	for i, w := range in {
		field := fmt.Sprintf("utterance.words[%d]", i)
		switch {
		case !wordText(w.GetText()):
			return nil, badMessage(field+".text", "not 1 to 256 bytes of UTF-8", "send words as the recogniser has them")
		case w.GetEndMs() < w.GetStartMs():
			return nil, badMessage(field+".end_ms", "before start_ms", "send times in order")
		case !confident(w.Confidence):
			return nil, badMessage(field+".confidence", "not between 0 and 1", "leave it out when it is not known")
		case len(w.GetAlternatives()) > 8:
			return nil, badMessage(field+".alternatives", "more than 8", "send the best eight")
		}
		word := review.Word{Text: review.ClinicalText(w.GetText()), Start: ms(w.GetStartMs()), End: ms(w.GetEndMs()), Confidence: w.GetConfidence()}
		for _, a := range w.GetAlternatives() {
			if !wordText(a.GetText()) || !confident(a.Confidence) {
				return nil, badMessage(field+".alternatives", "text is not 1 to 256 bytes of UTF-8, or confidence not between 0 and 1", "send readings as the recogniser has them")
			}
			word.Alternates = append(word.Alternates, review.Alternate{Text: review.ClinicalText(a.GetText()), Confidence: a.GetConfidence()})
		}
		out = append(out, word)
	}
	return out, nil
}

func wordText(s string) bool { return len(s) > 0 && len(s) <= 256 && utf8.ValidString(s) }

// confident accepts an absent value; the comparison is false for NaN.
func confident(c *float32) bool { return c == nil || *c >= 0 && *c <= 1 }

func ms(n uint32) time.Duration { return time.Duration(n) * time.Millisecond }

var errRole = errors.New("is missing or not one of the contract")

func speakerRole(r countersignpb.SpeakerRole) (review.Role, error) {
	for _, p := range rolePairs() {
		if p.wire == r {
			return p.role, nil
		}
	}
	return "", errRole
}

type rolePair struct {
	wire countersignpb.SpeakerRole
	role review.Role
}

func rolePairs() [7]rolePair {
	return [...]rolePair{
		{countersignpb.SpeakerRole_SPEAKER_ROLE_CLINICIAN, review.RoleClinician},
		{countersignpb.SpeakerRole_SPEAKER_ROLE_PATIENT, review.RolePatient},
		{countersignpb.SpeakerRole_SPEAKER_ROLE_CAREGIVER, review.RoleCaregiver},
		{countersignpb.SpeakerRole_SPEAKER_ROLE_INTERPRETER, review.RoleInterpreter},
		{countersignpb.SpeakerRole_SPEAKER_ROLE_STAFF, review.RoleStaff},
		{countersignpb.SpeakerRole_SPEAKER_ROLE_OTHER_PATIENT, review.RoleOtherPatient},
		{countersignpb.SpeakerRole_SPEAKER_ROLE_UNKNOWN, review.RoleUnknown},
	}
}

// seen remembers a hash of the newest utterances of a call, so that other
// content under a used number is noticed while a device may still repeat it.
type seen struct {
	seed maphash.Seed
	seqs []int64
	sums []uint64
}

func newSeen(window int) *seen {
	n := 2 * window
	return &seen{seed: maphash.MakeSeed(), seqs: make([]int64, n), sums: make([]uint64, n)}
}

func (s *seen) put(u review.Utterance) {
	i := u.Seq % int64(len(s.seqs))
	s.seqs[i], s.sums[i] = u.Seq, s.sum(u)
}

// same is true also for a number that is not remembered.
func (s *seen) same(u review.Utterance) bool {
	i := u.Seq % int64(len(s.seqs))
	return s.seqs[i] != u.Seq || s.sums[i] == s.sum(u)
}

func (s *seen) sum(u review.Utterance) uint64 {
	type rest struct {
		text, language string
		speaker        review.Speaker
		start, end     time.Duration
	}
	return maphash.Comparable(s.seed, rest{string(u.Text), u.Language, u.Speaker, u.Start, u.End})
}
