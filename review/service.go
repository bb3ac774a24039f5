package review

import (
	"context"
	"fmt"
	"hash/crc32"
	"log/slog"
	"time"
)

// Service is the use cases. It is made once and used concurrently. A use
// case returns after its commit; what it publishes afterwards is a hint.
type Service struct {
	store    Store
	grounder Grounder
	planner  Planner
	signer   Signer
	work     WorkPublisher
	clock    Clock
	log      *slog.Logger
	lease    *Lease
	options  Options
}

// Dependencies are what a Service needs from outside; all are required.
type Dependencies struct {
	Store    Store
	Grounder Grounder
	Planner  Planner
	Signer   Signer
	Work     WorkPublisher
	Clock    Clock
	Log      *slog.Logger
	Lease    *Lease
}

// Options of a Service; zero values are usable.
type Options struct {
	// SettleAfter is how long after a lost reply the destination is asked
	// whether it has the document: it may still be filing it. Default 2 s.
	SettleAfter time.Duration
	// UnreadableFor is how long a question or read-back whose document cannot
	// be put together is tried before a person has to look. Default 1 h.
	UnreadableFor time.Duration
	// MaxDraftAttempts before a note is draft_failed. Default 8.
	MaxDraftAttempts int
}

// New returns a Service over its dependencies. It has no side effects.
func New(d Dependencies, o Options) *Service {
	if o.SettleAfter == 0 {
		o.SettleAfter = 2 * time.Second
	}
	if o.UnreadableFor == 0 {
		o.UnreadableFor = time.Hour
	}
	if o.MaxDraftAttempts == 0 {
		o.MaxDraftAttempts = 8
	}
	return &Service{
		store: d.Store, grounder: d.Grounder, planner: d.Planner, signer: d.Signer, work: d.Work, clock: d.Clock,
		log: d.Log, lease: d.Lease, options: o,
	}
}

// Configure stores the sites and practitioners of the configuration. It is
// called at start, before anything is served.
func (s *Service) Configure(ctx context.Context, sites []Site, people []Practitioner) error {
	return s.store.Write(ctx, func(tx Tx) error {
		for _, site := range sites {
			if err := tx.PutSite(site); err != nil {
				return err
			}
		}
		for _, p := range people {
			if err := tx.PutPractitioner(p); err != nil {
				return err
			}
		}
		return nil
	})
}

// Owed lists work that the journal says is owed now, for the sweep.
func (s *Service) Owed(ctx context.Context, limit int) (Owed, error) {
	var o Owed
	err := s.store.Read(ctx, func(r Reader) (err error) {
		o, err = r.Owed(s.clock.Now(), limit)
		return err
	})
	return o, err
}

// DraftOwed reports whether a note is owed a draft now.
func (s *Service) DraftOwed(ctx context.Context, id NoteID) (bool, error) {
	_, err := s.DraftInput(ctx, id)
	switch KindOf(err) {
	case "":
		return true, nil
	case KindIllegal, KindUnavailable, KindNotFound:
		return false, nil
	}
	return false, err
}

// FamilyOwed reports whether a family has a write-back to send, ask about or
// read back now.
func (s *Service) FamilyOwed(ctx context.Context, family NoteID) (bool, error) {
	owed := false
	err := s.store.Read(ctx, func(r Reader) error {
		list, err := r.WriteBacks(WriteBackFilter{Family: family, Limit: 500})
		pick, _, _ := due(list, s.clock.Now())
		owed = pick != nil
		return err
	})
	return owed, err
}

// publishDraft tells the workers; a failure only costs time until the sweep.
func (s *Service) publishDraft(ctx context.Context, id NoteID) {
	if err := s.work.PublishDraft(context.WithoutCancel(ctx), id); err != nil {
		s.log.Warn("publish draft work: left to the sweep", "note_id", id)
	}
}

func (s *Service) publishFamily(ctx context.Context, family NoteID) {
	if err := s.work.PublishWriteBack(context.WithoutCancel(ctx), family); err != nil {
		s.log.Warn("publish write-back work: left to the sweep", "note_id", family)
	}
}

// event makes an audit event of the encounter's chain.
func event(a Actor, enc EncounterID, action, entity string, details map[string]string) AuditEvent {
	who := string(a.PractitionerID)
	if who == "" {
		who = "system"
	}
	return AuditEvent{
		Chain: string(enc), SiteID: a.SiteID, Actor: who, AuthMethod: a.AuthMethod, Action: action, Entity: entity,
		Outcome: "success", Details: details,
	}
}

// adminEvent makes an audit event that belongs to no encounter: it goes to
// one of the site's sixteen chains, always the same for a person.
func adminEvent(a Actor, action string, details map[string]string) AuditEvent {
	e := event(a, "", action, "site/"+string(a.SiteID), details)
	e.Chain = fmt.Sprintf("site/%02d", crc32.ChecksumIEEE([]byte(a.PractitionerID))%16)
	return e
}

// SignInTried writes into the site's audit trail that somebody signed in as a
// person, or failed to.
func (s *Service) SignInTried(ctx context.Context, a Actor, ok bool) error {
	e := adminEvent(a, "sign_in", nil)
	if !ok {
		e.Outcome = "failure"
	}
	return s.store.Write(ctx, func(tx Tx) error { return tx.Audit(e) })
}
