package storetest

import (
	"testing"
	"time"

	"countersign/review"
)

func testNote(t *testing.T, e *env) {
	v := e.made(t, 1, (*visit).draft)
	note := func(id review.NoteID) review.Note {
		return get(t, e, func(r review.Reader) (review.Note, error) { return r.Note(id) })
	}
	same(t, "note", v.note, note(v.note.ID))
	child := v.note
	child.ID, child.ParentID, child.Kind, child.Recordings = review.NewID[review.NoteID](), v.note.ID, review.NoteAddendum, nil
	child.State, child.PatientID, child.NextAttemptAt = review.StateInReview, "", time.Time{}
	e.write(t, func(tx review.Tx) error { return tx.InsertNote(child) })
	same(t, "child", child, note(child.ID))

	n := v.note
	n.State, n.StateAt, n.Revision, n.OpenFlags, n.DraftAttempts = review.StateReadyForReview, base.Add(time.Hour), 1, 2, 3
	n.NextAttemptAt, n.ErrorCode, n.Confidential, n.Author, n.PolicyVersion, n.Type = time.Time{}, "busy", review.ConfidentialityRestricted, "other", 4, "34117-2"
	n.PatientID = ""
	for name, fn := range map[string]func(review.Tx) error{
		"other state":    func(tx review.Tx) error { return tx.UpdateNote(n, review.StateInReview, 0) },
		"other revision": func(tx review.Tx) error { return tx.UpdateNote(n, review.StateDrafting, 1) },
		"no such note":   func(tx review.Tx) error { x := n; x.ID = "none"; return tx.UpdateNote(x, review.StateDrafting, 0) },
		"insert anew":    func(tx review.Tx) error { return tx.InsertNote(v.note) },
	} {
		e.refused(t, name, review.ErrConflict, fn)
	}
	same(t, "unchanged", v.note, note(v.note.ID))
	e.write(t, func(tx review.Tx) error { return tx.UpdateNote(n, review.StateDrafting, 0) })
	same(t, "updated", n, note(v.note.ID))
	illegal := n
	illegal.State = review.StateCompleted
	e.refused(t, "illegal step", review.ErrIllegal, func(tx review.Tx) error { return tx.UpdateNote(illegal, review.StateReadyForReview, 1) })
	e.refused(t, "illegal first state", review.ErrIllegal, func(tx review.Tx) error {
		x := newVisit(9).note
		x.EncounterID, x.PatientID, x.Recordings, x.State = v.encounter.ID, "", nil, review.StateCompleted
		return tx.InsertNote(x)
	})
}

func testRevision(t *testing.T, e *env) {
	v := e.made(t, 1, (*visit).draft)
	revision := func(n int) review.Revision {
		return get(t, e, func(r review.Reader) (review.Revision, error) { return r.Revision(v.note.ID, n) })
	}
	key := func(n int) (class string) {
		if err := e.Raw.QueryRow(`SELECT key_class FROM revisions WHERE note_id = $1 AND number = $2`, v.note.ID, n).Scan(&class); err != nil {
			t.Fatal(err)
		}
		return class
	}
	same(t, "draft", v.revision, revision(1))
	same(t, "a draft's key", "transcript", key(1))

	edited := v.revision
	edited.Content, edited.CreatedBy = content(canaryStated+" edited"), "doc"
	edited.ContentSHA256 = review.ContentDigest(edited.Content)
	e.refused(t, "hash of other content", review.ErrInvalid, func(tx review.Tx) error {
		x := edited
		x.ContentSHA256 = v.revision.ContentSHA256
		return tx.UpdateRevision(x, v.revision.ContentSHA256)
	})
	e.refused(t, "update from another hash", review.ErrConflict, func(tx review.Tx) error { return tx.UpdateRevision(edited, edited.ContentSHA256) })
	e.write(t, func(tx review.Tx) error { return tx.UpdateRevision(edited, v.revision.ContentSHA256) })
	same(t, "edited", edited, revision(1))
	same(t, "a clinician's key", "note", key(1))

	second := v.revision
	second.Number = 2
	e.write(t, func(tx review.Tx) error { return tx.InsertRevision(second) })
	e.refused(t, "insert anew", review.ErrConflict, func(tx review.Tx) error { return tx.InsertRevision(second) })
	e.refused(t, "sign another hash", review.ErrConflict, func(tx review.Tx) error { return tx.MarkSigned(v.note.ID, 2, edited.ContentSHA256) })
	e.refused(t, "sign none", review.ErrConflict, func(tx review.Tx) error { return tx.MarkSigned(v.note.ID, 3, edited.ContentSHA256) })
	e.write(t, func(tx review.Tx) error { return tx.MarkSigned(v.note.ID, 2, second.ContentSHA256) })
	second.Signed = true
	same(t, "signed", second, revision(2))
	same(t, "a signed revision's key", "note", key(2))
	e.refused(t, "sign twice", review.ErrConflict, func(tx review.Tx) error { return tx.MarkSigned(v.note.ID, 2, second.ContentSHA256) })
	edited.Number = 2
	e.refused(t, "update signed", review.ErrConflict, func(tx review.Tx) error { return tx.UpdateRevision(edited, second.ContentSHA256) })
}

func testSignature(t *testing.T, e *env) {
	v := e.made(t, 1, (*visit).draft)
	due := func() []review.DueSignature {
		return get(t, e, func(r review.Reader) ([]review.DueSignature, error) { return r.Due(v.note.ID) })
	}
	same(t, "due", v.due, due())
	second := v.signature
	second.Position, second.Meaning = 2, review.MeaningCoSignature
	third := v.signature
	third.Position = 3
	e.refused(t, "out of order", review.ErrConflict, func(tx review.Tx) error { return tx.InsertSignature(second) })
	e.refused(t, "not asked for", review.ErrConflict, func(tx review.Tx) error { return tx.InsertSignature(third) })
	e.write(t, func(tx review.Tx) error { return tx.InsertSignature(v.signature) })
	e.refused(t, "twice", review.ErrConflict, func(tx review.Tx) error { return tx.InsertSignature(v.signature) })
	e.write(t, func(tx review.Tx) error { return tx.InsertSignature(second) })
	v.due[0].SignedRevision, v.due[1].SignedRevision = 1, 1
	same(t, "none due", v.due, due())
	same(t, "signatures", []review.Signature{v.signature, second},
		get(t, e, func(r review.Reader) ([]review.Signature, error) { return r.Signatures(v.note.ID) }))
	e.refused(t, "due twice", review.ErrConflict, func(tx review.Tx) error { return tx.InsertDue(v.due[:1]) })

	e.write(t, func(tx review.Tx) error { return tx.ReopenDue(v.note.ID) })
	v.due[0].SignedRevision, v.due[1].SignedRevision = 0, 0
	same(t, "due again", v.due, due())
	e.refused(t, "same revision signed again", review.ErrConflict, func(tx review.Tx) error { return tx.InsertSignature(v.signature) })
	next := v.revision
	next.Number = 2
	anew := v.signature
	anew.Revision = 2
	e.write(t, func(tx review.Tx) error {
		return first(func() error { return tx.InsertRevision(next) }, func() error { return tx.InsertSignature(anew) })
	})
	same(t, "all signatures", []review.Signature{v.signature, second, anew},
		get(t, e, func(r review.Reader) ([]review.Signature, error) { return r.Signatures(v.note.ID) }))
}

func testRendering(t *testing.T, e *env) {
	v := e.made(t, 1, (*visit).draft)
	rendering := func(format string) review.Rendering {
		return get(t, e, func(r review.Reader) (review.Rendering, error) { return r.Rendering(v.note.ID, 1, format) })
	}
	html := v.rendering
	html.Format, html.Body, html.Parts = "text/html", []byte("<p>"+canaryBody+"\x00\xff</p>"), nil
	html.SHA256 = review.DigestOf(html.Body)
	e.write(t, func(tx review.Tx) error {
		return first(func() error { return tx.InsertRendering(v.rendering) }, func() error { return tx.InsertRendering(html) })
	})
	same(t, "text", v.rendering, rendering(review.FormatText))
	same(t, "html", html, rendering("text/html"))
	e.refused(t, "same bytes again", review.ErrConflict, func(tx review.Tx) error { return tx.InsertRendering(v.rendering) })
	e.refused(t, "hash of other bytes", review.ErrInvalid, func(tx review.Tx) error {
		x := v.rendering
		x.Body = []byte("other")
		return tx.InsertRendering(x)
	})
	later := v.rendering
	later.Body = []byte(canaryBody + " co-signed")
	later.SHA256 = review.DigestOf(later.Body)
	e.write(t, func(tx review.Tx) error { return tx.InsertRendering(later) })
	same(t, "the co-signature's", later, rendering(review.FormatText))
	e.refused(t, "of no revision", review.ErrConflict, func(tx review.Tx) error {
		x := v.rendering
		x.Revision = 7
		return tx.InsertRendering(x)
	})
}

func testWriteBack(t *testing.T, e *env) {
	v := e.made(t, 1, (*visit).sign)
	w := v.writeback
	read := func() review.WriteBack {
		return get(t, e, func(r review.Reader) (review.WriteBack, error) { return r.WriteBack(w.ID) })
	}
	same(t, "write-back", w, read())
	again := v.writeBack("epic", 2)
	e.refused(t, "same action twice", review.ErrConflict, func(tx review.Tx) error { return tx.InsertWriteBack(again) })
	again.DestinationID, again.ControlID = "athena", w.ControlID
	e.refused(t, "same control id", review.ErrConflict, func(tx review.Tx) error { return tx.InsertWriteBack(again) })

	sending := w
	sending.State, sending.Attempts, sending.Holder, sending.StateAt = review.WriteBackSending, 1, "inc", base.Add(time.Second)
	attempt := review.Attempt{WriteBackID: w.ID, Number: 1, Holder: "inc", StartedAt: base}
	e.refused(t, "from another state", review.ErrConflict, func(tx review.Tx) error { return tx.UpdateWriteBack(sending, review.WriteBackHeld, 0) })
	e.refused(t, "from another count", review.ErrConflict, func(tx review.Tx) error { return tx.UpdateWriteBack(sending, review.WriteBackPending, 1) })
	e.write(t, func(tx review.Tx) error {
		return first(
			func() error { return tx.UpdateWriteBack(sending, review.WriteBackPending, 0) },
			func() error { return tx.InsertAttempt(attempt) },
		)
	})
	same(t, "sending", sending, read())
	e.refused(t, "attempt twice", review.ErrConflict, func(tx review.Tx) error { return tx.InsertAttempt(attempt) })

	done := sending
	done.State, done.Holder, done.Verification, done.VerifyAt, done.ErrorCode = review.WriteBackAccepted, "", review.VerificationVerified, base.Add(time.Minute), "late"
	done.Receipt = review.Receipt{ResourceID: canaryReceipt, Version: "1", AckCode: "AA", ControlID: w.ControlID, Status: 201, At: base, WrittenSHA256: w.RenderingID}
	attempt.EndedAt, attempt.Outcome, attempt.ErrorCode = base.Add(time.Second), "accepted", "late"
	e.refused(t, "end without outcome", review.ErrInvalid, func(tx review.Tx) error { return tx.EndAttempt(review.Attempt{WriteBackID: w.ID, Number: 1}) })
	e.write(t, func(tx review.Tx) error {
		return first(
			func() error { return tx.UpdateWriteBack(done, review.WriteBackSending, 1) },
			func() error { return tx.EndAttempt(attempt) },
		)
	})
	same(t, "accepted", done, read())
	same(t, "attempts", []review.Attempt{attempt}, get(t, e, func(r review.Reader) ([]review.Attempt, error) { return r.Attempts(w.ID) }))
	e.refused(t, "end twice", review.ErrConflict, func(tx review.Tx) error { return tx.EndAttempt(attempt) })
	e.refused(t, "illegal step", review.ErrIllegal, func(tx review.Tx) error {
		x := done
		x.State = review.WriteBackPending
		return tx.UpdateWriteBack(x, review.WriteBackAccepted, 1)
	})
}

func testIncarnation(t *testing.T, e *env) {
	var start, end time.Time
	e.write(t, func(tx review.Tx) error { start = tx.Now(); return tx.Beat("inc") })
	e.write(t, func(tx review.Tx) error { return tx.Beat("inc") })
	list := func() []review.Incarnation { return get(t, e, review.Reader.Incarnations) }
	same(t, "alive", []review.Incarnation{{ID: "inc", Counter: 2, StartedAt: start}}, list())
	e.refused(t, "end with an old counter", review.ErrConflict, func(tx review.Tx) error { return tx.EndIncarnation("inc", 1) })
	e.write(t, func(tx review.Tx) error { end = tx.Now(); return tx.EndIncarnation("inc", 2) })
	same(t, "gone", []review.Incarnation{{ID: "inc", Counter: 2, StartedAt: start, EndedAt: end}}, list())
	e.refused(t, "end twice", review.ErrConflict, func(tx review.Tx) error { return tx.EndIncarnation("inc", 2) })
	e.refused(t, "beat of the dead", review.ErrConflict, func(tx review.Tx) error { return tx.Beat("inc") })
}
