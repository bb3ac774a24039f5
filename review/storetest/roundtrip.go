package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/review"
)

// same fails with the difference. Its text holds only the fixture's words.
func same[T any](t testing.TB, what string, want, got T) {
	t.Helper()
	// ClinicalText prints as [redacted]; compare it as what it is.
	plain := cmp.Transformer("clear", func(s review.ClinicalText) string { return string(s) })
	if diff := cmp.Diff(want, got, plain); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func testSite(t *testing.T, e *env) {
	a, b := site("main"), site("other")
	e.write(t, func(tx review.Tx) error {
		return first(func() error { return tx.PutSite(b) }, func() error { return tx.PutSite(a) })
	})
	same(t, "site", a, get(t, e, func(r review.Reader) (review.Site, error) { return r.Site("main") }))
	same(t, "sites", []review.Site{a, b}, get(t, e, review.Reader.Sites))
	a.Name, a.Destinations = "Renamed", nil
	e.write(t, func(tx review.Tx) error { return tx.PutSite(a) })
	same(t, "replaced", a, get(t, e, func(r review.Reader) (review.Site, error) { return r.Site("main") }))
	e.refused(t, "bad id", review.ErrInvalid, func(tx review.Tx) error { return tx.PutSite(site("Not A Name")) })
}

func testPractitioner(t *testing.T, e *env) {
	p, q := practitioner("a", "main", review.RoleAttending), practitioner("b", "main", review.RoleResident)
	e.write(t, func(tx review.Tx) error {
		return first(
			func() error { return tx.PutSite(site("main")) }, func() error { return tx.PutSite(site("other")) },
			func() error { return tx.PutPractitioner(q) }, func() error { return tx.PutPractitioner(p) },
		)
	})
	list := func(s review.SiteID) []review.Practitioner {
		return get(t, e, func(r review.Reader) ([]review.Practitioner, error) { return r.Practitioners(s) })
	}
	same(t, "list", []review.Practitioner{p, q}, list("main"))
	same(t, "empty list", nil, list("other"))
	p.Family = "Roe"
	e.write(t, func(tx review.Tx) error { return tx.PutPractitioner(p) })
	same(t, "replaced", p, get(t, e, func(r review.Reader) (review.Practitioner, error) { return r.Practitioner("a") }))
	p.SiteID = "other"
	e.refused(t, "moved to another site", review.ErrConflict, func(tx review.Tx) error { return tx.PutPractitioner(p) })
}

func testPatient(t *testing.T, e *env) {
	p := patient("main", "1")
	bare := review.Patient{ID: review.NewID[review.PatientID](), SiteID: "main", Sex: review.SexUnknown}
	e.write(t, func(tx review.Tx) error {
		return first(
			func() error { return tx.PutSite(site("main")) },
			func() error { return tx.InsertPatient(p) }, func() error { return tx.InsertPatient(bare) },
		)
	})
	for _, want := range []review.Patient{p, bare} {
		same(t, "patient", want, get(t, e, func(r review.Reader) (review.Patient, error) { return r.Patient(want.ID) }))
	}
	e.refused(t, "same id", review.ErrConflict, func(tx review.Tx) error { return tx.InsertPatient(p) })
	p.ID = review.NewID[review.PatientID]()
	e.refused(t, "same identifier", review.ErrConflict, func(tx review.Tx) error { return tx.InsertPatient(p) })
}

func testFind(t *testing.T, e *env) {
	p, q := patient("main", "1"), patient("main", "2")
	elsewhere := patient("other", "1")
	e.write(t, func(tx review.Tx) error {
		return first(
			func() error { return tx.PutSite(site("main")) }, func() error { return tx.PutSite(site("other")) },
			func() error { return tx.InsertPatient(p) }, func() error { return tx.InsertPatient(q) },
			func() error { return tx.InsertPatient(elsewhere) },
		)
	})
	find := func(s review.SiteID, ids ...review.Identifier) (id review.PatientID, err error) {
		err = e.store.Read(t.Context(), func(r review.Reader) (err error) {
			id, err = r.FindPatient(s, ids)
			return err
		})
		return id, err
	}
	mr := func(v review.ClinicalText) review.Identifier {
		return review.Identifier{Type: "MR", Authority: "HOSP", Value: v}
	}
	for _, c := range []struct {
		name string
		site review.SiteID
		ids  []review.Identifier
		want review.PatientID
		err  review.Kind
	}{
		{"Exact", "main", []review.Identifier{mr("1")}, p.ID, ""},
		{"OtherSite", "other", []review.Identifier{mr("1")}, elsewhere.ID, ""},
		{"AnyOfThem", "main", []review.Identifier{mr("none"), mr("2")}, q.ID, ""},
		{"AllOfThem", "main", p.Identifiers, p.ID, ""},
		{"TwoPatients", "main", []review.Identifier{mr("1"), mr("2")}, "", review.KindConflict},
		{"OtherAuthority", "main", []review.Identifier{{Type: "MR", Authority: "LAB", Value: "1"}}, "", review.KindNotFound},
		{"ShiftedAuthority", "main", []review.Identifier{{Type: "MR", Authority: "HOS", Value: "P1"}}, "", review.KindNotFound},
		{"OtherDestination", "main", []review.Identifier{{Type: "FHIR", Value: "1", Destination: "athena"}}, "", review.KindNotFound},
		{"None", "main", nil, "", review.KindNotFound},
		{"NoSite", "nowhere", []review.Identifier{mr("1")}, "", review.KindNotFound},
	} {
		got, err := find(c.site, c.ids...)
		if got != c.want || review.KindOf(err) != c.err {
			t.Errorf("%s: got %q, %v; want %q, kind %q", c.name, got, err, c.want, c.err)
		}
	}
}

func testEncounter(t *testing.T, e *env) {
	v := e.made(t, 1, (*visit).open)
	got := get(t, e, func(r review.Reader) (review.Encounter, error) { return r.Encounter(v.encounter.ID) })
	same(t, "encounter", v.encounter, got)
	found := get(t, e, func(r review.Reader) (review.EncounterID, error) {
		return r.FindEncounter("main", v.encounter.Identifiers)
	})
	same(t, "found", v.encounter.ID, found)
	unbound := review.Encounter{ID: review.NewID[review.EncounterID](), SiteID: "main", Class: review.ClassVirtual, PeriodStart: base, CreatedAt: base}
	e.write(t, func(tx review.Tx) error { return tx.InsertEncounter(unbound) })
	same(t, "unbound", unbound, get(t, e, func(r review.Reader) (review.Encounter, error) { return r.Encounter(unbound.ID) }))
	e.refused(t, "same id", review.ErrConflict, func(tx review.Tx) error { return tx.InsertEncounter(unbound) })
}

func testRecording(t *testing.T, e *env) {
	v := e.made(t, 1, (*visit).open)
	rec := func() review.Recording {
		return get(t, e, func(r review.Reader) (review.Recording, error) { return r.Recording(v.recording.ID) })
	}
	same(t, "recording", v.recording, rec())
	same(t, "found", v.recording, get(t, e, func(r review.Reader) (review.Recording, error) {
		return r.FindRecording("main", "device-1", v.recording.ClientID)
	}))
	again := v.recording
	again.ID = review.NewID[review.RecordingID]()
	e.refused(t, "same client id", review.ErrConflict, func(tx review.Tx) error { return tx.InsertRecording(again) })
	e.refused(t, "close to open", review.ErrInvalid, func(tx review.Tx) error { return tx.CloseRecording(v.recording.ID, review.RecordingOpen) })
	var now time.Time
	e.write(t, func(tx review.Tx) error {
		now = tx.Now()
		return tx.CloseRecording(v.recording.ID, review.RecordingClosed)
	})
	v.recording.State, v.recording.ClosedAt = review.RecordingClosed, now
	same(t, "closed", v.recording, rec())
	e.refused(t, "closed twice", review.ErrConflict, func(tx review.Tx) error {
		return tx.CloseRecording(v.recording.ID, review.RecordingCancelled)
	})
}

func testStream(t *testing.T, e *env) {
	v := e.made(t, 1, (*visit).open)
	stream := func() review.Stream {
		return get(t, e, func(r review.Reader) (review.Stream, error) { return r.Stream(v.stream.ID) })
	}
	same(t, "stream", v.stream, stream())
	e.refused(t, "resume with another epoch", review.ErrConflict, func(tx review.Tx) error { return tx.ResumeStream(v.stream.ID, 2, tokenHash) })
	e.write(t, func(tx review.Tx) error { return tx.ResumeStream(v.stream.ID, 1, tokenHash) })
	v.stream.Epoch = 2
	same(t, "resumed", v.stream, stream())
	e.refused(t, "end with the old epoch", review.ErrConflict, func(tx review.Tx) error { return tx.EndStream(v.stream.ID, 1) })
	e.write(t, func(tx review.Tx) error { return tx.EndStream(v.stream.ID, 2) })
	v.stream.State = review.StreamEnded
	same(t, "list", []review.Stream{v.stream}, get(t, e, func(r review.Reader) ([]review.Stream, error) { return r.Streams(v.recording.ID) }))
	for name, fn := range map[string]func(review.Tx) error{
		"end twice":       func(tx review.Tx) error { return tx.EndStream(v.stream.ID, 2) },
		"resume ended":    func(tx review.Tx) error { return tx.ResumeStream(v.stream.ID, 2, tokenHash) },
		"append to ended": func(tx review.Tx) error { return tx.AppendChunk(v.stream.ID, 2, 0, utterances(1, 1)) },
		"append to none":  func(tx review.Tx) error { return tx.AppendChunk("none", 1, 0, utterances(1, 1)) },
		"end none":        func(tx review.Tx) error { return tx.EndStream("none", 1) },
		"insert it anew":  func(tx review.Tx) error { return tx.InsertStream(v.stream) },
		"resume none":     func(tx review.Tx) error { return tx.ResumeStream("none", 1, tokenHash) },
		"close no such":   func(tx review.Tx) error { return tx.CloseRecording("none", review.RecordingClosed) },
		"no such recorder": func(tx review.Tx) error {
			s := v.stream
			s.ID, s.RecordingID = "new", "none"
			return tx.InsertStream(s)
		},
	} {
		e.refused(t, name, review.ErrConflict, fn)
	}
}

func testTranscript(t *testing.T, e *env) {
	v := e.made(t, 1, (*visit).open)
	second := v.stream
	second.ID = review.NewID[review.StreamID]()
	w := e.made(t, 2, (*visit).open)
	e.write(t, func(tx review.Tx) error {
		return first(
			func() error { return tx.InsertStream(second) },
			func() error { return tx.AppendChunk(v.stream.ID, 1, 0, utterances(1, 3)) },
			func() error { return tx.AppendChunk(v.stream.ID, 1, 3, utterances(4, 4)) },
			func() error { return tx.AppendChunk(w.stream.ID, 1, 0, utterances(1, 2)) },
		)
	})
	got := get(t, e, func(r review.Reader) (review.Transcript, error) { return r.Transcript(w.recording.ID, v.recording.ID) })
	if len(got.Streams) == 3 && got.Streams[1].StreamID == second.ID { // opened at different times, or not: either order of ids
		slices.Reverse(got.Streams[1:])
	}
	same(t, "transcript", review.Transcript{Streams: []review.StreamTranscript{
		{StreamID: w.stream.ID, Utterances: utterances(1, 2)},
		{StreamID: v.stream.ID, Utterances: utterances(1, 4)},
		{StreamID: second.ID},
	}}, got)
	for name, us := range map[string][]review.Utterance{"none": nil, "hole": {utterance(5), utterance(7)}, "late": utterances(6, 6), "early": utterances(4, 5)} {
		e.refused(t, name, review.ErrInvalid, func(tx review.Tx) error { return tx.AppendChunk(v.stream.ID, 1, 4, us) })
	}
}
