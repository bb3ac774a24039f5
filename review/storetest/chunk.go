package storetest

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"countersign/review"
)

// Two connections of one stream: the newer epoch shuts the older one out,
// and of several appends to one place exactly one is taken.
func testTwoEpochs(t *testing.T, e *env) {
	v := e.made(t, 1, (*visit).open)
	const n = 40
	errs := e.together(n, func(i int, tx review.Tx) error {
		if i == n/2 {
			return tx.ResumeStream(v.stream.ID, 1, tokenHash)
		}
		us := utterances(1, 1)
		us[0].End += 1 // differs from the others
		return tx.AppendChunk(v.stream.ID, 1, 0, us)
	})
	won := 0
	for i, err := range errs {
		switch {
		case i == n/2 && err != nil:
			t.Errorf("resume: %v", err)
		case i != n/2 && err == nil:
			won++
		case i != n/2 && !errors.Is(err, review.ErrConflict):
			t.Errorf("append %d: %v", i, err)
		}
	}
	s := get(t, e, func(r review.Reader) (review.Stream, error) { return r.Stream(v.stream.ID) })
	if won > 1 || s.DurableSeq != int64(won) || s.Epoch != 2 {
		t.Errorf("%d appends won; durable %d, epoch %d", won, s.DurableSeq, s.Epoch)
	}
	e.refused(t, "the old epoch", review.ErrConflict, func(tx review.Tx) error {
		return tx.AppendChunk(v.stream.ID, 1, s.DurableSeq, utterances(s.DurableSeq+1, s.DurableSeq+1))
	})
	e.write(t, func(tx review.Tx) error {
		return tx.AppendChunk(v.stream.ID, 2, s.DurableSeq, utterances(s.DurableSeq+1, s.DurableSeq+2))
	})
	got := get(t, e, func(r review.Reader) (review.Transcript, error) { return r.Transcript(v.recording.ID) })
	if n := len(got.Streams[0].Utterances); n != won+2 {
		t.Errorf("%d utterances: want %d", n, won+2)
	}
}

// model is what a stream must be.
type model struct {
	epoch, durable int64
	open           bool
}

func testAppendModel(t *testing.T, e *env) {
	v := e.made(t, 1, (*visit).open)
	rapid.Check(t, func(rt *rapid.T) {
		s := v.stream
		s.ID = review.NewID[review.StreamID]()
		m := model{epoch: 1, open: true}
		if err := e.try(func(tx review.Tx) error { return tx.InsertStream(s) }); err != nil {
			rt.Fatal(err)
		}
		expect := func(ok bool, err error) {
			if ok && err != nil || !ok && !errors.Is(err, review.ErrConflict) {
				rt.Fatalf("legal %v, error %v, model %+v", ok, err, m)
			}
		}
		near := func(name string, at int64) int64 {
			return max(0, at+rapid.SampledFrom([]int64{0, 0, 0, 1, -1}).Draw(rt, name))
		}
		rt.Repeat(map[string]func(*rapid.T){
			"append": func(*rapid.T) {
				epoch, durable := near("epoch", m.epoch), near("durable", m.durable)
				last := durable + int64(rapid.IntRange(1, 5).Draw(rt, "count"))
				ok := m.open && epoch == m.epoch && durable == m.durable
				expect(ok, e.try(func(tx review.Tx) error { return tx.AppendChunk(s.ID, epoch, durable, utterances(durable+1, last)) }))
				if ok {
					m.durable = last
				}
			},
			"resume": func(*rapid.T) {
				epoch := near("epoch", m.epoch)
				ok := m.open && epoch == m.epoch
				expect(ok, e.try(func(tx review.Tx) error { return tx.ResumeStream(s.ID, epoch, tokenHash) }))
				if ok {
					m.epoch++
				}
			},
			"end": func(*rapid.T) {
				if rapid.IntRange(0, 9).Draw(rt, "end") > 0 {
					return
				}
				ok := m.open
				expect(ok, e.try(func(tx review.Tx) error { return tx.EndStream(s.ID, m.epoch) }))
				m.open = false
			},
			"": func(*rapid.T) {
				var got review.Stream
				var said review.Transcript
				if err := e.store.Read(t.Context(), func(r review.Reader) (err error) {
					if got, err = r.Stream(s.ID); err == nil {
						said, err = r.Transcript(v.recording.ID)
					}
					return err
				}); err != nil {
					rt.Fatal(err)
				}
				if got.Epoch != m.epoch || got.DurableSeq != m.durable || (got.State == review.StreamOpen) != m.open {
					rt.Fatalf("stream is epoch %d durable %d %s, model %+v", got.Epoch, got.DurableSeq, got.State, m)
				}
				for _, st := range said.Streams {
					if st.StreamID != s.ID {
						continue
					}
					if int64(len(st.Utterances)) != m.durable {
						rt.Fatalf("%d utterances, model %+v", len(st.Utterances), m)
					}
					for i, u := range st.Utterances {
						if u.Seq != int64(i)+1 {
							rt.Fatalf("utterance %d in place %d", u.Seq, i+1)
						}
					}
				}
			},
		})
		// The next run reads only its own stream.
		if err := e.sql(`DELETE FROM chunks WHERE stream_id = $1`, s.ID); err != nil {
			rt.Fatal(err)
		}
		if err := e.sql(`DELETE FROM streams WHERE id = $1`, s.ID); err != nil {
			rt.Fatal(err)
		}
	})
}

// Of two streams of one recording that end at the same time, the second must
// see that the first has ended: else nobody closes the recording.
func testEndStreamsTogether(t *testing.T, e *env) {
	for n := range 10 {
		v := e.made(t, n, (*visit).open)
		second := v.stream
		second.ID = review.NewID[review.StreamID]()
		e.write(t, func(tx review.Tx) error { return tx.InsertStream(second) })
		ids := []review.StreamID{v.stream.ID, second.ID}
		for i, err := range e.together(2, func(i int, tx review.Tx) error {
			if err := tx.EndStream(ids[i], 1); err != nil {
				return err
			}
			streams, err := tx.Streams(v.recording.ID)
			if err != nil {
				return err
			}
			for _, s := range streams {
				if s.State == review.StreamOpen {
					return nil
				}
			}
			return tx.CloseRecording(v.recording.ID, review.RecordingClosed)
		}) {
			if err != nil {
				t.Errorf("end %d: %v", i, err)
			}
		}
		rec := get(t, e, func(r review.Reader) (review.Recording, error) { return r.Recording(v.recording.ID) })
		if rec.State != review.RecordingClosed {
			t.Fatalf("round %d: both streams have ended and the recording is %s", n, rec.State)
		}
	}
}
