// Package ingest takes what is said in a visit from scribe devices: the gRPC
// service TranscriptIngest of proto/countersign/v1/ingest.proto, and a client
// for device makers and our own command line. proto/README.md is the page for
// those who write a device.
//
// # The promise
//
// An Ack is sent after the transaction that holds the utterances has
// committed, and never before. Nothing in this package keeps an utterance
// that the journal has not: when a call ends, whatever was not acknowledged
// is forgotten and the device sends it again.
//
// # One call
//
// Two goroutines serve a call. The reader receives messages into a bounded
// inbox; the handler takes everything that has gathered, stores it with one
// Append, and then acknowledges. While a commit is under way more gathers, so
// a slow disk makes larger batches by itself. A full inbox stops the reader,
// and HTTP/2 flow control then stops the device. Memory per call is at most
// Options.Window utterances and Options.MaxBytes bytes, one more message of at
// most 1 MiB, and the flow-control window.
//
// # Holes, repeats, ends
//
//   - A repeat is absorbed. Other content under a number that this call has
//     sent is CONFLICTING_CONTENT; what earlier calls sent is not compared.
//   - A hole is answered with one ResumePoint. What arrives after the hole is
//     dropped. When more than Options.Window messages, or two Ends, arrive and
//     the missing one is not among them, the call ends with SEQUENCE_GAP.
//   - End with utterances missing is answered like a hole.
//   - A call that resumes a stream shuts the older one out, at once when both
//     are on this replica and with its next commit when not.
//
// # What is refused for now
//
// The domain keeps one stream per recording, one author and first readings
// only. HandOver, corrections, a second stream that joins a recording, and a
// practitioner named by NPI are refused with what to do instead; nothing is
// dropped silently. Pause and Resume are points at which everything before is
// on disk; the interruption itself is not kept. Prefix and suffix of a
// patient's name are not kept.
//
// # Devices
//
// [Options].DeviceAuth says which device calls and binds it to one [Device]
// Site, and to some of its practitioners if that is wanted. A Start for
// another site or practitioner, and one that resumes at another site, is
// refused as UNKNOWN_SITE or UNKNOWN_PRACTITIONER whether those exist or not.
//
// # PHI
//
// Logs and refusals name ids, fields and kinds. The state file of [Client]
// holds ids and a token. Interim text goes to [Options].Live and nowhere else.
package ingest
