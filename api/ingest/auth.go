package ingest

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"

	"countersign/review"

	"google.golang.org/grpc/metadata"
)

// errNoToken says that there is no bearer token, or one nobody knows.
var errNoToken = errors.New("ingest: no device has this bearer token")

// BearerToken returns the token of the metadata key "authorization: Bearer …"
// (RFC 6750 section 2.1) of an incoming call.
func BearerToken(ctx context.Context) (string, bool) {
	md, _ := metadata.FromIncomingContext(ctx)
	values := md.Get("authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", false
	}
	return token, true
}

// DeviceTokens is an Options.DeviceAuth over a table from the SHA-256 of each
// device's token to its device id. Tokens are looked up by hash, so that the
// time taken tells nothing of a token. The map must not change afterwards.
func DeviceTokens(devices map[review.Digest]string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		token, ok := BearerToken(ctx)
		if !ok {
			return "", errNoToken
		}
		id, ok := devices[sha256.Sum256([]byte(token))]
		if !ok {
			return "", errNoToken
		}
		return id, nil
	}
}
