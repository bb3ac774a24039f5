// Package prompts holds the fixed text that is sent to models. It is
// embedded, so that a binary and its prompts cannot drift apart, and every
// draft carries the id of the prompt that made it.
package prompts

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
)

//go:embed draft.txt
var draft string

// Draft is the system prompt for drafting a note. {{SECTIONS}} stands where
// the drafter puts the sections it asks for.
func Draft() string { return draft }

// ID names prompt text and everything else that is fixed in a request: the
// first 12 hex characters of SHA-256 over the parts, each with its length.
func ID(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		var n [8]byte
		for i := range n {
			n[i] = byte(len(p) >> (8 * i))
		}
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}
