// Package review is the domain of Countersign: encounters, recordings,
// transcripts, notes, signatures, write-backs, and the rules between them.
//
// It imports only the standard library. Everything it needs from outside is
// a small interface in seams.go (Store, Sealer, Signer, Grounder, Planner,
// WorkPublisher, Authenticator, Clock), implemented elsewhere and wired in
// cmd/countersign.
//
// # The seven promises
//
// docs/design.md lists them; three of them live here.
//
//   - Acked means on disk: [Service.Append] returns after the commit.
//   - What is signed is what is written: [Service.Sign] stores the exact
//     bytes for each destination in the signing transaction, and
//     [Service.Claim] hands out those bytes and no others.
//   - No illegal step is possible: [Next] and [NextWriteBack] are pure
//     functions. The store repeats them as a guard in every UPDATE and as a
//     trigger generated from the same tables.
//
// # Shape
//
// One noun, one file. A use case is a method of [Service]; it reads, decides
// with pure functions, and writes everything that belongs together (state,
// audit event, owed work) in one call of Store.Write. Work is published to
// the queue after the commit; a sweep publishes it again if that is lost.
//
// # PHI
//
// Clinical text is a [ClinicalText], which prints as [redacted] in fmt and
// slog. Errors carry ids, kinds and field names, never content.
package review
