package reviewrpc

import (
	"context"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// inproc is a connection to services of this process. Calls go through the
// same interceptor as those that come over the network, and messages are
// copied on both ways, so that neither side sees the other's. Unary only.
type inproc struct {
	intercept grpc.UnaryServerInterceptor
	methods   map[string]method
}

type method struct {
	service any
	handler grpc.MethodHandler
}

var (
	_ grpc.ClientConnInterface = (*inproc)(nil)
	_ grpc.ServiceRegistrar    = (*inproc)(nil)
)

func newInproc(i grpc.UnaryServerInterceptor) *inproc {
	return &inproc{intercept: i, methods: map[string]method{}}
}

// RegisterService implements grpc.ServiceRegistrar.
func (p *inproc) RegisterService(d *grpc.ServiceDesc, service any) {
	for _, m := range d.Methods {
		p.methods["/"+d.ServiceName+"/"+m.MethodName] = method{service, m.Handler}
	}
}

// Invoke implements grpc.ClientConnInterface.
func (p *inproc) Invoke(ctx context.Context, name string, args, reply any, _ ...grpc.CallOption) error {
	m, ok := p.methods[name]
	if !ok {
		return status.Error(codes.Unimplemented, "no such method: "+strings.TrimPrefix(name, "/"))
	}
	in, ok1 := args.(proto.Message)
	out, ok2 := reply.(proto.Message)
	if !ok1 || !ok2 {
		return status.Error(codes.Internal, "not a protocol message")
	}
	if err := checkQuery(ctx, in); err != nil {
		return err
	}
	md, _ := metadata.FromOutgoingContext(ctx)
	ctx = metadata.NewIncomingContext(metadata.NewOutgoingContext(ctx, nil), md.Copy())
	decode := func(dst any) error {
		proto.Merge(dst.(proto.Message), in)
		return nil
	}
	resp, err := m.handler(m.service, ctx, decode, p.intercept)
	if err != nil {
		return status.Convert(err).Err()
	}
	proto.Merge(out, resp.(proto.Message))
	return nil
}

// NewStream implements grpc.ClientConnInterface.
func (p *inproc) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unimplemented, "streams are gRPC only")
}
