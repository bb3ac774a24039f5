// Package countersignpb is what the outside says to Countersign: messages, gRPC services and the JSON gateway, generated from the
// .proto files in this directory by internal/tools/proto.sh. The .proto files are the documentation; proto/README.md is a page for
// makers of scribe devices.
//
// # Services
//
//   - TranscriptIngest: one bidirectional stream per microphone of a recording. gRPC only.
//   - Review: what a physician does with a note. gRPC, and JSON under /v1/notes.
//   - Writebacks: what became of a signed note at each destination. gRPC, and JSON under /v1/writebacks.
//   - Sites: how sites are set up. gRPC, and JSON under /v1/sites.
//
// # JSON
//
// JSON spells fields as the .proto files do (note_id, not noteId). The gateway's own default is the other spelling, so every
// runtime.ServeMux that serves these services takes [JSON]; countersign.swagger.json describes that form. Sequence numbers,
// revisions and sizes are 32 bits wide so that JSON shows them as numbers and not as strings.
//
// # Rules for change
//
// `proto.sh breaking` holds a change to what older generated code can still compile and read. Only ids, states and paging may become
// path or query parameters: a test of this package fails on any other.
package countersignpb
