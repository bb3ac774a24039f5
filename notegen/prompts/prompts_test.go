package prompts

import (
	"strings"
	"testing"
)

func TestID(t *testing.T) {
	t.Parallel()
	if ID("a", "b") != ID("a", "b") || len(ID()) != 12 {
		t.Error("ids are not stable")
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
