// Package grounding checks a statement against the words it cites.
//
// Everything here is a pure function: same transcript, same statement, same
// flags. [Checker] is the seam that package review calls for every drafted
// statement before it is stored.
//
// # What is checked today
//
//   - no_evidence, blocking: a statement of origin ai that cites nothing, or
//     cites an utterance or a span that does not exist.
//   - number_not_said, blocking: a number of the statement that is in none of
//     the utterances it cites. A heading's numbers must be said somewhere in
//     the transcript, since a heading stands over several statements.
//
// Statements of other origins have no flags: what a clinician types is the
// clinician's, and chart and template text has its own source.
//
// # How numbers compare
//
// Both sides are read as speech. The statement's side is strict: every
// number a reader would see, whether written "40", "forty", "2.5", "120/80",
// "2-3", "3rd", "twice" or "bid". The transcript's side is generous: "one
// twenty" may be 120, or 1 and 20; "a week" is 1; "march" is 3. A wrong alarm
// on a signature costs more attention than it saves, so whatever a listener
// could have understood counts as said.
//
// Names that carry a digit (A1c, COVID-19, B12, SpO2) are no numbers. Levels
// such as L4 are compared like numbers: L4 must not become L5.
package grounding
