package review

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"
)

// AuditEvent is one line of the audit trail. It holds ids and fixed words,
// never content. Events of one chain are linked by hashes: one chain per
// encounter, and sixteen per site for administrative events.
type AuditEvent struct {
	Chain      string    `json:"chain"` // encounter id, or "site/NN"
	Seq        int64     `json:"seq"`   // from 1 in the chain
	SiteID     SiteID    `json:"site_id"`
	RecordedAt time.Time `json:"recorded_at"`
	Actor      string    `json:"actor"` // practitioner id, device id or "system"
	AuthMethod string    `json:"auth_method,omitempty"`
	Action     string    `json:"action"` // fixed wording: "note.sign"
	Entity     string    `json:"entity"` // "note/<id>"
	Outcome    string    `json:"outcome"`
	// Details are ids, digests, counts and fixed words.
	Details  map[string]string `json:"details,omitempty"`
	PrevHash Digest            `json:"prev_hash"`
	Hash     Digest            `json:"-"`
}

// Seal links the event to the head of its chain: it sets Seq, PrevHash and
// Hash. The hash is SHA-256 over the JSON of the event with sorted details.
func (e AuditEvent) Seal(head Digest, count int64) AuditEvent {
	e.Seq, e.PrevHash = count+1, head
	e.Hash = e.digest()
	return e
}

func (e AuditEvent) digest() Digest {
	e.RecordedAt = e.RecordedAt.UTC().Truncate(time.Microsecond)
	b, err := json.Marshal(e)
	if err != nil {
		panic("review: audit event cannot be encoded: " + err.Error()) // plain data always can
	}
	return sha256.Sum256(b)
}

// VerifyChain checks one chain against the head and count kept on its root
// row. Its errors name the first event that does not fit.
func VerifyChain(events []AuditEvent, head Digest, count int64) error {
	var prev Digest
	for i, e := range events {
		switch {
		case e.Seq != int64(i)+1:
			return fmt.Errorf("verify audit chain: event %d is missing: found %d in its place", i+1, e.Seq)
		case e.PrevHash != prev:
			return fmt.Errorf("verify audit chain: event %d does not follow the one before it", e.Seq)
		case e.digest() != e.Hash:
			return fmt.Errorf("verify audit chain: event %d was changed", e.Seq)
		}
		prev = e.Hash
	}
	if int64(len(events)) != count {
		return fmt.Errorf("verify audit chain: %d events, its root row counts %d: events were cut off", len(events), count)
	}
	if prev != head {
		return fmt.Errorf("verify audit chain: the last event is not the head of its root row")
	}
	return nil
}
