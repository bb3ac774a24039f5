package review

import (
	"context"
)

// CodeAcceptedByPerson is the ErrorCode of a write-back that no destination
// confirmed: a person said that it is in the chart.
const CodeAcceptedByPerson = "accepted_by_person"

// WriteBackView is a write-back with its attempts.
type WriteBackView struct {
	WriteBack   WriteBack
	Destination Destination
	Attempts    []Attempt
}

// mayOperate reports whether a person may look after write-backs of a site.
func mayOperate(p Practitioner) bool { return p.Has(RoleOperator) || p.Has(RoleRecords) }

// WriteBacks lists write-backs of the actor's site: all for an operator or
// the records office, else those of notes the actor may read.
func (s *Service) WriteBacks(ctx context.Context, a Actor, f WriteBackFilter) ([]WriteBack, error) {
	var out []WriteBack
	err := s.store.Read(ctx, func(r Reader) error {
		out = nil
		p, err := person(r, a)
		if err != nil {
			return err
		}
		f.SiteID = a.SiteID
		if !mayOperate(p) {
			f.For = p.ID
		}
		out, err = r.WriteBacks(f)
		return err
	})
	return out, err
}

// ViewWriteBack returns one write-back with its attempts.
func (s *Service) ViewWriteBack(ctx context.Context, a Actor, id WriteBackID) (WriteBackView, error) {
	var v WriteBackView
	err := s.store.Read(ctx, func(r Reader) error {
		w, err := writeBackFor(r, a, id)
		if err != nil {
			return err
		}
		v.WriteBack = w
		site, err := r.Site(w.SiteID)
		if err != nil {
			return err
		}
		v.Destination, _ = site.Destination(w.DestinationID)
		v.Attempts, err = r.Attempts(id)
		return err
	})
	return v, err
}

func writeBackFor(r Reader, a Actor, id WriteBackID) (WriteBack, error) {
	p, err := person(r, a)
	if err != nil {
		return WriteBack{}, err
	}
	w, err := r.WriteBack(id)
	if err != nil {
		return w, err
	}
	if w.SiteID == a.SiteID && mayOperate(p) {
		return w, nil
	}
	if _, _, _, err := noteFor(r, a, w.NoteID); err != nil {
		return WriteBack{}, Errorf(KindNotFound, "no such write-back, or not one of yours")
	}
	return w, nil
}

// ResolveWriteBack is a person's decision on a write-back that machines could
// not settle: accept (it was found in the chart by hand), resend (it is
// certainly not there), or give_up (leave it to a person outside). why is a
// fixed word, kept in the audit trail.
func (s *Service) ResolveWriteBack(ctx context.Context, a Actor, id WriteBackID, e WriteBackEvent, why string) (WriteBack, error) {
	if e != EventAccept && e != EventResend && e != EventGiveUp {
		return WriteBack{}, Errorf(KindInvalid, "resolve write-back: event: use accept, resend or give_up")
	}
	if !ValidName(SiteID(why)) {
		return WriteBack{}, Errorf(KindInvalid, "resolve write-back: reason: give a fixed word such as found-in-chart or not-in-chart")
	}
	var w WriteBack
	err := s.store.Write(ctx, func(tx Tx) error {
		p, err := person(tx, a)
		if err != nil {
			return err
		}
		if !mayOperate(p) {
			return Errorf(KindForbidden, "resolve write-back: only an operator or the records office may")
		}
		if w, err = writeBackFor(tx, a, id); err != nil {
			return err
		}
		from := w.State
		// Only what waits for a person is a person's to decide: a row that a
		// process is sending is not.
		switch from {
		case WriteBackManual, WriteBackUnknown, WriteBackRejected, WriteBackCommitted:
		default:
			return Errorf(KindIllegal, "%s: not possible while the write-back is %s", e, from)
		}
		if w.State, err = NextWriteBack(w.State, e); err != nil {
			return err
		}
		w.StateAt, w.NextAttemptAt, w.ErrorCode = tx.Now(), tx.Now(), ""
		switch e {
		case EventResend:
			w.OwedSince = tx.Now()
		case EventAccept:
			// A person's word is read back like an answer.
			w.VerifyAt, w.ErrorCode = tx.Now(), CodeAcceptedByPerson
		}
		if err := tx.UpdateWriteBack(w, from, w.Attempts); err != nil {
			return err
		}
		return tx.Audit(event(a, w.EncounterID, "writeback.resolve_"+string(e), "writeback/"+string(id), map[string]string{
			"from": string(from), "to": string(w.State), "reason": why,
		}))
	})
	if err == nil {
		s.publishFamily(ctx, w.Family)
		s.work.WriteBackChanged(id)
	}
	return w, err
}

// Site returns the actor's site.
func (s *Service) Site(ctx context.Context, a Actor) (Site, error) {
	var site Site
	err := s.store.Read(ctx, func(r Reader) (err error) {
		if _, err = person(r, a); err != nil {
			return err
		}
		site, err = r.Site(a.SiteID)
		return err
	})
	return site, err
}

// Practitioners lists the practitioners of the actor's site.
func (s *Service) Practitioners(ctx context.Context, a Actor) ([]Practitioner, error) {
	var out []Practitioner
	err := s.store.Read(ctx, func(r Reader) (err error) {
		if _, err = person(r, a); err != nil {
			return err
		}
		out, err = r.Practitioners(a.SiteID)
		return err
	})
	return out, err
}
