// Package layout keeps the rules of the house: which folders stand at the
// root, which package may import which, and what no package may hold. Its test
// runs over the whole module, so `go test ./...` fails on a violation.
//
// # Imports (docs/design.md, section 3)
//
//	review          package review imports only the standard library, and of that
//	                nothing that reaches outside (net/http, os, database/sql …)
//	layers          review below, internal beside it; notegen, adapters and api
//	                import these and never each other; nobody imports cmd or
//	                integration-tests
//	adapter-sibling adapters/<x> never imports adapters/<y>, and package adapters
//	                imports no destination; adapters/render is for all of them
//	countersignpb   the generated API only in api/ingest, api/reviewrpc, cmd and
//	                integration-tests
//	test-package    packages named …test, and the libraries for tests, only from
//	                tests and other …test packages
//	ehrsim          internal/ehrsim reaches neither internal/hl7v2 nor
//	                internal/mllp nor internal/fhirr4, also not by way of others:
//	                a simulator that shares our parser shares its mistakes
//	foreign-hl7     lenaten/hl7 and kardianos/hl7 only in internal/ehrsim and in
//	                tests: they must not face the network (docs/design.md, section 9)
//
// Tests obey layers and adapter-sibling as well, except that any test may
// import a …test package.
//
// # Sources
//
//	init            no func init: everything is wired in cmd
//	package-var     no package-level state that can change
//	default-logger  no slog.Default, slog.Info …, log.Print …, fmt.Print …: a
//	                *slog.Logger is passed; fmt.Print only in cmd
//	environment     os.Getenv, flag and their kin only in cmd
//
// A package-level var is in order when nothing in its package writes to it,
// takes its address, deletes from it or clears it, and when it is
//
//   - the blank identifier, an embedded file, an error value (named ErrX), or
//   - unexported and made of literals, by one of a few pure calls (regexp,
//     template, replacer), by a function of the package from string literals, or
//     by a function literal called on the spot.
//
// Any other needs the directive
//
//	//layout:readonly reason
//
// in its comment: a table made by a function, an exported list. The directive
// does not excuse a write. Files *_test.go, …test packages and generated files
// are exempt from the rules on sources; a package main, wherever it stands (a
// generator), may do what cmd may.
package layout
