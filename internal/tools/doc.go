// Package tools pins the programs that generate and check the contracts in proto/: buf and the four protoc plug-ins.
//
// It is a module of its own, so that buf's dependency graph never enters the gateway's go.mod. The versions stand in this
// module's go.mod as tool directives; proto.sh builds them into bin/ (ignored by Git) and runs them:
//
//	internal/tools/proto.sh generate   # build, lint, write the Go and OpenAPI files beside the .proto files
//	internal/tools/proto.sh lint       # only lint
//	internal/tools/proto.sh verify     # generate, then fail if anything differs from what is committed
//	internal/tools/proto.sh breaking   # compare with the .proto files of another commit (default: HEAD)
//
// protoc-gen-go is kept at the version of google.golang.org/protobuf that the gateway requires, the gateway plug-ins at the
// version of grpc-gateway that it requires; proto.sh refuses to generate when they differ. buf stays at the newest release
// whose whole dependency graph the Go module proxy serves.
package tools
