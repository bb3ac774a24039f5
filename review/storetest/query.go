package storetest

import (
	"testing"
	"time"

	"countersign/review"
)

func testNotFound(t *testing.T, e *env) {
	for name, fn := range map[string]func(review.Reader) error{
		"Site":          func(r review.Reader) error { _, err := r.Site("x"); return err },
		"Practitioner":  func(r review.Reader) error { _, err := r.Practitioner("x"); return err },
		"Practitioners": func(r review.Reader) error { _, err := r.Practitioners("x"); return err },
		"Patient":       func(r review.Reader) error { _, err := r.Patient("x"); return err },
		"FindPatient":   func(r review.Reader) error { _, err := r.FindPatient("x", nil); return err },
		"FindEncounter": func(r review.Reader) error { _, err := r.FindEncounter("x", nil); return err },
		"Encounter":     func(r review.Reader) error { _, err := r.Encounter("x"); return err },
		"Recording":     func(r review.Reader) error { _, err := r.Recording("x"); return err },
		"FindRecording": func(r review.Reader) error { _, err := r.FindRecording("x", "d", "c"); return err },
		"Stream":        func(r review.Reader) error { _, err := r.Stream("x"); return err },
		"Streams":       func(r review.Reader) error { _, err := r.Streams("x"); return err },
		"Transcript":    func(r review.Reader) error { _, err := r.Transcript("x"); return err },
		"Note":          func(r review.Reader) error { _, err := r.Note("x"); return err },
		"Revision":      func(r review.Reader) error { _, err := r.Revision("x", 1); return err },
		"Due":           func(r review.Reader) error { _, err := r.Due("x"); return err },
		"Signatures":    func(r review.Reader) error { _, err := r.Signatures("x"); return err },
		"Rendering":     func(r review.Reader) error { _, err := r.Rendering("x", 1, "f"); return err },
		"WriteBack":     func(r review.Reader) error { _, err := r.WriteBack("x"); return err },
		"Attempts":      func(r review.Reader) error { _, err := r.Attempts("x"); return err },
		"AuditTrail":    func(r review.Reader) error { _, _, _, err := r.AuditTrail("x"); return err },
		"SiteTrail":     func(r review.Reader) error { _, _, _, err := r.AuditTrail("x/01"); return err },
		"AuditChains":   func(r review.Reader) error { _, err := r.AuditChains("x"); return err },
	} {
		err := e.store.Read(t.Context(), fn)
		if review.KindOf(err) != review.KindNotFound {
			t.Errorf("%s: got %v, want kind not_found", name, err)
		}
		if err := e.try(func(tx review.Tx) error { return fn(tx) }); review.KindOf(err) != review.KindNotFound {
			t.Errorf("%s in a write: got %v, want kind not_found", name, err)
		}
	}
}

func testNotesFilter(t *testing.T, e *env) {
	var vs []visit
	for i := range 5 {
		vs = append(vs, e.made(t, i, (*visit).draft))
	}
	boss, resident := practitioner("boss", "main", review.RoleAttending), practitioner("res", "main", review.RoleResident)
	away := practitioner("away", "other", review.RoleAttending)
	e.write(t, func(tx review.Tx) error {
		n := vs[2].note
		n.State = review.StateReadyForReview
		// The fourth goes all the way to where a co-signature is due.
		move := func(from, to review.State) func() error {
			m := vs[4].note
			m.State = to
			return func() error { return tx.UpdateNote(m, from, 0) }
		}
		return first(
			func() error { return tx.UpdateNote(n, review.StateDrafting, 0) },
			move(review.StateDrafting, review.StateReadyForReview), move(review.StateReadyForReview, review.StateInReview),
			move(review.StateInReview, review.StatePendingCoSign),
			func() error { return tx.PutSite(site("other")) },
			func() error { return tx.PutPractitioner(boss) }, func() error { return tx.PutPractitioner(resident) },
			func() error { return tx.PutPractitioner(away) },
			func() error { return tx.InsertSignature(vs[3].signature) },
			func() error {
				s := vs[3].signature
				s.Position = 2
				return tx.InsertSignature(s)
			},
		)
	})
	all := []int{4, 3, 2, 1, 0}
	for _, c := range []struct {
		name   string
		filter review.NoteFilter
		want   []int
	}{
		{"All", review.NoteFilter{}, all},
		{"Site", review.NoteFilter{SiteID: "main"}, all},
		{"OtherSite", review.NoteFilter{SiteID: "other"}, nil},
		{"Encounter", review.NoteFilter{EncounterID: vs[1].encounter.ID}, []int{1}},
		{"Recording", review.NoteFilter{RecordingID: vs[3].recording.ID}, []int{3}},
		{"Family", review.NoteFilter{Family: vs[0].note.ID}, []int{0}},
		{"State", review.NoteFilter{States: []review.State{review.StateReadyForReview}}, []int{2}},
		{"States", review.NoteFilter{States: []review.State{review.StateReadyForReview, review.StateDrafting}}, []int{3, 2, 1, 0}},
		{"Limit", review.NoteFilter{Limit: 2}, []int{4, 3}},
		{"After", review.NoteFilter{Limit: 2, After: vs[3].note.ID}, []int{2, 1}},
		{"Last", review.NoteFilter{After: vs[0].note.ID}, nil},
		{"ForAuthor", review.NoteFilter{For: "doc"}, all},
		{"ForAnyCoSigner", review.NoteFilter{For: "boss"}, []int{4}}, // the one that waits for a co-signature
		{"ForSigner", review.NoteFilter{For: "doc", States: []review.State{review.StatePendingCoSign}}, []int{4}},
		{"ForResident", review.NoteFilter{For: "res"}, nil},
		{"ForOtherSite", review.NoteFilter{For: "away"}, nil},
		{"ForNobody", review.NoteFilter{For: "nobody"}, nil},
		{"Together", review.NoteFilter{SiteID: "main", For: "boss", States: []review.State{review.StatePendingCoSign}, Limit: 1}, []int{4}},
	} {
		var want []review.NoteID
		for _, i := range c.want {
			want = append(want, vs[i].note.ID)
		}
		var got []review.NoteID
		for _, n := range get(t, e, func(r review.Reader) ([]review.Note, error) { return r.Notes(c.filter) }) {
			got = append(got, n.ID)
		}
		same(t, c.name, want, got)
	}
	for _, limit := range []int{-1, 501} {
		err := e.store.Read(t.Context(), func(r review.Reader) error { _, err := r.Notes(review.NoteFilter{Limit: limit}); return err })
		if review.KindOf(err) != review.KindInvalid {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
}

func testWriteBacksFilter(t *testing.T, e *env) {
	v, w := e.made(t, 1, (*visit).sign), e.made(t, 2, (*visit).sign)
	if w.note.Family < v.note.Family {
		v, w = w, v
	}
	athena, retract := v.writeBack("athena", 1), v.writeBack("epic", 2)
	retract.Action, retract.DependsOn, retract.State = review.WriteRetract, v.writeback.ID, review.WriteBackHeld
	sending := w.writeback
	sending.State, sending.Holder, sending.Attempts = review.WriteBackSending, "inc", 1
	e.write(t, func(tx review.Tx) error {
		return first(
			func() error { return tx.InsertWriteBack(retract) }, func() error { return tx.InsertWriteBack(athena) },
			func() error { return tx.UpdateWriteBack(sending, review.WriteBackPending, 0) },
		)
	})
	for _, c := range []struct {
		name   string
		filter review.WriteBackFilter
		want   []review.WriteBack
	}{
		{"All", review.WriteBackFilter{}, []review.WriteBack{athena, v.writeback, retract, sending}},
		{"Site", review.WriteBackFilter{SiteID: "other"}, nil},
		{"Note", review.WriteBackFilter{NoteID: w.note.ID}, []review.WriteBack{sending}},
		{"Family", review.WriteBackFilter{Family: v.note.Family}, []review.WriteBack{athena, v.writeback, retract}},
		{"States", review.WriteBackFilter{States: []review.WriteBackState{review.WriteBackHeld, review.WriteBackSending}}, []review.WriteBack{retract, sending}},
		{"Holder", review.WriteBackFilter{Holder: "inc"}, []review.WriteBack{sending}},
		{"Page", review.WriteBackFilter{Limit: 2, After: athena.ID}, []review.WriteBack{v.writeback, retract}},
	} {
		same(t, c.name, c.want, get(t, e, func(r review.Reader) ([]review.WriteBack, error) { return r.WriteBacks(c.filter) }))
	}
}

func testOwed(t *testing.T, e *env) {
	now := base.Add(time.Hour)
	var vs []visit
	// next makes a visit whose note is drafting, due at its own time.
	for i := range 4 {
		v := newVisit(i)
		v.note.NextAttemptAt = now.Add(time.Duration(i-3) * time.Minute)
		if i == 3 {
			v.note.NextAttemptAt = now.Add(time.Microsecond)
		}
		v.writeback.NextAttemptAt = now.Add(-time.Duration(i) * time.Minute)
		e.write(t, v.sign)
		vs = append(vs, v)
	}
	owed := func(limit int) review.Owed {
		return get(t, e, func(r review.Reader) (review.Owed, error) { return r.Owed(now, limit) })
	}
	families := func(is ...int) (out []review.NoteID) {
		for _, i := range is {
			out = append(out, vs[i].note.Family)
		}
		return out
	}
	same(t, "due, oldest first", review.Owed{Drafts: families(0, 1, 2), Families: families(3, 2, 1, 0)}, owed(10))
	same(t, "limit", review.Owed{Drafts: families(0, 1), Families: families(3, 2)}, owed(2))

	move := func(w *review.WriteBack, to review.WriteBackState, at, verify time.Time) {
		t.Helper()
		from, attempts := w.State, w.Attempts
		w.State, w.NextAttemptAt, w.VerifyAt, w.Holder = to, at, verify, ""
		if to == review.WriteBackSending {
			w.Holder, w.Attempts = "inc", w.Attempts+1
		}
		e.write(t, func(tx review.Tx) error { return tx.UpdateWriteBack(*w, from, attempts) })
	}
	past, future := now.Add(-time.Minute), now.Add(time.Minute)
	for i := range vs {
		move(&vs[i].writeback, review.WriteBackSending, past, time.Time{})
	}
	same(t, "sending is not owed", nil, owed(10).Families)
	move(&vs[0].writeback, review.WriteBackUnknown, past, time.Time{})
	move(&vs[1].writeback, review.WriteBackUnknown, future, time.Time{})
	move(&vs[2].writeback, review.WriteBackCommitted, time.Time{}, time.Time{})
	move(&vs[3].writeback, review.WriteBackAccepted, time.Time{}, past)
	want := families(0, 3)
	if want[1] < want[0] { // due at the same time: by id
		want[0], want[1] = want[1], want[0]
	}
	same(t, "unknown and due; verify due", want, owed(10).Families)
	move(&vs[2].writeback, review.WriteBackUnknown, future, time.Time{})
	move(&vs[3].writeback, review.WriteBackAccepted, time.Time{}, future)
	same(t, "later", families(0), owed(10).Families)

	// A child waits for its parent.
	child := vs[1].writeBack("epic", 2)
	child.Action, child.DependsOn, child.NextAttemptAt = review.WriteRetract, vs[1].writeback.ID, past
	e.write(t, func(tx review.Tx) error { return tx.InsertWriteBack(child) })
	same(t, "its parent is unknown", families(0), owed(10).Families)
	move(&vs[1].writeback, review.WriteBackAccepted, time.Time{}, time.Time{})
	move(&vs[0].writeback, review.WriteBackAccepted, time.Time{}, time.Time{})
	same(t, "its parent is accepted", families(1), owed(10).Families)
}
