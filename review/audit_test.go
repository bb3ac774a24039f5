package review

import (
	"testing"
	"time"
)

func chain(n int) (events []AuditEvent, head Digest) {
	for i := range n {
		e := AuditEvent{
			Chain: "e", SiteID: "s", RecordedAt: time.UnixMicro(int64(i) * 1_000_001).UTC(), Actor: "p", Action: "note.view",
			Entity: "note/n", Outcome: "success", Details: map[string]string{"b": "2", "a": "1"},
		}.Seal(head, int64(i))
		events, head = append(events, e), e.Hash
	}
	return events, head
}

func TestVerifyChain(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		damage func(ev []AuditEvent) []AuditEvent
		ok     bool
	}{
		"OK":            {func(ev []AuditEvent) []AuditEvent { return ev }, true},
		"ErrChanged":    {func(ev []AuditEvent) []AuditEvent { ev[2].Outcome = "failure"; return ev }, false},
		"ErrDetail":     {func(ev []AuditEvent) []AuditEvent { ev[2].Details = map[string]string{"a": "1"}; return ev }, false},
		"ErrRemoved":    {func(ev []AuditEvent) []AuditEvent { return append(ev[:2], ev[3:]...) }, false},
		"ErrCutOff":     {func(ev []AuditEvent) []AuditEvent { return ev[:4] }, false},
		"ErrSwapped":    {func(ev []AuditEvent) []AuditEvent { ev[1], ev[2] = ev[2], ev[1]; return ev }, false},
		"ErrLastRehash": {func(ev []AuditEvent) []AuditEvent { ev[4].Actor = "q"; ev[4].Hash = ev[4].digest(); return ev }, false},
		"ErrTimeChanged": {func(ev []AuditEvent) []AuditEvent {
			ev[0].RecordedAt = ev[0].RecordedAt.Add(time.Microsecond)
			return ev
		}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ev, head := chain(5)
			if err := VerifyChain(tt.damage(ev), head, 5); (err == nil) != tt.ok {
				t.Errorf("VerifyChain = %v", err)
			}
		})
	}
}
