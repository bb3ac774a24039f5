package main

import (
	"context"
	"errors"
	"time"

	"countersign/internal/staff"
	"countersign/review"
)

// signInTried logs who signed in, and at whose name somebody failed; what was
// typed is not known here.
func (a *app) signInTried(id review.PractitionerID, ok bool) {
	if ok {
		a.log.Info("sign-in", "practitioner_id", id, "outcome", "accepted")
		return
	}
	a.log.Warn("sign-in", "practitioner_id", id, "outcome", "refused")
}

// signIns puts sign-ins into the log and the audit trail, without keeping
// anybody waiting: authentication hands them over and goes on.
func (a *app) signIns(people []staff.Entry, method string) func(id review.PractitionerID, ok bool) {
	type try struct {
		actor review.Actor
		ok    bool
	}
	site := map[review.PractitionerID]review.SiteID{}
	for _, e := range people {
		site[e.ID] = e.Site
	}
	tries, quit, done := make(chan try, 1024), make(chan struct{}), make(chan struct{})
	write := func(t try) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := a.service.SignInTried(ctx, t.actor, t.ok); err != nil {
			a.log.Error("audit sign-in", "practitioner_id", t.actor.PractitionerID, "kind", string(review.KindOf(err)))
		}
	}
	go func() {
		defer close(done)
		for {
			select {
			case t := <-tries:
				write(t)
			case <-quit:
				for len(tries) > 0 {
					write(<-tries)
				}
				return
			}
		}
	}()
	// The listeners, opened later, are closed before this.
	a.onClose(func(ctx context.Context) error {
		close(quit)
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return errors.New("some sign-ins are not in the audit trail: the journal did not answer")
		}
	})
	return func(id review.PractitionerID, ok bool) {
		a.signInTried(id, ok)
		if id == "" {
			return // a name that is not in the file: it belongs to no site
		}
		select {
		case tries <- try{review.Actor{PractitionerID: id, SiteID: site[id], AuthMethod: method}, ok}:
		default:
			a.log.Error("audit sign-in: too many at once: not in the audit trail", "practitioner_id", id)
		}
	}
}
