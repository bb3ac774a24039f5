package reviewrpc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"countersign/review"

	countersignpb "countersign/proto/countersign/v1"

	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		http.DefaultClient.CloseIdleConnections()
		if err := goleak.Find(); code == 0 && err != nil {
			panic(err)
		}
		os.Exit(code)
	}))
}

// broken answers every call of Site with one error.
type broken struct {
	Service
	err error
}

func (b broken) Site(ctx context.Context, _ review.Actor) (review.Site, error) {
	if b.err == nil {
		<-ctx.Done() // until the time-out
		return review.Site{}, ctx.Err()
	}
	if errors.Is(b.err, errPanic) {
		panic("Samplepatient") // a panic's value may be anybody's name
	}
	return review.Site{}, b.err
}

var errPanic = errors.New("panic")

// The one table, seen from outside, by gRPC and by JSON.
func TestEveryKind(t *testing.T) {
	t.Parallel()
	const text = "what to do"
	for kind, c := range map[review.Kind]struct {
		reason string
		code   codes.Code
		http   int
	}{
		review.KindInternal:        {"INTERNAL", codes.Internal, 500},
		review.KindInvalid:         {"INVALID", codes.InvalidArgument, 400},
		review.KindNotFound:        {"NOT_FOUND", codes.NotFound, 404},
		review.KindConflict:        {"CONFLICT", codes.Aborted, 409},
		review.KindIllegal:         {"ILLEGAL", codes.FailedPrecondition, 400},
		review.KindForbidden:       {"FORBIDDEN", codes.PermissionDenied, 403},
		review.KindUnauthenticated: {"UNAUTHENTICATED", codes.Unauthenticated, 401},
		review.KindFlagged:         {"FLAGGED", codes.FailedPrecondition, 400},
		review.KindRefused:         {"REFUSED", codes.FailedPrecondition, 400},
		review.KindUnavailable:     {"UNAVAILABLE", codes.Unavailable, 503},
		review.KindClosed:          {"ILLEGAL", codes.FailedPrecondition, 400},
		review.KindSequenceGap:     {"INVALID", codes.InvalidArgument, 400},
		review.KindContentConflict: {"CONFLICT", codes.Aborted, 409},
		review.KindConsent:         {"ILLEGAL", codes.FailedPrecondition, 400},
		review.KindUnknownSite:     {"NOT_FOUND", codes.NotFound, 404},
		"of-the-future":            {"INTERNAL", codes.Internal, 500},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			f := serve(t, broken{err: review.Errorf(kind, text)}, people{}, nil)
			_, err := f.sites().GetSite(as(t.Context(), "dr-demo"), &countersignpb.GetSiteRequest{SiteId: "clinic"})
			if status.Code(err) != c.code || reason(err) != c.reason {
				t.Errorf("%v, want %v %s", err, c.code, c.reason)
			}
			if said := strings.Contains(err.Error(), text); said == (c.reason == "INTERNAL") {
				t.Errorf("says %v", err)
			}
			code, h, body := f.json("GET", "/v1/sites/clinic", "dr-demo", nil)
			if code != c.http || h.Get("Cache-Control") != "no-store" || jsonReason(body) != c.reason {
				t.Errorf("HTTP %d %v", code, body)
			}
			if challenge := h.Get("WWW-Authenticate"); (code == 401) != strings.HasPrefix(challenge, "Basic ") {
				t.Errorf("WWW-Authenticate %q with %d", challenge, code)
			}
		})
	}
}

func jsonReason(body map[string]any) string {
	details, _ := body["details"].([]any)
	for _, d := range details {
		if m, ok := d.(map[string]any); ok && m["domain"] == "countersign" {
			return fmt.Sprint(m["reason"])
		}
	}
	return fmt.Sprint("none: ", body)
}

func TestFaultsOfTheServer(t *testing.T) {
	t.Parallel()
	t.Run("UnknownError", func(t *testing.T) {
		t.Parallel()
		f := serve(t, broken{err: errors.New("disk is full")}, people{}, nil)
		_, err := f.sites().GetSite(as(t.Context(), "dr-demo"), &countersignpb.GetSiteRequest{})
		if reason(err) != "INTERNAL" || strings.Contains(err.Error(), "disk") || !strings.Contains(f.log.String(), "disk is full") {
			t.Errorf("%v, log %s", err, f.log)
		}
	})
	t.Run("Panic", func(t *testing.T) {
		t.Parallel()
		f := serve(t, broken{err: errPanic}, people{}, nil)
		_, err := f.sites().GetSite(as(t.Context(), "dr-demo"), &countersignpb.GetSiteRequest{})
		if reason(err) != "INTERNAL" || !strings.Contains(f.log.String(), "panic") || strings.Contains(f.log.String(), "Samplepatient") {
			t.Errorf("%v, log %s", err, f.log)
		}
		if code, _, _ := f.json("GET", "/v1/sites/clinic", "dr-demo", nil); code != 500 {
			t.Errorf("HTTP %d, want 500", code)
		}
	})
	t.Run("TimeOut", func(t *testing.T) {
		t.Parallel()
		c := Config{Service: broken{}, Auth: people{}, Log: serve(t, broken{}, people{}, nil).config.Log, Timeout: time.Millisecond}
		conn := newInproc(intercept(c))
		Register(conn, c)
		_, err := countersignpb.NewSitesClient(conn).GetSite(as(t.Context(), "dr-demo"), &countersignpb.GetSiteRequest{})
		if reason(err) != "UNAVAILABLE" {
			t.Errorf("%v, want UNAVAILABLE", err)
		}
	})
	t.Run("WithoutInterceptor", func(t *testing.T) {
		t.Parallel()
		s := &sitesServer{sites: broken{err: errPanic}}
		if _, err := s.GetSite(t.Context(), &countersignpb.GetSiteRequest{}); review.KindOf(err) != review.KindUnauthenticated {
			t.Errorf("%v: a server without the interceptor let somebody in", err)
		}
	})
}

// Every method of every service asks who is calling.
func TestEveryMethodNeedsAuthentication(t *testing.T) {
	t.Parallel()
	f := setup(t)
	conn := newInproc(intercept(f.config))
	Register(conn, f.config)
	if len(conn.methods) != 19 {
		t.Errorf("%d methods, want 19", len(conn.methods))
	}
	for m := range conn.methods {
		for name, header := range map[string][]string{
			"Missing":     nil,
			"WrongSecret": {"Basic ZHItZGVtbzp3cm9uZw=="},
			"WrongScheme": {"Bearer " + credentials("dr-demo")},
			"NotBase64":   {"Basic dr-demo:secret-dr-demo"},
			"NoSecret":    {"Basic ZHItZGVtbzo="},
			"Two":         {"Basic " + credentials("dr-demo"), "Basic " + credentials("dr-demo")},
		} {
			t.Run(m+name, func(t *testing.T) {
				t.Parallel()
				ctx := metadata.NewOutgoingContext(t.Context(), metadata.MD{"authorization": header})
				// An empty message of any type is an empty message of this one.
				err := f.conn.Invoke(ctx, m, &countersignpb.ListSitesRequest{}, &countersignpb.ListSitesResponse{})
				if reason(err) != "UNAUTHENTICATED" {
					t.Errorf("%v, want UNAUTHENTICATED", err)
				}
			})
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := string(f.visit("dr-demo"))
	code, h, list := f.json("GET", "/v1/notes?states=NOTE_STATE_READY_FOR_REVIEW&page_size=10", "dr-demo", nil)
	if code != 200 || h.Get("Cache-Control") != "no-store" || len(list["notes"].([]any)) != 1 {
		t.Fatalf("%d %v", code, list)
	}
	code, _, open := f.json("POST", "/v1/notes/"+id+":open", "dr-demo", map[string]any{})
	if code != 200 {
		t.Fatalf("%d %v", code, open)
	}
	rev := open["revision"].(map[string]any)
	if rev["number"] != 1. || rev["is_signed"] != false {
		t.Errorf("revision: %v", rev)
	}
	edit := map[string]any{
		"expected_revision": rev["number"], "expected_content_sha256": rev["content_sha256"],
		"edits": []any{map[string]any{"add": map[string]any{"section_code": "10164-2", "text": "No fever."}}},
	}
	if code, _, body := f.json("POST", "/v1/notes/"+id+":edit", "dr-demo", edit); code != 200 {
		t.Fatalf("%d %v", code, body)
	}
	if code, _, body := f.json("POST", "/v1/notes/"+id+":edit", "dr-demo", edit); code != 409 || jsonReason(body) != "CONFLICT" {
		t.Errorf("the same edit again: %d %v, want 409", code, body)
	}
	misspelt := map[string]any{"expected_revison": 1, "Samplepatient": "x"}
	if code, _, body := f.json("POST", "/v1/notes/"+id+":sign", "dr-demo", misspelt); code != 400 || jsonReason(body) != "INVALID" || strings.Contains(fmt.Sprint(body), "Samplepatient") {
		t.Errorf("a misspelt field: %d %v", code, body)
	}
	for _, path := range []string{
		"/v1/notes/" + id, "/v1/notes/" + id + "/transcript", "/v1/writebacks", "/v1/sites", "/v1/sites/clinic", "/v1/sites/clinic/destinations", "/v1/sites/clinic/practitioners",
	} {
		if code, _, body := f.json("GET", path, "dr-demo", nil); code != 200 {
			t.Errorf("%s: %d %v", path, code, body)
		}
	}
	for _, path := range []string{"/v1/nothing", "/v1/notes/" + id + ":nothing"} {
		if code, _, body := f.json("POST", path, "dr-demo", map[string]any{}); code != 404 || jsonReason(body) != "NOT_FOUND" {
			t.Errorf("%s: %d %v", path, code, body)
		}
	}
	for _, query := range []string{"patient=Samplepatient", "state=NOTE_STATE_COMPLETED", "page_size=Samplepatient", "states=Samplepatient", "note_id=Samplepatient"} {
		if code, _, body := f.json("GET", "/v1/notes?"+query, "dr-demo", nil); code != 400 || jsonReason(body) != "INVALID" || strings.Contains(fmt.Sprint(body), "Samplepatient") {
			t.Errorf("%s: %d %v", query, code, body)
		}
	}
	if code, _, body := f.json("POST", "/v1/notes/"+id+":open?note_id=x", "dr-demo", map[string]any{}); code != 400 {
		t.Errorf("a query with a body: %d %v", code, body)
	}
	if strings.Contains(f.log.String(), "Samplepatient") || strings.Contains(f.log.String(), "cough") {
		t.Error("content is in the log")
	}
}

func TestJSONIsClosedToOtherOrigins(t *testing.T) {
	t.Parallel()
	f := setup(t)
	path := "/v1/notes/" + string(f.visit("dr-demo")) + ":open"
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"OK":          {func(*http.Request) {}, 200},
		"CrossSite":   {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403},
		"OtherOrigin": {func(r *http.Request) { r.Header.Set("Origin", "https://elsewhere.example") }, 403},
		"Form":        {func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }, 400},
		"PlainText":   {func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, 400},
		"CookieAlone": {func(r *http.Request) {
			r.Header.Del("Authorization")
			r.Header.Set("Cookie", "authorization=Basic "+credentials("dr-demo"))
		}, 401},
		"GRPCHeader": {func(r *http.Request) {
			r.Header.Del("Authorization")
			r.Header.Set("Grpc-Metadata-Authorization", "Basic "+credentials("dr-demo"))
		}, 401},
		"TwoHeaders":     {func(r *http.Request) { r.Header.Add("Authorization", "Basic "+credentials("nurse")) }, 401},
		"MethodOverride": {func(r *http.Request) { r.Header.Set("X-HTTP-Method-Override", "GET") }, 200},
	} {
		t.Run(name, func(t *testing.T) {
			if code, _, body := f.json("POST", path, "dr-demo", map[string]any{}, c.change); code != c.want {
				t.Errorf("%d %v, want %d", code, body, c.want)
			}
		})
	}
}

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	f := serve(t, broken{err: errPanic}, people{}, nil)
	code, h, doc := f.json("GET", "/v1/openapi.json", "", nil)
	if paths, _ := doc["paths"].(map[string]any); code != 200 || len(paths) != 19 || h.Get("Content-Type") != "application/json" {
		t.Errorf("%d, %d paths", code, len(doc))
	}
}
