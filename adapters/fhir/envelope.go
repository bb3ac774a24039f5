package fhir

import (
	"context"
	"errors"
	"net/url"
	"unicode/utf8"

	"countersign/adapters"
	"countersign/internal/fhirr4"
	"countersign/review"
)

// encode builds the resource around the stored rendering and proves, by
// decoding what will be sent, that the rendering is in it unchanged.
func (a *Adapter) encode(d review.Document, r refs) (body []byte, written review.Digest, err error) {
	if len(d.Rendering.Body) == 0 || !utf8.Valid(d.Rendering.Body) {
		return nil, written, adapters.Permanent("rendering_not_text", "the stored rendering is empty or not UTF-8")
	}
	body, err = a.codec.Encode(fhirr4.Build(a.envelope(d, r)))
	if err != nil {
		return nil, written, adapters.Permanent("fhir_invalid", "the note cannot be put into a valid DocumentReference: check the identifiers of author and destination")
	}
	data, err := fhirr4.Attachment(body)
	if err != nil {
		return nil, written, adapters.Permanent("fhir_invalid", "the outgoing message cannot be read back")
	}
	if written = review.DigestOf(data); written != d.Rendering.SHA256 {
		return nil, written, adapters.Permanent("rendering_altered", "the outgoing message does not hold the signed bytes")
	}
	return body, written, nil
}

func (a *Adapter) envelope(d review.Document, r refs) fhirr4.Envelope {
	number := fhirr4.Identifier{System: a.opts.IdentifierSystem, Value: d.DocumentNumber}
	e := fhirr4.Envelope{
		Identifier: number, Master: number, Final: d.Completed,
		Type:      fhirr4.Coding{System: fhirr4.SystemLOINC, Code: d.Type, Display: d.Title},
		PatientID: r.patient, EncounterID: r.encounter, CustodianID: a.opts.Custodian,
		Authors:     []fhirr4.Person{person(d.Author, d.Destination.ID)},
		Description: d.Title, Confidentiality: confidentiality(d.Confidential), AIAssisted: true,
		Date: d.CreatedAt, Start: d.StartedAt, End: d.EndedAt,
		ContentType: d.Rendering.Format, Title: d.Title, Creation: d.CreatedAt, Data: d.Rendering.Body, Hash: true,
	}
	if n := len(d.Signers); n > 0 && n == len(d.Signatures) {
		last := person(d.Signers[n-1], d.Destination.ID)
		e.Authenticator, e.Creation = &last, d.Signatures[n-1].SignedAt
	}
	return e
}

// confidentiality translates HL7 table 0272 to v3-Confidentiality, where
// usual control is N and U would mean that anybody may see it.
func confidentiality(c review.Confidentiality) string {
	if c == "" || c == review.ConfidentialityUsual {
		return "N"
	}
	return string(c)
}

func person(p review.Practitioner, dest review.DestinationID) fhirr4.Person {
	out := fhirr4.Person{Display: p.DisplayName()}
	if own, ok := adapters.IdentifierFor(p.Identifiers, dest, review.IdentifierFHIR); ok && fhirr4.ValidID(string(own.Value)) {
		out.ID = string(own.Value)
	} else if p.NPI != "" {
		out.Identifier = fhirr4.Identifier{System: fhirr4.SystemNPI, Value: p.NPI}
	}
	return out
}

// condition is the value of If-None-Exist, or empty where the server does not
// offer conditional create. A server that does not show what it can do is
// asked again with the next note.
func (a *Adapter) condition(ctx context.Context, d review.Document) (string, error) {
	offered := a.conditional.Load()
	if offered == nil {
		c, err := a.client.Capabilities(ctx)
		var status *fhirr4.StatusError
		switch {
		case errors.As(err, &status):
			return "", nil
		case err != nil:
			return "", a.before(err)
		}
		yes := c.ConditionalCreate("DocumentReference")
		offered = &yes
		a.conditional.Store(offered)
	}
	if !*offered {
		return "", nil
	}
	return url.Values{"identifier": {token(a.opts.IdentifierSystem, d.DocumentNumber)}}.Encode(), nil
}
