// Package mllp carries HL7 v2 messages over TCP with the Minimal Lower Layer Protocol, release 1.
//
// # Framing
//
// A frame is 0x0B, the message, 0x1C 0x0D. [WriteFrame] writes one with a single Write; [Reader] reads them and is
// tolerant: bytes before a start are skipped and the last carriage return may be missing. A message can hold neither
// 0x0B nor 0x1C, so a start inside a frame is an error, not a second chance: half a message is never handed out.
//
// # Client
//
// A [Client] holds one connection and has one message in flight; HL7 asks a sender to wait for the answer before the
// next message. [Client.Send] writes a message and waits for the reply on the same connection. After any error or
// time-out the connection is closed, so that a late answer cannot be taken for the answer to the next message. It
// never sends anything twice. Its errors say what a caller must know before repeating a message:
//
//   - [NotSentError]: no byte of the message can have left. Safe to send again.
//   - [UnknownError]: bytes may have left and no answer came. The receiver may have the message.
//
// A reply is only bytes. Whether it is an answer to this message, and a good one, stands in its MSA segment; a caller
// that finds an answer to something else calls [Client.Reset].
//
// A block that holds nothing but 0x06 or 0x15 is a commit answer of MLLP release 2. It is not an HL7 answer: Send
// goes on waiting and reports the last one seen in UnknownError.
//
// # Server
//
// A [Server] hands each frame to a [Handler] and writes what it returns, one frame after the other on a connection.
// Idle, frame and write time-outs, frame size and the number of connections are limited. Shutdown lets handlers that
// run finish and answer.
//
// # Logs
//
// No error of this package carries message bytes. MLLP has no encryption and no identity of its own: give a TLS
// configuration on any network that is not loopback.
package mllp
