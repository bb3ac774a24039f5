package sqlstore_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"countersign/internal/keyring"
	"countersign/review"
	"countersign/review/sqlstore"
)

// appenderVariable makes the test binary append to the journal it names,
// printing what was acknowledged, until it is killed.
const appenderVariable = "COUNTERSIGN_TEST_APPENDER"

const appenders = 8

func killOptions(path string, k review.Sealer) sqlstore.Options {
	return sqlstore.Options{Driver: sqlstore.SQLite, Path: path, EnvironmentID: "test", Sealer: k}
}

func appender(path string) {
	fail := func(err error) {
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
	}
	k, err := keyring.Open(path + ".key")
	fail(err)
	s, err := sqlstore.Open(context.Background(), killOptions(path, k))
	fail(err)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range appenders {
		wg.Go(func() {
			for seq := int64(0); ; seq++ {
				fail(s.Write(context.Background(), func(tx review.Tx) error {
					return tx.AppendChunk(streamOf(i), 1, seq, []review.Utterance{{Seq: seq + 1, Text: "words", Speaker: review.Speaker{Role: review.RolePatient}}})
				}))
				mu.Lock()
				fmt.Printf("acked %d %d\n", i, seq+1)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

func streamOf(i int) review.StreamID { return review.StreamID(fmt.Sprintf("stream%d", i)) }

func recordingOf(i int) review.RecordingID { return review.RecordingID(fmt.Sprintf("recording%d", i)) }

// TestKill kills a process with SIGKILL while it appends, several times over:
// every append it acknowledged is there afterwards, and the next process goes
// on from there.
func TestKill(t *testing.T) {
	t.Parallel()
	for round := range 3 {
		path := filepath.Join(t.TempDir(), "journal.db")
		k, err := keyring.Create(path + ".key")
		if err != nil {
			t.Fatal(err)
		}
		s := mustOpen(t, killOptions(path, k))
		if err := s.Write(t.Context(), openStreams); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		acked := killAfter(t, path, 200+300*round)
		s = mustOpen(t, killOptions(path, k))
		for i := range appenders {
			var words review.Transcript
			var st review.Stream
			if err := s.Read(t.Context(), func(r review.Reader) (err error) {
				if words, err = r.Transcript(recordingOf(i)); err == nil {
					st, err = r.Stream(streamOf(i))
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
			got := int64(len(words.Streams[0].Utterances))
			if got < acked[i] || got != st.DurableSeq {
				t.Errorf("round %d, stream %d: %d acknowledged, %d there, %d durable", round, i, acked[i], got, st.DurableSeq)
			}
			// At most the one append whose answer was still under way is more.
			if got > acked[i]+1 {
				t.Errorf("round %d, stream %d: %d acknowledged, %d there: something was doubled", round, i, acked[i], got)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func openStreams(tx review.Tx) error {
	if err := tx.PutSite(review.Site{ID: "main"}); err != nil {
		return err
	}
	enc := review.Encounter{ID: "enc", SiteID: "main", Class: review.ClassAmbulatory}
	if err := tx.InsertEncounter(enc); err != nil {
		return err
	}
	for i := range appenders {
		rec := review.Recording{
			ID: recordingOf(i), SiteID: "main", EncounterID: "enc", DeviceID: "d", ClientID: fmt.Sprint(i), State: review.RecordingOpen,
		}
		if err := tx.InsertRecording(rec); err != nil {
			return err
		}
		st := review.Stream{ID: streamOf(i), RecordingID: rec.ID, SiteID: "main", Epoch: 1, State: review.StreamOpen}
		if err := tx.InsertStream(st); err != nil {
			return err
		}
	}
	return nil
}

// killAfter runs an appender, kills it after n acknowledgements, and returns
// the last one of each stream.
func killAfter(t *testing.T, path string, n int) (acked [appenders]int64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), appenderVariable+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for count := 0; lines.Scan(); count++ {
		var i int
		var seq int64
		if strings.HasPrefix(lines.Text(), "error") {
			t.Errorf("appender: %s", lines.Text())
			break
		}
		if _, err := fmt.Sscanf(lines.Text(), "acked %d %d", &i, &seq); err != nil {
			continue // cut off by the kill
		}
		acked[i] = seq
		if count == n {
			cmd.Process.Kill() // the rest of the pipe is still read: it was acknowledged
		}
	}
	cmd.Wait()
	return acked
}
