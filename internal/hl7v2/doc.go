// Package hl7v2 reads and writes the part of HL7 version 2 that Countersign puts on a wire: it parses any
// delimited message, reads acknowledgements, and builds MDM document messages.
//
// # Shape
//
// A [Message] is a list of [Segment]s; a segment is a name and its encoded fields. Nothing is decoded before it is
// asked for: [Segment.Get] finds field, repetition, component and subcomponent by the numbers the standard prints
// (all start at 1) and removes the escapes of that one value. Parsing an ACK costs a handful of allocations.
//
// # Text
//
// Values are escaped with \F\ \S\ \T\ \R\ \E\ and, for anything a segment or an MLLP frame cannot hold, \Xhh\
// (HL7 v2.5.1 §2.7). A carriage return, line feed, vertical tab or file separator is therefore never written raw,
// whatever the text is. A value that consists of two quotation marks would mean "delete what you stored"
// (§2.5.3); it is written as \X2222\ so that it cannot be said by accident.
//
// A block of text (data type TX) is written as one repetition for each line ([AppendTX]) and read back by
// [DecodeText]. For every text whose line ends are "\n" the two are exact inverses, blank lines and trailing blanks
// included: what was signed can be compared byte for byte with what is about to leave.
//
// # Documents
//
// [MDM] holds one document notification for triggers T02, T04, T06, T08, T10 and T11 (chapter 9). [MDM.Validate]
// names every faulty field and its table at once; [MDM.Append] writes the message; [MDMText] finds the text again.
// Acknowledgements are asked for in original mode: MSH-15 and MSH-16 stay blank and the reply comes on the same
// connection.
//
// # Acknowledgements
//
// [ParseACK] reads MSA and ERR; [ACK.Disposition] says what the answer means for a sender. Both MSA-1 and MSA-2
// must be looked at: an answer to another message ([ACK.Answers] false) says nothing about ours.
//
// # Limits and safety
//
// The parser refuses messages above fixed limits ([Parser]) and never panics; results are zero on error. Error texts
// and [Text] values carry no message content, so they can be logged. Parsed messages share memory with the input:
// the caller must not change it while the message is in use. All functions are safe for concurrent use; values are
// not, when one goroutine changes them.
package hl7v2
