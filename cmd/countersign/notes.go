package main

import (
	"fmt"
	"strings"

	countersignpb "countersign/proto/countersign/v1"
)

type notesCommand struct {
	List    notesListCommand    `cmd:"" help:"List your notes."`
	Show    notesShowCommand    `cmd:"" help:"Show a note with its flags."`
	Preview notesPreviewCommand `cmd:"" help:"Show a note as it would be written, and every destination's refusals."`
	Sign    notesSignCommand    `cmd:"" help:"Sign a note, or co-sign it where that is due from you."`
	Discard notesDiscardCommand `cmd:"" help:"Throw an unsigned note away."`
	Redraft notesRedraftCommand `cmd:"" help:"Ask for a fresh draft of a note nobody has typed in."`
}

func (c *notesCommand) Help() string {
	return "Example: countersign notes list --login rivera --password-file ./pw"
}

type notesListCommand struct {
	gatewayFlags
	State []string `help:"Only notes in this state; repeatable." placeholder:"in_review"`
}

func (c *notesListCommand) Help() string {
	return "Example: countersign notes list --state ready_for_review --login rivera --password-file ./pw"
}

func (c *notesListCommand) Run(e *env) error {
	g, err := c.dial(e)
	if err != nil {
		return err
	}
	defer g.close()
	req := &countersignpb.ListNotesRequest{}
	for _, s := range c.State {
		v, ok := countersignpb.NoteState_value["NOTE_STATE_"+strings.ToUpper(s)]
		if !ok {
			return fmt.Errorf("list notes: --state %s: no such state", s)
		}
		req.States = append(req.States, countersignpb.NoteState(v))
	}
	reply, err := g.review.ListNotes(g.ctx, req)
	if err != nil {
		return remote("list notes", err)
	}
	if c.JSON {
		return printProto(e, reply)
	}
	if len(reply.GetNotes()) == 0 {
		e.printf("No notes.\n")
	}
	for _, n := range reply.GetNotes() {
		e.printf("%s  %-18s rev %d  %d open flags  %s\n", n.GetNoteId(), noteState(n.GetState()), n.GetRevision(), n.GetOpenFlags(),
			n.GetCreatedAt().AsTime().Format("2006-01-02 15:04"))
	}
	return nil
}

func noteState(s countersignpb.NoteState) string {
	return strings.ToLower(strings.TrimPrefix(s.String(), "NOTE_STATE_"))
}

type notesShowCommand struct {
	gatewayFlags
	ID string `arg:"" help:"The note's id."`
}

func (c *notesShowCommand) Help() string {
	return "Example: countersign notes show ab2c… --login rivera --password-file ./pw"
}

func (c *notesShowCommand) Run(e *env) error {
	g, err := c.dial(e)
	if err != nil {
		return err
	}
	defer g.close()
	reply, err := g.review.GetNote(g.ctx, &countersignpb.GetNoteRequest{NoteId: c.ID})
	if err != nil {
		return remote("show note", err)
	}
	if c.JSON {
		return printProto(e, reply)
	}
	e.printf("%s, revision %d\n", noteState(reply.GetNote().GetState()), reply.GetNote().GetRevision())
	for _, s := range reply.GetRevision().GetSections() {
		e.printf("\n%s\n", strings.ToUpper(s.GetTitle()))
		for _, st := range s.GetStatements() {
			e.printf("  %s\n", st.GetText())
			for _, f := range st.GetFlags() {
				e.printf("    ! %s: %s\n", f.GetKind(), f.GetDetail())
			}
		}
	}
	for _, w := range reply.GetWritebacks() {
		printWriteback(e, w)
	}
	return nil
}

type notesPreviewCommand struct {
	gatewayFlags
	ID string `arg:"" help:"The note's id."`
}

func (c *notesPreviewCommand) Help() string {
	return "Example: countersign notes preview ab2c… --login rivera --password-file ./pw"
}

func (c *notesPreviewCommand) Run(e *env) error {
	g, err := c.dial(e)
	if err != nil {
		return err
	}
	defer g.close()
	// To preview is to open: nobody signs what nobody has opened.
	if _, err := g.review.OpenNote(g.ctx, &countersignpb.OpenNoteRequest{NoteId: c.ID}); err != nil {
		return remote("preview note", err)
	}
	reply, err := g.review.PreviewNote(g.ctx, &countersignpb.PreviewNoteRequest{NoteId: c.ID})
	if err != nil {
		return remote("preview note", err)
	}
	if c.JSON {
		return printProto(e, reply)
	}
	e.printf("%s\n\n", reply.GetRenderedText())
	for _, r := range reply.GetRoutes() {
		if len(r.GetRefusals()) == 0 {
			e.printf("%s (%s): can take it\n", r.GetDestinationId(), r.GetAdapter())
		}
		for _, why := range r.GetRefusals() {
			e.printf("%s (%s): cannot take it: %s\n", r.GetDestinationId(), r.GetAdapter(), why)
		}
	}
	e.printf("You would sign: %s\nContent %s\n", reply.GetAttestation(), reply.GetContentSha256())
	return nil
}

type notesSignCommand struct {
	gatewayFlags
	ID      string `arg:"" help:"The note's id."`
	Content string `required:"" help:"The content hash that preview showed you: you sign that and nothing else." placeholder:"SHA256"`
}

func (c *notesSignCommand) Help() string {
	return "Example: countersign notes sign ab2c… --content 9f86d0… --login rivera --password-file ./pw"
}

func (c *notesSignCommand) Run(e *env) error {
	g, err := c.dial(e)
	if err != nil {
		return err
	}
	defer g.close()
	p, err := g.review.PreviewNote(g.ctx, &countersignpb.PreviewNoteRequest{NoteId: c.ID})
	if err != nil {
		return remote("sign note", err)
	}
	if p.GetContentSha256() != c.Content {
		return fmt.Errorf("sign note: the content is not the one you name: preview it again")
	}
	note, err := g.sign(c.ID, p)
	if err != nil {
		return err
	}
	if c.JSON {
		return printProto(e, note)
	}
	e.printf("signed: the note is %s\n", noteState(note.GetState()))
	return nil
}

// sign gives the signature that the preview says is due.
func (g *gateway) sign(id string, p *countersignpb.PreviewNoteResponse) (*countersignpb.Note, error) {
	if p.GetMeaning() == countersignpb.SignatureMeaning_SIGNATURE_MEANING_CO_SIGNATURE {
		reply, err := g.review.CoSignNote(g.ctx, &countersignpb.CoSignNoteRequest{
			NoteId: id, ExpectedRevision: p.GetRevision(), ExpectedContentSha256: p.GetContentSha256(), Attestation: p.GetAttestation(),
			ShownSha256: p.GetShownSha256(),
		})
		if err != nil {
			return nil, remote("co-sign note", err)
		}
		return reply.GetNote(), nil
	}
	reply, err := g.review.SignNote(g.ctx, &countersignpb.SignNoteRequest{
		NoteId: id, ExpectedRevision: p.GetRevision(), ExpectedContentSha256: p.GetContentSha256(), Attestation: p.GetAttestation(),
		ShownSha256: p.GetShownSha256(),
	})
	if err != nil {
		return nil, remote("sign note", err)
	}
	return reply.GetNote(), nil
}

type notesDiscardCommand struct {
	gatewayFlags
	ID     string `arg:"" help:"The note's id."`
	Reason string `required:"" enum:"documented_elsewhere,no_service,duplicate,wrong_patient" help:"Why: ${enum}."`
}

func (c *notesDiscardCommand) Help() string {
	return "Example: countersign notes discard ab2c… --reason duplicate --login rivera --password-file ./pw"
}

func (c *notesDiscardCommand) Run(e *env) error {
	g, err := c.dial(e)
	if err != nil {
		return err
	}
	defer g.close()
	cur, err := g.review.GetNote(g.ctx, &countersignpb.GetNoteRequest{NoteId: c.ID})
	if err != nil {
		return remote("discard note", err)
	}
	reason := countersignpb.DiscardReason(countersignpb.DiscardReason_value["DISCARD_REASON_"+strings.ToUpper(c.Reason)])
	reply, err := g.review.DiscardNote(g.ctx, &countersignpb.DiscardNoteRequest{
		NoteId: c.ID, ExpectedRevision: cur.GetNote().GetRevision(), Reason: reason,
	})
	if err != nil {
		return remote("discard note", err)
	}
	if c.JSON {
		return printProto(e, reply)
	}
	e.printf("discarded\n")
	return nil
}

type notesRedraftCommand struct {
	gatewayFlags
	ID string `arg:"" help:"The note's id."`
}

func (c *notesRedraftCommand) Help() string {
	return "Example: countersign notes redraft ab2c… --login rivera --password-file ./pw"
}

func (c *notesRedraftCommand) Run(e *env) error {
	g, err := c.dial(e)
	if err != nil {
		return err
	}
	defer g.close()
	cur, err := g.review.GetNote(g.ctx, &countersignpb.GetNoteRequest{NoteId: c.ID})
	if err != nil {
		return remote("redraft note", err)
	}
	reply, err := g.review.RedraftNote(g.ctx, &countersignpb.RedraftNoteRequest{
		NoteId: c.ID, ExpectedRevision: cur.GetNote().GetRevision(),
	})
	if err != nil {
		return remote("redraft note", err)
	}
	if c.JSON {
		return printProto(e, reply)
	}
	e.printf("a fresh draft is owed\n")
	return nil
}
