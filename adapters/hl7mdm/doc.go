// Package hl7mdm writes notes as HL7 v2.5.1 MDM^T02 messages over MLLP.
//
// # What is written
//
// MSH EVN PID PV1 TXA and one OBX for each block of the stored rendering
// (HL7 v2.5.1 chapter 9 asks for one OBX per section). OBX-3 is the section's
// LOINC code; head, signatures and AI statement have local codes. OBX-5 is TX
// with a repetition for each line. Joined by blank lines the blocks are the
// rendering, byte for byte; the adapter proves that by decoding what it is
// about to send.
//
//	MSH-7, EVN-2   when the write-back was made: every attempt is the same bytes
//	MSH-10         Document.ControlID
//	PID-3          the patient's MR identifiers that are valid there
//	               (of Options.RecordAuthority, if that is set)
//	PV1-19         the visit number, where there is one (VisitAuthority)
//	TXA-2          from the LOINC type (table 0270: PR is a progress note, PN is not)
//	TXA-4, 6, 7    visit, recording and transcription
//	TXA-9, 10, 22  author; signers; signers with the time of each signature;
//	               by identifier (PractitionerAuthority), else by NPI
//	TXA-12         the document number
//	TXA-17         LA when every due signature is there, else AU
//	TXA-18, 19     confidentiality; AV
//
// # Outcomes
//
// Original mode: the answer comes on the same connection, one message is in
// flight. Only MSA-1 AA with MSA-2 equal to MSH-10 is a success.
//
//	AA                              accepted
//	CA                              committed
//	any refusal with 206            retry after [Options.BusyAfter]: record locked
//	AR, CE with 207 or no code      the same: "system down" (§2.9.2)
//	every other refusal             permanent, mllp_<code>_<ERR-3>
//	no answer, an answer that       unknown
//	cannot be read, is to another
//	message, or has another MSA-1
//	nothing left                    not arrived
//
// 207, application error, decides nothing under AE: AE says that the content
// is at fault, and receivers use 207 there for rules of their own.
//
// MDM has no query, so this adapter is neither a Finder nor a Verifier: an
// unknown write is repeated only at a destination that is declared safe for
// it, otherwise a person looks.
package hl7mdm
