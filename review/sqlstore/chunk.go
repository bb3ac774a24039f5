package sqlstore

import (
	"database/sql"
	"encoding/json"
	"errors"
	"strconv"

	"countersign/review"
)

// chunkJSON is the first byte of a chunk: the encoding of what follows. 1 is
// a JSON array of utterances.
const chunkJSON = 1

// AppendChunk implements [review.Tx]. us must begin at durable+1 and have no
// holes.
func (t *tx) AppendChunk(id review.StreamID, epoch, durable int64, us []review.Utterance) error {
	const op = "append chunk"
	if len(us) == 0 {
		return review.Errorf(review.KindInvalid, "%s: no utterances", op)
	}
	for i, u := range us {
		if want := durable + 1 + int64(i); u.Seq != want {
			return review.Errorf(review.KindInvalid, "%s: sequence %d where %d was due", op, u.Seq, want)
		}
	}
	var site review.SiteID
	var recording string
	if err := t.one(op, []any{&site, &recording}, `SELECT site_id, recording_id FROM streams WHERE id = $1`, id); err != nil {
		return gone(op, err)
	}
	last := us[len(us)-1].Seq
	if err := t.guard(op, `UPDATE streams SET durable_seq = $1 WHERE id = $2 AND epoch = $3 AND durable_seq = $4 AND state = 'open'`,
		last, id, epoch, durable); err != nil {
		return err
	}
	k, err := t.dataKey(site, keyRef{recording, classTranscript})
	if err != nil {
		return err
	}
	sealed, err := k.Seal(append([]byte{chunkJSON}, encode(us)...), chunkPlace(id, us[0].Seq))
	if err != nil {
		return err
	}
	return t.insert(op, `INSERT INTO chunks (stream_id, first_seq, last_seq, site_id, sealed, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		id, us[0].Seq, last, site, sealed, micros(t.now))
}

func chunkPlace(id review.StreamID, first int64) []byte {
	return place("chunks", "sealed", string(id)+"/"+strconv.FormatInt(first, 10))
}

// Transcript implements [review.Reader]: the streams of the recordings in the
// order given, then in the order they were opened.
func (r *reader) Transcript(recordings ...review.RecordingID) (review.Transcript, error) {
	var out review.Transcript
	for _, id := range recordings {
		streams, err := r.Streams(id)
		if err != nil {
			return review.Transcript{}, err
		}
		for _, s := range streams {
			us, err := r.utterances(s)
			if err != nil {
				return review.Transcript{}, err
			}
			out.Streams = append(out.Streams, review.StreamTranscript{StreamID: s.ID, Utterances: us})
		}
	}
	return out, nil
}

func (r *reader) utterances(s review.Stream) ([]review.Utterance, error) {
	type row struct {
		first  int64
		sealed []byte
	}
	var rows []row
	err := r.query("transcript", func(rs *sql.Rows) error {
		var x row
		err := rs.Scan(&x.first, &x.sealed)
		rows = append(rows, x)
		return err
	}, `SELECT first_seq, sealed FROM chunks WHERE stream_id = $1 ORDER BY first_seq`, s.ID)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	k, err := r.dataKey(s.SiteID, keyRef{string(s.RecordingID), classTranscript})
	if err != nil {
		return nil, err
	}
	out := make([]review.Utterance, 0, s.DurableSeq)
	for _, x := range rows {
		plain, err := k.Open(x.sealed, chunkPlace(s.ID, x.first))
		if err != nil {
			return nil, review.Errorf(review.KindInternal, "transcript: chunk %d of stream %s: %v", x.first, s.ID, err)
		}
		us, err := decodeChunk(plain)
		if err != nil {
			return nil, review.Errorf(review.KindInternal, "transcript: chunk %d of stream %s: %v", x.first, s.ID, err)
		}
		out = append(out, us...)
	}
	if int64(len(out)) != s.DurableSeq {
		return nil, review.Errorf(review.KindInternal, "transcript: stream %s has %d utterances, its row counts %d", s.ID, len(out), s.DurableSeq)
	}
	return out, nil
}

func decodeChunk(b []byte) ([]review.Utterance, error) {
	if len(b) == 0 || b[0] != chunkJSON {
		return nil, errors.New("an encoding this program does not know: use a newer one")
	}
	var us []review.Utterance
	if err := json.Unmarshal(b[1:], &us); err != nil {
		return nil, errors.New("it cannot be decoded")
	}
	return us, nil
}
