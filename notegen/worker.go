package notegen

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"countersign/review"
)

// Journal is what a [Worker] needs of the record. review.Service has it.
// Every method commits before it returns and may be called concurrently.
type Journal interface {
	// DraftInput returns the conversation of a note that is drafting and
	// due. An error of kind illegal or not_found means nothing is owed any
	// more; kind unavailable means the note is not due yet.
	DraftInput(ctx context.Context, id review.NoteID) (review.Conversation, error)
	// SaveDraft checks the draft's statements against the transcript and
	// stores it as the note's first revision. Kind illegal: somebody else
	// saved, discarded or took over the note first.
	SaveDraft(ctx context.Context, id review.NoteID, d review.Draft) error
	// DraftFailed records a failed attempt and when the next is due. With
	// permanent, or after the last attempt, the note becomes draft_failed.
	DraftFailed(ctx context.Context, id review.NoteID, code string, retryAfter time.Duration, permanent bool) error
}

// Worker drafts one note at a time for the queue. The zero value of
// MaxDuration means ten minutes.
type Worker struct {
	Journal Journal
	Drafter Drafter
	Log     *slog.Logger
	// MaxDuration bounds one call of the drafter.
	MaxDuration time.Duration
}

// recordTimeout bounds writing down a failure after the work's own context
// has ended: a redelivery would repeat the attempt without counting it.
const recordTimeout = 10 * time.Second

// Handle drafts the note with the id. It is what the queue calls and may be
// called concurrently, also twice for the same id: the journal lets one
// draft win.
//
// nil means the message is done: the draft is saved, the failure is on
// record with its next time (the sweep publishes the id again then), or
// nothing is owed. An error means the record could not be read or written;
// the queue delivers again.
func (w *Worker) Handle(ctx context.Context, id string) error {
	note := review.NoteID(id)
	if !review.ValidID(note) {
		// The queue is not the record: a foreign message is dropped, since
		// repeating it can never help.
		w.Log.WarnContext(ctx, "draft work dropped: not a note id", "length", len(id))
		return nil
	}
	log := w.Log.With("note_id", id)

	conv, err := w.Journal.DraftInput(ctx, note)
	if settled(err) {
		log.DebugContext(ctx, "draft not owed", "kind", review.KindOf(err))
		return nil
	}
	if err != nil {
		return fmt.Errorf("draft note %s: read input: %w", note, err)
	}

	begun := time.Now()
	draft, err := w.draft(ctx, conv)
	if err != nil {
		return w.failed(ctx, log, note, err)
	}
	draft.Generator.DraftMillis = float64(time.Since(begun).Microseconds()) / 1000
	if err := w.Journal.SaveDraft(ctx, note, draft); err != nil {
		if settled(err) {
			log.InfoContext(ctx, "draft not needed any more", "kind", review.KindOf(err))
			return nil
		}
		if review.KindOf(err) == review.KindInvalid {
			// The store found the draft malformed; it would be so again.
			return w.failed(ctx, log, note, &PermanentError{Code: CodeMalformed, Err: err})
		}
		return fmt.Errorf("draft note %s: save: %w", note, err)
	}
	log.InfoContext(ctx, "note drafted", "drafter", draft.Generator.Drafter,
		"sections", len(draft.Sections), "duration", time.Since(begun))
	return nil
}

// draft calls the drafter within MaxDuration and turns a panic into a
// permanent failure of this note, so that one odd transcript cannot stop the
// process again and again. The panic value may hold content: it is dropped.
func (w *Worker) draft(ctx context.Context, c review.Conversation) (d review.Draft, err error) {
	limit := w.MaxDuration
	if limit <= 0 {
		limit = 10 * time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	defer func() {
		if recover() != nil {
			d, err = review.Draft{}, &PermanentError{Code: CodeInternal}
		}
	}()
	return w.Drafter.Draft(ctx, c)
}

func (w *Worker) failed(ctx context.Context, log *slog.Logger, note review.NoteID, cause error) error {
	if ctx.Err() != nil && errors.Is(cause, context.Canceled) {
		// The process is stopping. That is no fault of the note: leave the
		// attempt to whoever gets the message next.
		return fmt.Errorf("draft note %s: stopped: %w", note, ctx.Err())
	}
	code, after, permanent := Classify(cause)
	log.WarnContext(ctx, "draft failed", "code", code, "retry_after", after, "permanent", permanent)
	rctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if err := w.Journal.DraftFailed(rctx, note, code, after, permanent); err != nil && !settled(err) {
		return fmt.Errorf("draft note %s: record failure %s: %w", note, code, err)
	}
	return nil
}

// settled reports whether err says that nothing is to be done for the note
// now: it left drafting, it is gone, somebody else was first, or it is not
// due yet and the sweep will bring it back.
func settled(err error) bool {
	switch review.KindOf(err) {
	case review.KindIllegal, review.KindNotFound, review.KindConflict, review.KindUnavailable:
		return true
	}
	return false
}
