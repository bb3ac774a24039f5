package main

import (
	"context"
	"log/slog"

	"countersign/internal/workqueue"
	"countersign/review"
)

// publisher is the domain's WorkPublisher over the queue.
type publisher struct {
	queue  *workqueue.Queue
	events *workqueue.Events
	log    *slog.Logger
}

func (p publisher) PublishDraft(ctx context.Context, id review.NoteID) error {
	return p.queue.Publish(ctx, workqueue.Draft, string(id))
}

func (p publisher) PublishWriteBack(ctx context.Context, family review.NoteID) error {
	return p.queue.Publish(ctx, workqueue.Writeback, string(family))
}

func (p publisher) NoteChanged(id review.NoteID) { p.hint(workqueue.NoteChanged, string(id)) }

func (p publisher) WriteBackChanged(id review.WriteBackID) {
	p.hint(workqueue.WritebackChanged, string(id))
}

// hint tells live pages; nobody depends on it.
func (p publisher) hint(t workqueue.Topic, id string) {
	if err := p.events.Publish(t, id); err != nil {
		p.log.Debug("publish event", "topic", string(t))
	}
}
