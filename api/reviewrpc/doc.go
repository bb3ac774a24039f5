// Package reviewrpc serves the gRPC services Review, Writebacks and Sites of
// proto/countersign/v1, and the same as JSON under /v1.
//
// # Use
//
//	g := grpc.NewServer(append(ingest.ServerOptions(), reviewrpc.ServerOptions(c)...)...)
//	reviewrpc.Register(g, c)
//	mux.Handle("/v1/", gateway) // gateway, err := reviewrpc.NewGateway(ctx, c)
//
// Only unary calls are touched by the options, so one grpc.Server may also
// serve the ingest stream.
//
// # Who is asking
//
// Every call carries "authorization: Basic", name and secret of a person
// (RFC 7617), which [review.Authenticator] turns into an actor. What the actor
// may do is the domain's to say. Serve it over TLS, or on loopback.
//
// # JSON
//
// The gateway calls the same handlers through the same interceptors, in
// process. It takes the Authorization header and nothing else: no cookie, no
// other header reaches a handler. A browser adds Basic credentials by itself,
// so requests from other origins are refused and a body must be
// application/json. Every answer is Cache-Control: no-store.
//
// # What was seen
//
// A change names the revision and the content hash that the person has seen.
// The hash is compared in the transaction of the change. The number is
// compared just before it: two revisions of equal content differ in nothing
// that a person could see.
//
// # What is refused for now
//
// What the contract has and the domain has not yet is refused as INVALID with
// the field's name, never ignored: older revisions, another note_type for a
// redraft, resource_id of a write-back. Reasons to return a note and to
// resolve a write-back are fixed words such as incomplete or found-in-chart.
//
// # PHI
//
// Errors and logs name ids, kinds and fields. A fault of the server is logged
// with its cause and a request id; the caller sees a fixed sentence with the
// same id.
package reviewrpc
