// Package mdm reads HL7 v2 MDM messages for the simulator EHR and writes their acknowledgments.
//
// It is the witness of the write-back path, so it shares no code with the gateway's own HL7 package: a mistake made there in escaping,
// in field numbers or in the order of segments must not be forgiven here by the same mistake.
//
// # Two readers
//
// [ReadStrict] is the receiver a careful interface team runs. It checks the abstract message structure segment by segment, lets
// github.com/kardianos/hl7 decode every field by its 2.5.1 data type, and then checks what that library leaves open: required fields,
// tables, lengths, the form of time stamps, the declared character set. The text of each OBX is taken apart twice, by the library and here
// (the library drops empty repetitions, which are the blank lines of a note), and a difference between the two is an error.
//
// [ReadLegacy] is the receiver found in an old interface engine. It reads with github.com/lenaten/hl7, which checks next to nothing, counts
// characters where it should count bytes (text outside ASCII is cut in the wrong place) and panics on some input. A panic is caught and
// becomes an application error, as it would in an engine that survives it.
//
// # Answers
//
// Every refusal is a [*Problem]: acknowledgment code, table 0357 code and the place, ready for an ERR segment. Problems never quote the
// value that was wrong, because it may be the patient's. [Header.Answer] builds the acknowledgment.
//
// The rules follow HL7 v2.5.1 chapters 2 (control) and 9 (medical records). All functions are pure and safe for concurrent use.
package mdm
