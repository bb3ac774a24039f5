package prompts

import (
	"strings"
	"testing"
)

func TestID(t *testing.T) {
	t.Parallel()
	// Pinned: a draft names its prompt by this id, so it must not change from
	// one build to the next.
	if got := ID("a", "b"); got != "cf6ab613e394" {
		t.Errorf("the id of a and b is %q", got)
	}
	if got := ID(); len(got) != 12 {
		t.Errorf("the id of no prompt is %q, want 12 characters", got)
	}
	if ID("a", "b") == ID("ab") || ID("a", "b") == ID("a", "c") {
		t.Error("different prompts share an id")
	}
}

func TestDraftHasItsPlaceholder(t *testing.T) {
	t.Parallel()
	if strings.Count(Draft(), "{{SECTIONS}}") != 1 || strings.Count(Draft(), "{{") != 1 {
		t.Error("the drafter fills {{SECTIONS}} once and nothing else")
	}
}
