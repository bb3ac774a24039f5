package sqlstore_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/review"
	"countersign/review/sqlstore"
)

// BenchmarkWrite measures commits on both databases beside what the disk and
// SQLite alone give in the same run: the metrics named x_… are ratios to
// those. Append is what ingest does: one chunk of one utterance.
func BenchmarkWrite(b *testing.B) {
	for _, driver := range []string{sqlstore.SQLite, sqlstore.Postgres} {
		b.Run(driver, func(b *testing.B) {
			o := sqliteOptions(b)
			if driver == sqlstore.Postgres {
				o = postgresOptions(b)
				o.MaxConns = 16
			}
			s := mustOpen(b, o)
			b.Cleanup(func() { s.Close() })
			streams := benchStreams(b, s, 256)
			fsyncs, commits := rawFsync(b), rawCommits(b)
			b.Logf("raw: %.0f fsync/s, %.0f SQLite commits/s", fsyncs, commits)
			for _, writers := range []int{1, 16, 256} {
				b.Run(fmt.Sprintf("append/writers=%d", writers), func(b *testing.B) {
					rate := benchAppend(b, s, streams[:writers])
					b.ReportMetric(rate, "commits/s")
					b.ReportMetric(rate/fsyncs, "x_fsync")
					b.ReportMetric(rate/commits, "x_sqlite")
				})
			}
		})
	}
}

// benchStream is a stream and how far it is.
type benchStream struct {
	id  review.StreamID
	seq int64
}

func benchStreams(b *testing.B, s *sqlstore.Store, n int) []*benchStream {
	b.Helper()
	out := make([]*benchStream, n)
	if err := s.Write(b.Context(), func(tx review.Tx) error {
		if err := tx.PutSite(review.Site{ID: "main"}); err != nil {
			return err
		}
		if err := tx.InsertEncounter(review.Encounter{ID: "enc", SiteID: "main", Class: review.ClassAmbulatory}); err != nil {
			return err
		}
		for i := range out {
			rec := review.Recording{
				ID: review.NewID[review.RecordingID](), SiteID: "main", EncounterID: "enc", DeviceID: "d", ClientID: fmt.Sprint(i), State: review.RecordingOpen,
			}
			if err := tx.InsertRecording(rec); err != nil {
				return err
			}
			out[i] = &benchStream{id: review.NewID[review.StreamID]()}
			if err := tx.InsertStream(review.Stream{ID: out[i].id, RecordingID: rec.ID, SiteID: "main", Epoch: 1, State: review.StreamOpen}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	return out
}

// benchAppend makes b.N appends with one writer for each stream and returns
// appends a second.
func benchAppend(b *testing.B, s *sqlstore.Store, streams []*benchStream) float64 {
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ResetTimer()
	for _, st := range streams {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				err := s.Write(b.Context(), func(tx review.Tx) error {
					return tx.AppendChunk(st.id, 1, st.seq, []review.Utterance{{
						Seq: st.seq + 1, Speaker: review.Speaker{Role: review.RolePatient}, Text: "I have had this cough for about two weeks now.", End: time.Second,
					}})
				})
				if err != nil {
					b.Error(err)
					return
				}
				st.seq++
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	return float64(b.N) / b.Elapsed().Seconds()
}

// rawFsync is how many 4 kB appends with fsync the disk does in a second.
func rawFsync(b *testing.B) float64 {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "raw"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	page := make([]byte, 4096)
	return rate(b, func() error {
		if _, err := f.Write(page); err != nil {
			return err
		}
		return f.Sync()
	})
}

// rawCommits is how many one-row commits SQLite alone does in a second with
// the same settings.
func rawCommits(b *testing.B) float64 {
	b.Helper()
	db := rawDB(b, "sqlite", "file:"+filepath.Join(b.TempDir(), "raw.db")+"?_pragma=journal_mode(wal)&_pragma=synchronous(full)")
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB NOT NULL)`); err != nil {
		b.Fatal(err)
	}
	st, err := db.Prepare(`INSERT INTO t (b) VALUES ($1)`)
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	row := make([]byte, 200)
	return rate(b, func() error { _, err := st.Exec(row); return err })
}

// rate runs fn for half a second.
func rate(b *testing.B, fn func() error) float64 {
	b.Helper()
	start, n := time.Now(), 0
	for time.Since(start) < 500*time.Millisecond {
		if err := fn(); err != nil {
			b.Fatal(err)
		}
		n++
	}
	return float64(n) / time.Since(start).Seconds()
}
