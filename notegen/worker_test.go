package notegen

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"countersign/review"

	"github.com/google/go-cmp/cmp"
)

type failure struct {
	Code      string
	After     time.Duration
	Permanent bool
}

type fakeJournal struct {
	input, save, record error
	saved               int
	failures            []failure
}

func (j *fakeJournal) DraftInput(context.Context, review.NoteID) (review.Conversation, error) {
	return review.Conversation{}, j.input
}

func (j *fakeJournal) SaveDraft(context.Context, review.NoteID, review.Draft) error {
	if j.save == nil {
		j.saved++
	}
	return j.save
}

func (j *fakeJournal) DraftFailed(ctx context.Context, _ review.NoteID, code string, after time.Duration, permanent bool) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	j.failures = append(j.failures, failure{code, after, permanent})
	return j.record
}

type drafterFunc func(context.Context) (review.Draft, error)

func (f drafterFunc) Draft(ctx context.Context, _ review.Conversation) (review.Draft, error) {
	return f(ctx)
}

func TestHandle(t *testing.T) {
	t.Parallel()
	disk := errors.New("disk")
	fine := drafterFunc(func(context.Context) (review.Draft, error) { return review.Draft{}, nil })
	fails := func(err error) drafterFunc {
		return func(context.Context) (review.Draft, error) { return review.Draft{}, err }
	}
	tests := []struct {
		name     string
		journal  fakeJournal
		drafter  drafterFunc
		wantErr  error
		saved    int
		failures []failure
	}{
		{name: "OK", drafter: fine, saved: 1},
		{name: "NothingOwed", journal: fakeJournal{input: review.Errorf(review.KindIllegal, "in review")}},
		{name: "NoteGone", journal: fakeJournal{input: review.Errorf(review.KindNotFound, "no such note")}},
		{name: "NotDueYet", journal: fakeJournal{input: review.Errorf(review.KindUnavailable, "not due")}},
		{name: "InputUnreadableIsRedelivered", journal: fakeJournal{input: disk}, wantErr: disk},
		{name: "OvertakenWhileDrafting", journal: fakeJournal{save: review.Errorf(review.KindIllegal, "in review")}, drafter: fine},
		{name: "SaveFailedIsRedelivered", journal: fakeJournal{save: disk}, drafter: fine, wantErr: disk},
		{name: "MalformedDraftIsPermanent", journal: fakeJournal{save: review.Errorf(review.KindInvalid, "section code")}, drafter: fine,
			failures: []failure{{CodeMalformed, 0, true}}},
		{name: "PermanentFailure", drafter: fails(&PermanentError{Code: CodeContentFilter}),
			failures: []failure{{CodeContentFilter, 0, true}}},
		{name: "RetryAfter", drafter: fails(&RetryAfterError{After: time.Minute, Code: CodeRateLimited}),
			failures: []failure{{CodeRateLimited, time.Minute, false}}},
		{name: "TransientWithCode", drafter: fails(&TransientError{Code: CodeUnavailable}),
			failures: []failure{{CodeUnavailable, 0, false}}},
		{name: "PlainErrorIsTransient", drafter: fails(errors.New("boom")), failures: []failure{{CodeInternal, 0, false}}},
		{name: "DeadlineIsTransient", drafter: fails(context.DeadlineExceeded), failures: []failure{{CodeTimeout, 0, false}}},
		{name: "PanicIsPermanent", drafter: func(context.Context) (review.Draft, error) { panic("what was said") },
			failures: []failure{{CodeInternal, 0, true}}},
		{name: "RecordFailedIsRedelivered", journal: fakeJournal{record: disk}, drafter: fails(errors.New("boom")),
			wantErr: disk, failures: []failure{{CodeInternal, 0, false}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var logged bytes.Buffer
			j := tt.journal
			w := &Worker{Journal: &j, Drafter: tt.drafter, Log: slog.New(slog.NewTextHandler(&logged, nil))}
			err := w.Handle(t.Context(), string(review.NewID[review.NoteID]()))
			if !errors.Is(err, tt.wantErr) {
				t.Errorf("Handle error %v, want %v", err, tt.wantErr)
			}
			if j.saved != tt.saved {
				t.Errorf("%d drafts saved, want %d", j.saved, tt.saved)
			}
			if diff := cmp.Diff(tt.failures, j.failures); diff != "" {
				t.Errorf("failures (-want +got):\n%s", diff)
			}
			if strings.Contains(logged.String(), "what was said") {
				t.Error("the log holds the panic value, which may be content")
			}
		})
	}
}

func TestHandleStopsWithoutBlame(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	j := &fakeJournal{}
	w := &Worker{Journal: j, Log: slog.New(slog.DiscardHandler), Drafter: drafterFunc(func(ctx context.Context) (review.Draft, error) {
		cancel()
		<-ctx.Done()
		return review.Draft{}, ctx.Err()
	})}
	if err := w.Handle(ctx, string(review.NewID[review.NoteID]())); !errors.Is(err, context.Canceled) {
		t.Errorf("Handle error %v, want context.Canceled so that the queue delivers again", err)
	}
	if len(j.failures) != 0 {
		t.Error("a stopping process was counted as the note's failure")
	}
}

func TestHandleBoundsTheDrafter(t *testing.T) {
	t.Parallel()
	j := &fakeJournal{}
	w := &Worker{Journal: j, Log: slog.New(slog.DiscardHandler), MaxDuration: time.Nanosecond, Drafter: drafterFunc(func(ctx context.Context) (review.Draft, error) {
		<-ctx.Done()
		return review.Draft{}, ctx.Err()
	})}
	if err := w.Handle(t.Context(), string(review.NewID[review.NoteID]())); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]failure{{CodeTimeout, 0, false}}, j.failures); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
}

func TestHandleDropsForeignMessages(t *testing.T) {
	t.Parallel()
	w := &Worker{Journal: &fakeJournal{input: errors.New("must not be asked")}, Log: slog.New(slog.DiscardHandler)}
	if err := w.Handle(t.Context(), "not an id"); err != nil {
		t.Errorf("Handle error %v, want nil: repeating cannot help", err)
	}
}
