package main

import (
	"context"
	"fmt"
	"time"

	"countersign/internal/workqueue"
	countersignpb "countersign/proto/countersign/v1"
)

// waitDraft waits until the note has a draft.
func (g *gateway) waitDraft(note string, changed *workqueue.Subscription) (*countersignpb.GetNoteResponse, error) {
	return g.waitFor(note, changed, func(r *countersignpb.GetNoteResponse) (bool, error) {
		switch r.GetNote().GetState() {
		case countersignpb.NoteState_NOTE_STATE_DRAFTING:
			return false, nil
		case countersignpb.NoteState_NOTE_STATE_DRAFT_FAILED:
			return false, fmt.Errorf("no draft could be made: %s", r.GetNote().GetErrorCode())
		}
		return true, nil
	})
}

// waitWritten waits until every write-back has ended and what can be read
// back has been.
func (g *gateway) waitWritten(note string, changed *workqueue.Subscription) (*countersignpb.GetNoteResponse, error) {
	return g.waitFor(note, changed, func(r *countersignpb.GetNoteResponse) (bool, error) {
		for _, w := range r.GetWritebacks() {
			switch w.GetState() {
			case countersignpb.WritebackState_WRITEBACK_STATE_ACCEPTED:
				if readable(w.GetAdapter()) && w.GetVerification() == countersignpb.WritebackVerification_WRITEBACK_VERIFICATION_NONE {
					return false, nil
				}
			case countersignpb.WritebackState_WRITEBACK_STATE_REJECTED, countersignpb.WritebackState_WRITEBACK_STATE_MANUAL:
			default:
				return false, nil
			}
		}
		return true, nil
	})
}

// readable reports whether the demo's destination can be read back: an MLLP
// receiver cannot.
func readable(adapter string) bool { return adapter != "hl7mdm" }

func (g *gateway) waitFor(note string, changed *workqueue.Subscription, done func(*countersignpb.GetNoteResponse) (bool, error)) (*countersignpb.GetNoteResponse, error) {
	tick := time.NewTicker(250 * time.Millisecond) // events may be lost
	defer tick.Stop()
	for {
		r, err := g.review.GetNote(g.ctx, &countersignpb.GetNoteRequest{NoteId: note})
		if err != nil {
			return nil, remote("wait", err)
		}
		if ok, err := done(r); ok || err != nil {
			return r, err
		}
		select {
		case <-changed.IDs():
		case <-tick.C:
		case <-g.ctx.Done():
			return nil, context.Cause(g.ctx)
		}
	}
}

// acceptedAfter is the time from the signature to the last acceptance.
func acceptedAfter(r *countersignpb.GetNoteResponse, fallback time.Time) time.Duration {
	var signed, last time.Time
	for _, s := range r.GetSignatures() {
		if t := s.GetSignedAt().AsTime(); t.After(signed) {
			signed = t
		}
	}
	for _, w := range r.GetWritebacks() {
		if t := w.GetStateAt().AsTime(); t.After(last) {
			last = t
		}
	}
	if signed.IsZero() || last.IsZero() {
		return time.Since(fallback)
	}
	return last.Sub(signed)
}
