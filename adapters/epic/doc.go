// Package epic writes notes to Epic by DocumentReference.Create (Clinical
// Notes) (R4), API 1046, as its users have documented and measured it
// (standards note, section 1.1; software "Epic February 2026").
//
// # What is written
//
// Only what Epic is known to read: status, docStatus, type, category,
// subject, author, context.encounter and one text/plain attachment. Epic
// keeps no identifier, so the document number is found in the text. subject
// is a relative reference. Without an author Epic files under the background
// user of the client id, which would be a false signature: the author must
// have an Epic FHIR id.
//
// # Before it is written
//
// The encounter is read and its subject must be the patient. Encounters
// cannot be created; Encounter.Read has to be registered for the app.
//
// # Outcomes
//
// Epic has no conditional create and does not recognise a replay: an
// identical POST makes a second note. So nothing is sent again after an
// outcome that is not certain.
//
//	201 with an id in Location (relative) or body   accepted
//	429; 503 with Retry-After; 401                  retry after
//	other 4xx                                       permanent, epic_<59xxx> or epic_<status>
//	59141 duplicate record                          unknown: it is there, Find says where
//	202                                             committed
//	503 without Retry-After, other 5xx, 408,
//	2xx without an id, lost replies                 unknown
//	before the request left                         not arrived
//
// A 401 is certain: a request without a good token is not looked at. A 403
// has an empty body and means that the API is not on the app.
//
// # Reading back
//
// Epic gives a note back as text/html and text/rtf behind Binary URLs, never
// as it was written. [Adapter.Verify] compares the words. [Adapter.Find] reads
// every note of the encounter and looks for the line with our document number
// and the revision after it. It does not narrow the search by date or type:
// Epic sets both itself, and a note that is overlooked would be sent twice.
package epic
