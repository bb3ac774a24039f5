// Package notegen turns a transcript into a draft note.
//
// # Parts
//
//   - [Drafter] is the seam: one conversation in, one draft out.
//   - [Worker] takes one note id from the queue, drafts and saves.
//   - notegen/extractive drafts without a model, offline and deterministic.
//   - notegen/openai drafts over Azure OpenAI or a compatible endpoint.
//   - notegen/grounding checks a statement against the words it cites. The
//     worker does not call it: package review does, inside SaveDraft and
//     Edit, so that no text reaches a note unchecked.
//   - notegen/templates holds the LOINC-coded sections and their order,
//     notegen/prompts the prompt text, notegen/spoken the reading of spoken
//     numbers.
//   - notegen/drafttest is the conformance suite every drafter passes.
//
// # Rules
//
// Every statement of origin ai cites the utterances it came from. A drafter
// never invents evidence to get past the check; a statement without evidence
// is kept and flagged, so that a person sees it.
//
// Errors carry a short code and no content, because codes are stored beside
// the note and written to logs.
package notegen
