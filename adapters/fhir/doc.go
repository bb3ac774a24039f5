// Package fhir writes notes to a FHIR R4 server as DocumentReference
// (US Core clinical notes).
//
// # What is written
//
// One POST of a resource with the stored rendering as its only attachment.
// The document number is masterIdentifier and identifier, in the system of
// [Options.IdentifierSystem]: it is how a lost reply is cleared up later, and
// the value of If-None-Exist where the CapabilityStatement offers conditional
// create. Confidentiality U of HL7 table 0272 is N in FHIR (v3 "U" means
// unrestricted). The label AIAST stands on the resource and in securityLabel.
//
// # Before it is written
//
// Patient and encounter are the destination's own ids, or are searched by
// identifier each time and never remembered; no match and several matches are
// refused. The encounter is read and its subject must be the patient: a note
// cannot reach another patient's encounter.
//
// # Outcomes
//
//	200, 201 with an id        accepted; the id comes from Location, the body,
//	                           or a search by identifier, else unknown
//	200 of conditional create  accepted only if the document there holds our text
//	202                        committed
//	401, 429, 503              retry after (Retry-After, else Options.BusyAfter)
//	408, 5xx, lost replies     unknown
//	3xx, other 4xx             permanent, fhir_<status>_<issue code>
//	before the request left    not arrived
//
// A 401 is about our credential: nothing was read, and the token is dropped.
// A 403 is permanent: a permission is missing that somebody has to give.
package fhir
