package hl7v2

import (
	"fmt"
	"io"
	"log/slog"
)

// Text is text of a peer that may name a patient. It prints as [redacted] with every fmt verb, in slog and in JSON;
// [Text.Reveal] gives it out for storing or showing it to someone who may see it.
type Text string

const redacted = "[redacted]"

// Reveal returns the text itself.
func (t Text) Reveal() string { return string(t) }

// String returns a fixed placeholder.
func (t Text) String() string { return redacted }

// Format writes the placeholder whatever the verb is.
func (t Text) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns the placeholder.
func (t Text) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns the placeholder.
func (t Text) MarshalText() ([]byte, error) { return []byte(redacted), nil }
