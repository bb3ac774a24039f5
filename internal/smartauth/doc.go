// Package smartauth gets tokens by SMART on FHIR.
//
// [Backend] is the client of SMART Backend Services (SMART App Launch 2.2,
// backend-services and client-confidential-asymmetric): client_credentials
// with a private_key_jwt. It signs with RS384 or ES384, uses every assertion
// once, keeps the token until shortly before it ends, and asks once for
// however many callers wait.
//
// Epic documents no scope parameter for backend clients and returns the
// client's full set whatever is asked; leave Scope empty there. A new client
// id or a change of its API list takes 30 to 60 minutes at Epic, during which
// invalid_client is normal: a [TokenError] is therefore always worth another
// try, and never says anything about the document that waits for the token.
//
// Tokens, assertions and response bodies never become part of an error.
package smartauth
