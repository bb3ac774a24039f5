// Package render turns a note into the bytes that are signed and written.
//
// [Text] makes the plain-text rendering that every signer is shown. It is a
// pure function: the same request gives the same bytes, on every machine.
// Nothing in it reads a clock, a locale or a map in random order.
//
// # Shape
//
// A rendering is a list of blocks joined by one blank line; [review.Part]
// says where each block stands. A block is a few lines, none of them empty:
//
//	head            document type, document number, revision, time of the visit
//	one per section title in capitals, then paragraphs or "- " lines
//	signatures      every signature so far, with the attestation as shown
//	AI assistance   who drafted, from what, and who reviewed
//
// The patient's name and record number are not in the text: they are in the
// envelope, where the destination checks them against its own record, and an
// EHR prints its own banner over every note. The document number is in the
// text, because some destinations keep no identifier and can only be asked
// for text ("Document number: ..." begins a line once, in the head).
//
// # What text can hold
//
// Text of a statement cannot leave its line. Controls, tabs, line and
// paragraph separators become spaces, runs of spaces become one, bidirectional
// overrides and other invisible format characters that could show a reader
// something else than is stored are dropped, invalid UTF-8 becomes U+FFFD, and
// all is in Unicode NFC. Everything else stays as it is: delimiters of HL7 and
// HTML are the business of the envelope.
package render
