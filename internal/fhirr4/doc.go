// Package fhirr4 is a small FHIR R4 client and the builder and reader of the
// one resource that Countersign writes: DocumentReference.
//
// # Client
//
// A [Client] talks to one base URL. It makes one attempt for each call and
// says exactly how far it came: an answer of any status is a [Response], and
// everything else is a [TransportError] whose MaySent is false only when the
// server cannot have read the request. That bit decides whether a document
// may be sent again.
//
//   - Every address is checked after name resolution, before the connection
//     is opened ([Options.CheckAddress]).
//   - Redirects are never followed, proxies never used: the token goes to the
//     base URL's host and nowhere else (SMART App Launch, best practices).
//   - Searches are POST [type]/_search, so that identifiers stay out of URLs
//     and access logs (FHIR R4 http.html, search).
//   - Creates use a connection of their own. One that was kept may be closing
//     just then, and nobody could tell what became of the request.
//   - Bodies are read up to a limit and never become part of an error. Of an
//     OperationOutcome only codes and expressions are kept.
//
// # Resources
//
// [Build] makes a DocumentReference with the google/fhir protos, [Encode]
// writes JSON and validates what it wrote with the same library, and
// [Attachment] reads the attachment back out of outgoing bytes, so that the
// hash of what left is taken from what left. What servers answer is read
// leniently, with encoding/json: real servers leave out much.
//
// [PlainText] reduces text/plain, text/html and text/rtf to words, to compare
// what was written with what a chart gives back.
package fhirr4
