package countersignpb

import (
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/encoding/protojson"
)

// JSON is the one JSON form of these messages, for
// runtime.WithMarshalerOption(runtime.MIMEWildcard, countersignpb.JSON()): names as in the .proto files, every field written also when
// it is empty, and a body with a field that the message does not have refused, so that a misspelt expected_revision is not silently 0.
// The result may be used concurrently.
func JSON() runtime.Marshaler {
	return &runtime.JSONPb{
		MarshalOptions:   protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true},
		UnmarshalOptions: protojson.UnmarshalOptions{DiscardUnknown: false},
	}
}
