package storetest

import (
	"errors"
	"testing"

	"countersign/review"
)

type trail struct {
	events []review.AuditEvent
	head   review.Digest
	count  int64
}

func (e *env) trail(t testing.TB, chain string) trail {
	t.Helper()
	return get(t, e, func(r review.Reader) (x trail, err error) {
		x.events, x.head, x.count, err = r.AuditTrail(chain)
		return x, err
	})
}

func testAuditChain(t *testing.T, e *env) {
	v := e.made(t, 1, (*visit).draft)
	admin := v.event("site.configure")
	admin.Chain, admin.Details = "main/07", nil
	var want []review.AuditEvent
	e.write(t, func(tx review.Tx) error {
		want = nil
		var head review.Digest
		for i, action := range []string{"note.open", "note.edit", "note.sign"} {
			ev := v.event(action)
			if err := tx.Audit(ev); err != nil {
				return err
			}
			ev.RecordedAt = tx.Now()
			ev = ev.Seal(head, int64(i))
			head = ev.Hash
			want = append(want, ev)
		}
		return tx.Audit(admin)
	})
	got := e.trail(t, string(v.encounter.ID))
	same(t, "events", want, got.events)
	if err := review.VerifyChain(got.events, got.head, got.count); err != nil {
		t.Error(err)
	}
	a := e.trail(t, "main/07")
	if err := review.VerifyChain(a.events, a.head, a.count); err != nil || a.count != 1 {
		t.Errorf("administrative chain of %d: %v", a.count, err)
	}
	enc := get(t, e, func(r review.Reader) (review.Encounter, error) { return r.Encounter(v.encounter.ID) })
	if enc.AuditHead != want[2].Hash || enc.AuditCount != 3 {
		t.Errorf("the encounter counts %d", enc.AuditCount)
	}
	quiet := e.made(t, 2, (*visit).open)
	if x := e.trail(t, string(quiet.encounter.ID)); x.count != 0 || len(x.events) != 0 || !x.head.IsZero() {
		t.Errorf("a chain without events counts %d", x.count)
	}
	chains := get(t, e, func(r review.Reader) ([]string, error) { return r.AuditChains("main") })
	same(t, "chains", []string{min(string(v.encounter.ID), "main/07"), max(string(v.encounter.ID), "main/07")}, chains)

	e.refused(t, "no such encounter", review.ErrNotFound, func(tx review.Tx) error {
		x := v.event("x")
		x.Chain = "none"
		return tx.Audit(x)
	})
	e.refused(t, "another site's chain", review.ErrInvalid, func(tx review.Tx) error {
		x := v.event("x")
		x.SiteID = "other"
		return tx.Audit(x)
	})
	// What is undone leaves no gap.
	if err := e.try(func(tx review.Tx) error { return errors.Join(tx.Audit(v.event("undone")), errMine) }); !errors.Is(err, errMine) {
		t.Errorf("undone: %v", err)
	}
	e.write(t, func(tx review.Tx) error { return tx.Audit(v.event("note.view")) })
	got = e.trail(t, string(v.encounter.ID))
	if err := review.VerifyChain(got.events, got.head, got.count); err != nil || got.count != 4 {
		t.Errorf("after an undone event, chain of %d: %v", got.count, err)
	}
}

func testAuditConcurrent(t *testing.T, e *env) {
	v := e.made(t, 1, (*visit).draft)
	e.auditTogether(t, 120, v)
}

// Half of the writers lock two chains in one order, half in the other: those
// that deadlock must come through on a later try.
func testAuditOpposite(t *testing.T, e *env) {
	v, w := e.made(t, 1, (*visit).draft), e.made(t, 2, (*visit).draft)
	e.auditTogether(t, 8, v, w)
}

func (e *env) auditTogether(t *testing.T, n int, vs ...visit) {
	t.Helper()
	errs := e.together(n, func(i int, tx review.Tx) error {
		for k := range vs {
			if i%2 == 0 {
				k = len(vs) - 1 - k
			}
			if err := tx.Audit(vs[k].event("note.view")); err != nil {
				return err
			}
		}
		return nil
	})
	for i, err := range errs {
		if err != nil {
			t.Errorf("writer %d: %v", i, err)
		}
	}
	for _, x := range vs {
		got := e.trail(t, string(x.encounter.ID))
		if err := review.VerifyChain(got.events, got.head, got.count); err != nil || got.count != int64(n) {
			t.Errorf("chain of %d: %v", got.count, err)
		}
	}
}

// Whoever can drop the triggers can change rows, and is found out.
func testAuditTamper(t *testing.T, e *env) {
	v := e.made(t, 1, (*visit).draft)
	for range 3 {
		e.write(t, func(tx review.Tx) error { return tx.Audit(v.event("note.view")) })
	}
	for _, stmt := range []string{
		`DROP TRIGGER audit_events_update ON audit_events`, `DROP TRIGGER audit_events_delete ON audit_events`, // PostgreSQL
		`DROP TRIGGER audit_events_update`, `DROP TRIGGER audit_events_delete`, // SQLite
	} {
		_ = e.sql(stmt)
	}
	chain := string(v.encounter.ID)
	for name, c := range map[string][2]string{
		"Changed": {`UPDATE audit_events SET actor = 'x' WHERE seq = 2`, `UPDATE audit_events SET actor = 'doc' WHERE seq = 2`},
		"CutOff":  {`UPDATE audit_events SET chain = 'gone' WHERE seq = 3`, `UPDATE audit_events SET chain = '` + chain + `' WHERE seq = 3`},
		"Missing": {`UPDATE audit_events SET chain = 'gone' WHERE seq = 2`, `UPDATE audit_events SET chain = '` + chain + `' WHERE seq = 2`},
	} {
		if err := e.sql(c[0]); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := e.trail(t, chain)
		if err := review.VerifyChain(got.events, got.head, got.count); err == nil {
			t.Errorf("%s: not found", name)
		}
		if err := e.sql(c[1]); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	got := e.trail(t, chain)
	if err := review.VerifyChain(got.events, got.head, got.count); err != nil {
		t.Errorf("put back: %v", err)
	}
}
