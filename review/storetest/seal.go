package storetest

import (
	"bytes"
	"errors"
	"testing"

	"countersign/review"
)

// full stores a visit with a value in every sealed column.
func (e *env) full(t testing.TB, n int) visit {
	t.Helper()
	v := e.made(t, n, (*visit).sign)
	w := v.writeback
	w.State, w.Holder, w.Attempts = review.WriteBackSending, "inc", 1
	w.Receipt = review.Receipt{ResourceID: canaryReceipt, At: base}
	ai := v.revision
	ai.Number = 2
	e.write(t, func(tx review.Tx) error {
		return first(
			func() error { return tx.AppendChunk(v.stream.ID, 1, 0, utterances(1, 20)) },
			func() error { return tx.UpdateWriteBack(w, review.WriteBackPending, 0) },
			func() error { return tx.InsertRevision(ai) },
			func() error { return tx.Audit(v.event("note.sign")) },
		)
	})
	return v
}

func testAtRest(t *testing.T, e *env) {
	v := e.full(t, 1)
	e.full(t, 2)
	check := func(when string) {
		t.Helper()
		raw := e.AtRest(t)
		// The scan works: what is no secret is found.
		if !bytes.Contains(raw, []byte(v.note.ID)) {
			t.Fatalf("%s: the scan of %d bytes does not find the note's id", when, len(raw))
		}
		lower := bytes.ToLower(raw)
		for _, word := range canaries() {
			if bytes.Contains(lower, bytes.ToLower([]byte(word))) {
				t.Errorf("%s: found at rest: %q", when, word)
			}
		}
	}
	check("open")
	if err := e.store.Close(); err != nil {
		t.Fatal(err)
	}
	check("closed")
}

// A ciphertext that is moved to another row does not open there.
func testSealedInPlace(t *testing.T, e *env) {
	v := e.full(t, 1)
	w := newVisit(2)
	e.write(t, w.open)
	if err := e.sql(`UPDATE patients SET sealed = (SELECT p.sealed FROM patients p WHERE p.id = $1) WHERE id = $2`, v.patient.ID, w.patient.ID); err != nil {
		t.Fatal(err)
	}
	err := e.store.Read(t.Context(), func(r review.Reader) error { _, err := r.Patient(w.patient.ID); return err })
	if review.KindOf(err) != review.KindInternal {
		t.Errorf("another patient's name in this row: %v", err)
	}
	if err := e.sql(`UPDATE chunks SET sealed = $1`, []byte("garbage")); err != nil {
		t.Fatal(err)
	}
	err = e.store.Read(t.Context(), func(r review.Reader) error { _, err := r.Transcript(v.recording.ID); return err })
	if review.KindOf(err) != review.KindInternal {
		t.Errorf("a changed chunk: %v", err)
	}
}

func testKeyDestroyed(t *testing.T, e *env) {
	v := e.full(t, 1)
	second := open(t, e.Harness) // another process, with the key in its cache
	both := map[string]Store{"this": e.store, "another": second}
	readable := func(fn func(review.Reader) error) map[string]error {
		out := map[string]error{}
		for name, s := range both {
			out[name] = s.Read(t.Context(), fn)
		}
		return out
	}
	reads := map[string]func(review.Reader) error{
		"transcript": func(r review.Reader) error { _, err := r.Transcript(v.recording.ID); return err },
		"ai draft":   func(r review.Reader) error { _, err := r.Revision(v.note.ID, 2); return err },
		"signed":     func(r review.Reader) error { _, err := r.Revision(v.note.ID, 1); return err },
		"rendering":  func(r review.Reader) error { _, err := r.Rendering(v.note.ID, 1, review.FormatText); return err },
		"signatures": func(r review.Reader) error { _, err := r.Signatures(v.note.ID); return err },
		"recording":  func(r review.Reader) error { _, err := r.Recording(v.recording.ID); return err },
		"patient":    func(r review.Reader) error { _, err := r.Patient(v.patient.ID); return err },
	}
	expect := func(when string, destroyed ...string) {
		t.Helper()
		for what, fn := range reads {
			want := review.Kind("")
			for _, d := range destroyed {
				if d == what {
					want = review.KindNotFound
				}
			}
			for process, err := range readable(fn) {
				if review.KindOf(err) != want {
					t.Errorf("%s: %s on %s process: %v", when, what, process, err)
				}
			}
		}
	}
	destroy := func(owner, class string) func(review.Tx) error {
		return func(tx review.Tx) error {
			d, ok := tx.(KeyDestroyer)
			if !ok {
				return errors.New("the Tx cannot destroy keys")
			}
			return d.DestroyKey(owner, class)
		}
	}
	expect("before")
	if err := e.try(func(tx review.Tx) error {
		return errors.Join(destroy(string(v.recording.ID), "transcript")(tx), errMine)
	}); !errors.Is(err, errMine) {
		t.Fatal(err)
	}
	expect("undone")
	e.write(t, destroy(string(v.recording.ID), "transcript"))
	expect("transcript key", "transcript", "ai draft")
	e.write(t, destroy(string(v.recording.ID), "transcript")) // again
	e.refused(t, "append afterwards", review.ErrNotFound, func(tx review.Tx) error {
		return tx.AppendChunk(v.stream.ID, 1, 20, utterances(21, 21))
	})
	e.write(t, destroy(string(v.note.ID), "note"))
	expect("note key", "transcript", "ai draft", "signed", "rendering", "signatures")
	e.refused(t, "no such key", review.ErrNotFound, destroy("none", "note"))
	if err := e.sql(`UPDATE data_keys SET destroyed_at = 0, wrapped = (SELECT wrapped_key FROM sites LIMIT 1) WHERE destroyed_at > 0`); err == nil {
		t.Error("a destroyed key was brought back")
	}
	var n int
	if err := e.Raw.QueryRow(`SELECT count(*) FROM tombstones`).Scan(&n); err != nil || n != 2 {
		t.Errorf("%d tombstones, %v: want 2", n, err)
	}
}

func testReopen(t *testing.T, e *env) {
	v := e.full(t, 1)
	type everything struct {
		Site      review.Site
		Patient   review.Patient
		Encounter review.Encounter
		Recording review.Recording
		Words     review.Transcript
		Note      review.Note
		Revision  review.Revision
		Signed    []review.Signature
		Rendering review.Rendering
		Writes    []review.WriteBack
	}
	all := func() everything {
		return get(t, e, func(r review.Reader) (x everything, err error) {
			err = first(
				func() (err error) { x.Site, err = r.Site("main"); return },
				func() (err error) { x.Patient, err = r.Patient(v.patient.ID); return },
				func() (err error) { x.Encounter, err = r.Encounter(v.encounter.ID); return },
				func() (err error) { x.Recording, err = r.Recording(v.recording.ID); return },
				func() (err error) { x.Words, err = r.Transcript(v.recording.ID); return },
				func() (err error) { x.Note, err = r.Note(v.note.ID); return },
				func() (err error) { x.Revision, err = r.Revision(v.note.ID, 1); return },
				func() (err error) { x.Signed, err = r.Signatures(v.note.ID); return },
				func() (err error) { x.Rendering, err = r.Rendering(v.note.ID, 1, review.FormatText); return },
				func() (err error) { x.Writes, err = r.WriteBacks(review.WriteBackFilter{NoteID: v.note.ID}); return },
			)
			return x, err
		})
	}
	before := all()
	if err := e.store.Close(); err != nil {
		t.Fatal(err)
	}
	e.store = open(t, e.Harness)
	same(t, "after reopening", before, all())
}
