package reviewrpc

import (
	"context"
	"log/slog"
	"time"

	"countersign/review"

	countersignpb "countersign/proto/countersign/v1"

	"google.golang.org/grpc"
)

// Notes is what Review needs from the domain. *review.Service implements it.
// It may be called concurrently.
type Notes interface {
	Worklist(ctx context.Context, a review.Actor, f review.NoteFilter) ([]review.WorkItem, error)
	ViewNote(ctx context.Context, a review.Actor, id review.NoteID) (review.NoteView, error)
	OpenNote(ctx context.Context, a review.Actor, id review.NoteID) (review.NoteView, error)
	EditNote(ctx context.Context, a review.Actor, id review.NoteID, seen review.Digest, edits []review.Edit) (review.Revision, error)
	ConfirmFlag(ctx context.Context, a review.Actor, id review.NoteID, seen review.Digest, st review.StatementID, kind review.FlagKind, reason review.ClinicalText) (review.Revision, error)
	PreviewNote(ctx context.Context, a review.Actor, id review.NoteID) (review.Preview, error)
	SignNote(ctx context.Context, a review.Actor, id review.NoteID, seen review.Digest) (review.Note, error)
	ReturnNote(ctx context.Context, a review.Actor, id review.NoteID, reason string) error
	DiscardNote(ctx context.Context, a review.Actor, id review.NoteID, reason review.DiscardReason) error
	RedraftNote(ctx context.Context, a review.Actor, id review.NoteID) error
}

// WriteBacks is what Writebacks needs from the domain.
type WriteBacks interface {
	WriteBacks(ctx context.Context, a review.Actor, f review.WriteBackFilter) ([]review.WriteBack, error)
	ViewWriteBack(ctx context.Context, a review.Actor, id review.WriteBackID) (review.WriteBackView, error)
	ResolveWriteBack(ctx context.Context, a review.Actor, id review.WriteBackID, e review.WriteBackEvent, why string) (review.WriteBack, error)
}

// Sites is what Sites needs from the domain.
type Sites interface {
	Site(ctx context.Context, a review.Actor) (review.Site, error)
	Practitioners(ctx context.Context, a review.Actor) ([]review.Practitioner, error)
}

// Service is all three.
type Service interface {
	Notes
	WriteBacks
	Sites
}

var _ Service = (*review.Service)(nil)

// Config is what the services need; Service, Auth and Log are required.
type Config struct {
	Service Service
	Auth    review.Authenticator
	Log     *slog.Logger
	// Timeout bounds one call. Default 30 s.
	Timeout time.Duration
}

func (c Config) withDefaults() Config {
	if c.Timeout <= 0 {
		c.Timeout = 30 * time.Second
	}
	return c
}

// Register adds the three services to a server, which must have been made
// with [ServerOptions].
func Register(r grpc.ServiceRegistrar, c Config) {
	countersignpb.RegisterReviewServer(r, &notesServer{notes: c.Service, sites: c.Service})
	countersignpb.RegisterWritebacksServer(r, &writebacksServer{writebacks: c.Service})
	countersignpb.RegisterSitesServer(r, &sitesServer{sites: c.Service})
}
