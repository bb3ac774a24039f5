package adaptertest

import (
	"log/slog"
	"testing"
	"time"

	"countersign/adapters"
	"countersign/review"
)

// Fault is a way in which a destination misbehaves. It lasts until the end of
// the case.
type Fault string

// Faults of a destination.
const (
	// FaultRefuse: it answers that it will never take the document, and does
	// not keep it.
	FaultRefuse Fault = "refuse"
	// FaultBusy: it answers that it is busy, with Harness.BusyAfter as hint,
	// and does not keep the document.
	FaultBusy Fault = "busy"
	// FaultDrop: it receives the whole document, keeps it, and closes the
	// connection without an answer.
	FaultDrop Fault = "drop"
	// FaultSilent: it receives the whole document and never answers, while
	// the connection stays open. Whether it keeps it is its own affair.
	FaultSilent Fault = "silent"
	// FaultEdit: somebody changes the words of what it holds. It is applied
	// after a document has arrived.
	FaultEdit Fault = "edit"
)

// Received is one document that the destination holds, as decoded at its end
// (base64 or HL7 escapes undone, OBX blocks joined by a blank line).
type Received struct {
	Text           []byte
	DocumentNumber string // of the envelope; empty where it keeps none
}

// Harness is an adapter, its fake destination and the destination's controls.
type Harness struct {
	Adapter adapters.Adapter
	// Destination is what documents are addressed to; its ID is also the
	// Destination of the document's FHIR identifiers.
	Destination review.Destination
	// Prepare may change a document and tell the destination about its
	// patient and encounter, before the document is written. Optional. It is
	// called once for each document, one at a time.
	Prepare func(d *review.Document)
	// Received lists what the destination holds. It may be called at any time.
	Received func() []Received
	// Faults turn on a fault. A missing one skips its case.
	Faults map[Fault]func()
	// BusyAfter is the hint that FaultBusy answers with; 0 where the
	// protocol has no hint: then any error that says "not arrived" will do.
	BusyAfter time.Duration
	// Unreachable is the same adapter for a loopback address where nobody
	// listens, or a directory that is not there. Nil skips its cases.
	Unreachable adapters.Adapter
	// Remote makes the same adapter for a host (an IP literal, not loopback):
	// it must be refused by New or by WriteBack, before anything is sent. Nil
	// skips the case; only filedir may.
	Remote func(host string) (adapters.Adapter, error)
}

// Make makes a fresh harness. The adapter must log to log and to nothing
// else. What has to be closed is closed by t.Cleanup.
type Make func(t *testing.T, log *slog.Logger) *Harness
