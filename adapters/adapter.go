package adapters

import (
	"context"

	"countersign/review"
)

// Adapter writes documents to one destination.
//
// WriteBack makes one attempt and blocks until it knows the outcome or ctx
// ends; ctx always has a deadline. It may be called concurrently for
// different document families, never for one family. It keeps nothing of the
// document after it returns. Its errors are those of the package comment.
type Adapter interface {
	WriteBack(ctx context.Context, d review.Document) (review.Receipt, error)
	// Profile says what the destination can do. It is constant.
	Profile() Profile
}

// Finder is an adapter whose destination can be asked whether a document is
// there, by identifier where it keeps one, else by the document number
// printed in the text.
type Finder interface {
	// Find returns found=false only when the destination answered and does
	// not have the document. An error means it could not be asked.
	Find(ctx context.Context, d review.Document) (r review.Receipt, found bool, err error)
}

// Verifier is an adapter whose destination can be read back.
type Verifier interface {
	// Verify fetches the document that r names and compares it with the
	// stored rendering, after normalising what the destination is known to
	// change (line ends, trailing space, HTML of a text note).
	Verify(ctx context.Context, d review.Document, r review.Receipt) (review.Verification, error)
}

// Profile is what a destination can do. It is asked before a signature.
type Profile struct {
	// Formats are the rendering formats it takes, best first.
	Formats []string
	// Actions it can carry out by itself.
	Actions []review.WriteAction
	// EncounterRequired: a note without an encounter known at the
	// destination is refused.
	EncounterRequired bool
	// PatientIdentifier and EncounterIdentifier name the identifier types it
	// needs, such as FHIR or MR; empty for any.
	PatientIdentifier   string
	EncounterIdentifier string
	// AuthorIdentifier names the identifier type the author must have there.
	AuthorIdentifier string
	// Types are the LOINC document types it takes; empty for all.
	Types []string
	// Marks are the confidentiality levels it keeps; empty means U only.
	Marks []review.Confidentiality
	// MaxBytes is the largest rendering; 0 for no limit known.
	MaxBytes int
	// KeepsIdentifier: the document number can be searched for.
	KeepsIdentifier bool
	// SafeCreate: the destination itself refuses a second create of the same
	// document in one atomic step, also against one that is still under way;
	// then a "not found" is believed at once. A hard link to a name is such a
	// step. FHIR's If-None-Exist is not: R4 promises nothing about two creates
	// at once, and a server that answers from an index which lags behind, or
	// that files from a queue, takes both.
	SafeCreate bool
}

// Can reports whether the destination can carry out the action.
func (p Profile) Can(a review.WriteAction) bool {
	for _, x := range p.Actions {
		if x == a {
			return true
		}
	}
	return false
}
