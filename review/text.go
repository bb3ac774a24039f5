package review

import (
	"fmt"
	"log/slog"
)

// ClinicalText is text that may hold PHI: what was said, what was drafted,
// names. It prints as [redacted] through fmt and slog, so that it cannot
// reach a log or an error by accident. Convert it with string(t) where the
// text itself is wanted; encoding/json writes the text itself.
type ClinicalText string

const redacted = "[redacted]"

// Format implements [fmt.Formatter] for every verb.
func (t ClinicalText) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// LogValue implements [slog.LogValuer].
func (t ClinicalText) LogValue() slog.Value { return slog.StringValue(redacted) }
