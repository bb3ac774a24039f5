// Package keyring keeps the keys that the database never sees in clear, and
// signs with the gateway's own key. It is built on Tink and go-jose.
//
// # Hierarchy
//
//	key file (or memory)        master key, AES-256-GCM, JSON Tink keyset
//	  └ wraps site keys         one per site: an AEAD keyset and a PRF keyset,
//	     │                      together, associated data "site/<id>"
//	     └ wraps data keys      one per (owner, class), AES-256-GCM,
//	        │                   associated data "data-key/<class>/<owner>"
//	        └ seals columns     associated data "table|column|row id"
//
// The database holds wrapped site keys and wrapped data keys. Without the key
// file they are noise, so the key file is backed up apart from the database.
// A data key is destroyed by erasing its wrapped form: what it sealed cannot
// be read again, wherever a copy of the ciphertext may be.
//
// # Files
//
// [Create] writes two files of mode 0600: the master keyset at the path
// given, and beside it "<path>.signing", the private JWK that signs. [Open]
// refuses a key file that group or others can read. Errors name the file and
// what to do, never key material.
//
// # Signatures
//
// [Signer] makes detached JWS (RFC 7515 appendix F) with ES256 (RFC 7518
// section 3.4). The protected header holds alg and kid; kid is the RFC 7638
// thumbprint of the public key. [Signer.JWKS] is what a verifier needs.
//
// Everything here may be used concurrently.
package keyring
