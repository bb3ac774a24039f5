// Package extractive drafts a note without a model: offline, deterministic,
// within milliseconds, and with a source for every sentence.
//
// # How
//
// The words of each utterance are cleaned (fillers, stutters, broken-off
// words) and cut into sentences. Swapped speaker labels are put right by how
// people talk. Questions are paired with their answers. Each piece gets a
// part of the note by rules mixed with linear weights, and is rewritten: the
// patient becomes the third person, contractions are written out, spoken
// numbers become digits, a question with "no" becomes a denial. The review of
// systems comes from the polarity of symptoms; findings are grouped by
// system, the plan by problem.
//
// # What it never does
//
// It writes no sentence without words somebody said; the only fixed wording
// is headings and the frames around copied words. Words of another patient in
// the room reach nothing. What a caregiver says is attributed. A relative's
// disease is not the patient's. "Fever or chills?" answered "yes" is dropped,
// because which one is not known. The agreement line stands only where the
// patient assented.
//
// Only a plain no denies, and only what was asked for or the answer names. A
// no that goes on with "just", "but", a finding or a repair is written with
// what it reports, or quoted. What is reported anywhere is denied nowhere.
// What is cut off, asks, or says nothing clinical is dropped by the last
// gate and listed as an omission where it held a finding.
//
// # What it is not
//
// It copies; it does not understand. It reads English only. Its drafts need
// more language edits than a model's.
package extractive
