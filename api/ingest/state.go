package ingest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// clientState is what a client must not forget when its process dies: how to
// come back, and what it may stop sending. It holds ids and a token, no words.
type clientState struct {
	Version     int    `json:"v"`
	SiteID      string `json:"site_id"`
	DeviceID    string `json:"device_id"`
	RecordingID string `json:"recording_id"` // as in the visit
	// Attempt counts the ids tried for a recording whose Start was never
	// answered; the id sent is RecordingID with ".2", ".3", … after the first.
	Attempt     int       `json:"attempt"`
	Asked       bool      `json:"asked"` // a Start may have reached the server
	StartedAt   time.Time `json:"started_at"`
	ResumeToken []byte    `json:"resume_token,omitempty"`
	ServerID    string    `json:"server_recording_id,omitempty"`
	StreamID    string    `json:"stream_id,omitempty"`
	Acked       int64     `json:"acked"`
	Ended       bool      `json:"ended"`
	NoteIDs     []string  `json:"note_ids,omitempty"`
}

// loadState reads the state file of a visit, or begins one. An empty path
// keeps nothing.
func loadState(path string, v Visit, startedAt time.Time) (clientState, error) {
	fresh := clientState{Version: 1, SiteID: v.SiteID, DeviceID: v.DeviceID, RecordingID: v.RecordingID, Attempt: 1, StartedAt: startedAt.UTC()}
	if path == "" {
		return fresh, nil
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fresh, nil
	} else if err != nil {
		return fresh, fmt.Errorf("read state file: %w", err)
	}
	var st clientState
	if err := json.Unmarshal(b, &st); err != nil || st.Version != 1 {
		return fresh, errors.New("read state file: not a state file of this version: move it away to begin anew")
	}
	if st.SiteID != v.SiteID || st.DeviceID != v.DeviceID || st.RecordingID != v.RecordingID {
		return fresh, errors.New("read state file: it belongs to another recording: use one state file per recording")
	}
	return st, nil
}

// save replaces the file as a whole, readable by its owner only. sync waits
// until it is on disk: for what cannot be asked of the server again.
func (st clientState) save(path string, sync bool) error {
	if path == "" {
		return nil
	}
	b, err := json.Marshal(st)
	if err != nil {
		return fmt.Errorf("write state file: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".countersign-stream-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write state file: %w", err)
	}
	defer os.Remove(f.Name()) // fails after the rename, as it should
	_, err = f.Write(b)
	if err == nil && sync {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write state file: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("write state file: %w", err)
	}
	return nil
}

func (st clientState) clientID() string {
	if st.Attempt <= 1 {
		return st.RecordingID
	}
	suffix := fmt.Sprintf(".%d", st.Attempt)
	return st.RecordingID[:min(len(st.RecordingID), 64-len(suffix))] + suffix
}
