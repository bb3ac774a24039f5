package storetest

import (
	"fmt"
	"testing"

	"countersign/review"
)

// path returns the states from an initial one to the state, by legal steps.
func path[S ~string](t testing.TB, initial []S, pairs []review.Transition[S], to S) []S {
	t.Helper()
	queue := [][]S{}
	for _, s := range initial {
		queue = append(queue, []S{s})
	}
	seen := map[S]bool{}
	for len(queue) > 0 {
		p := queue[0]
		queue = queue[1:]
		last := p[len(p)-1]
		if last == to {
			return p
		}
		if seen[last] {
			continue
		}
		seen[last] = true
		for _, x := range pairs {
			if x.From == last {
				queue = append(queue, append(append([]S{}, p...), x.To))
			}
		}
	}
	t.Fatalf("no legal way to %s", to)
	return nil
}

// states tries every pair of states in raw SQL. place makes a fresh row in an
// initial state and returns its id.
func states[S ~string](t *testing.T, e *env, table, update string, all, initial []S, pairs []review.Transition[S], place func(S) string) {
	legal := map[review.Transition[S]]bool{}
	for _, p := range pairs {
		legal[p] = true
	}
	tried := 0
	for _, from := range all {
		for _, to := range append(append([]S{}, all...), "no_such_state", "") {
			way := path(t, initial, pairs, from)
			id := place(way[0])
			for _, s := range way[1:] {
				if err := e.sql(update, s, id); err != nil {
					t.Fatalf("%s: on the way to %s: %v", table, from, err)
				}
			}
			err := e.sql(update, to, id)
			if want := from == to || legal[review.Transition[S]{From: from, To: to}]; want != (err == nil) {
				t.Errorf("%s: %s to %q: allowed %v, got %v", table, from, to, want, err)
			}
			tried++
		}
	}
	if want := len(all) * (len(all) + 2); tried != want {
		t.Errorf("%s: %d pairs tried: want %d", table, tried, want)
	}
}

func testNoteStates(t *testing.T, e *env) {
	v := e.made(t, 1, (*visit).open)
	insert := func(s review.State) (string, error) {
		id := string(review.NewID[review.NoteID]())
		return id, e.sql(`INSERT INTO notes (id, site_id, encounter_id, kind, family, type, state, author, revision, open_flags, policy_version,
			confidential, created_at, state_at, draft_attempts, next_attempt_at, error_code)
			VALUES ($1, 'main', $2, 'original', $1, '11506-3', $3, 'doc', 0, 0, 1, 'U', 1, 1, 0, 0, '')`, id, v.encounter.ID, s)
	}
	initial := map[review.State]bool{}
	for _, s := range review.InitialStates() {
		initial[s] = true
	}
	for _, s := range append(review.States(), "no_such_state") {
		if _, err := insert(s); initial[s] != (err == nil) {
			t.Errorf("insert as %s: %v", s, err)
		}
	}
	states(t, e, "notes", `UPDATE notes SET state = $1 WHERE id = $2`, review.States(), review.InitialStates(), review.Transitions(),
		func(s review.State) string {
			id, err := insert(s)
			if err != nil {
				t.Fatal(err)
			}
			return id
		})
}

func testWriteBackStates(t *testing.T, e *env) {
	v := e.made(t, 1, (*visit).sign)
	n := 0
	insert := func(s review.WriteBackState) (string, error) {
		n++
		id := string(review.NewID[review.WriteBackID]())
		return id, e.sql(`INSERT INTO writebacks (id, site_id, encounter_id, note_id, family, seq, revision, destination_id, adapter, action, format,
			depends_on, state, verification, control_id, attempts, next_attempt_at, verify_at, holder, error_code, sealed_receipt, created_at, state_at,
			owed_since, rendering_sha256, addressee_sha256)
			SELECT $1, site_id, encounter_id, note_id, family, 1, revision, $2, adapter, action, format, '', $3, 'none', $4, 1, 0, 0, 'inc', '',
			sealed_receipt, 1, 1, 1, rendering_sha256, addressee_sha256 FROM writebacks WHERE id = $5`,
			id, fmt.Sprintf("d%d", n), s, fmt.Sprintf("c%d", n), v.writeback.ID)
	}
	initial := map[review.WriteBackState]bool{}
	for _, s := range review.InitialWriteBackStates() {
		initial[s] = true
	}
	for _, s := range append(review.WriteBackStates(), "no_such_state") {
		if _, err := insert(s); initial[s] != (err == nil) {
			t.Errorf("insert as %s: %v", s, err)
		}
	}
	states(t, e, "writebacks", `UPDATE writebacks SET state = $1 WHERE id = $2`, review.WriteBackStates(), review.InitialWriteBackStates(),
		review.WriteBackTransitions(), func(s review.WriteBackState) string {
			id, err := insert(s)
			if err != nil {
				t.Fatal(err)
			}
			return id
		})
}

func testImmutable(t *testing.T, e *env) {
	v := e.made(t, 1, (*visit).sign)
	draft := e.made(t, 2, (*visit).draft)
	e.write(t, func(tx review.Tx) error { return tx.Audit(v.event("note.sign")) })
	for _, stmt := range []string{
		`UPDATE audit_events SET actor = 'x'`, `UPDATE audit_events SET seq = seq + 1`, `DELETE FROM audit_events`,
		`UPDATE signatures SET name = 'x'`, `DELETE FROM signatures`,
		`UPDATE renderings SET renderer_version = 'x'`, `DELETE FROM renderings`,
		`UPDATE revisions SET created_by = 'x' WHERE signed = 1`, `UPDATE revisions SET signed = 0 WHERE signed = 1`,
		`UPDATE revisions SET sealed = content_sha256 WHERE signed = 1`, `DELETE FROM revisions WHERE signed = 1`,
		`UPDATE writebacks SET rendering_sha256 = (SELECT token_sha256 FROM streams LIMIT 1)`, `UPDATE writebacks SET control_id = 'x'`,
		`UPDATE writebacks SET revision = 2`,
	} {
		if err := e.sql(stmt); err == nil {
			t.Errorf("allowed: %s", stmt)
		}
	}
	// The guard is not on everything: what may change, can.
	if err := e.sql(`UPDATE revisions SET created_by = 'doc' WHERE note_id = $1`, draft.note.ID); err != nil {
		t.Errorf("an unsigned revision: %v", err)
	}
	same(t, "revision", true, get(t, e, func(r review.Reader) (review.Revision, error) { return r.Revision(v.note.ID, 1) }).Signed)
}

func testInvariants(t *testing.T, e *env) {
	v := e.made(t, 1, (*visit).sign)
	e.write(t, func(tx review.Tx) error { return tx.AppendChunk(v.stream.ID, 1, 0, utterances(1, 2)) })
	for _, stmt := range []string{
		`UPDATE notes SET open_flags = -1`, `UPDATE notes SET revision = -1`, `UPDATE notes SET kind = 'x'`, `UPDATE notes SET confidential = 'X'`,
		`UPDATE notes SET family = 'x'`, `UPDATE notes SET kind = 'addendum'`,
		`UPDATE streams SET durable_seq = -1`, `UPDATE streams SET state = 'x'`, `UPDATE chunks SET last_seq = 0`,
		`INSERT INTO chunks (stream_id, first_seq, last_seq, site_id, sealed, created_at) SELECT stream_id, first_seq, 9, site_id, sealed, 1 FROM chunks`,
		`UPDATE recordings SET state = 'closed'`, `UPDATE recordings SET state = 'x'`,
		`UPDATE writebacks SET state = 'sending'`, `UPDATE writebacks SET attempts = -1`, `UPDATE writebacks SET verification = 'x'`,
		`UPDATE writebacks SET depends_on = id`, `UPDATE encounters SET audit_count = -1`, `UPDATE encounters SET patient_id = NULL`,
		`UPDATE data_keys SET destroyed_at = 1`,
		`INSERT INTO incarnations (id, counter, started_at, ended_at) VALUES ('x', 0, 1, 0)`,
		`UPDATE notes SET encounter_id = 'none'`, `DELETE FROM encounters`, `DELETE FROM sites`, `DELETE FROM notes`,
	} {
		if err := e.sql(stmt); err == nil {
			t.Errorf("allowed: %s", stmt)
		}
	}
}
