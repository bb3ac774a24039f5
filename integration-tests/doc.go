// Package integrationtests is whole-system tests.
//
// Files without a build tag need nothing but Go: the service over real SQLite
// (and PostgreSQL where it is installed), with in-process NATS and the
// simulated EHR. Files tagged "integration" also need what make test installs:
// PostgreSQL, Chromium, npm packages; they run the built binary as a process,
// kill it, and cut its lines.
package integrationtests
