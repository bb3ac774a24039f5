// Package adapters is the write-back contract and its engine.
//
// An [Adapter] makes one attempt to write one document to one destination
// and says what came of it. It never retries: the [Dispatcher] does, from
// the journal, in the order of a document family.
//
// # Outcomes
//
//   - nil: the destination has the document and said so. Success is only an
//     HTTP 2xx with an id, or MSA-1 AA with MSA-2 equal to our MSH-10.
//   - [CommittedError]: the interface has taken it (CA, HTTP 202) and its
//     application has not answered yet. Not in the chart.
//   - [PermanentError]: the same document will be refused again.
//   - [RetryAfterError]: certainly not arrived; try again after a while.
//   - [ErrUnknownOutcome]: it may have arrived. Nobody sends it again before
//     asking the destination or a person.
//   - any other error: certainly not arrived, safe to repeat.
//
// # What an adapter sends
//
// The stored rendering, byte for byte, inside an envelope it builds itself.
// It refuses a document whose rendering does not hash to what was stored,
// and reports the hash of what it wrote by decoding its own outgoing message.
//
// # Errors
//
// The text of an adapter's error is a fixed code and a hint for a person.
// It never holds a response body, a name or an identifier of a patient.
//
// # Before a signature
//
// The [Planner] says for each destination of a site in which format a note
// would go there and why it could not, from the destination's [Profile]:
// every refusal names what is missing and the way out. [Check] asks the same
// again when a document is about to be sent; every adapter calls it first.
//
// # After it
//
// The [Dispatcher] takes work from a [Journal], one document family at a
// time. It sends only while its lease outlasts the deadline of the attempt,
// gives an attempt that the process's end interrupts a few seconds to hear
// its answer, asks about a lost reply, and reads back what was accepted. "Not
// there" is believed after the destination's settling time and three answers:
// it may be slow. Attempts that did not arrive are repeated with exponential
// backoff and jitter for three days; a destination that fails again and again
// is left alone for a while and then tried by one probe. What only an
// interface has taken is asked about, or waited for, for an hour. What it
// cannot settle goes before a person. What it logs and counts is ids and
// fixed words. Destinations other than simulated ones get nothing.
//
// An adapter must come back when its context ends. The dispatcher treats a
// panic, and a context's error without a class, as an unknown outcome.
//
// # Writing an adapter
//
// Run package adaptertest's suite on it. Call [Check] before anything else,
// [CheckLoopback] at dial, and decide for each step whether bytes may have
// left: before that an error is [NotArrived], after it [Unknown].
package adapters
