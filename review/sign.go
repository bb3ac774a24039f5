package review

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// Preview is what a signer is shown before signing.
type Preview struct {
	Attestation   string
	Meaning       Meaning
	ContentSHA256 Digest
	// Rendering is the document as it will be written, but for the time in
	// the signer's own line, which is set when the signature is made.
	Rendering Rendering
	Routes    []Route
	OpenFlags int
	// Shown stands for everything above and for whose chart it is: patient,
	// encounter, revision, attestation, renderings (with the time in the
	// signer's own line left blank) and destinations. SignNote wants it back.
	Shown Digest
}

// PreviewNote renders the note as it would be signed by the actor now, with
// every destination's refusals.
func (s *Service) PreviewNote(ctx context.Context, a Actor, id NoteID) (Preview, error) {
	g, err := s.gather(ctx, a, id)
	if err != nil {
		return Preview{}, err
	}
	plan, err := s.planner.Plan(ctx, g.request)
	if err != nil {
		return Preview{}, err
	}
	shown, err := s.shown(ctx, g)
	if err != nil {
		return Preview{}, err
	}
	text, _ := plan.Rendering(FormatText)
	p := Preview{
		Attestation: g.signature.Attestation, Meaning: g.signature.Meaning, ContentSHA256: g.revision.ContentSHA256,
		Rendering: text, Routes: plan.Routes, OpenFlags: g.note.OpenFlags, Shown: shown,
	}
	return p, s.store.Write(ctx, func(tx Tx) error {
		return tx.Audit(event(a, g.note.EncounterID, "note.preview", "note/"+string(id), map[string]string{
			"revision": strconv.Itoa(g.revision.Number), "shown_sha256": shown.String(),
		}))
	})
}

// shown is the digest that a preview and its signature have in common.
func (s *Service) shown(ctx context.Context, g signing) (Digest, error) {
	r := g.request
	r.Signatures = slices.Clone(r.Signatures)
	r.Signatures[len(r.Signatures)-1].SignedAt = time.Time{}
	plan, err := s.planner.Plan(ctx, r)
	if err != nil {
		return Digest{}, err
	}
	type route struct {
		Destination DestinationID
		Addressee   Digest
		Refusals    []string
	}
	what := struct {
		Patient     PatientID
		Encounter   EncounterID
		Revision    int
		Content     Digest
		Attestation string
		Renderings  map[string]Digest
		Routes      []route
	}{r.Patient.ID, r.Encounter.ID, r.Revision.Number, r.Revision.ContentSHA256, g.signature.Attestation, map[string]Digest{}, nil}
	for _, x := range plan.Renderings {
		what.Renderings[x.Format] = x.SHA256
	}
	for _, x := range plan.Routes {
		to, err := addressee(r.Patient, r.Encounter, x.DestinationID)
		if err != nil {
			return Digest{}, err
		}
		what.Routes = append(what.Routes, route{x.DestinationID, to, x.Refusals})
	}
	b, err := json.Marshal(what)
	return DigestOf(b), err
}

// signing is what a signature needs, gathered from a snapshot.
type signing struct {
	note      Note
	revision  Revision // as it will be signed: never a bare draft
	forked    bool     // the revision is new: a draft signed as it is
	due       DueSignature
	last      bool
	signature Signature
	request   PlanRequest
	site      Site
}

// gather reads the note and checks who may sign what is due, in which state.
func (s *Service) gather(ctx context.Context, a Actor, id NoteID) (g signing, err error) {
	now := s.clock.Now()
	err = s.store.Read(ctx, func(r Reader) error {
		n, due, p, err := noteFor(r, a, id)
		if err != nil {
			return err
		}
		first, open := NextDue(due)
		if open == 0 {
			return Errorf(KindIllegal, "sign note: every due signature is there")
		}
		g = signing{note: n, due: first, last: open == 1}
		if n.State == StateReadyForReview {
			return Errorf(KindIllegal, "sign note: nobody has opened it yet: open and read it first")
		}
		if _, err := Next(n.State, g.action()); err != nil {
			return err
		}
		if err := MaySign(first, n, p); err != nil {
			return err
		}
		return g.read(r, a, p, now)
	})
	return g, err
}

func (g *signing) action() Action {
	switch {
	case g.due.Meaning == MeaningAuthor && g.last:
		return ActionSignLast
	case g.due.Meaning == MeaningAuthor:
		return ActionSign
	case g.last:
		return ActionCoSignLast
	default:
		return ActionCoSign
	}
}

func (g *signing) read(r Reader, a Actor, p Practitioner, now time.Time) (err error) {
	n := g.note
	if g.revision, err = r.Revision(n.ID, n.Revision); err != nil {
		return err
	}
	if g.revision.CreatedBy == "" {
		g.forked, g.revision.CreatedBy = true, p.ID
		g.revision.Number, g.revision.CreatedAt = n.Revision+1, now
	}
	v, err := view(r, n, nil)
	if err != nil {
		return err
	}
	if g.site, err = r.Site(n.SiteID); err != nil {
		return err
	}
	if !v.Encounter.Bound {
		return Errorf(KindRefused, "sign note: patient and encounter are not known yet: bind the recording first")
	}
	role := RoleAttending
	if len(p.Roles) > 0 {
		role = p.Roles[0]
	}
	g.signature = Signature{
		NoteID: n.ID, Revision: g.revision.Number, Position: g.due.Position, Practitioner: p.ID, Name: p.DisplayName(),
		Credential: p.Credential, Role: role, Meaning: g.due.Meaning, Attestation: AttestationText(g.due.Meaning, p),
		ContentSHA256: g.revision.ContentSHA256, SignedAt: now, AuthMethod: a.AuthMethod,
	}
	sigs := slices.DeleteFunc(v.Signatures, func(x Signature) bool { return x.Revision != g.revision.Number })
	g.request = PlanRequest{
		Site: g.site, Note: n, Revision: g.revision, Patient: v.Patient, Encounter: v.Encounter, Author: v.Author,
		Signatures: append(sigs, g.signature), Action: WriteCreate, StartedAt: v.Recorded.Start, EndedAt: v.Recorded.End,
	}
	return nil
}

// SignNote makes the signature that is due from the actor: the author's, or
// a co-signature. shown is the digest of the preview that the signer read.
//
//  1. Read the note, who signs, and what is due; refuse an illegal step,
//     anything else than was shown, and open blocking flags.
//  2. Render the note with this signature in it, for every destination;
//     refuse what a destination cannot take.
//  3. Sign content and renderings (JWS).
//  4. In one transaction: revision frozen, signature, renderings, state,
//     write-backs, audit. The commit is the point of no return.
//  5. Tell the dispatcher. If that is lost, the sweep does.
func (s *Service) SignNote(ctx context.Context, a Actor, id NoteID, shown Digest) (Note, error) {
	g, err := s.gather(ctx, a, id)
	if err != nil {
		return Note{}, err
	}
	now, err := s.shown(ctx, g)
	if err != nil {
		return Note{}, err
	}
	switch {
	case g.revision.Content.OpenFlags() > 0:
		return Note{}, Errorf(KindFlagged, "sign note: blocking flags are open (%d): confirm each with a reason, edit or remove the statement",
			g.revision.Content.OpenFlags())
	case now != shown:
		return Note{}, Errorf(KindConflict, "sign note: it is not what you were shown any more: read it again")
	}
	plan, err := s.planner.Plan(ctx, g.request)
	if err != nil {
		return Note{}, err
	}
	for _, r := range plan.Routes {
		if len(r.Refusals) > 0 {
			return Note{}, Errorf(KindRefused, "sign note: %s cannot take it: %s", r.DestinationID, r.Refusals[0])
		}
	}
	if err := s.makeSignature(&g, plan); err != nil {
		return Note{}, err
	}
	var n Note
	if err := s.store.Write(ctx, func(tx Tx) error {
		n, err = s.commitSignature(tx, a, g, plan)
		return err
	}); err != nil {
		return Note{}, err
	}
	if g.last {
		s.publishFamily(ctx, n.Family)
	}
	s.work.NoteChanged(id)
	return n, nil
}

func (s *Service) makeSignature(g *signing, plan Plan) error {
	shown, ok := plan.Rendering(FormatText)
	if !ok {
		return Errorf(KindInternal, "sign note: the plan has no text rendering")
	}
	g.signature.RenderingSHA256 = shown.SHA256
	payload, err := json.Marshal(g.signature.Payload(g.note, plan.Renderings))
	if err != nil {
		return err
	}
	g.signature.JWS, err = s.signer.Sign(payload)
	return err
}

func (s *Service) commitSignature(tx Tx, a Actor, g signing, plan Plan) (Note, error) {
	n, err := tx.Note(g.note.ID)
	if err != nil {
		return n, err
	}
	from, fromRev := g.note.State, g.note.Revision
	if g.forked {
		if err := tx.InsertRevision(g.revision); err != nil {
			return n, err
		}
	}
	if !g.revision.Signed {
		if err := tx.MarkSigned(n.ID, g.revision.Number, g.revision.ContentSHA256); err != nil {
			return n, err
		}
	}
	if err := tx.InsertSignature(g.signature); err != nil {
		return n, err
	}
	to, err := Next(n.State, g.action())
	if err != nil {
		return n, err
	}
	n.State, n.StateAt, n.Revision = to, tx.Now(), g.revision.Number
	if err := tx.UpdateNote(n, from, fromRev); err != nil {
		return n, err
	}
	if g.last {
		if err := s.oweWriteBacks(tx, n, g, plan); err != nil {
			return n, err
		}
	}
	return n, tx.Audit(event(a, n.EncounterID, "note."+string(g.action()), "note/"+string(n.ID), map[string]string{
		"revision": strconv.Itoa(n.Revision), "meaning": string(g.signature.Meaning), "from": string(from), "to": string(to),
		"content_sha256": g.signature.ContentSHA256.String(), "rendering_sha256": g.signature.RenderingSHA256.String(),
	}))
}

// oweWriteBacks stores the exact bytes for each destination and a debt to
// write them. A destination that is not simulated is held until its site has
// gates that a person can open.
func (s *Service) oweWriteBacks(tx Tx, n Note, g signing, plan Plan) error {
	for _, r := range plan.Renderings {
		r.NoteID, r.Revision = n.ID, n.Revision
		if err := tx.InsertRendering(r); err != nil {
			return err
		}
	}
	earlier, err := tx.WriteBacks(WriteBackFilter{Family: n.Family, Limit: 500})
	if err != nil {
		return err
	}
	for i, route := range plan.Routes {
		r, ok := plan.Rendering(route.Format)
		if !ok {
			return Errorf(KindInternal, "sign note: the plan has no rendering for %s", route.DestinationID)
		}
		d, _ := g.site.Destination(route.DestinationID)
		w := WriteBack{
			ID: NewID[WriteBackID](), SiteID: n.SiteID, EncounterID: n.EncounterID, NoteID: n.ID, Family: n.Family,
			Seq: int64(len(earlier) + i + 1), Revision: n.Revision, DestinationID: route.DestinationID, Adapter: route.Adapter,
			Action: route.Action, Format: route.Format, State: WriteBackPending, Verification: VerificationNone,
			ControlID: NewControlID(), NextAttemptAt: tx.Now(), CreatedAt: tx.Now(), StateAt: tx.Now(),
			OwedSince: tx.Now(), RenderingID: r.SHA256,
		}
		if d.Mode != ModeSimulated {
			w.State = WriteBackHeld
		}
		if w.Addressee, err = addressee(g.request.Patient, g.request.Encounter, route.DestinationID); err != nil {
			return err
		}
		if err := tx.InsertWriteBack(w); err != nil {
			return err
		}
	}
	return nil
}

// ReturnNote sends a note back to its author before the co-signature, with a
// reason as a fixed word.
func (s *Service) ReturnNote(ctx context.Context, a Actor, id NoteID, reason string) error {
	if !ValidName(SiteID(reason)) {
		return Errorf(KindInvalid, "return note: reason: give a fixed word such as incomplete or incorrect")
	}
	err := s.store.Write(ctx, func(tx Tx) error {
		n, due, p, err := noteFor(tx, a, id)
		if err != nil {
			return err
		}
		first, open := NextDue(due)
		if open == 0 || first.Meaning != MeaningCoSignature {
			return Errorf(KindIllegal, "return note: no co-signature is due")
		}
		if err := MaySign(first, n, p); err != nil {
			return err
		}
		old, err := tx.Revision(id, n.Revision)
		if err != nil {
			return err
		}
		// A new revision starts without signatures.
		from, fromRev := n.State, n.Revision
		rev, err := putRevision(tx, old, old.Content, a)
		if err != nil {
			return err
		}
		if n.State, err = Next(n.State, ActionReturn); err != nil {
			return err
		}
		n.StateAt, n.Revision = tx.Now(), rev.Number
		if err := tx.UpdateNote(n, from, fromRev); err != nil {
			return err
		}
		if err := tx.ReopenDue(id); err != nil {
			return err
		}
		return tx.Audit(event(a, n.EncounterID, "note.return", "note/"+string(id), map[string]string{
			"reason": reason, "revision": strconv.Itoa(n.Revision),
		}))
	})
	if err == nil {
		s.work.NoteChanged(id)
	}
	return err
}
