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
package adapters
