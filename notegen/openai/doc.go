// Package openai drafts a note with a language model behind Azure OpenAI or
// a compatible endpoint.
//
// # What leaves the house
//
// The words of the utterances, the speakers' roles, the patient's sex and
// age. No id, no speaker label, no demographics from the header; the
// patient's name, where it is spoken, is replaced before the call and put
// back afterwards. Utterances of another patient in the room are not sent.
//
// It leaves only for a deployment in the register of covered deployments
// (45 CFR 164.504(e): a business associate contract), whose entry has not
// expired. That is checked when the drafter is made, before every request,
// and against the address of every request. A loopback endpoint needs no
// entry, but must be allowed. Redirects are not followed.
//
// # What comes back
//
// The answer follows a strict JSON schema. The transcript is numbered and
// fenced by a random mark; a statement cites utterance numbers. A number that
// does not exist is dropped, and a statement that is left without evidence is
// kept for the check to flag. Everything else that does not fit is an error
// with a code: an answer that was cut off, filtered, refused, empty or
// malformed is never a draft.
//
// # Retries
//
// 429, 408, 409 and 5xx are repeated within one call, with exponential waits
// or after the server's Retry-After, until MaxElapsed or ctx ends. A longer
// Retry-After is handed to the caller as notegen.RetryAfterError.
package openai
