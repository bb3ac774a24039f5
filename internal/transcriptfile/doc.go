// Package transcriptfile reads a finished transcript from a file.
//
// Four formats are told apart by their first bytes:
//
//   - JSON lines, one utterance per line:
//     {"speaker": "doctor", "start_ms": 0, "end_ms": 900, "text": "…"}.
//     speaker is a role, one of its usual names ("doctor", "patient_guest"),
//     or an object {"role", "label", "practitioner_id", "confidence"}.
//     Optional: seq (1, 2, 3 …), language (BCP 47), final (false is skipped).
//     start and end, as text such as "1.5s" or as nanoseconds, may stand for
//     start_ms and end_ms.
//   - Plain turns: "[doctor] …", "[patient] …", "[patient_guest] …"; a turn
//     may span lines.
//   - WebVTT (W3C, "WebVTT: The Web Video Text Tracks Format"), with the
//     speaker in a voice span <v Doctor>.
//   - The transcript JSON of AWS HealthScribe (Conversation.TranscriptSegments).
//
// The result is always utterances 1, 2, 3 … with non-empty text and times
// that do not run backwards. Where the file has no times they are made up
// from the number of words, at 150 words a minute.
//
// Errors name the format, the line and what to do. They hold no content.
package transcriptfile
