package reviewrpc

import (
	"context"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"countersign/review"

	countersignpb "countersign/proto/countersign/v1"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// maxBody bounds a request: 500 edits of the longest statements are below it.
const maxBody = 4 << 20

// NewGateway returns the JSON form of the services, for the path /v1/, with
// its description at /v1/openapi.json. It calls them in process, through the
// interceptors of [ServerOptions]. ctx is for setting up only.
func NewGateway(ctx context.Context, c Config) (http.Handler, error) {
	conn := newInproc(intercept(c))
	Register(conn, c)
	mux := runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, countersignpb.JSON()),
		runtime.WithIncomingHeaderMatcher(func(string) (string, bool) { return "", false }),
		runtime.WithOutgoingHeaderMatcher(func(string) (string, bool) { return "", false }),
		runtime.WithMetadata(authorization),
		runtime.WithErrorHandler(writeError),
		runtime.WithDisablePathLengthFallback(),
	)
	for _, register := range []func(context.Context, *runtime.ServeMux, grpc.ClientConnInterface) error{registerReview, registerWritebacks, registerSites} {
		if err := register(ctx, mux, conn); err != nil {
			return nil, err
		}
	}
	return guard(mux), nil
}

func registerReview(ctx context.Context, mux *runtime.ServeMux, cc grpc.ClientConnInterface) error {
	return countersignpb.RegisterReviewHandlerClient(ctx, mux, countersignpb.NewReviewClient(cc))
}

func registerWritebacks(ctx context.Context, mux *runtime.ServeMux, cc grpc.ClientConnInterface) error {
	return countersignpb.RegisterWritebacksHandlerClient(ctx, mux, countersignpb.NewWritebacksClient(cc))
}

func registerSites(ctx context.Context, mux *runtime.ServeMux, cc grpc.ClientConnInterface) error {
	return countersignpb.RegisterSitesHandlerClient(ctx, mux, countersignpb.NewSitesClient(cc))
}

// authorization passes on every Authorization header, which guard has put
// aside: the gateway itself would choose one of two.
func authorization(ctx context.Context, _ *http.Request) metadata.MD {
	values, _ := ctx.Value(authKey{}).([]string)
	return metadata.MD{"authorization": values}
}

// guard is everything around the mux.
func guard(mux *runtime.ServeMux) http.Handler {
	cross := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		if r.URL.Path == "/v1/openapi.json" && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			h.Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(countersignpb.OpenAPI))
			return
		}
		if err := cross.Check(r); err != nil {
			refuse(mux, w, r, failKind(review.KindForbidden, "requests from other origins are not taken"))
			return
		}
		if r.Method != http.MethodGet && !isJSON(r.Header.Get("Content-Type")) {
			refuse(mux, w, r, failKind(review.KindInvalid, "content-type: send application/json"))
			return
		}
		query := r.URL.Query()
		if r.Method != http.MethodGet && len(query) > 0 {
			refuse(mux, w, r, failKind(review.KindInvalid, "the query must be empty: put everything into the body"))
			return
		}
		ctx := context.WithValue(r.Context(), authKey{}, r.Header.Values("Authorization"))
		r = r.Clone(context.WithValue(ctx, queryKey{}, query))
		// Cookies and everything else stay outside.
		r.Header = http.Header{"Content-Type": r.Header["Content-Type"], "Accept": r.Header["Accept"]}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		mux.ServeHTTP(w, r)
	})
}

// What guard puts aside for the call: all Authorization headers, and the query.
type (
	authKey  struct{}
	queryKey struct{}
)

// checkQuery refuses a parameter that the message does not have, which the
// gateway would ignore: a misspelt filter must not list everything.
func checkQuery(ctx context.Context, m proto.Message) error {
	query, _ := ctx.Value(queryKey{}).(url.Values)
	fields := m.ProtoReflect().Descriptor().Fields()
	for k := range query {
		if fields.ByName(protoName(k)) == nil {
			return failKind(review.KindInvalid, "the query has a parameter that the message does not have: see /v1/openapi.json")
		}
	}
	return nil
}

func isJSON(contentType string) bool {
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && strings.EqualFold(t, "application/json")
}

func refuse(mux *runtime.ServeMux, w http.ResponseWriter, r *http.Request, err error) {
	writeError(r.Context(), mux, countersignpb.JSON(), w, r, err)
}

// writeError answers with google.rpc.Status as JSON. An error without an
// ErrorInfo is the gateway's own, from reading the request: its text may
// quote what was sent, so a fixed sentence takes its place.
func writeError(ctx context.Context, mux *runtime.ServeMux, m runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
	st := status.Convert(err)
	if !explained(st) {
		switch st.Code() {
		case codes.NotFound, codes.Unimplemented:
			st = status.Convert(failKind(review.KindNotFound, "no such path or method: see /v1/openapi.json"))
		case codes.InvalidArgument:
			st = status.Convert(failKind(review.KindInvalid, "the request has a field, parameter or value that the message does not have: see /v1/openapi.json"))
		default:
			st = status.Convert(internal(review.NewID[string]()))
		}
	}
	b, merr := m.Marshal(st.Proto())
	if merr != nil {
		b = []byte(`{"code":13,"message":"a fault of the server"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	if st.Code() == codes.Unauthenticated {
		w.Header().Set("WWW-Authenticate", `Basic realm="countersign", charset="UTF-8"`)
	}
	w.WriteHeader(runtime.HTTPStatusFromCode(st.Code()))
	_, _ = w.Write(b)
}

func explained(st *status.Status) bool {
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetDomain() == errorDomain {
			return true
		}
	}
	return false
}
