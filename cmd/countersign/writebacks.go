package main

import (
	"fmt"
	"strings"

	countersignpb "countersign/proto/countersign/v1"
)

type writebacksCommand struct {
	List    writebacksListCommand    `cmd:"" help:"List write-backs."`
	Show    writebacksShowCommand    `cmd:"" help:"Show a write-back with its attempts."`
	Resolve writebacksResolveCommand `cmd:"" help:"Decide a write-back that machines could not settle."`
}

func (c *writebacksCommand) Help() string {
	return "Example: countersign writebacks list --state unknown --login ops --password-file ./pw"
}

type writebacksListCommand struct {
	gatewayFlags
	State []string `help:"Only write-backs in this state; repeatable." placeholder:"unknown"`
	Note  string   `help:"Only write-backs of this note." placeholder:"ID"`
}

func (c *writebacksListCommand) Help() string {
	return "Example: countersign writebacks list --state unknown --state manual --login ops --password-file ./pw --json"
}

func (c *writebacksListCommand) Run(e *env) error {
	g, err := c.dial(e)
	if err != nil {
		return err
	}
	defer g.close()
	req := &countersignpb.ListWritebacksRequest{NoteId: c.Note}
	for _, s := range c.State {
		v, ok := countersignpb.WritebackState_value["WRITEBACK_STATE_"+strings.ToUpper(s)]
		if !ok {
			return fmt.Errorf("list write-backs: --state %s: no such state", s)
		}
		req.States = append(req.States, countersignpb.WritebackState(v))
	}
	reply, err := g.writebacks.ListWritebacks(g.ctx, req)
	if err != nil {
		return remote("list write-backs", err)
	}
	if c.JSON {
		return printProto(e, reply)
	}
	if len(reply.GetWritebacks()) == 0 {
		e.printf("No write-backs.\n")
	}
	for _, w := range reply.GetWritebacks() {
		printWriteback(e, w)
	}
	return nil
}

func printWriteback(e *env, w *countersignpb.Writeback) {
	e.printf("%s  %-12s %-10s %s", w.GetWritebackId(), w.GetDestinationId(), writebackState(w.GetState()), verification(w.GetVerification()))
	if w.GetErrorCode() != "" {
		e.printf("  (%s)", w.GetErrorCode())
	}
	e.printf("\n")
}

func writebackState(s countersignpb.WritebackState) string {
	return strings.ToLower(strings.TrimPrefix(s.String(), "WRITEBACK_STATE_"))
}

func verification(v countersignpb.WritebackVerification) string {
	switch v {
	case countersignpb.WritebackVerification_WRITEBACK_VERIFICATION_VERIFIED:
		return "verified in chart"
	case countersignpb.WritebackVerification_WRITEBACK_VERIFICATION_EDITED_IN_EHR:
		return "edited in the EHR"
	case countersignpb.WritebackVerification_WRITEBACK_VERIFICATION_MISMATCH:
		return "chart does not match"
	}
	return "not read back"
}

type writebacksShowCommand struct {
	gatewayFlags
	ID string `arg:"" help:"The write-back's id."`
}

func (c *writebacksShowCommand) Help() string {
	return "Example: countersign writebacks show ab2c… --login ops --password-file ./pw"
}

func (c *writebacksShowCommand) Run(e *env) error {
	g, err := c.dial(e)
	if err != nil {
		return err
	}
	defer g.close()
	reply, err := g.writebacks.GetWriteback(g.ctx, &countersignpb.GetWritebackRequest{WritebackId: c.ID})
	if err != nil {
		return remote("show write-back", err)
	}
	if c.JSON {
		return printProto(e, reply)
	}
	printWriteback(e, reply.GetWriteback())
	for _, a := range reply.GetAttempts() {
		e.printf("  attempt %d  %s  %s %s\n", a.GetNumber(), a.GetStartedAt().AsTime().Format("2006-01-02 15:04:05"),
			strings.ToLower(strings.TrimPrefix(a.GetOutcome().String(), "ATTEMPT_OUTCOME_")), a.GetErrorCode())
	}
	return nil
}

type writebacksResolveCommand struct {
	gatewayFlags
	ID       string `arg:"" help:"The write-back's id."`
	Decision string `required:"" enum:"mark_accepted,send_again,give_up" help:"What to do: ${enum}."`
	Reason   string `required:"" help:"Why, as a fixed word for the audit trail, such as found-in-chart."`
}

func (c *writebacksResolveCommand) Help() string {
	return "Example: countersign writebacks resolve ab2c… --decision mark_accepted --reason found-in-chart --login ops --password-file ./pw"
}

func (c *writebacksResolveCommand) Run(e *env) error {
	g, err := c.dial(e)
	if err != nil {
		return err
	}
	defer g.close()
	cur, err := g.writebacks.GetWriteback(g.ctx, &countersignpb.GetWritebackRequest{WritebackId: c.ID})
	if err != nil {
		return remote("resolve write-back", err)
	}
	reply, err := g.writebacks.ResolveWriteback(g.ctx, &countersignpb.ResolveWritebackRequest{
		WritebackId: c.ID, ExpectedState: cur.GetWriteback().GetState(), ExpectedAttemptCount: cur.GetWriteback().GetAttemptCount(),
		Decision: countersignpb.ResolveDecision(countersignpb.ResolveDecision_value["RESOLVE_DECISION_"+strings.ToUpper(c.Decision)]),
		Reason:   c.Reason,
	})
	if err != nil {
		return remote("resolve write-back", err)
	}
	if c.JSON {
		return printProto(e, reply)
	}
	printWriteback(e, reply.GetWriteback())
	return nil
}
