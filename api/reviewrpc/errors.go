package reviewrpc

import (
	"context"
	"errors"
	"log/slog"

	"countersign/review"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// errorDomain is the domain of every google.rpc.ErrorInfo.
const errorDomain = "countersign"

type row struct {
	code   codes.Code
	reason string
}

// kinds is the one table from the domain's kinds to gRPC; the gateway's HTTP
// status follows from the code. review.proto has it for readers.
func kinds() map[review.Kind]row {
	return map[review.Kind]row{
		review.KindInternal:        {codes.Internal, "INTERNAL"},
		review.KindInvalid:         {codes.InvalidArgument, "INVALID"},
		review.KindNotFound:        {codes.NotFound, "NOT_FOUND"},
		review.KindConflict:        {codes.Aborted, "CONFLICT"},
		review.KindIllegal:         {codes.FailedPrecondition, "ILLEGAL"},
		review.KindForbidden:       {codes.PermissionDenied, "FORBIDDEN"},
		review.KindUnauthenticated: {codes.Unauthenticated, "UNAUTHENTICATED"},
		review.KindFlagged:         {codes.FailedPrecondition, "FLAGGED"},
		review.KindRefused:         {codes.FailedPrecondition, "REFUSED"},
		review.KindUnavailable:     {codes.Unavailable, "UNAVAILABLE"},
		// The rest belongs to ingest; these are the nearest reasons.
		review.KindClosed:          {codes.FailedPrecondition, "ILLEGAL"},
		review.KindSequenceGap:     {codes.InvalidArgument, "INVALID"},
		review.KindContentConflict: {codes.Aborted, "CONFLICT"},
		review.KindConsent:         {codes.FailedPrecondition, "ILLEGAL"},
		review.KindUnknownSite:     {codes.NotFound, "NOT_FOUND"},
	}
}

// toStatus is what the caller sees of an error. Only the text of an error
// with a kind goes outside.
func toStatus(ctx context.Context, log *slog.Logger, method string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := status.FromError(err); ok {
		return err // an interceptor's own
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return fail(row{codes.Unavailable, "UNAVAILABLE"}, "the call took too long or was given up: try again", "")
	}
	kind := review.KindOf(err)
	r, known := kinds()[kind]
	var typed *review.Error
	if known && kind != review.KindInternal && errors.As(err, &typed) {
		return fail(r, typed.Text, "")
	}
	id := review.NewID[string]()
	log.ErrorContext(ctx, "reviewrpc: internal error", "method", method, "request_id", id, "cause", err)
	return internal(id)
}

func internal(requestID string) error {
	return fail(kinds()[review.KindInternal], "a fault of the server: report the request id "+requestID, requestID)
}

func fail(r row, message, requestID string) error {
	info := &errdetails.ErrorInfo{Reason: r.reason, Domain: errorDomain}
	if requestID != "" {
		info.Metadata = map[string]string{"request_id": requestID}
	}
	st, err := status.New(r.code, message).WithDetails(info)
	if err != nil {
		return status.Error(r.code, message)
	}
	return st.Err()
}

// failKind is fail for a kind.
func failKind(k review.Kind, message string) error { return fail(kinds()[k], message, "") }
