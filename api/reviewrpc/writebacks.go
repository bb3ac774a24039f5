package reviewrpc

import (
	"context"

	"countersign/review"

	countersignpb "countersign/proto/countersign/v1"
)

// writebacksServer is the service Writebacks.
type writebacksServer struct {
	countersignpb.UnimplementedWritebacksServer
	writebacks WriteBacks
}

var _ countersignpb.WritebacksServer = (*writebacksServer)(nil)

// ListWritebacks implements Writebacks.
func (s *writebacksServer) ListWritebacks(ctx context.Context, r *countersignpb.ListWritebacksRequest) (*countersignpb.ListWritebacksResponse, error) {
	a, err := actorOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := sameSite(a, r.GetSiteId()); err != nil {
		return nil, err
	}
	p, size, err := readPage(r, 100, 500)
	if err != nil {
		return nil, err
	}
	st, err := states(r.GetStates(), countersignpb.WritebackState_name, "WRITEBACK_STATE_", review.WriteBackStates())
	if err != nil {
		return nil, err
	}
	f := review.WriteBackFilter{
		SiteID: a.SiteID, NoteID: review.NoteID(r.GetNoteId()), Family: review.NoteID(r.GetFamilyId()), States: st, After: review.WriteBackID(p.After), Limit: size,
	}
	list, err := s.writebacks.WriteBacks(ctx, a, f)
	if err != nil {
		return nil, err
	}
	out := &countersignpb.ListWritebacksResponse{Writebacks: writebacks(list)}
	if len(list) == 0 {
		return out, nil
	}
	// The domain leaves out what this person may not see, so a short page is
	// not always the last one: ask.
	f.After, f.Limit = list[len(list)-1].ID, 1
	rest, err := s.writebacks.WriteBacks(ctx, a, f)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		p.After = string(f.After)
		out.NextPageToken = p.token()
	}
	return out, nil
}

// GetWriteback implements Writebacks.
func (s *writebacksServer) GetWriteback(ctx context.Context, r *countersignpb.GetWritebackRequest) (*countersignpb.GetWritebackResponse, error) {
	_, v, err := s.view(ctx, r.GetWritebackId())
	if err != nil {
		return nil, err
	}
	out := &countersignpb.GetWritebackResponse{Writeback: writeback(v.WriteBack)}
	for _, x := range v.Attempts {
		out.Attempts = append(out.Attempts, &countersignpb.Attempt{
			Number: uint32(x.Number), StartedAt: stamp(x.StartedAt), EndedAt: stamp(x.EndedAt), ErrorCode: x.ErrorCode,
			Outcome: enum[countersignpb.AttemptOutcome](countersignpb.AttemptOutcome_value, "ATTEMPT_OUTCOME_", x.Outcome),
		})
	}
	return out, nil
}

func (s *writebacksServer) view(ctx context.Context, id string) (review.Actor, review.WriteBackView, error) {
	a, err := actorOf(ctx)
	if err != nil {
		return a, review.WriteBackView{}, err
	}
	if !review.ValidID(review.WriteBackID(id)) {
		return a, review.WriteBackView{}, review.Errorf(review.KindInvalid, "writeback_id: not a write-back id: 26 characters of a-z and 2-7")
	}
	v, err := s.writebacks.ViewWriteBack(ctx, a, review.WriteBackID(id))
	return a, v, err
}

// ResolveWriteback implements Writebacks.
func (s *writebacksServer) ResolveWriteback(ctx context.Context, r *countersignpb.ResolveWritebackRequest) (*countersignpb.ResolveWritebackResponse, error) {
	events := map[countersignpb.ResolveDecision]review.WriteBackEvent{
		countersignpb.ResolveDecision_RESOLVE_DECISION_MARK_ACCEPTED: review.EventAccept,
		countersignpb.ResolveDecision_RESOLVE_DECISION_SEND_AGAIN:    review.EventResend,
		countersignpb.ResolveDecision_RESOLVE_DECISION_GIVE_UP:       review.EventGiveUp,
	}
	e, ok := events[r.GetDecision()]
	switch {
	case !ok:
		return nil, review.Errorf(review.KindInvalid, "decision is missing: use MARK_ACCEPTED, SEND_AGAIN or GIVE_UP")
	case r.GetExpectedState() == 0:
		return nil, review.Errorf(review.KindInvalid, "expected_state is missing: name the state that was seen")
	case r.GetResourceId() != "":
		return nil, review.Errorf(review.KindInvalid, "resource_id: cannot be kept in this version: leave it empty")
	}
	a, v, err := s.view(ctx, r.GetWritebackId())
	if err != nil {
		return nil, err
	}
	if writebackState(v.WriteBack.State) != r.GetExpectedState() || v.WriteBack.Attempts != int(r.GetExpectedAttemptCount()) {
		return nil, review.Errorf(review.KindConflict, "expected_state: it is %s after %d attempts: look again", v.WriteBack.State, v.WriteBack.Attempts)
	}
	w, err := s.writebacks.ResolveWriteBack(ctx, a, v.WriteBack.ID, e, r.GetReason())
	if err != nil {
		return nil, err
	}
	return &countersignpb.ResolveWritebackResponse{Writeback: writeback(w)}, nil
}
