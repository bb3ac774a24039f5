package reviewrpc

import (
	"context"
	"encoding/base64"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"unicode/utf8"

	"countersign/review"

	countersignpb "countersign/proto/countersign/v1"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// ServerOptions are the interceptors of the unary calls of these services.
// Other services of the same server pass through them untouched.
func ServerOptions(c Config) []grpc.ServerOption {
	return []grpc.ServerOption{grpc.ChainUnaryInterceptor(intercept(c))}
}

func ours() []string {
	return []string{countersignpb.Review_ServiceDesc.ServiceName, countersignpb.Writebacks_ServiceDesc.ServiceName, countersignpb.Sites_ServiceDesc.ServiceName}
}

type actorKey struct{}

// actorOf is who is calling. Without the interceptor there is none, and a
// handler that asks is a fault of the wiring.
func actorOf(ctx context.Context) (review.Actor, error) {
	a, ok := ctx.Value(actorKey{}).(review.Actor)
	if !ok || a.PractitionerID == "" {
		return a, review.Errorf(review.KindUnauthenticated, "sign in")
	}
	return a, nil
}

// intercept recovers from panics, bounds the time, says who is calling and
// translates errors, in this order from the outside.
func intercept(c Config) grpc.UnaryServerInterceptor {
	c = c.withDefaults()
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, h grpc.UnaryHandler) (resp any, err error) {
		service, _, _ := strings.Cut(strings.TrimPrefix(info.FullMethod, "/"), "/")
		if !slices.Contains(ours(), service) {
			return h(ctx, req)
		}
		defer func() {
			if p := recover(); p != nil {
				id := review.NewID[string]()
				// The value may hold content; its type and the stack do not.
				c.Log.ErrorContext(ctx, "reviewrpc: panic", "method", info.FullMethod, "request_id", id, "type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
				resp, err = nil, internal(id)
			}
		}()
		ctx, cancel := context.WithTimeout(ctx, c.Timeout)
		defer cancel()
		ctx, err = authenticate(ctx, c.Auth)
		if err == nil {
			resp, err = h(ctx, req)
		}
		if err != nil {
			return nil, toStatus(ctx, c.Log, info.FullMethod, err)
		}
		return resp, nil
	}
}

func authenticate(ctx context.Context, auth review.Authenticator) (context.Context, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	name, secret, ok := basic(md.Get("authorization"))
	if !ok {
		return ctx, review.Errorf(review.KindUnauthenticated, "sign in: send authorization: Basic with name and secret")
	}
	a, err := auth.Authenticate(ctx, name, secret)
	if err != nil {
		return ctx, err
	}
	return context.WithValue(ctx, actorKey{}, a), nil
}

// basic takes name and secret out of one Basic header (RFC 7617 section 2).
func basic(values []string) (name, secret string, ok bool) {
	if len(values) != 1 {
		return "", "", false
	}
	scheme, encoded, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil || !utf8.Valid(b) {
		return "", "", false
	}
	name, secret, ok = strings.Cut(string(b), ":")
	return name, secret, ok && name != "" && secret != ""
}
