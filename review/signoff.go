package review

import (
	"fmt"
	"time"
)

// Meaning says what a signature means (ASTM E1762: author .1, verification .5).
type Meaning string

// Meanings of a signature.
const (
	MeaningAuthor      Meaning = "author"
	MeaningCoSignature Meaning = "co_signature"
)

// DueSignature is a signature that policy asks for. Positions are signed in
// order.
type DueSignature struct {
	NoteID   NoteID
	Position int // from 1; the author's is 1
	Meaning  Meaning
	// Practitioner is who must sign; empty means anyone who may.
	Practitioner PractitionerID
	// SignedRevision is 0 while it is due.
	SignedRevision int
}

// Signature is what a person signed: the content, and the renderings that
// the person was shown. It is never changed.
type Signature struct {
	NoteID          NoteID
	Revision        int
	Position        int
	Practitioner    PractitionerID
	Name            string // as printed: "Jane Doe, MD"
	Credential      string
	Role            PractitionerRole
	Meaning         Meaning
	Attestation     string // the text as shown
	ContentSHA256   Digest
	RenderingSHA256 Digest // of the text/plain rendering as shown, with this signature in it
	SignedAt        time.Time
	AuthMethod      string
	JWS             string // detached JWS (RFC 7515 appendix F) over SignaturePayload
}

// SignaturePayload is what the JWS covers: everything a signature says.
type SignaturePayload struct {
	Version         int               `json:"v"`
	NoteID          NoteID            `json:"note_id"`
	DocumentNumber  string            `json:"document_number"`
	Revision        int               `json:"revision"`
	Position        int               `json:"position"`
	Practitioner    PractitionerID    `json:"practitioner_id"`
	Name            string            `json:"name"`
	Role            PractitionerRole  `json:"role"`
	Meaning         Meaning           `json:"meaning"`
	Attestation     string            `json:"attestation"`
	ContentSHA256   Digest            `json:"content_sha256"`
	RenderingSHA256 Digest            `json:"rendering_sha256"`
	Renderings      map[string]Digest `json:"renderings"` // format → SHA-256
	SignedAt        time.Time         `json:"signed_at"`
	AuthMethod      string            `json:"auth_method"`
}

// Payload is the JWS payload of s over the renderings stored with it.
func (s Signature) Payload(n Note, renderings []Rendering) SignaturePayload {
	p := SignaturePayload{
		Version: 1, NoteID: s.NoteID, DocumentNumber: n.DocumentNumber(), Revision: s.Revision, Position: s.Position,
		Practitioner: s.Practitioner, Name: s.Name, Role: s.Role, Meaning: s.Meaning, Attestation: s.Attestation,
		ContentSHA256: s.ContentSHA256, RenderingSHA256: s.RenderingSHA256, Renderings: map[string]Digest{},
		SignedAt: s.SignedAt, AuthMethod: s.AuthMethod,
	}
	for _, r := range renderings {
		p.Renderings[r.Format] = r.SHA256
	}
	return p
}

// DueFor lists who must sign a note of this author under the policy, in
// order. The author is always first.
func DueFor(p Policy, note NoteID, author Practitioner) []DueSignature {
	due := []DueSignature{{NoteID: note, Position: 1, Meaning: MeaningAuthor, Practitioner: author.ID}}
	for _, r := range p.CoSignFor {
		if author.Has(r) {
			return append(due, DueSignature{NoteID: note, Position: 2, Meaning: MeaningCoSignature, Practitioner: author.Supervisor})
		}
	}
	return due
}

// NextDue returns the first signature that is still due, and how many are.
func NextDue(due []DueSignature) (first DueSignature, open int) {
	for _, d := range due {
		if d.SignedRevision != 0 {
			continue
		}
		if open == 0 {
			first = d
		}
		open++
	}
	return first, open
}

// MaySign says whether a person may give the due signature now, and if not
// why, naming what to do.
func MaySign(d DueSignature, n Note, p Practitioner) error {
	switch {
	case d.Meaning == MeaningAuthor && p.ID != n.Author:
		return Errorf(KindForbidden, "sign note: only its author may sign as author")
	case d.Meaning == MeaningAuthor && !p.MayAuthor():
		return Errorf(KindForbidden, "sign note: this practitioner has no role that may author notes")
	case d.Meaning == MeaningCoSignature && p.ID == n.Author:
		return Errorf(KindForbidden, "co-sign note: nobody co-signs their own note")
	case d.Meaning == MeaningCoSignature && !p.MayCoSign():
		return Errorf(KindForbidden, "co-sign note: only an attending may co-sign")
	case d.Practitioner != "" && d.Practitioner != p.ID:
		return Errorf(KindForbidden, "sign note: another practitioner's signature is due")
	}
	return nil
}

// AttestationText is what the signer is shown and signs.
func AttestationText(m Meaning, p Practitioner) string {
	switch m {
	case MeaningCoSignature:
		return fmt.Sprintf("I, %s, have reviewed this note and co-sign it.", p.DisplayName())
	default:
		return fmt.Sprintf("I, %s, have reviewed this note, which was drafted with AI assistance from the recorded visit, and it reflects my work.", p.DisplayName())
	}
}
